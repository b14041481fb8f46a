package engine

import (
	"strings"

	"postern/journal"
)

// applyOrder folds the facts of operators; false: it was something else.
func (s *State) applyOrder(r journal.Record) bool {
	switch e := r.Event.(type) {
	case *journal.BulkActionOrdered:
		s.applyOrdered(r, e)
	case *journal.BulkActionCompleted:
		s.applyCompleted(r, e)
	case *journal.UndoEnded:
		s.applyUndoEnded(e)
	case *journal.RecipientsDeleted:
		for i := range e.Set {
			s.keep(e.Action, e.Set[i].Message)
			s.terminal(r, e.Set[i].Message, e.Set[i].RIDs, false)
		}
	case *journal.RecipientsBounced:
		for i := range e.Set {
			s.keep(e.Action, e.Set[i].Message)
			mi, ok := s.bySeq[e.Set[i].Message]
			s.terminal(r, e.Set[i].Message, e.Set[i].RIDs, ok && s.wantsFailure(mi, e.Set[i].RIDs))
		}
	case *journal.RecipientsRedirected:
		s.applyRedirected(e)
	case *journal.RecipientsReinstated:
		s.applyReinstated(e)
	case *journal.Held:
		s.eachOf(e.Set, func(ri uint32) {
			if r := s.recipients.at(ri); e.Action == 0 && r.flags&claimed != 0 && r.state == parked {
				r.was = held // an order has it in hand; what is held for its doubt stays in the order's set
			} else {
				s.hold(ri)
			}
			s.recipients.at(ri).flags |= heldItself
		})
	case *journal.Unheld:
		s.applyUnheld(e)
	case *journal.DeliveryForced:
		s.applyForced(e)
	case *journal.DeliverySuspended:
		for _, d := range orAll(e.Domains) {
			s.suspended[strings.ToLower(d)] = true
		}
	case *journal.DeliveryResumed:
		s.applyResumed(e)
	default:
		return false
	}
	return true
}

// eachOf settles the live recipients of a set with each.
func (s *State) eachOf(set []journal.MessageRecipients, each func(ri uint32)) {
	for i := range set {
		mi, ok := s.bySeq[set[i].Message]
		if !ok {
			s.anomalies++
			continue
		}
		s.settle(mi, set[i].RIDs, each)
	}
}

// hold takes a recipient out of the schedule; what it waited for is kept for its release.
func (s *State) hold(ri uint32) {
	r := s.recipients.at(ri)
	if s.standing(ri) != waiting {
		r.due = min(r.due, s.now) // its delivery was forced
	}
	r.flags &^= claimed
	s.unlist(ri)
	r.state = held
}

// unhold lets a held recipient go on: at its due time, if that is still to come.
func (s *State) unhold(ri uint32) {
	r := s.recipients.at(ri)
	r.flags &^= claimed | heldItself
	switch {
	case s.standing(ri) != held:
		s.unpark(ri)
	case s.messages.at(r.message).flags&inWorkQueue != 0:
		r.state = pending
	case r.due > s.now:
		s.wait(ri, r.due)
	default:
		s.makeReady(ri)
	}
}

// applyUnheld ends holds. Of a message that was set aside the others stay where they are, each held for itself.
func (s *State) applyUnheld(e *journal.Unheld) {
	for i := range e.Set {
		mi, ok := s.bySeq[e.Set[i].Message]
		if !ok || s.messages.at(mi).flags&setAside == 0 {
			continue
		}
		s.messages.at(mi).flags &^= setAside
		for ri := s.messages.at(mi).first; ri != 0; ri = s.recipients.at(ri).next {
			if s.standing(ri) == held {
				s.recipients.at(ri).flags |= heldItself
			}
		}
	}
	s.eachOf(e.Set, s.unhold)
}

// applyRedirected gives recipients another destination, where they are due now. Who is held stays so.
func (s *State) applyRedirected(e *journal.RecipientsRedirected) {
	di := s.destination(e.Target)
	s.eachOf(e.Set, func(ri uint32) {
		s.send(ri, di)
		s.recipients.at(ri).due = s.now
		s.recipients.at(ri).flags |= redirected
		if s.recipients.at(ri).state == gone {
			s.makeReady(ri)
		}
	})
}

// send moves a recipient, whatever it was doing, to a destination. It is held, pending or gone then.
func (s *State) send(ri, di uint32) {
	r := s.recipients.at(ri)
	was := s.standing(ri)
	s.unlist(ri)
	s.move(ri, di)
	r.flags &^= claimed
	if r.state = gone; was == held || was == pending {
		r.state = was
	}
}

// applyForced makes the recipients of a destination, or of all, due now, and clears down marks.
func (s *State) applyForced(e *journal.DeliveryForced) {
	if e.Domain != "" {
		name := strings.ToLower(e.Domain)
		if address, ok := strings.CutPrefix(name, "[ipv6:"); ok {
			name = "[IPv6:" + address // as destinations have it
		}
		if di, ok := s.byName[name]; ok {
			s.force(di)
		}
		return
	}
	for di, d := range s.destinations {
		if d != nil {
			s.force(uint32(di))
		}
	}
}

func orAll(domains []string) []string {
	if len(domains) == 0 {
		return []string{"*"}
	}
	return domains
}

func (s *State) applyResumed(e *journal.DeliveryResumed) {
	if len(e.Domains) == 0 {
		clear(s.suspended)
	}
	for _, d := range e.Domains {
		delete(s.suspended, strings.ToLower(d))
	}
	s.runAll()
}

// runAll looks at every destination again.
func (s *State) runAll() {
	for di, d := range s.destinations {
		if d != nil && d.ready.count > 0 {
			s.run(uint32(di))
		}
	}
}

// applySystem folds the facts that belong to no message and to no operator.
func (s *State) applySystem(r journal.Record) {
	switch e := r.Event.(type) {
	case *journal.ClockJumped:
		s.shift += e.Delta
	case *journal.ResourceConservationChanged:
		s.conserved = conservation{degree: e.Degree, since: s.now}
	case *journal.IDsReserved:
		s.applyReserved(e)
	case *journal.Stopped:
		for k, next := range map[journal.IDKind]uint32{journal.MID: e.NextMID, journal.ICID: e.NextICID, journal.DCID: e.NextDCID} {
			if next != 0 {
				s.nextID[k] = next
			}
		}
	case *journal.WorkQueuePaused:
		s.paused = true
	case *journal.WorkQueueResumed:
		s.paused = false
	}
}
