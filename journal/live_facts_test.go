package journal

import (
	"fmt"
	"math/rand/v2"
	"time"
)

var liveStart = InstantOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

// factSource invents a history: mostly what an engine would write, now and then what none would.
type factSource struct {
	*rand.Rand
	seq   uint64
	at    Instant
	known []uint64 // messages, also ended ones
	rids  map[uint64]int
	dues  map[uint64][]uint64
	taken []uint64 // facts and orders that took recipients
	made  []Event
	boots uint64
}

func newFactSource(seed uint64) *factSource {
	return &factSource{
		Rand: rand.New(rand.NewPCG(seed, 1)), at: liveStart, rids: make(map[uint64]int), dues: make(map[uint64][]uint64),
	}
}

func (s *factSource) one(n int) bool { return s.IntN(n) == 0 }

func (s *factSource) domain() string { return fmt.Sprintf("d%d.example", s.IntN(6)) }

// message picks a message, sometimes one that never was.
func (s *factSource) message() uint64 {
	if len(s.known) == 0 || s.one(40) {
		return s.Uint64N(s.seq + 3)
	}
	if s.one(3) {
		return s.known[s.IntN(len(s.known))]
	}
	return s.known[max(0, len(s.known)-1-s.IntN(8))]
}

func (s *factSource) some(message uint64) []uint32 {
	n := s.rids[message]
	if n == 1 && !s.one(20) {
		return []uint32{0}
	}
	var rids []uint32
	for rid := range n {
		if s.one(2) {
			rids = append(rids, uint32(rid))
		}
	}
	if s.one(40) {
		rids = append(rids, s.Uint32N(9))
	}
	if s.one(100) && len(rids) > 0 {
		rids = append(rids, rids[0])
	}
	return rids
}

func (s *factSource) set() []MessageRecipients {
	var set []MessageRecipients
	for range 1 + s.IntN(4) {
		m := s.message()
		set = append(set, MessageRecipients{Message: m, RIDs: s.some(m)})
	}
	return set
}

func (s *factSource) later() Instant { return s.at + Instant(s.Int64N(int64(time.Hour))) + 1 }

// next invents one record.
func (s *factSource) next() Record {
	s.seq++
	s.at += Instant(s.Int64N(int64(time.Second)))
	e := s.event()
	s.made = append(s.made, e)
	return Record{Seq: s.seq, Time: s.at, Event: e}
}

func (s *factSource) event() Event {
	m := s.message()
	rids := s.some(m)
	switch s.IntN(24) {
	case 0, 1, 2, 3, 4:
		return s.inject()
	case 5, 6, 7:
		return &AttemptStarted{Message: m, RIDs: rids, Attempt: s.Uint32N(9), Next: s.later(), Exact: s.one(3)}
	case 8, 9, 10, 11:
		notify := s.one(9)
		s.owe(m, notify)
		return &Delivered{Message: m, RIDs: rids, Notify: notify, Finished: s.one(2)}
	case 12, 13:
		next := s.later()
		if s.one(9) {
			next = 0
		}
		return &SoftBounced{Message: m, RIDs: rids, Attempts: s.Uint32N(9), Next: next}
	case 14:
		s.owe(m, true)
		return &HardBounced{Message: m, RIDs: rids, Notify: true}
	case 15:
		if s.one(2) {
			return &DataSent{Message: m, RIDs: rids}
		}
		return &OutcomeUnknown{Message: m, RIDs: rids, Attempts: s.Uint32N(9), Next: s.later()}
	case 16:
		return s.notification(m)
	case 17:
		if s.one(3) {
			return &HostUp{Destination: s.domain()}
		}
		if s.one(6) {
			return &DestinationsForgotten{Destinations: []string{s.domain(), s.domain()}}
		}
		return &HostDown{Destination: s.domain(), Failures: s.Uint32N(9), Next: s.later(), Reason: "no answer"}
	case 18:
		return s.workQueue(m, rids)
	case 19, 20:
		return s.order(m, rids)
	case 21:
		return s.system()
	case 22:
		return &ConnectionAccepted{ICID: s.Uint32()}
	}
	return &DeliveryStarted{Message: m, RIDs: rids}
}

func (s *factSource) owe(m uint64, notify bool) {
	if notify {
		s.dues[m] = append(s.dues[m], s.seq)
	}
}

func (s *factSource) inject() Event {
	n := 1
	if s.one(3) {
		n = 1 + s.IntN(12)
	}
	s.known = append(s.known, s.seq)
	s.rids[s.seq] = n
	e := &MessageInjected{MID: s.Uint32N(IDLimit), ICID: s.Uint32(), Size: s.Int64N(1 << 20), Body: BodyID(s.seq), Queued: s.one(2)}
	if !s.one(4) {
		e.Sender = "a@" + s.domain()
	}
	for i := range n {
		e.Recipients = append(e.Recipients, InjectedRecipient{RID: uint32(i), Domain: s.domain(), Notify: Notify(s.IntN(3))})
	}
	if s.one(9) {
		s.Shuffle(n, func(i, k int) { e.Recipients[i], e.Recipients[k] = e.Recipients[k], e.Recipients[i] })
	}
	if s.one(30) {
		e.Recipients = append(e.Recipients, e.Recipients[0])
	}
	return e
}

func (s *factSource) notification(parent uint64) Event {
	for _, m := range s.known {
		if len(s.dues[m]) > 0 && !s.one(3) {
			parent = m
			break
		}
	}
	if s.one(6) {
		e := &NotificationDropped{Message: parent, Reports: s.dues[parent]}
		s.dues[parent] = nil
		return e
	}
	e := s.inject().(*MessageInjected)
	e.Why, e.Parent, e.ParentMID, e.Reports = Why(1+s.IntN(7)), parent, 7, s.dues[parent]
	s.dues[parent] = nil
	return e
}

func (s *factSource) workQueue(m uint64, rids []uint32) Event {
	switch s.IntN(8) {
	case 0:
		return &Rewritten{Message: m, New: s.seq + 1}
	case 1:
		return &Split{Message: m, New: s.seq + 1, RIDs: rids}
	case 2:
		return &Quarantined{Message: m, Quarantine: "Policy"}
	case 3:
		return &Released{Message: m, Last: s.one(2)}
	case 4:
		return &Dropped{Message: m, RIDs: rids}
	case 5:
		return &WorkQueuePaused{Reason: "Manually paused"}
	case 6:
		return &WorkQueueResumed{}
	}
	return &Queued{Message: m}
}

func (s *factSource) order(m uint64, rids []uint32) Event {
	took := s.seq
	if len(s.taken) > 0 && s.one(3) {
		took = s.taken[s.IntN(len(s.taken))]
	}
	action := took
	if took == s.seq {
		action = 0
	}
	domain := s.domain()
	if s.one(3) {
		domain = ""
	}
	switch s.IntN(14) {
	case 0, 1:
		s.taken = append(s.taken, took)
		return &RecipientsDeleted{Action: action, Set: s.set()}
	case 2:
		s.taken = append(s.taken, took)
		return &RecipientsBounced{Action: action, Set: s.set()}
	case 3:
		s.taken = append(s.taken, s.seq)
		return &MessageRemoved{Message: m, RIDs: rids}
	case 4, 5:
		return s.undo(took)
	case 6:
		return &RecipientsRedirected{Target: "other.example", Set: s.set()}
	case 7:
		return &Held{Set: s.set()}
	case 8:
		return &Unheld{Set: s.set()}
	case 9, 10:
		return &DeliveryForced{Domain: domain}
	case 11:
		s.taken = append(s.taken, s.seq)
		return &BulkActionOrdered{Action: "delete"}
	case 12:
		return &UndoEnded{Action: took}
	}
	return &BulkActionCompleted{Action: took}
}

// undo brings back what one of the facts took, or nearly that.
func (s *factSource) undo(took uint64) Event {
	e := &RecipientsReinstated{Undone: took, Set: s.set()}
	if s.one(4) {
		e.Target = "other.example"
	}
	if took < s.seq && int(took) <= len(s.made) && !s.one(5) { // the facts of this turn are not there yet
		switch was := s.made[took-1].(type) {
		case *RecipientsDeleted:
			e.Set = was.Set
		case *RecipientsBounced:
			e.Set = was.Set
		case *MessageRemoved:
			e.Set = []MessageRecipients{{Message: was.Message, RIDs: was.RIDs}}
		}
	}
	for i := range e.Set {
		if m := e.Set[i].Message; !s.one(20) {
			e.Messages = append(e.Messages, ReinstatedMessage{Message: m, Size: s.Int64N(1 << 20), Injected: s.at, SenderHash: m})
		}
	}
	return e
}

func (s *factSource) system() Event {
	from := 1 + s.Uint32N(5000)
	switch s.IntN(11) {
	case 0:
		if s.one(4) {
			return &Settled{Unclean: 2}
		}
		s.boots++
		return &Started{Boot: s.boots, Clean: s.one(2)}
	case 1:
		return &Stopped{NextMID: s.Uint32N(3000), NextICID: s.Uint32N(3000), NextDCID: s.Uint32N(3000)}
	case 2, 3:
		return &ClockJumped{Delta: s.Int64N(int64(48*time.Hour)) - int64(24*time.Hour)}
	case 4:
		return &IDsReserved{ID: IDKind(s.IntN(5)), From: from, To: from + 1024}
	case 5:
		return &ConfigurationCommitted{Revision: s.seq, Hash: "abc"}
	case 6:
		return &CountersReset{}
	case 7:
		return &DeliverySuspended{Domains: []string{s.domain()}}
	case 8:
		return &DeliveryResumed{Domains: []string{s.domain()}}
	case 9:
		return &ListenerSuspended{Listener: s.domain()}
	}
	return &ResourceConservationChanged{Degree: s.Uint32N(60)}
}
