package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"postern/journal"
)

// Limits of listings. One that is under way keeps in the store what has left the queue since it began.
const (
	maxListings     = 16        // under way at once; one more is refused
	listingPatience = time.Hour // one that takes longer is given up

	maxGathered = 1 << 14 // recipients of envelopes that are read ahead
)

// The words of Listed.State.
const (
	StateQueued      = "queued"
	StateInDelivery  = "in delivery" // an attempt has begun, and its outcome is not written
	StateHeld        = "held"
	StateInWorkQueue = "in work queue"
	StateQuarantined = "quarantined"
)

// Recipients calls each for the recipients in the queue that are meant, those in quarantine included, in the order of the
// queue: ascending by message, then by RID. The list is what the queue was at the Seq that it returns; nothing that comes
// or goes meanwhile is in it. each may take its time: nobody waits for it. An error of each ends the list and is returned.
func (e *Engine) Recipients(ctx context.Context, s Selection, each func(Listed) error) (asOf uint64, err error) {
	return e.survey(ctx, s, func(ctx context.Context, v *survey) error { return v.list(ctx, each) })
}

// Preview counts what an action on the selection would touch. What is in quarantine is not touched.
func (e *Engine) Preview(ctx context.Context, s Selection) (p Preview, err error) {
	p.AsOf, err = e.survey(ctx, s, func(ctx context.Context, v *survey) error { return v.count(ctx, &p) })
	return p, err
}

// RecipientsOf is Recipients on a snapshot of a store's rows.
func RecipientsOf(ctx context.Context, j *journal.Journal, rows *journal.LiveSnapshot, s Selection, now time.Time, each func(Listed) error) error {
	m, err := s.compile(now)
	if err != nil {
		return err
	}
	return (&survey{journal: j, rows: rows, match: m}).list(ctx, each)
}

// PreviewOf is Preview on a snapshot of a store's rows.
func PreviewOf(ctx context.Context, j *journal.Journal, rows *journal.LiveSnapshot, s Selection, now time.Time) (Preview, error) {
	p := Preview{AsOf: rows.Mark()}
	m, err := s.compile(now)
	if err != nil {
		return p, err
	}
	return p, (&survey{journal: j, rows: rows, match: m}).count(ctx, &p)
}

// choose calls take once for each message of which a selection means recipients that an action may touch, with their RIDs,
// ascending. With asOf > 0, messages that came after it are left out. at is the Seq as of which the choice was made: what
// has happened since is for whoever acts on it to find out. Message and RIDs are valid only during the call.
func (e *Engine) choose(ctx context.Context, s Selection, asOf uint64, take func(m *journal.LiveMessage, rids []uint32) error) (at uint64, err error) {
	m, err := s.compile(e.options.Now())
	if err != nil {
		return 0, err
	}
	rows, err := e.options.Rows.Current(ctx)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	v := &survey{journal: e.options.Journal, rows: rows, match: m, actions: true, until: asOf}
	var rids []uint32
	return rows.Mark(), v.each(ctx, func(f *found) error {
		rids = rids[:0]
		for _, i := range f.recipients {
			rids = append(rids, f.message.Recipients[i].RID)
		}
		return take(f.message, rids)
	})
}

// survey opens the queue as it stands now for one reading, unless there are too many of them.
func (e *Engine) survey(ctx context.Context, s Selection, look func(context.Context, *survey) error) (asOf uint64, err error) {
	m, err := s.compile(e.options.Now())
	if err != nil {
		return 0, err
	}
	defer e.listings.Add(-1)
	if e.listings.Add(1) > maxListings {
		return 0, &RefusedError{fmt.Sprintf("there are %d listings of the queue under way: end one first", maxListings)}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, listingPatience, errListingTooLong)
	defer cancel()
	rows, err := e.options.Rows.Current(ctx)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	err = look(ctx, &survey{journal: e.options.Journal, rows: rows, match: m})
	if errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), errListingTooLong) {
		err = errListingTooLong
	}
	return rows.Mark(), err
}

var errListingTooLong = &RefusedError{fmt.Sprintf("the listing was not over after %s and was given up", listingPatience)}

// list makes rows of what it finds.
func (v *survey) list(ctx context.Context, each func(Listed) error) error {
	v.envelopes = true
	return v.each(ctx, func(f *found) error {
		for _, i := range f.recipients {
			if err := each(f.listed(i)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (v *survey) count(ctx context.Context, p *Preview) error {
	v.actions = true
	return v.each(ctx, func(f *found) error {
		p.Messages++
		p.Recipients += uint64(len(f.recipients))
		return nil
	})
}

func (f *found) listed(i int) Listed {
	m, r := f.message, &f.message.Recipients[i]
	l := Listed{Seq: m.Seq, MID: m.MID, Bytes: m.Size, Sender: f.envelope.Sender, Subject: f.envelope.Subject, RID: r.RID, Attempts: r.Attempts,
		Host: r.Destination, Redirect: r.Redirect, Injected: m.Injected.Time(), State: stateOf(m, r)}
	if c := f.envelope.Recipient(r.RID); c != nil {
		l.Recipient = c.Address()
	}
	if r.Next != 0 {
		l.Next = r.Next.Time()
	}
	return l
}

func stateOf(m *journal.LiveMessage, r *journal.LiveRecipient) string {
	switch {
	case m.Quarantines > 0:
		return StateQuarantined
	case m.InWorkQueue:
		return StateInWorkQueue
	case r.Held || m.SetAside:
		return StateHeld
	case r.Attempting:
		return StateInDelivery
	}
	return StateQueued
}
