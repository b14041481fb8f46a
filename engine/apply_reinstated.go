package engine

import "postern/journal"

// applyReinstated brings recipients back: into the queue, or, with a target, to where they were before they were sent there.
func (s *State) applyReinstated(e *journal.RecipientsReinstated) {
	had := make(map[uint64]*journal.ReinstatedMessage, len(e.Messages))
	for i := range e.Messages {
		had[e.Messages[i].Message] = &e.Messages[i]
	}
	for i := range e.Set {
		set := &e.Set[i]
		mi, ok := s.bySeq[set.Message]
		if was := had[set.Message]; !ok && was != nil && was.Message != 0 && e.Target == "" {
			mi, ok = s.revive(was), true
		}
		switch {
		case !ok:
			s.anomalies++
		case e.Target != "":
			s.sendBack(mi, set)
		default:
			s.exhume(mi, set)
			s.endIfDone(mi)
		}
	}
}

// revive makes a message live again, as yet without recipients.
func (s *State) revive(was *journal.ReinstatedMessage) uint32 {
	m := message{seq: was.Message, injected: int64(was.Injected) - s.shift, body: was.Body, size: was.Size, mid: was.MID, why: was.Why,
		sender: was.SenderHash}
	switch {
	case was.Why.SharesBody():
		m.flags |= copyBody
		if was.Body != 0 {
			s.shareBody(was.Body, was.Parent)
			if u := s.shared[was.Body]; u.ownerGone && u.copies == 1 {
				u.kept = true // or it would not be there any more
				s.shared[was.Body] = u
			}
		}
	case was.Body != 0:
		m.flags |= keepBody
		if u, ok := s.shared[was.Body]; ok {
			u.ownerGone, u.kept = false, false
			s.shared[was.Body] = u
		}
	}
	return s.addAged(m)
}

// addAged links a message into the order of age. Messages come back in the order in which they came: each is looked for
// behind the one before.
func (s *State) addAged(m message) uint32 {
	older := s.broughtBack
	if older == 0 || s.messages.at(older).seq != s.broughtBackSeq || s.messages.at(older).injected > m.injected {
		older = 0
	}
	newer := s.oldest
	if older != 0 {
		newer = s.messages.at(older).newer
	}
	for newer != 0 && s.messages.at(newer).injected <= m.injected {
		older, newer = newer, s.messages.at(newer).newer
	}
	i := s.addAfter(older, m)
	s.broughtBack, s.broughtBackSeq = i, m.seq
	return i
}

// exhume brings recipients back into a message.
func (s *State) exhume(mi uint32, set *journal.MessageRecipients) {
	name := set.Destination
	if set.Redirect != "" {
		name = set.Redirect
	}
	for i, rid := range set.RIDs {
		if s.recipientOf(mi, rid) != 0 {
			s.anomalies++
			continue
		}
		ri := s.addRecipient(mi, name, rid, journal.Notify(at(set.Notify, i)))
		r := s.recipients.at(ri)
		if set.Redirect != "" {
			r.flags |= redirected
		}
		s.goOn(ri, set, i)
	}
}

// goOn lets a recipient that stands in no line go on as an entry says.
func (s *State) goOn(ri uint32, set *journal.MessageRecipients, i int) {
	r := s.recipients.at(ri)
	r.attempts = at(set.Attempts, i)
	due := int64(at(set.Next, i)) - s.shift
	r.due = due
	if r.flags &^= heldItself; set.Held {
		r.flags |= heldItself
	}
	switch {
	case s.messages.at(r.message).flags&inWorkQueue != 0:
		r.state = pending
	case set.Held || s.messages.at(r.message).flags&setAside != 0:
		r.state = held
	case due > s.now:
		s.wait(ri, due)
	default:
		s.makeReady(ri)
	}
}

// sendBack lets recipients that are still here go on as before they were redirected.
func (s *State) sendBack(mi uint32, set *journal.MessageRecipients) {
	name := set.Destination
	if set.Redirect != "" {
		name = set.Redirect
	}
	di := s.destination(name)
	for i, rid := range set.RIDs {
		s.settle(mi, []uint32{rid}, func(ri uint32) {
			s.send(ri, di)
			r := s.recipients.at(ri)
			r.flags &^= redirected
			if set.Redirect != "" {
				r.flags |= redirected
			}
			r.state = gone
			s.goOn(ri, set, i)
		})
	}
}

// at is an element of a list that may be shorter than it should be.
func at[T any](list []T, i int) (v T) {
	if i < len(list) {
		v = list[i]
	}
	return v
}
