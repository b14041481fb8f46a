package shell

import (
	"context"
	"fmt"
	"time"

	"postern/engine"
	"postern/journal"
	"postern/projections"
)

// pastPart is how many recipients of a past queue are in memory at once.
const pastPart = 200_000

// pastQueue lists the queue of a moment in parts, so that memory follows a part and not the queue. Nothing is held while a
// part is handed out.
type pastQueue struct {
	journal   *journal.Journal
	selection engine.Selection
	moment    projections.Moment
	figures   *projections.Figures
	after     uint64 // the last message of the part before
}

// next makes the next part; nil: there is none.
func (q *pastQueue) next(ctx context.Context, pace *journal.Pace) (*journal.LiveSnapshot, error) {
	seqs := q.figures.Queued(q.after, pastPart)
	if len(seqs) == 0 {
		return nil, nil
	}
	q.after = seqs[len(seqs)-1]
	pace.Step(ctx)
	return journal.PastRows(ctx, q.journal, q.moment.Seq, seqs, func() { pace.Step(ctx) })
}

// hand hands out the recipients of a part that are meant.
func (q *pastQueue) hand(ctx context.Context, part *journal.LiveSnapshot, page func([]engine.Listed) error) error {
	return inPages(func(row func(engine.Listed) error) error {
		return worded(engine.RecipientsOf(ctx, q.journal, part, q.selection, q.moment.At, row))
	}, page)
}

// queueAt begins the listing of a past queue.
func (p *pastLook) queueAt(ctx context.Context, s engine.Selection, at time.Time) (*pastQueue, error) {
	m, f, err := p.figures(ctx, at)
	return &pastQueue{journal: p.journal, selection: s, moment: m, figures: f}, err
}

// RecipientsAt implements Gateway.
func (l *Local) RecipientsAt(ctx context.Context, s engine.Selection, at time.Time, begin func(projections.Moment) error, page func([]engine.Listed) error) error {
	k := &l.Queue
	defer k.listings.Add(-1)
	if k.listings.Add(1) > maxListings {
		return &RefusedError{fmt.Sprintf("There are %d listings of the queue under way: end one first.", maxListings)}
	}
	var q *pastQueue
	err := l.past(ctx, func(p *pastLook) (err error) {
		q, err = p.queueAt(ctx, s, at)
		return err
	})
	if err != nil {
		return err
	}
	if err := begin(q.moment); err != nil {
		return err
	}
	for {
		var part *journal.LiveSnapshot
		err := l.past(ctx, func(p *pastLook) (err error) {
			part, err = q.next(ctx, &p.Pace)
			return err
		})
		if err != nil || part == nil {
			return err
		}
		if err := q.hand(ctx, part, page); err != nil {
			return err
		}
	}
}

// RecipientsAt implements Gateway.
func (o *Offline) RecipientsAt(ctx context.Context, s engine.Selection, at time.Time, begin func(projections.Moment) error, page func([]engine.Listed) error) error {
	return o.past(ctx, func(p *pastLook) error {
		q, err := p.queueAt(ctx, s, at)
		if err == nil {
			err = begin(q.moment)
		}
		for err == nil {
			var part *journal.LiveSnapshot
			if part, err = q.next(ctx, &p.Pace); err != nil || part == nil {
				break
			}
			err = q.hand(ctx, part, page)
		}
		return err
	})
}
