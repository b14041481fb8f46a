package engine

import (
	"context"
	"fmt"
	"time"

	"postern/journal"
)

// maxLost is how many lost recipients an undo names.
const maxLost = 100

// Undo brings back exactly the recipients that an order took, with their attempts and times, as far as they can come back.
// It is an order itself: from its fact on it happens as a whole.
func (e *Engine) Undo(ctx context.Context, id uint64, by string, progress func(Progress)) (Undone, error) {
	if err := e.loaded(); err != nil {
		return Undone{}, err
	}
	leave, err := e.enter("undo", by)
	if err != nil {
		return Undone{}, err
	}
	u, err := e.prepareUndo(ctx, id, by)
	if err != nil {
		leave()
		return Undone{}, err
	}
	u.release = func() {
		e.order(func(*turn) { e.undoing, e.silent = 0, false })
		leave()
	}
	if err := e.claimForUndo(ctx, u); err != nil {
		u.release()
		return Undone{}, err
	}
	ordered := e.order(func(t *turn) {
		u.order = t.emit(u.intent(t.s.shift))
		t.after = append(t.after, func() { e.carryOutUndo(u) })
	})
	if !ordered {
		u.release()
		return Undone{}, ErrStopping
	}
	d, err := e.watch(ctx, &u.bulk, progress)
	if err != nil { // it may be under way still: what it has lost so far is Run's
		return Undone{}, err
	}
	return Undone{Done: d, Lost: u.lost, Rest: u.lostRest}, nil
}

// undo is an undo that is being carried out, by one goroutine.
type undo struct {
	bulk
	undone  *journal.BulkActionOrdered
	id      uint64  // of the order that is undone
	upTo    uint64  // the last Seq that may hold a slice of it
	letters letters // of a bounce
	claims  *set    // what is claimed for it
	after   member  // the last recipient that came back before a crash

	lost     []LostRecipients
	lostRest uint64
}

func (u *undo) intent(shift int64) *journal.BulkActionOrdered {
	return &journal.BulkActionOrdered{Action: ActionReinstate, By: u.by, Selection: u.undone.Selection, Target: u.undone.Target,
		Recipients: u.undone.Recipients, Messages: u.undone.Messages, AsOf: u.upTo, Undone: u.id, ClockShift: shift}
}

// prepareUndo finds the order and keeps what it took from being given up.
func (e *Engine) prepareUndo(ctx context.Context, id uint64, by string) (*undo, error) {
	u := &undo{id: id, bulk: bulk{action: ActionReinstate, by: by, relay: newRelay(), set: &set{}}, claims: &set{}}
	within := time.Duration(e.options.Document().Queue.UndoSeconds) * time.Second
	why := ""
	err := e.decide(ctx, func(t *turn) {
		switch entry := t.s.undoOf(id); {
		case entry == nil:
			why = "gone"
		case entry.completed == 0:
			why = "it is still being carried out"
		case entry.ending != "":
			why = entry.ending
		case entry.undoneBy != 0:
			why = "its undo was cut off, and goes on with the next start"
		case t.clock-entry.at >= int64(within):
			why = undoOver
		default:
			u.upTo, e.undoing = entry.completed, id
		}
	})
	if err != nil {
		e.order(func(*turn) { e.undoing = 0 }) // it may still have been marked, or be
		return nil, err
	}
	if why == "gone" {
		why = e.whyNoUndo(id)
	}
	if why != "" {
		return nil, &RefusedError{fmt.Sprintf("order %d cannot be undone: %s", id, why)}
	}
	if u.undone, err = orderAt(e.options.Journal, id); err != nil {
		e.order(func(*turn) { e.undoing = 0 })
		return nil, err
	}
	u.set.recipients, u.set.messages = u.undone.Recipients, u.undone.Messages
	return u, nil
}

// whyNoUndo says why an order is none that can be undone.
func (e *Engine) whyNoUndo(id uint64) string {
	o, err := orderAt(e.options.Journal, id)
	switch {
	case err != nil:
		return "there is no such order (undo without an id lists them)"
	case o.Action == ActionReinstate:
		return "it is an undo itself"
	case !o.Undoable():
		return "a " + o.Action + " takes nothing away; hold and release undo each other"
	}
	return "it was undone already, or its time is over"
}

// orderAt reads the fact of an order.
func orderAt(j *journal.Journal, seq uint64) (*journal.BulkActionOrdered, error) {
	r, err := j.At(seq)
	if err != nil {
		return nil, fmt.Errorf("order %d: %w", seq, err)
	}
	o, ok := r.Event.(*journal.BulkActionOrdered)
	if !ok {
		return nil, &RefusedError{fmt.Sprintf("%d is no order", seq)}
	}
	return o, nil
}

// claimForUndo claims what an undo will take back out of the queue: the redirected recipients, or the notifications of a
// bounce. What is past recall is lost for the undo.
func (e *Engine) claimForUndo(ctx context.Context, u *undo) error {
	switch u.undone.Action {
	case ActionRedirect:
		return e.claimRedirected(ctx, u)
	case ActionBounce:
		return e.claimLetters(ctx, u)
	}
	return nil
}

func (e *Engine) claimRedirected(ctx context.Context, u *undo) error {
	all := &set{}
	err := eachTaken(e.options.Journal, u, func(taken []journal.MessageRecipients, _ int64, _ uint64) error {
		for i := range taken {
			all.join(taken[i].Message, taken[i].RIDs)
		}
		return nil
	})
	if err != nil {
		return err
	}
	u.claims, _, err = e.claimSet(ctx, all, func(s *State, ri uint32) bool {
		r := s.recipients.at(ri)
		return r.flags&redirected != 0 && s.destinations[r.destination].name == u.undone.Target
	})
	return err
}

// eachTaken calls fn with what each slice of an order took, with the sum of the clock's jumps then, and the slice's Seq.
func eachTaken(j *journal.Journal, u *undo, fn func(taken []journal.MessageRecipients, shift int64, seq uint64) error) error {
	shift := u.undone.ClockShift
	return eachRecord(j, u.id, u.upTo, func(r journal.Record) error {
		switch ev := r.Event.(type) {
		case *journal.ClockJumped:
			shift += ev.Delta
		case *journal.RecipientsDeleted:
			if ev.Action == u.id {
				return fn(ev.Set, shift, r.Seq)
			}
		case *journal.RecipientsBounced:
			if ev.Action == u.id {
				return fn(ev.Set, shift, r.Seq)
			}
		case *journal.RecipientsRedirected:
			if ev.Action == u.id {
				return fn(ev.Set, shift, r.Seq)
			}
		}
		return nil
	})
}

// eachRecord calls fn for the records with after < Seq ≤ to.
func eachRecord(j *journal.Journal, after, to uint64, fn func(journal.Record) error) error {
	var records []journal.Record
	for after < to {
		var err error
		if records, err = j.Read(after, 512, records); err != nil {
			return err
		}
		if len(records) == 0 {
			return nil
		}
		for _, r := range records {
			if after = r.Seq; after > to {
				return nil
			}
			if err := fn(r); err != nil {
				return err
			}
		}
	}
	return nil
}
