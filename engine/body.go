package engine

import "postern/journal"

// bodyUse counts who needs a body beside the message that brought it. A body without an entry is needed by its owner alone,
// which is nearly all of them, so the count costs nothing there.
type bodyUse struct {
	owner     uint64 // Seq of the message that brought it
	copies    uint32 // live messages that were made from the owner
	ownerGone bool
	kept      bool // the owner is gone, but an undo may need it
}

// shareBody notes that a copy needs the body of its parent.
func (s *State) shareBody(b journal.BodyID, parent uint64) {
	u, ok := s.shared[b]
	if !ok {
		p, here := s.bySeq[parent]
		u.owner, u.ownerGone = parent, !here || s.messages.at(p).body != b || s.messages.at(p).flags&copyBody != 0
	}
	u.copies++
	s.shared[b] = u
}

// giveUpBody ends a message's need of its body; the last need frees it, unless it is kept for an undo.
func (s *State) giveUpBody(m *message) {
	if m.flags&copyBody == 0 {
		s.bodyBytes -= m.size
	}
	if m.body == 0 {
		return
	}
	u, ok := s.shared[m.body]
	switch {
	case !ok:
	case m.flags&copyBody != 0:
		u.copies--
	default:
		u.ownerGone, u.kept = true, m.flags&keepBody != 0
	}
	if ok && (u.copies > 0 || !u.ownerGone) {
		s.shared[m.body] = u
		return
	}
	delete(s.shared, m.body)
	if u.kept || m.flags&keepBody != 0 {
		return
	}
	if s.loaded {
		s.free(m.body)
	} else {
		s.parked = append(s.parked, m.body)
	}
}

// free has a body deleted with the next turn.
func (s *State) free(b journal.BodyID) { s.freed = append(s.freed, b) }

// settleBodies is called when everything of before the start is loaded: only now it is known which owners still live, and
// what was given up meanwhile can be judged. kept names the bodies that an undo may need.
func (s *State) settleBodies(kept map[journal.BodyID]bool) {
	owned := make(map[journal.BodyID]bool, len(s.shared)+len(s.parked))
	for b := range s.shared {
		owned[b] = false
	}
	for _, b := range s.parked {
		owned[b] = false
	}
	for i := s.oldest; i != 0; i = s.messages.at(i).newer {
		if m := s.messages.at(i); m.flags&copyBody == 0 && m.body != 0 {
			if _, ok := owned[m.body]; ok {
				owned[m.body] = true
			}
		}
	}
	for b, u := range s.shared {
		u.ownerGone, u.kept = !owned[b], kept[b] && !owned[b]
		s.shared[b] = u
	}
	for _, b := range s.parked {
		if u, ok := s.shared[b]; !owned[b] && (!ok || u.copies == 0) {
			delete(s.shared, b)
			if !kept[b] {
				s.free(b)
			}
		}
	}
	s.parked, s.loaded = nil, true
}

// liveBodies adds every body from one on that a live message needs to those that an undo may need. It walks the queue and is
// for the sweep after a start and for tests.
func (s *State) liveBodies(kept map[journal.BodyID]bool, from journal.BodyID) (live map[journal.BodyID]bool) {
	live = kept
	for i := s.oldest; i != 0; i = s.messages.at(i).newer {
		if b := s.messages.at(i).body; b != 0 && b >= from {
			live[b] = true
		}
	}
	return live
}
