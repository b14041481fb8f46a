package projections

import (
	"context"
	"slices"
	"time"

	"postern/journal"
)

// HeldDoubts tells how much mail is held now because nobody knows whether its peer has it: from the facts of unknown outcomes,
// of which each is read once, and the live rows. One goroutine uses it; its fields are set before.
type HeldDoubts struct {
	Journal *journal.Journal
	Rows    *journal.LiveRows

	seen uint64 // Seq
	open []heldDoubt
}

// heldDoubt is an unknown outcome of recipients that were held for it when they were last looked at.
type heldDoubt struct {
	seq, message uint64
	at           time.Time
	rids         []uint32
}

// A first look reads the whole history, so many records at a time, and rests beside mail.
const (
	heldDoubtsSlice = 100_000
	heldDoubtsWork  = 4 * time.Millisecond
	heldDoubtsRest  = 12 * time.Millisecond
)

// Look counts the recipients, and tells since when the first of them is held. Of very many doubts the oldest are not counted.
func (h *HeldDoubts) Look(ctx context.Context) (recipients int, since time.Time, err error) {
	if err := h.read(ctx); err != nil {
		return 0, since, err
	}
	mark := h.Rows.Mark()
	left := h.open[:0]
	for _, d := range h.open {
		m, live, err := h.Rows.Message(d.message)
		if err != nil {
			return 0, since, err
		}
		if d.seq <= mark { // else the rows do not know of it yet
			d.rids = slices.DeleteFunc(d.rids, func(rid uint32) bool {
				return !live || !slices.ContainsFunc(m.Recipients, func(c journal.LiveRecipient) bool { return c.RID == rid && c.Held })
			})
		}
		if len(d.rids) == 0 {
			continue
		}
		if recipients += len(d.rids); since.IsZero() {
			since = d.at
		}
		left = append(left, d)
	}
	clear(h.open[len(left):])
	h.open = left
	return recipients, since, nil
}

// read takes in the facts that were written since the last look. Damage is passed over: it is for verify to name.
func (h *HeldDoubts) read(ctx context.Context) error {
	readable := journal.Beyond{Journal: h.Journal, Over: func(journal.Damage) error { return nil }}
	kinds := journal.KindsOf(&journal.OutcomeUnknown{})
	pace := &journal.Pace{Durable: h.Journal.Durable, Work: heldDoubtsWork, Rest: heldDoubtsRest}
	for end := h.Journal.Durable(); h.seen < end; pace.Step(ctx) {
		to := min(end, h.seen+heldDoubtsSlice)
		err := readable.Pick(ctx, h.seen+1, to, kinds.Has, func(r journal.Record) error {
			if e, ok := r.Event.(*journal.OutcomeUnknown); ok && e.Action != "" {
				h.add(r, e)
			}
			return nil
		})
		if err != nil {
			return err
		}
		h.seen = to
	}
	return nil
}

// add keeps a doubt, which takes the place of an earlier one about the same recipients.
func (h *HeldDoubts) add(r journal.Record, e *journal.OutcomeUnknown) {
	for i := range h.open {
		if h.open[i].message == e.Message {
			h.open[i].rids = slices.DeleteFunc(h.open[i].rids, func(rid uint32) bool { return slices.Contains(e.RIDs, rid) })
		}
	}
	if len(h.open) >= maxDoubts {
		h.open = append(h.open[:0], h.open[len(h.open)-maxDoubts+1:]...)
	}
	h.open = append(h.open, heldDoubt{seq: r.Seq, message: e.Message, at: r.Time.Time(), rids: slices.Clone(e.RIDs)})
}
