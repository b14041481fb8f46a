package journal

import (
	"context"
	"errors"
	"time"
)

// Follow keeps the rows near the end of the records until ctx ends, then brings them to the last durable record and
// returns nil. What became durable is folded soon, while it is still at hand in memory, and written every Window; an idle
// journal costs nothing. An error ends it and leaves the rows as they stood; it may be called again.
func (l *LiveRows) Follow(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := l.followOnce(ctx); err != nil {
			if ctx.Err() != nil {
				break
			}
			return err
		}
	}
	return l.CatchUp(context.WithoutCancel(ctx), l.journal.Durable())
}

// gatherWindows is how many times records are gathered in one window.
const gatherWindows = 20

// followOnce waits for records, or for the end of the window, and folds or writes.
func (l *LiveRows) followOnce(ctx context.Context) error {
	window := orDefault(l.Window, liveWindow)
	at, end := l.standing(window)
	wait, cancel := ctx, context.CancelFunc(func() {})
	if !end.IsZero() {
		wait, cancel = context.WithDeadline(ctx, end)
	}
	err := l.journal.Wait(wait, at)
	cancel()
	if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
		return err
	}
	if err == nil {
		pause(ctx, window/gatherWindows)
	}
	return l.followTo(ctx, l.journal.Durable(), window)
}

// standing returns how far the fold is and, if it holds records that are not written, when they are to be.
func (l *LiveRows) standing(window time.Duration) (at uint64, end time.Time) {
	l.folding.Lock()
	defer l.folding.Unlock()
	if l.fold == nil {
		return 0, time.Now()
	}
	if l.count > 0 {
		end = l.began.Add(window)
	}
	return l.fold.at, end
}

// followTo folds up to to, and writes when the window is over.
func (l *LiveRows) followTo(ctx context.Context, to uint64, window time.Duration) error {
	l.folding.Lock()
	over := l.count > 0 && time.Since(l.began) >= window
	l.folding.Unlock()
	if over {
		return l.CatchUp(ctx, to)
	}
	l.folding.Lock()
	defer l.folding.Unlock()
	err := l.foldTo(ctx, to)
	if err != nil {
		l.fold = nil
	}
	return err
}

// pause lets d go by, or ctx end.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
