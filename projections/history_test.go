package projections

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"postern/journal"
)

// story writes plausible histories: lives of messages that overlap, with operators, crashes and clocks that are set.
type story struct {
	rng     *rand.Rand
	now     journal.Instant
	records []journal.Record
	domains int

	mid, icid, dcid uint32
	live            []*life
	taken           []taken // by operators, for undo
	inbound         []uint32
	outbound        []uint32
	boot            uint64
}

type life struct {
	seq         uint64
	mid         uint32
	rids        []uint32
	dest        map[uint32]string
	attempts    map[uint32]uint32
	dues        []uint64
	quarantines int
	workQueue   bool
	notice      bool
	heard       map[uint32]bool // who is to hear of their bounces
}

type taken struct {
	seq    uint64
	origin *life
	set    journal.MessageRecipients
}

func newStory(seed uint64) *story {
	s := &story{rng: rand.New(rand.NewPCG(seed, 1)), now: journal.InstantOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), domains: 12}
	s.start()
	return s
}

func (s *story) add(e journal.Event) uint64 {
	seq := uint64(len(s.records) + 1)
	s.records = append(s.records, journal.Record{Seq: seq, Time: s.now, Event: e})
	return seq
}

func (s *story) start() {
	s.boot++
	s.inbound, s.outbound = nil, nil
	s.add(&journal.Started{Boot: s.boot, Version: "1.0", Hostname: "mail3.example.com", Clean: s.boot == 1})
}

func (s *story) domain() string { return fmt.Sprintf("d%d.example", s.rng.IntN(s.domains)) }

func (s *story) inject(why journal.Why, parent *life, rids int) *life {
	s.mid++
	e := &journal.MessageInjected{MID: s.mid, Why: why, Size: int64(s.rng.IntN(100_000)), Queued: s.rng.IntN(3) > 0}
	l := &life{mid: s.mid, dest: map[uint32]string{}, attempts: map[uint32]uint32{}, workQueue: !e.Queued, heard: map[uint32]bool{}}
	if s.rng.IntN(3) > 0 {
		e.Sender = "a@example.com"
	}
	if parent != nil {
		e.Parent, e.ParentMID = parent.seq, parent.mid
	}
	switch why {
	case journal.WhyReceived:
		for range s.rng.IntN(3) {
			e.Rejected = append(e.Rejected, journal.RejectedRecipient{By: "RAT"})
		}
	case journal.WhyBounce, journal.WhySuccess:
		n := 1 + s.rng.IntN(len(parent.dues))
		e.Reports = slices.Clone(parent.dues[:n])
		parent.dues = parent.dues[n:]
		l.notice = true
	}
	for rid := range uint32(rids) {
		d := s.domain()
		notify := []journal.Notify{0, journal.NotifyNever, journal.NotifySuccess, journal.NotifySuccess | journal.NotifyFailure}[s.rng.IntN(4)]
		e.Recipients = append(e.Recipients, journal.InjectedRecipient{RID: rid, Domain: d, Local: "x", Notify: notify})
		l.heard[rid] = e.Sender != "" && notify != journal.NotifyNever && notify != journal.NotifySuccess
		l.rids = append(l.rids, rid)
		l.dest[rid] = d
	}
	l.seq = s.add(e)
	s.live = append(s.live, l)
	return l
}

// some takes recipients of a message to one destination.
func (s *story) some(l *life) (string, []uint32) {
	d := l.dest[l.rids[s.rng.IntN(len(l.rids))]]
	var rids []uint32
	for _, rid := range l.rids {
		if l.dest[rid] == d && (len(rids) == 0 || s.rng.IntN(3) > 0) {
			rids = append(rids, rid)
		}
	}
	return d, rids
}

func (l *life) end(rids []uint32) bool {
	l.rids = slices.DeleteFunc(l.rids, func(r uint32) bool { return slices.Contains(rids, r) })
	return len(l.rids) == 0
}

func (s *story) pick() *life {
	for range 8 {
		if len(s.live) == 0 {
			break
		}
		if l := s.live[s.rng.IntN(len(s.live))]; len(l.rids) > 0 {
			return l
		}
	}
	return s.inject(journal.WhyReceived, nil, 1+s.rng.IntN(4))
}

func (s *story) sweep() {
	s.live = slices.DeleteFunc(s.live, func(l *life) bool { return len(l.rids) == 0 && len(l.dues) == 0 })
}

// step adds something that may happen.
func (s *story) step() {
	s.now = s.now.Add(time.Duration(s.rng.IntN(20_000)) * time.Millisecond)
	switch k := s.rng.IntN(100); {
	case k < 25:
		s.inject(journal.WhyReceived, nil, 1+s.rng.IntN(4)*s.rng.IntN(2)+s.rng.IntN(12)/11*300)
	case k < 62:
		s.deliver(s.pick())
	case k < 70:
		s.workQueue(s.pick())
	case k < 80:
		s.operator(s.pick())
	case k < 92:
		s.connection()
	default:
		s.systemFact()
	}
	for _, l := range s.live {
		if len(l.dues) > 0 && s.rng.IntN(9) == 0 {
			s.add(&journal.NotificationDropped{Message: l.seq, MID: l.mid, Reports: l.dues})
			l.dues = nil
			break
		}
		if len(l.dues) > 0 && s.rng.IntN(3) == 0 {
			s.inject([]journal.Why{journal.WhyBounce, journal.WhySuccess}[s.rng.IntN(2)], l, 1)
			break
		}
	}
	s.sweep()
}

func (s *story) deliver(l *life) {
	if l.quarantines > 0 {
		return
	}
	if l.workQueue {
		l.workQueue = false
		s.add(&journal.Queued{Message: l.seq, MID: l.mid})
	}
	d, rids := s.some(l)
	n := l.attempts[rids[0]] + 1
	s.add(&journal.AttemptStarted{Message: l.seq, MID: l.mid, Destination: d, RIDs: rids, Attempt: n})
	s.dcid++
	s.add(&journal.DeliveryStarted{DCID: s.dcid, Message: l.seq, MID: l.mid, RIDs: rids})
	switch s.rng.IntN(6) {
	case 0:
		for _, r := range rids {
			l.attempts[r] = n
		}
		s.add(&journal.SoftBounced{DCID: s.dcid, Message: l.seq, Destination: d, RIDs: rids, Attempts: n, Code: "451"})
	case 1:
		for _, r := range rids {
			l.attempts[r] = n
		}
		s.add(&journal.OutcomeUnknown{Message: l.seq, Destination: d, RIDs: rids, Attempts: n})
	case 2:
		fin := l.end(rids)
		class := journal.BounceClass(s.rng.IntN(6))
		if l.notice {
			s.add(&journal.DoubleBounced{Message: l.seq, Destination: d, RIDs: rids, Attempts: n, Class: class, Finished: fin})
			return
		}
		e := &journal.HardBounced{Message: l.seq, Destination: d, RIDs: rids, Attempts: n, Class: class, Code: "550",
			Reply: []string{"no such user"}, Finished: fin, Notify: s.rng.IntN(2) == 0}
		if seq := s.add(e); e.Notify {
			l.dues = append(l.dues, seq)
		}
	default:
		e := &journal.Delivered{DCID: s.dcid, Message: l.seq, MID: l.mid, Destination: d, RIDs: rids, Attempts: n,
			Finished: l.end(rids), Notify: !l.notice && s.rng.IntN(8) == 0}
		if seq := s.add(e); e.Notify {
			l.dues = append(l.dues, seq)
		}
	}
}

func (s *story) workQueue(l *life) {
	switch s.rng.IntN(6) {
	case 0:
		rids := slices.Clone(l.rids)
		l.end(rids)
		s.add(&journal.Dropped{Message: l.seq, RIDs: rids, Filter: s.rng.IntN(2) == 0, By: "filter"})
	case 1, 2:
		l.quarantines++
		s.add(&journal.Quarantined{Message: l.seq, Quarantine: "Policy"})
	case 3:
		if l.quarantines > 0 {
			last := s.rng.IntN(2) == 0 || l.quarantines == 1
			if l.quarantines--; last {
				l.quarantines = 0
			}
			s.add(&journal.Released{Message: l.seq, Last: last})
		}
	case 4:
		d, rids := s.some(l)
		n := s.inject(journal.WhySplit, l, len(rids))
		l.end(rids)
		_ = d
		s.add(&journal.Split{Message: l.seq, New: n.seq, RIDs: rids})
	default:
		n := s.inject(journal.WhyRewrite, l, len(l.rids))
		l.end(slices.Clone(l.rids))
		s.add(&journal.Rewritten{Message: l.seq, New: n.seq})
		if s.rng.IntN(2) == 0 {
			s.inject(journal.WhyCopy, n, 1)
		}
	}
}

func (s *story) operator(l *life) {
	d, rids := s.some(l)
	set := journal.MessageRecipients{Message: l.seq, MID: l.mid, Destination: d, RIDs: rids}
	switch s.rng.IntN(6) {
	case 0:
		set.Finished = l.end(rids)
		order := s.order("delete", set)
		seq := s.add(&journal.RecipientsDeleted{Action: order, Unsubscribe: s.rng.IntN(2) == 0, Set: []journal.MessageRecipients{set}})
		if s.complete(order, set); order != 0 {
			seq = order
		}
		s.taken = append(s.taken, taken{seq, l, set})
	case 1:
		set.Finished = l.end(rids)
		sets := []journal.MessageRecipients{set}
		if len(l.rids) > 0 {
			d2, rids2 := s.some(l)
			sets = append(sets, journal.MessageRecipients{Message: l.seq, MID: l.mid, Destination: d2, RIDs: rids2, Finished: l.end(rids2)})
		}
		seq := s.add(&journal.RecipientsBounced{Set: sets})
		for _, set := range sets {
			if !slices.Contains(l.dues, seq) && slices.ContainsFunc(set.RIDs, func(rid uint32) bool { return l.heard[rid] }) {
				l.dues = append(l.dues, seq)
			}
		}
	case 2:
		target := s.domain()
		for _, r := range rids {
			l.dest[r] = target
		}
		order := s.order("redirect", set)
		s.add(&journal.RecipientsRedirected{Action: order, Target: target, Set: []journal.MessageRecipients{set}})
		s.complete(order, set)
	case 3, 4:
		if len(s.taken) == 0 {
			return
		}
		t := s.taken[len(s.taken)-1]
		s.taken = s.taken[:len(s.taken)-1]
		order := s.order("reinstate", t.set)
		back := s.undo(t)
		back.Action = order
		s.add(back)
		s.complete(order, t.set)
		t.origin.rids = append(t.origin.rids, t.set.RIDs...)
		slices.Sort(t.origin.rids)
		for _, r := range t.set.RIDs {
			t.origin.dest[r] = t.set.Destination
		}
		if !slices.Contains(s.live, t.origin) {
			t.origin.quarantines, t.origin.workQueue = 0, false
			s.live = append(s.live, t.origin)
		}
	default:
		all := slices.Clone(l.rids)
		l.end(all)
		s.add(&journal.MessageRemoved{Message: l.seq, RIDs: all})
	}
}

// undo is the fact that brings back what was taken; it says all that is needed of a message that had left.
func (s *story) undo(t taken) *journal.RecipientsReinstated {
	r := s.records[t.origin.seq-1]
	was := r.Event.(*journal.MessageInjected)
	for _, rid := range t.set.RIDs {
		t.set.Notify = append(t.set.Notify, uint32(was.Recipient(rid).Notify))
	}
	return &journal.RecipientsReinstated{Undone: t.seq, Set: []journal.MessageRecipients{t.set}, Messages: []journal.ReinstatedMessage{{Message: t.origin.seq,
		MID: was.MID, Injected: r.Time, Size: was.Size, Recipients: ridsOf(was), SenderHash: journal.HashSender(was.Sender)}}}
}

// order begins a bulk action, 0: what follows is an order by itself.
func (s *story) order(what string, set journal.MessageRecipients) uint64 {
	if s.rng.IntN(2) == 0 {
		return 0
	}
	return s.add(&journal.BulkActionOrdered{Action: what, By: "admin", Selection: "to host " + set.Destination, Messages: 1,
		Recipients: uint64(len(set.RIDs)) + 1})
}

// complete ends a bulk action, unless a crash keeps it from being ended.
func (s *story) complete(order uint64, set journal.MessageRecipients) {
	if order == 0 || s.rng.IntN(5) == 0 {
		return
	}
	s.add(&journal.BulkActionCompleted{Action: order, Messages: 1, Recipients: uint64(len(set.RIDs)),
		Excluded: []journal.MessageRecipients{{Message: set.Message, RIDs: []uint32{7}}}})
}

func (s *story) connection() {
	switch s.rng.IntN(10) {
	case 8:
		s.add(&journal.DeliveryConnectionSecured{DCID: s.dcid, Destination: s.domain(), Failure: []string{"", "timeout"}[s.rng.IntN(2)],
			Address: netip.AddrFrom4([4]byte{10, 9, 0, byte(s.rng.IntN(256))}), Level: "Preferred"})
	case 0, 1:
		s.icid++
		s.inbound = append(s.inbound, s.icid)
		s.add(&journal.ConnectionAccepted{ICID: s.icid, Listener: []string{"In", "Out"}[s.rng.IntN(2)],
			Remote: netip.AddrFrom4([4]byte{10, 0, 0, byte(s.rng.IntN(5))}), ReverseDNS: "h.example", Verified: s.rng.IntN(2) == 0})
	case 2:
		if n := len(s.inbound); n > 0 {
			s.add(&journal.ConnectionClosed{ICID: s.inbound[n-1], Rejected: uint32(s.rng.IntN(3))})
			s.inbound = s.inbound[:n-1]
		}
	case 3:
		s.dcid++
		s.outbound = append(s.outbound, s.dcid)
		s.add(&journal.DeliveryConnectionOpened{DCID: s.dcid, Destination: s.domain()})
	case 4:
		if n := len(s.outbound); n > 0 {
			s.add(&journal.DeliveryConnectionClosed{DCID: s.outbound[n-1]})
			s.outbound = s.outbound[:n-1]
		}
	case 5:
		s.add(&journal.HostDown{Destination: s.domain(), Failures: 1, Reason: "connection refused"})
	case 6:
		s.add(&journal.HostUp{Destination: s.domain()})
	case 7:
		s.add(&journal.DestinationsForgotten{Destinations: []string{s.domain(), s.domain()}})
	default:
		s.mid++
		s.add(&journal.ReceivingAborted{MID: s.mid, Recipients: make([]journal.InjectedRecipient, s.rng.IntN(3)),
			Rejected: make([]journal.RejectedRecipient, s.rng.IntN(3))})
	}
}

func (s *story) systemFact() {
	switch s.rng.IntN(14) {
	case 12:
		s.add(&journal.WorkQueuePaused{By: "admin", Reason: "checking LDAP server"})
	case 13:
		s.add(&journal.WorkQueueResumed{By: "admin"})
	case 11:
		s.add(&journal.Sampled{Values: []journal.NamedValue{{Name: GaugeDNSRequests, Value: int64(s.rng.IntN(1000))}, {Name: "DnsReq", Value: 7}}})
	case 9:
		s.add(&journal.OperatorLoggedIn{Session: s.rng.Uint64N(4), By: "admin", From: netip.AddrFrom4([4]byte{10, 1, 3, byte(s.rng.IntN(256))})})
	case 10:
		s.add(&journal.OperatorLoggedOut{Session: s.rng.Uint64N(4), By: "admin"})
	case 0:
		s.add(&journal.CountersReset{By: "admin"})
	case 1:
		s.start()
	case 2:
		jump := time.Duration(s.rng.IntN(2000)-1000) * time.Hour
		s.now = s.now.Add(jump)
		s.add(&journal.ClockJumped{Delta: int64(jump)})
	case 3:
		s.now = s.now.Add(time.Duration(s.rng.IntN(4)) * time.Hour)
	case 4:
		s.add(&journal.DeliverySuspended{By: "admin", Domains: []string{s.domain()}})
	case 5:
		s.add(&journal.DeliveryResumed{By: "admin"})
	case 6:
		s.add(&journal.ListenerSuspended{Listener: "In"})
	case 7:
		s.add(&journal.ConnectionRefused{Count: uint32(s.rng.IntN(10))})
	default:
		s.add(&journal.DeliveryForced{Domain: s.domain()})
	}
}

func tell(seed uint64, steps int) []journal.Record {
	s := newStory(seed)
	for range steps {
		s.step()
	}
	return s.records
}
