package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// Limits of an order.
const (
	claimSlice  = 2000                  // recipients claimed with one turn
	orderSlice  = 500                   // recipients acted on with one turn
	sliceRest   = 20 * time.Millisecond // the longest pause between two of them
	recallFor   = 5 * time.Second       // how long attempts past recall are awaited
	recallLook  = 20 * time.Millisecond
	maxExcluded = 10_000 // entries of those past recall that the fact names
)

// Order carries out what an operator wants done to a selection of the queue. The exact set is chosen from the live rows,
// claimed, and written down; from that fact on it happens as a whole, whatever comes between: when ctx ends it goes on, and
// after a crash the next start goes on with it. One order is carried out at a time; another is refused meanwhile.
func (e *Engine) Order(ctx context.Context, o Order, progress func(Progress)) (Done, error) {
	if err := e.checkOrder(&o); err != nil {
		return Done{}, err
	}
	release, err := e.enter(o.Action, o.By)
	if err != nil {
		return Done{}, err
	}
	b := &bulk{action: o.Action, by: o.By, target: o.Target, reason: o.Reason, relay: newRelay(), release: release}
	chosen := &set{}
	asOf, err := e.choose(ctx, o.Selection, o.AsOf, func(m *journal.LiveMessage, rids []uint32) error {
		chosen.add(m.Seq, rids)
		return nil
	})
	if err == nil {
		b.set, b.excluded, err = e.claimSet(ctx, chosen, b.wants)
	}
	if err != nil {
		release()
		return Done{}, err
	}
	intent := &journal.BulkActionOrdered{Action: o.Action, By: o.By, Selection: o.Selection.String(), Target: o.Target, AsOf: asOf, Reason: o.Reason}
	return e.write(ctx, b, intent, progress)
}

// checkOrder looks at what can be said of an order without the queue.
func (e *Engine) checkOrder(o *Order) error {
	switch o.Action {
	case ActionDelete, ActionBounce, ActionHold:
	case ActionRelease:
		o.Selection.Held = true
	case ActionRedirect:
		target, err := config.CanonicalTarget(o.Target)
		if err != nil {
			return &RefusedError{err.Error()}
		}
		o.Target = target
	default:
		return &RefusedError{fmt.Sprintf("%q is nothing that can be done to recipients", o.Action)}
	}
	return e.loaded()
}

// loaded refuses what decides about the whole queue while it is still being read.
func (e *Engine) loaded() error {
	if n := e.Loading(); n < 100 {
		return fmt.Errorf("%w, %d %%", ErrLoading, n)
	}
	return nil
}

// enter lets one order in at a time.
func (e *Engine) enter(action, by string) (release func(), err error) {
	words := fmt.Sprintf("%s, ordered by %s at %s", action, by, e.options.Now().Format(time.TimeOnly))
	if !e.carrying.CompareAndSwap(nil, &words) {
		if other := e.carrying.Load(); other != nil {
			words = *other
		}
		return nil, &RefusedError{"another order is being carried out (" + words + "): nothing was changed, try again when it has ended"}
	}
	return func() { e.carrying.Store(nil) }, nil
}

// bulk is an order that is being carried out, by one goroutine.
type bulk struct {
	action   string
	by       string
	target   string
	reason   string
	order    uint64 // Seq of its fact
	set      *set
	blob     journal.BodyID
	excluded []journal.MessageRecipients
	relay    *relay
	release  func()

	recipients, messages uint64 // acted on so far
	last                 uint64 // message acted on last
}

// wants tells whether a recipient can be acted on.
func (b *bulk) wants(s *State, ri uint32) bool {
	switch p := s.standing(ri); b.action {
	case ActionHold:
		return p != held && p != pending
	case ActionRelease:
		return p == held
	default:
		return p != pending
	}
}

// write makes an order a fact and has it carried out; it returns when that is done, or ctx ends.
func (e *Engine) write(ctx context.Context, b *bulk, intent *journal.BulkActionOrdered, progress func(Progress)) (Done, error) {
	intent.Recipients, intent.Messages = b.set.recipients, b.set.messages
	if b.set.recipients == 0 {
		b.release()
		return Done{Excluded: b.excluded}, nil
	}
	var err error
	if b.blob, err = e.options.Journal.PutBody(b.set.b); err != nil {
		e.unclaim(b.set)
		b.release()
		return Done{}, fmt.Errorf("engine: the set of an order: %w", err)
	}
	intent.Set = b.blob
	ordered := e.order(func(t *turn) {
		intent.ClockShift = t.s.shift
		b.order = t.emit(intent)
		t.after = append(t.after, func() { e.carryOut(b, b.set.cursor()) })
	})
	if !ordered {
		b.release()
		return Done{}, ErrStopping
	}
	return e.watch(ctx, b, progress)
}

// carryOut has an order executed; called by Run when the order is durable, or was when the engine began.
func (e *Engine) carryOut(b *bulk, c *cursor) {
	e.workers.Add(1)
	go func() {
		defer e.workers.Done()
		err := e.execute(b, c)
		b.release() // first: whoever hears of the end may order again at once
		b.relay.end(err)
	}()
}

// watch passes on what an order does until it is done. An operator who leaves does not end it.
func (e *Engine) watch(ctx context.Context, b *bulk, progress func(Progress)) (Done, error) {
	for {
		p, over, err := b.relay.next(ctx, e.stopped)
		if err != nil {
			return Done{}, err
		}
		if p.Done > 0 && progress != nil {
			p.Total = b.set.recipients
			progress(p)
		}
		if over {
			d := Done{ID: b.order, Messages: b.messages, Recipients: b.recipients, Excluded: b.excluded}
			if b.action == ActionDelete || b.action == ActionBounce || b.action == ActionRedirect {
				d.UndoUntil = e.options.Now().Add(time.Duration(e.options.Document().Queue.UndoSeconds) * time.Second)
			}
			return d, nil
		}
	}
}

// execute acts on the set, slice by slice, and writes down that it is done. While mail comes in it rests after each slice
// for half as long as that took: senders wait for no more than a slice, and what follows the journal keeps up.
func (e *Engine) execute(b *bulk, c *cursor) error {
	ctx := context.Background()
	for received := uint64(0); ; {
		members, err := c.slice(e.options.slice)
		if err != nil {
			return fmt.Errorf("engine: order %d: %w", b.order, err)
		}
		if len(members) == 0 {
			break
		}
		var mids []uint32
		began, before := time.Now(), received
		if err := e.decide(ctx, func(t *turn) { mids, received = t.act(b, members), e.received }); err != nil {
			return err
		}
		b.relay.add(b.recipients, mids)
		if received != before {
			if err := pause(ctx, min(time.Since(began)/2, sliceRest)); err != nil {
				return err
			}
		}
	}
	return e.decide(ctx, func(t *turn) {
		if b.blob != 0 {
			t.s.free(b.blob)
		}
		t.emit(&journal.BulkActionCompleted{Action: b.order, Recipients: b.recipients, Messages: b.messages,
			Excluded: b.excluded[:min(len(b.excluded), maxExcluded)]})
	})
}

// act does to one slice what was ordered, and returns the MIDs of the messages that were not touched before.
func (t *turn) act(b *bulk, members []member) (mids []uint32) {
	var touched []journal.MessageRecipients
	for _, m := range members {
		mi, ok := t.s.bySeq[m.message]
		if !ok {
			continue
		}
		rids := t.s.claimedOf(mi, m.rids)
		if len(rids) == 0 {
			continue
		}
		touched = append(touched, t.describe(mi, rids)...)
		b.recipients += uint64(len(rids))
		if b.last != m.message {
			b.last = m.message
			b.messages++
			mids = append(mids, t.s.messages.at(mi).mid)
		}
	}
	if len(touched) == 0 {
		return nil
	}
	switch b.action {
	case ActionDelete:
		t.emit(&journal.RecipientsDeleted{Action: b.order, By: b.by, Set: t.finished(touched)})
	case ActionBounce:
		t.emit(&journal.RecipientsBounced{Action: b.order, By: b.by, Set: t.finished(touched)})
	case ActionRedirect:
		t.emit(&journal.RecipientsRedirected{Action: b.order, By: b.by, Target: b.target, Set: touched})
	case ActionHold:
		t.emit(&journal.Held{Action: b.order, By: b.by, Reason: b.reason, Set: touched})
	case ActionRelease:
		t.emit(&journal.Unheld{Action: b.order, By: b.by, Set: touched})
	}
	return mids
}

// claimedOf leaves out recipients that are not there any more, or that are nobody's.
func (s *State) claimedOf(mi uint32, rids []uint32) []uint32 {
	return slices.DeleteFunc(rids, func(rid uint32) bool {
		ri := s.recipientOf(mi, rid)
		return ri == 0 || s.recipients.at(ri).state != parked
	})
}

// finished marks the messages of which nobody is left once a set is gone.
func (t *turn) finished(list []journal.MessageRecipients) []journal.MessageRecipients {
	for i := 0; i < len(list); {
		n, k := 0, i
		for ; k < len(list) && list[k].Message == list[i].Message; k++ {
			n += len(list[k].RIDs)
		}
		list[k-1].Finished = int(t.s.messages.at(t.s.bySeq[list[i].Message]).live) == n
		i = k
	}
	return list
}

// describe tells how recipients of a message stand now: an entry for those who stand alike.
func (t *turn) describe(mi uint32, rids []uint32) (list []journal.MessageRecipients) {
	s := t.s
	m := s.messages.at(mi)
	for _, rid := range rids {
		ri := s.recipientOf(mi, rid)
		r := s.recipients.at(ri)
		name, redirect := s.destinations[r.destination].name, ""
		if r.flags&redirected != 0 {
			name, redirect = "", name
		}
		isHeld := s.standing(ri) == held
		i := slices.IndexFunc(list, func(e journal.MessageRecipients) bool { return e.Held == isHeld && e.Redirect == redirect })
		if i < 0 {
			i = len(list)
			list = append(list, journal.MessageRecipients{Message: m.seq, MID: m.mid, Destination: name, Redirect: redirect, Held: isHeld,
				Injected: journal.Instant(m.injected + s.shift)})
		}
		e := &list[i]
		if e.Destination != name {
			e.Destination = ""
		}
		e.RIDs = append(e.RIDs, rid)
		e.Attempts = append(e.Attempts, r.attempts)
		next := journal.Instant(r.due + s.shift)
		if p := s.standing(ri); r.due == 0 || p == trying || p == ready && r.due > t.clock { // called off, or its delivery was forced
			next = t.now
		}
		e.Next = append(e.Next, next)
	}
	return list
}
