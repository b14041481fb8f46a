package engine

import (
	"context"
	"slices"
	"time"

	"postern/journal"
)

// claimSet claims the recipients of a set that are still in the queue and wanted. Those in an attempt are called off; what
// is past recall is awaited for a while, then given back and returned as excluded. On an error nothing stays claimed.
func (e *Engine) claimSet(ctx context.Context, chosen *set, wants func(*State, uint32) bool) (exact *set, excluded []journal.MessageRecipients, err error) {
	exact = &set{}
	var late []member
	err = e.eachSlice(ctx, chosen, claimSlice, func(t *turn, members []member) {
		for _, m := range members {
			if l := t.claim(e, exact, m, wants); len(l.rids) > 0 {
				late = append(late, l)
			}
		}
	})
	if err == nil && len(late) > 0 {
		excluded, err = e.awaitRecalled(ctx, exact, late)
	}
	if err != nil {
		e.unclaim(chosen)
		return nil, nil, err
	}
	return exact, excluded, nil
}

// eachSlice has something done with each slice of a set, a turn each.
func (e *Engine) eachSlice(ctx context.Context, s *set, max int, do func(*turn, []member)) error {
	for c := s.cursor(); ; {
		members, err := c.slice(max)
		if err != nil || len(members) == 0 {
			return err
		}
		if err := e.decide(ctx, func(t *turn) { do(t, members) }); err != nil {
			return err
		}
	}
}

// claim claims recipients of one message: those that are parked by it enter the set, those in an attempt are recalled and
// returned.
func (t *turn) claim(e *Engine, exact *set, m member, wants func(*State, uint32) bool) (late member) {
	s := t.s
	mi, ok := s.bySeq[m.message]
	if !ok {
		return late
	}
	late.message = m.message
	parkedNow := make([]uint32, 0, len(m.rids))
	for _, rid := range m.rids {
		ri := s.recipientOf(mi, rid)
		if ri == 0 || s.recipients.at(ri).flags&claimed != 0 || !wants(s, ri) {
			continue
		}
		r := s.recipients.at(ri)
		if s.claim(ri); r.state == trying {
			e.recall(m.message, s.destinations[r.destination].name)
			late.rids = append(late.rids, rid)
		} else {
			parkedNow = append(parkedNow, rid)
		}
	}
	if len(parkedNow) > 0 {
		exact.join(m.message, parkedNow)
	}
	return late
}

// awaitRecalled waits for recalled attempts. Those that came back in time enter the set; the others are given back.
func (e *Engine) awaitRecalled(ctx context.Context, exact *set, late []member) (excluded []journal.MessageRecipients, err error) {
	for end := time.Now().Add(recallFor); ; {
		left := 0
		if err := e.decide(ctx, func(t *turn) { left = t.s.claimedInHand }); err != nil {
			return nil, err
		}
		if left == 0 || !time.Now().Before(end) {
			break
		}
		if err := pause(ctx, recallLook); err != nil {
			return nil, err
		}
	}
	back := &set{}
	err = e.decide(ctx, func(t *turn) {
		for _, m := range late {
			mi, ok := t.s.bySeq[m.message]
			if !ok {
				continue
			}
			var in, out []uint32
			for _, rid := range m.rids {
				switch ri := t.s.recipientOf(mi, rid); {
				case ri == 0:
				case t.s.recipients.at(ri).state == trying:
					t.s.unclaim(ri)
					out = append(out, rid)
				default:
					in = append(in, rid)
				}
			}
			if len(in) > 0 {
				back.join(m.message, in)
			}
			if len(out) > 0 {
				excluded = append(excluded, journal.MessageRecipients{Message: m.message, MID: t.s.messages.at(mi).mid, RIDs: out})
			}
		}
	})
	if err != nil { // the turn may still come, and write to what it found
		return nil, err
	}
	return excluded, exact.merge(back)
}

// pause lets d go by, or ctx end.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unclaim gives back what is claimed of a set: nothing came of it.
func (e *Engine) unclaim(s *set) {
	_ = e.eachSlice(context.Background(), s, claimSlice, func(t *turn, members []member) {
		for _, m := range members {
			if mi, ok := t.s.bySeq[m.message]; ok {
				t.unclaim(mi, m.rids)
			}
		}
	})
}

// unclaim gives back recipients of one message.
func (t *turn) unclaim(mi uint32, rids []uint32) {
	s := t.s
	for _, rid := range rids {
		ri := s.recipientOf(mi, rid)
		if ri == 0 || s.recipients.at(ri).flags&claimed == 0 {
			continue
		}
		r := s.recipients.at(ri)
		if r.state == parked && r.was == trying { // as the facts have it, its attempt is still under way
			r.flags &^= claimed
			t.giveBack(mi, s.destinations[r.destination].name, r.attempts, []uint32{rid})
			continue
		}
		s.unclaim(ri)
	}
}

// giveBack writes down that an attempt ended without having been one, by nobody's fault: its recipients are due at once.
func (t *turn) giveBack(mi uint32, destination string, attempts uint32, rids []uint32) {
	m := t.s.messages.at(mi)
	t.emit(&journal.SoftBounced{Message: m.seq, MID: m.mid, Destination: destination, RIDs: rids, Attempts: attempts,
		Code: "000", Status: statusCalledOff, Reason: "Other mail system problem", Profile: "Default",
		Reply: []string{ErrRecalled.Error()}, Next: t.now})
}

// join adds recipients of a message that comes after those that are in, or is the last of them.
func (s *set) join(message uint64, rids []uint32) {
	if s.messages == 0 || message != s.last {
		s.add(message, rids)
		return
	}
	all, err := s.pop()
	if err != nil { // it was written by add
		panic(err)
	}
	all = append(all, rids...)
	slices.Sort(all)
	s.add(message, all)
}

// merge adds another set, of which each message comes once.
func (s *set) merge(o *set) error {
	if o.messages == 0 {
		return nil
	}
	both := &set{}
	a, b := s.cursor(), o.cursor()
	x, err := a.peek()
	if err != nil {
		return err
	}
	y, err := b.peek()
	for err == nil && (len(x.rids) > 0 || len(y.rids) > 0) {
		if len(y.rids) == 0 || len(x.rids) > 0 && x.message <= y.message {
			both.join(x.message, x.rids)
			x, err = a.peek()
		} else {
			both.join(y.message, y.rids)
			y, err = b.peek()
		}
	}
	*s = *both
	return err
}

// peek gives the next member; one without recipients: there is none.
func (c *cursor) peek() (m member, err error) {
	if len(c.b) == 0 {
		return m, nil
	}
	return c.next()
}
