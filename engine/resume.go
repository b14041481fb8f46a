package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"postern/journal"
)

// resume goes on with the orders that a crash or a stop has cut off. Nothing is attempted before they have claimed what is
// theirs, and they are carried out one after the other.
func (e *Engine) resume(ctx context.Context, orders []uint64) error {
	for _, seq := range orders {
		err := e.resumeOrder(ctx, seq)
		if ctx.Err() != nil || errors.Is(err, ErrStopping) {
			return err
		}
		if err != nil {
			if err := e.giveUpOrder(ctx, seq, err); err != nil {
				return err
			}
		}
	}
	if len(orders) == 0 {
		return nil
	}
	return e.decide(ctx, func(t *turn) {
		e.resuming = false
		e.carrying.Store(nil)
		t.s.runAll()
	})
}

// giveUpOrder ends an order whose rest cannot be carried out (its set is damaged): mail must not wait for it at every start.
func (e *Engine) giveUpOrder(ctx context.Context, seq uint64, why error) error {
	e.options.Problem(fmt.Errorf("engine: order %d could not be carried out to its end: %w", seq, why))
	b := bulk{order: seq}
	if o, err := orderAt(e.options.Journal, seq); err == nil {
		b.action = o.Action
	}
	if _, err := e.carriedOut(&b); err != nil {
		return err
	}
	return e.decide(ctx, func(t *turn) {
		t.emit(&journal.BulkActionCompleted{Action: seq, Recipients: b.recipients, Messages: b.messages})
	})
}

func (e *Engine) resumeOrder(ctx context.Context, seq uint64) error {
	o, err := orderAt(e.options.Journal, seq)
	if err != nil {
		return err
	}
	words := fmt.Sprintf("%s, ordered by %s before the start", o.Action, o.By)
	e.carrying.Store(&words)
	b := bulk{action: o.Action, by: o.By, target: o.Target, reason: o.Reason, order: seq, blob: o.Set, relay: newRelay(),
		set: &set{}} // the next one comes before any new one
	last, err := e.carriedOut(&b)
	if err != nil {
		return err
	}
	if o.Action == ActionReinstate {
		return e.resumeUndo(ctx, b, o, last)
	}
	if b.set, err = e.readSet(o); err != nil {
		return err
	}
	rest := &set{}
	c := b.set.cursor()
	if last.message != 0 {
		if err := c.skip(last.message, last.rids[0]); err != nil {
			return err
		}
	}
	for {
		members, err := c.slice(claimSlice)
		if err != nil {
			return err
		}
		if len(members) == 0 {
			break
		}
		for _, m := range members {
			rest.join(m.message, m.rids)
		}
	}
	exact, _, err := e.claimSet(ctx, rest, func(*State, uint32) bool { return true })
	if err != nil {
		return err
	}
	return e.execute(&b, exact.cursor())
}

func (e *Engine) resumeUndo(ctx context.Context, b bulk, o *journal.BulkActionOrdered, last member) error {
	u := &undo{bulk: b, id: o.Undone, upTo: o.AsOf, claims: &set{}, after: last}
	var err error
	if u.undone, err = orderAt(e.options.Journal, o.Undone); err != nil {
		return err
	}
	if err := e.claimForUndo(ctx, u); err != nil {
		return err
	}
	if err := e.executeUndo(u); err != nil {
		return err
	}
	return e.decide(ctx, func(*turn) { e.undoing, e.silent = 0, false })
}

// readSet reads the exact set of an order.
func (e *Engine) readSet(o *journal.BulkActionOrdered) (*set, error) {
	body, err := e.options.Journal.OpenBody(o.Set)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, body); err != nil {
		return nil, err
	}
	return &set{b: b.Bytes(), messages: o.Messages, recipients: o.Recipients}, nil
}

// carriedOut counts what was done of an order before the start, and finds the recipient with which it stopped.
func (e *Engine) carriedOut(b *bulk) (last member, err error) {
	err = eachRecord(e.options.Journal, b.order, e.options.Journal.Durable(), func(r journal.Record) error {
		action, list := sliceOf(r.Event)
		if _, back := r.Event.(*journal.RecipientsReinstated); action != b.order || len(list) == 0 || back != (b.action == ActionReinstate) {
			return nil // a notification that an undo has withdrawn is none of its set
		}
		for i := range list {
			b.recipients += uint64(len(list[i].RIDs))
			if b.last != list[i].Message {
				b.last = list[i].Message
				b.messages++
				last = member{message: b.last, rids: []uint32{0}}
			}
			last.rids[0] = max(last.rids[0], slices.Max(list[i].RIDs))
		}
		return nil
	})
	return last, err
}

// sliceOf gives the order that a fact is a slice of, and whom it names.
func sliceOf(e journal.Event) (action uint64, set []journal.MessageRecipients) {
	switch ev := e.(type) {
	case *journal.RecipientsDeleted:
		return ev.Action, ev.Set
	case *journal.RecipientsBounced:
		return ev.Action, ev.Set
	case *journal.RecipientsRedirected:
		return ev.Action, ev.Set
	case *journal.RecipientsReinstated:
		return ev.Action, ev.Set
	case *journal.Held:
		return ev.Action, ev.Set
	case *journal.Unheld:
		return ev.Action, ev.Set
	}
	return 0, nil
}

// readKept names the bodies that orders of before the start need for their undo.
func (e *Engine) readKept(orders []journal.LiveUndo) (map[uint64][]keptBody, error) {
	kept, envelopes := make(map[uint64][]keptBody), e.options.Journal.Envelopes()
	defer envelopes.Close()
	for _, u := range orders {
		to := u.Completed
		if to == 0 {
			to = e.firstSeq - 1
		}
		err := eachRecord(e.options.Journal, u.Order, to, func(r journal.Record) error {
			switch r.Event.(type) {
			case *journal.RecipientsDeleted, *journal.RecipientsBounced:
			default:
				return nil
			}
			action, list := sliceOf(r.Event)
			if action != u.Order {
				return nil
			}
			for i := range list {
				m, err := envelopes.At(list[i].Message)
				if err != nil || m.Body == 0 {
					continue
				}
				k := keptBody{list[i].Message, m.Body}
				if m.Why.SharesBody() {
					k.message = m.Parent
				}
				if n := len(kept[action]); n == 0 || kept[action][n-1] != k {
					kept[action] = append(kept[action], k)
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("what order %d took: %w", u.Order, err)
		}
	}
	return kept, nil
}
