package engine

import "postern/journal"

// enterWorkQueue lets a message wait until it has been processed.
func (s *State) enterWorkQueue(mi uint32) {
	m := s.messages.at(mi)
	m.flags |= inWorkQueue
	for ri := m.first; ri != 0; ri = s.recipients.at(ri).next {
		if r := s.recipients.at(ri); r.state == gone {
			r.state = pending
		}
	}
	s.workQueue = append(s.workQueue, mi)
	s.unprocessed++
}

// leaveWorkQueue counts a message as processed, or as gone before it was.
func (s *State) leaveWorkQueue(m *message) {
	if m.flags&inWorkQueue != 0 {
		m.flags &^= inWorkQueue
		s.unprocessed--
	}
}

// readyAll lets the recipients of a message that wait for nothing else be delivered.
func (s *State) readyAll(mi uint32) {
	for ri := s.messages.at(mi).first; ri != 0; ri = s.recipients.at(ri).next {
		switch r := s.recipients.at(ri); {
		case r.state == gone || r.state == pending:
			s.makeReady(ri)
		case r.state == parked && r.was == pending:
			r.was = ready
		}
	}
}

// applyQueued lets a message leave the work queue.
func (s *State) applyQueued(e *journal.Queued) {
	mi, ok := s.bySeq[e.Message]
	if !ok || s.messages.at(mi).flags&inWorkQueue == 0 {
		s.anomalies++
		return
	}
	s.leaveWorkQueue(s.messages.at(mi))
	s.readyAll(mi)
}

// maxProcessed is how many messages leave the work queue with one turn.
const maxProcessed = 1000

// process takes messages through the work queue, in which nothing is done to them yet, unless it is paused. It tells
// whether more are waiting.
func (t *turn) process() (more bool) {
	s := t.s
	if s.paused {
		return false
	}
	for n := 0; len(s.workQueue) > 0; {
		mi := s.workQueue[0]
		if m := s.messages.at(mi); m.seq != 0 && m.flags&inWorkQueue != 0 {
			if n++; n > maxProcessed {
				return true
			}
			t.emit(&journal.Queued{Message: m.seq, MID: m.mid})
		}
		if s.workQueue = s.workQueue[1:]; len(s.workQueue) == 0 {
			s.workQueue = nil
		}
	}
	return false
}
