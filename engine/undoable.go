package engine

import (
	"slices"
	"time"

	"postern/journal"
)

// undoable is an order whose set can be brought back. Bodies that nothing else needs are kept for it; they do not count as
// used.
type undoable struct {
	order     uint64 // its Seq
	completed uint64 // Seq of its BulkActionCompleted; 0: it is under way
	at        int64  // of that; State's clock
	undoneBy  uint64 // the order that brings it back, carried out or under way; 0: none
	kept      []keptBody
	ending    string
}

// keptBody is the body of a message of which an order has taken recipients.
type keptBody struct {
	message uint64 // that brought it: the parent of a copy
	body    journal.BodyID
}

// undoOf finds an order that can be undone; nil: it is none.
func (s *State) undoOf(order uint64) *undoable {
	i, ok := slices.BinarySearchFunc(s.undo, order, func(u *undoable, order uint64) int {
		switch {
		case u.order < order:
			return -1
		case u.order > order:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return s.undo[i]
}

func (s *State) applyOrdered(r journal.Record, e *journal.BulkActionOrdered) {
	if u := s.undoOf(e.Undone); u != nil {
		u.undoneBy = r.Seq
	}
	if e.Undoable() {
		s.undo = append(s.undo, &undoable{order: r.Seq})
	}
}

func (s *State) applyCompleted(r journal.Record, e *journal.BulkActionCompleted) {
	if u := s.undoOf(e.Action); u != nil {
		u.completed, u.at = r.Seq, s.now
	}
	for _, u := range s.undo {
		if u.undoneBy == e.Action { // never twice: who came back may have been delivered since
			u.ending = undoUsed
		}
	}
}

func (s *State) applyUndoEnded(e *journal.UndoEnded) {
	s.undo = slices.DeleteFunc(s.undo, func(u *undoable) bool { return u.order == e.Action })
}

// keep holds on to the body of a message of which an order is about to take recipients.
func (s *State) keep(order, seq uint64) {
	u := s.undoOf(order)
	mi, ok := s.bySeq[seq]
	if u == nil || !ok {
		return
	}
	m := s.messages.at(mi)
	k := keptBody{seq, m.body}
	if m.flags&copyBody != 0 {
		k.message = s.shared[m.body].owner
	}
	if n := len(u.kept); k.body == 0 || n > 0 && u.kept[n-1] == k {
		return
	}
	if s.noteKept(k) {
		s.keptTwice[k.message]++
	}
	u.kept = append(u.kept, k)
}

// noteKept notes that an undo may need a body, with its owner or, when that is gone, with its copies; again: one does already.
func (s *State) noteKept(k keptBody) (again bool) {
	if mi, ok := s.bySeq[k.message]; ok {
		m := s.messages.at(mi)
		again = m.flags&keepBody != 0
		m.flags |= keepBody
		return again
	}
	u := s.shared[k.body]
	again, u.kept = u.kept, true
	s.shared[k.body] = u
	return again
}

// unkeep ends an undo's need of a body.
func (s *State) unkeep(k keptBody) {
	if n := s.keptTwice[k.message]; n > 0 {
		if s.keptTwice[k.message]--; n == 1 {
			delete(s.keptTwice, k.message)
		}
		return
	}
	if mi, ok := s.bySeq[k.message]; ok {
		s.messages.at(mi).flags &^= keepBody
		return
	}
	if u, ok := s.shared[k.body]; ok {
		if u.kept = false; u.copies > 0 {
			s.shared[k.body] = u
			return
		}
		delete(s.shared, k.body)
	}
	s.free(k.body)
}

// Limits of what is kept for undo.
const (
	maxUnkept   = 1000 // bodies given up with one turn
	maxUndoable = 1000 // orders; beyond it the oldest can be undone no more
)

// The reasons for which an order can be undone no more.
const (
	undoOver    = "its time is over"
	undoNoSpace = "the disk has no room for what it took"
	undoTooMany = "there were too many orders since"
	undoUsed    = "it was undone"
	undoErased  = "a person's data in what it took were erased"
)

// endUndos gives up what is kept for undo when its time is over, or, the oldest first, when space is short. It tells whether
// more is to be given up at once.
func (t *turn) endUndos(e *Engine, within time.Duration) (more bool) {
	s := t.s
	if len(s.undo) == 0 || !s.loaded {
		return false
	}
	for _, u := range s.undo {
		if u.completed == 0 || u.order == e.undoing {
			continue
		}
		switch {
		case u.ending != "":
		case t.clock-u.at >= int64(within):
			u.ending = undoOver
		case len(s.undo) > maxUndoable:
			u.ending = undoTooMany
		case e.admission.diskFull.Load() && len(u.kept) > 0:
			u.ending = undoNoSpace
		default:
			continue
		}
		n := min(len(u.kept), maxUnkept)
		for _, k := range u.kept[len(u.kept)-n:] {
			s.unkeep(k)
		}
		if u.kept = u.kept[:len(u.kept)-n]; len(u.kept) > 0 {
			return true
		}
		t.emit(&journal.UndoEnded{Action: u.order, Reason: u.ending})
		return len(s.undo) > 0
	}
	return false
}

// restoreKept takes over a part of what was kept before the start. seen holds the messages of all parts taken over before.
func (s *State) restoreKept(kept []keptBody, seen map[uint64]bool) {
	for _, k := range kept {
		if seen[k.message] {
			s.keptTwice[k.message]++
		}
		seen[k.message] = true
		if mi, ok := s.bySeq[k.message]; ok {
			s.messages.at(mi).flags |= keepBody
		}
	}
}
