package engine

import (
	"postern/journal"
	"slices"
)

// Apply folds one record into the state. It is total: facts that do not fit (an outcome for a message that is not there)
// are counted and change nothing.
func (s *State) Apply(r journal.Record) {
	s.now = int64(r.Time) - s.shift
	switch e := r.Event.(type) {
	case *journal.MessageInjected:
		s.applyInjected(r, e)
	case *journal.AttemptStarted:
		s.applyAttempt(e)
	case *journal.Delivered:
		s.terminal(r, e.Message, e.RIDs, e.Notify)
	case *journal.HardBounced:
		s.terminal(r, e.Message, e.RIDs, e.Notify)
	case *journal.DoubleBounced:
		s.terminal(r, e.Message, e.RIDs, false)
	case *journal.Dropped:
		s.terminal(r, e.Message, e.RIDs, false)
	case *journal.MessageRemoved:
		s.terminal(r, e.Message, e.RIDs, false)
	case *journal.SoftBounced:
		s.postpone(e.Message, e.RIDs, e.Attempts, e.Next)
	case *journal.OutcomeUnknown:
		s.postpone(e.Message, e.RIDs, e.Attempts, e.Next)
	case *journal.HostDown:
		s.applyHostDown(e)
	case *journal.HostUp:
		if di, ok := s.byName[e.Destination]; ok {
			s.setUp(di)
		}
	case *journal.NotificationDropped:
		s.clearReports(e.Message, e.Reports)
	case *journal.DestinationsForgotten:
		s.applyForgotten(e)
	case *journal.SetAside:
		s.applySetAside(e)
	case *journal.Split:
		s.terminal(r, e.Message, e.RIDs, false)
	case *journal.Rewritten:
		s.applyRewritten(r, e)
	case *journal.Queued:
		s.applyQueued(e)
	default:
		if !s.applyOrder(r) {
			s.applySystem(r)
		}
	}
}

// applyRewritten ends a message that goes on under another MID.
func (s *State) applyRewritten(r journal.Record, e *journal.Rewritten) {
	mi, ok := s.bySeq[e.Message]
	if !ok {
		s.anomalies++
		return
	}
	var rids []uint32
	for i := s.messages.at(mi).first; i != 0; i = s.recipients.at(i).next {
		rids = append(rids, s.recipients.at(i).rid)
	}
	s.terminal(r, e.Message, rids, false)
}

func (s *State) applyInjected(r journal.Record, e *journal.MessageInjected) {
	if _, ok := s.bySeq[r.Seq]; ok {
		s.anomalies++
		return
	}
	m := message{seq: r.Seq, injected: int64(r.Time) - s.shift, body: e.Body, size: e.Size, mid: e.MID, why: e.Why,
		sender: journal.HashSender(e.Sender)}
	if e.Why.SharesBody() {
		m.flags |= copyBody
		if e.Body != 0 {
			s.shareBody(e.Body, e.Parent)
		}
	}
	mi := s.addMessage(m)
	for i := len(e.Recipients) - 1; i >= 0; i-- {
		rc := &e.Recipients[i]
		ri := s.addRecipient(mi, rc.Domain, rc.RID, rc.Notify)
		s.recipients.at(ri).due = m.injected
	}
	if e.Queued {
		s.readyAll(mi)
	} else {
		s.enterWorkQueue(mi)
	}
	if len(e.Reports) > 0 {
		s.clearReports(e.Parent, e.Reports)
	}
	s.endIfDone(mi)
}

func (s *State) applyAttempt(e *journal.AttemptStarted) {
	mi, ok := s.bySeq[e.Message]
	if !ok {
		s.anomalies++
		return
	}
	for _, rid := range e.RIDs {
		ri := s.recipientOf(mi, rid)
		if ri == 0 || s.recipients.at(ri).state == trying {
			s.anomalies++
			continue
		}
		s.unlist(ri)
		r := s.recipients.at(ri)
		if !s.isTrying(mi, r.destination) {
			s.destinations[r.destination].inHand++
			s.messages.at(mi).inHand++
			s.inHand++
		}
		if r.flags&claimed != 0 { // decide attempts none of these
			s.claimedInHand++
		}
		r.state, r.attempts, r.due = trying, e.Attempt, int64(e.Next)-s.shift
	}
}

// attemptOver counts an attempt as ended, once for all of its recipients.
func (s *State) attemptOver(mi, di uint32) {
	d := s.destinations[di]
	d.inHand--
	d.quiet = s.now
	s.inHand--
	s.messages.at(mi).inHand--
	s.run(di)
}

// settle takes recipients out of an attempt; the attempt is over when none of its recipients is still in hand. Which
// attempt a recipient is in need not be known: of one message only one attempt to a destination is under way at a time.
func (s *State) settle(mi uint32, rids []uint32, each func(ri uint32)) {
	touched := [4]uint32{}
	more := map[uint32]bool(nil)
	for _, rid := range rids {
		ri := s.recipientOf(mi, rid)
		if ri == 0 {
			s.anomalies++
			continue
		}
		r := s.recipients.at(ri)
		di, was := r.destination, r.state
		if was == trying && r.flags&claimed != 0 {
			s.claimedInHand--
		}
		each(ri)
		if was == trying {
			more = noteTouched(&touched, more, di)
		}
	}
	for _, di := range touched {
		if di != 0 {
			s.overIfNoneTrying(mi, di)
		}
	}
	for di := range more {
		s.overIfNoneTrying(mi, di)
	}
}

func noteTouched(few *[4]uint32, more map[uint32]bool, di uint32) map[uint32]bool {
	for i := range few {
		if few[i] == di {
			return more
		}
		if few[i] == 0 {
			few[i] = di
			return more
		}
	}
	if more == nil {
		more = make(map[uint32]bool)
	}
	more[di] = true
	return more
}

func (s *State) overIfNoneTrying(mi, di uint32) {
	if !s.isTrying(mi, di) {
		s.attemptOver(mi, di)
	}
}

// isTrying tells whether an attempt of a message to a destination is under way.
func (s *State) isTrying(mi, di uint32) bool {
	for i := s.messages.at(mi).first; i != 0; {
		r := s.recipients.at(i)
		if r.destination == di && r.state == trying {
			return true
		}
		i = r.next
	}
	return false
}

// terminal ends recipients; with report, the record's Seq becomes a report that is due to the sender.
func (s *State) terminal(rec journal.Record, seq uint64, rids []uint32, report bool) {
	mi, ok := s.bySeq[seq]
	if !ok {
		s.anomalies++
		return
	}
	if report {
		s.addReport(mi, rec.Seq)
	}
	s.settle(mi, rids, s.removeRecipient)
	s.endIfDone(mi)
}

// postpone lets recipients wait until next.
func (s *State) postpone(seq uint64, rids []uint32, attempts uint32, next journal.Instant) {
	mi, ok := s.bySeq[seq]
	if !ok {
		s.anomalies++
		return
	}
	s.settle(mi, rids, func(ri uint32) {
		s.unlist(ri)
		s.recipients.at(ri).attempts = attempts
		s.wait(ri, int64(next)-s.shift)
	})
}

func (s *State) addReport(mi uint32, seq uint64) {
	if due := s.reports[mi]; len(due) > 0 && due[len(due)-1] == seq {
		return // one fact may name a message more than once
	}
	s.reports[mi] = append(s.reports[mi], seq)
	s.totals.Reports++
	if m := s.messages.at(mi); m.flags&reporting == 0 {
		m.flags |= reporting
		s.reportQueue = append(s.reportQueue, mi)
	}
}

// clearReports drops what a notification has taken on.
func (s *State) clearReports(parent uint64, seqs []uint64) {
	mi, ok := s.bySeq[parent]
	if !ok {
		s.anomalies++
		return
	}
	left := s.reports[mi][:0]
	for _, due := range s.reports[mi] {
		if !slices.Contains(seqs, due) {
			left = append(left, due)
		}
	}
	s.totals.Reports -= len(s.reports[mi]) - len(left)
	m := s.messages.at(mi)
	m.flags &^= reporting
	if len(left) > 0 {
		s.reports[mi] = left
		m.flags |= reporting
		s.reportQueue = append(s.reportQueue, mi)
	} else {
		delete(s.reports, mi)
	}
	s.endIfDone(mi)
}

func (s *State) applySetAside(e *journal.SetAside) {
	mi, ok := s.bySeq[e.Message]
	if !ok {
		s.anomalies++
		return
	}
	m := s.messages.at(mi)
	m.flags |= setAside
	for i := m.first; i != 0; i = s.recipients.at(i).next {
		if s.recipients.at(i).state != trying {
			s.hold(i)
		}
	}
}

func (s *State) applyReserved(e *journal.IDsReserved) {
	if e.ID < journal.MID || e.ID > journal.DCID {
		s.anomalies++
		return
	}
	if e.From < s.nextID[e.ID] {
		s.wrapped[e.ID] = true
	}
	s.nextID[e.ID] = e.To
}
