package engine

import (
	"context"

	"postern/journal"
)

// letters are the notifications that a bounce has brought about, as its undo finds them. A sender is told of one message in as
// many as there are slices of it.
type letters struct {
	of        map[told]uint64 // → the notification that is still queued, or was taken back
	mixed     map[uint64]bool // those that tell of other failures too
	withdrawn map[uint64]bool // those that the undo has taken back. Owned by Run once it is under way
}

// told is what a notification tells of: the failure of recipients of a message by one fact.
type told struct{ message, fact uint64 }

// claimLetters finds the notifications that a bounce has brought about and that are still queued, and claims them.
func (e *Engine) claimLetters(ctx context.Context, u *undo) error {
	if err := e.decide(ctx, func(*turn) { e.silent = true }); err != nil {
		return err
	}
	u.letters = letters{of: make(map[told]uint64), mixed: make(map[uint64]bool), withdrawn: make(map[uint64]bool)}
	ours, facts := make(map[uint64]bool), make(map[uint64]bool)
	err := eachTaken(e.options.Journal, u, func(taken []journal.MessageRecipients, _ int64, fact uint64) error {
		facts[fact] = true
		for i := range taken {
			ours[taken[i].Message] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	envelopes := e.options.Journal.Envelopes()
	defer envelopes.Close()
	if err := e.withdrawnBefore(u, envelopes, facts); err != nil {
		return err
	}
	rows, err := e.options.Rows.Current(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	queued := &set{}
	err = rows.Each(ctx, func(m *journal.LiveMessage) error {
		if m.Why != journal.WhyBounce || m.Seq < u.id || !ours[m.Parent] {
			return nil
		}
		mine, err := u.noteLetter(envelopes, m.Seq, facts)
		for i := 0; mine && i < len(m.Recipients); i++ {
			queued.join(m.Seq, []uint32{m.Recipients[i].RID})
		}
		return err
	})
	if err != nil {
		return err
	}
	u.claims, _, err = e.claimSet(ctx, queued, func(*State, uint32) bool { return true })
	return err
}

// noteLetter notes a notification if it tells of one of the facts.
func (u *undo) noteLetter(envelopes *journal.Envelopes, letter uint64, facts map[uint64]bool) (mine bool, err error) {
	m, err := envelopes.At(letter)
	if err != nil {
		return false, err
	}
	other := false
	for _, fact := range m.Reports {
		if !facts[fact] {
			other = true
			continue
		}
		mine = true
		u.letters.of[told{m.Parent, fact}] = letter
	}
	if mine && other {
		u.letters.mixed[letter] = true
	}
	return mine, nil
}

// withdrawnBefore finds the notifications that an undo had taken back when the process ended.
func (e *Engine) withdrawnBefore(u *undo, envelopes *journal.Envelopes, facts map[uint64]bool) error {
	if u.order == 0 {
		return nil
	}
	return eachRecord(e.options.Journal, u.order, e.options.Journal.Durable(), func(r journal.Record) error {
		d, ok := r.Event.(*journal.RecipientsDeleted)
		if !ok || d.Action != u.order {
			return nil
		}
		for i := range d.Set {
			u.letters.withdrawn[d.Set[i].Message] = true
			if _, err := u.noteLetter(envelopes, d.Set[i].Message, facts); err != nil {
				return err
			}
		}
		return nil
	})
}
