package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"postern/engine"
	"postern/journal"
	"postern/projections"
)

const (
	retainEvery = time.Hour
	// retainAgain is how soon it is looked again while what is too old, or too much, is still needed.
	retainAgain = 5 * time.Second
	// retainPatience is how long what is too much may be needed before that is said: after a start followers are behind.
	retainPatience = time.Minute
	// retainStep is how much older than it may be the history becomes before it is cut: each cut writes all baselines.
	retainStep = 6 * time.Hour
	// retainRecords is how many records one cut removes at most. What is left goes with the next one.
	retainRecords = 2_000_000
	retainPause   = time.Second      // between two cuts
	retainRest    = time.Millisecond // after each few hundred records that are read for a cut: mail comes first
	retainTries   = 8                // places tried when too much would have to be kept
	retainLow     = 9                // tenths of the limit of size that a cut comes down to
	gigabyte      = 1_000_000_000    // bytes
)

// retention shortens the history.
type retention struct {
	unit   uint64     // bytes of a gigabyte of keep_gigabytes; 0: gigabyte. Tests have none to fill
	whole  sync.Mutex // held while history is removed, or proved
	danger atomic.Pointer[string]
}

// why tells what stands against a shorter history; "": nothing does.
func (r *retention) why() string {
	if text := r.danger.Load(); text != nil {
		return *text
	}
	return ""
}

// keepHistory removes what is older, or more, than is to be kept: at the start and once an hour, until ctx ends. A failure
// is said and tried again.
func (g *gateway) keepHistory(ctx context.Context) error {
	if !g.loaded(ctx, forever) {
		return nil
	}
	var needed time.Time // since when more is needed than there should be; zero: it is not
	for {
		next, now := retainEvery, time.Now()
		err := g.shorten(ctx, now)
		if !errors.Is(err, errNeeded) {
			needed = time.Time{}
		} else if needed.IsZero() {
			needed = now
		}
		err = errors.Join(err, g.journal.EndScrub())
		if errors.Is(err, errWait) || !needed.IsZero() && now.Sub(needed) < retainPatience {
			next, err = retainAgain, nil
		}
		text := ""
		if err != nil && ctx.Err() == nil && !errors.Is(err, engine.ErrStopping) {
			text = fmt.Sprintf("The history cannot be shortened to what journal.keep_days and journal.keep_gigabytes allow: %v.", err)
			g.log.Warn().Err(err).Msg("retention")
		}
		g.retention.danger.Store(&text)
		if sleep(ctx, next) != nil {
			return nil
		}
	}
}

// shorten cuts the history until it is as short as it has to be.
func (g *gateway) shorten(ctx context.Context, now time.Time) error {
	if err := g.index.CatchUp(ctx); err != nil { // what it has not seen must not go, and the next look is far
		return err
	}
	for {
		before, err := g.cutPlace(now)
		if err != nil || before == 0 {
			return err
		}
		if !g.retention.whole.TryLock() {
			return errWait
		}
		err = g.cutHistory(ctx, before)
		g.retention.whole.Unlock()
		if err != nil {
			return err
		}
		if err := sleep(ctx, retainPause); err != nil {
			return nil
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// cutPlace returns where the next cut is to be, 0 when there is nothing to do, errWait when there is but not yet.
func (g *gateway) cutPlace(now time.Time) (uint64, error) {
	begins, at, err := g.journal.HistoryBegins()
	if err != nil || begins == 0 {
		return 0, err
	}
	var want uint64
	tooMuch := false
	keep := g.document().Journal
	oldest := journal.InstantOf(now.AddDate(0, 0, -keep.KeepDays))
	if at < oldest.Add(-retainStep) {
		if want, err = g.journal.FirstSince(oldest); err != nil {
			return 0, err
		}
	}
	if limit := uint64(keep.KeepGigabytes) * cmp.Or(g.retention.unit, gigabyte); limit > 0 {
		bytes, err := g.journal.HistoryBytes()
		if err != nil {
			return 0, err
		}
		if bytes > limit {
			beyond, err := g.journal.FirstBeyond(bytes - limit/10*retainLow)
			if err != nil {
				return 0, err
			}
			want, tooMuch = max(want, beyond), true
		}
	}
	if want <= begins {
		return 0, nil
	}
	place, err := g.allowedPlace(begins, min(want, begins+retainRecords))
	if errors.Is(err, errNeeded) && !tooMuch {
		return 0, errWait // a follower is some seconds behind: what is only old can wait for it
	}
	return place, err
}

var (
	errNeeded = errors.New("an order that can be undone, or a follower that is behind, needs all of it")
	errWait   = errors.New("what is too old is still needed, or somebody has all of it proved")
)

// allowedPlace is the last place for a cut that is not after one that is wanted.
func (g *gateway) allowedPlace(begins, want uint64) (uint64, error) {
	system := g.rows.System()
	end := min(g.rows.Mark(), g.looker.Seq(), g.journal.Durable()-min(g.journal.Durable(), g.logs.filesLag()))
	if g.index.Follows() {
		end = min(end, g.index.Covered())
	}
	first, err := g.journal.BlockOf(max(begins, min(want, end, system.OldestOrder())))
	if err != nil {
		return 0, err
	}
	if first <= begins {
		return 0, errNeeded
	}
	return first, nil
}

// cutHistory cuts before a record, or earlier when too many older messages are still in the queue.
func (g *gateway) cutHistory(ctx context.Context, before uint64) error {
	begins, _, err := g.journal.HistoryBegins()
	if err != nil {
		return err
	}
	for range retainTries {
		err = g.cutBefore(ctx, before)
		if !errors.Is(err, journal.ErrKeepsTooMuch) {
			return err
		}
		earlier, err2 := g.journal.BlockOf(begins + (before-begins)/2)
		if err2 != nil || earlier <= begins {
			return errors.Join(err, err2)
		}
		before = earlier
	}
	return err
}

// cutBefore makes a cut: what is known of the records before it becomes a fact, then they go.
func (g *gateway) cutBefore(ctx context.Context, before uint64) error {
	live, err := g.rows.Current(ctx)
	if err != nil {
		return err
	}
	defer live.Close()
	draft, err := g.journal.DraftCut(ctx, before, live, func() { _ = sleep(ctx, retainRest) })
	if err != nil {
		return err
	}
	defer draft.Close()
	frames := &projections.Keyframes{Rows: g.journal.Rows(projections.KeyframeRows)}
	figures, err := projections.AsOf(ctx, g.journal, frames, before-1, 0)
	if err != nil {
		return err
	}
	if err := projections.CutBaselines(&draft.Fact, figures); err != nil {
		return err
	}
	seq, err := g.engine.CutHistory(ctx, &draft.Fact)
	if err != nil {
		return err
	}
	if err := draft.Make(seq); err != nil {
		return err
	}
	if err := g.looker.Cut(before); err != nil {
		return err
	}
	cut, _ := g.journal.LastCut()
	g.index.Cut(cut)
	g.log.Info().Uint64("before", cut.Before).Uint64("kept", cut.Kept).Msg("the history was shortened")
	return nil
}
