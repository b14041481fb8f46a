package engine

import (
	"slices"
	"strings"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// turn is one turn of the engine: what was decided with one reading of the clock, to be made durable with one sync.
// Each event is applied at once, so that the next decision sees it. Owned by Run.
type turn struct {
	s      *State
	retry  config.Retry
	draw   func() float64
	doubt  func(destination string) string // config.Document.InDoubt
	now    journal.Instant
	clock  int64  // now, on State's clock
	next   uint64 // Seq of the next event
	events []journal.Prepared
	starts []Attempt
	late   int      // messages that were too old when it was their turn
	after  []func() // done when the turn is durable
}

// emit makes an event a fact of this turn and returns its Seq.
func (t *turn) emit(e journal.Event) uint64 { return t.emitPrepared(journal.Prepare(e)) }

func (t *turn) emitPrepared(p journal.Prepared) uint64 {
	seq := t.next
	t.next++
	t.s.Apply(journal.Record{Seq: seq, Time: t.now, Event: p.Event})
	t.events = append(t.events, p)
	return seq
}

// ended takes an attempt that has come back.
func (t *turn) ended(e *Engine, it *item) {
	outcomes := it.outcomes
	if e.ended(it.attempt) {
		if outcomes = t.calledOff(it.attempt, outcomes); len(outcomes) == 0 {
			return // it says nothing about the destination
		}
	}
	t.report(it.attempt, outcomes)
}

// report decides what the outcomes of an attempt mean.
func (t *turn) report(a Attempt, outcomes []Outcome) {
	mi, ok := t.s.bySeq[a.Message]
	if !ok {
		return
	}
	hostFailed, why := len(outcomes) > 0, ""
	learned := slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.DCID != 0 || !o.calledOff() })
	if hostFailed {
		why = strings.Join(append([]string{outcomes[0].Reason}, outcomes[0].Reply...), ": ")
	}
	for ok && len(outcomes) > 0 {
		same, rest := alike(outcomes)
		if !same[0].Host || same[0].Result != Temporary {
			hostFailed = false
		}
		if rids := t.stillTrying(mi, same); len(rids) > 0 {
			t.outcome(a, mi, rids, same[0])
			mi, ok = t.s.bySeq[a.Message]
		}
		outcomes = rest
	}
	if learned {
		t.judgeHost(a, hostFailed, why)
	}
}

// alike splits off the outcomes that say the same as the first one, so that one fact can stand for all of them.
func alike(o []Outcome) (same, rest []Outcome) {
	n := 1
	for n < len(o) && o[n].Result == o[0].Result && o[n].DCID == o[0].DCID && o[n].Code == o[0].Code &&
		o[n].Status == o[0].Status && o[n].Class == o[0].Class && o[n].Relayed == o[0].Relayed && slices.Equal(o[n].Reply, o[0].Reply) {
		n++
	}
	return o[:n], o[n:]
}

// stillTrying leaves out recipients that an operator took out of the queue meanwhile.
func (t *turn) stillTrying(mi uint32, o []Outcome) []uint32 {
	rids := make([]uint32, 0, len(o))
	for i := range o {
		if ri := t.s.recipientOf(mi, o[i].RID); ri != 0 && t.s.recipients.at(ri).state == trying {
			rids = append(rids, o[i].RID)
		}
	}
	return rids
}

func (t *turn) outcome(a Attempt, mi uint32, rids []uint32, o Outcome) {
	m := t.s.messages.at(mi)
	last := int(m.live) == len(rids)
	switch o.Result {
	case Delivered:
		e := &journal.Delivered{DCID: o.DCID, Message: a.Message, MID: m.mid, Destination: a.Destination, RIDs: rids,
			Attempts: a.Number, Size: m.size, Finished: last, Notify: o.Relayed && m.sender != 0 && t.wantsSuccess(mi, rids)}
		if len(o.Reply) > 0 {
			e.Reply = strings.TrimSpace(o.Status + " " + o.Reply[0])
		}
		t.emit(e)
	case Permanent:
		t.bounce(a.Destination, a.Number, mi, rids, o)
	case Unknown:
		t.inDoubt(a, mi, rids, o)
	default:
		t.soften(a, mi, rids, o)
	}
}

// inDoubt writes down that the peer may have the message. It is tried again, for twice is better than never, unless the
// configuration wants it held.
func (t *turn) inDoubt(a Attempt, mi uint32, rids []uint32, o Outcome) {
	if action := t.doubt(a.Destination); action != config.DoubtResend {
		t.holdDoubt(&journal.OutcomeUnknown{DCID: o.DCID, Message: a.Message, Destination: a.Destination, RIDs: rids, Attempts: a.Number,
			Next: t.nextAttempt(a.Number), Reason: strings.Join(append([]string{o.Reason}, o.Reply...), ": "), Action: action}, mi)
		return
	}
	e := &journal.OutcomeUnknown{DCID: o.DCID, Message: a.Message, MID: t.s.messages.at(mi).mid, Destination: a.Destination, RIDs: rids,
		Attempts: a.Number, Reason: strings.Join(append([]string{o.Reason}, o.Reply...), ": ")}
	lastOne := int(a.Number) >= t.retry.MaxAttempts // a peer that never answers must not get it for ever
	if !lastOne {
		e.Next = t.nextAttempt(a.Number)
	}
	t.emit(e)
	if lastOne {
		t.tooMany(a, mi, rids, o)
	}
}

// soften postpones recipients after a temporary failure, or gives them up when that was their last attempt.
func (t *turn) soften(a Attempt, mi uint32, rids []uint32, o Outcome) {
	m := t.s.messages.at(mi)
	e := &journal.SoftBounced{DCID: o.DCID, Message: a.Message, MID: m.mid, Destination: a.Destination, RIDs: rids, Attempts: a.Number,
		Code: o.Code, Status: o.Status, Reason: o.Reason, Profile: "Default", Reply: o.Reply, Down: o.Host && !o.calledOff()}
	lastOne := int(a.Number) >= t.retry.MaxAttempts && !o.calledOff() // nobody gives mail up by ending an attempt
	switch {
	case lastOne:
	case o.calledOff():
		e.Next = t.now
	default:
		e.Next = t.nextAttempt(a.Number)
		if d := t.s.destinations[t.s.byName[a.Destination]]; d != nil && d.down && o.Host && !a.Probe {
			// The destination went down while this attempt was under way: its recipients wait with the others.
			e.Next = max(e.Next, journal.Instant(d.next+t.s.shift))
		}
	}
	t.emit(e)
	if lastOne {
		t.tooMany(a, mi, rids, o)
	}
}

// tooMany gives recipients up after their last attempt.
func (t *turn) tooMany(a Attempt, mi uint32, rids []uint32, o Outcome) {
	o.Class, o.Status, o.Reason = journal.BounceExpired, "5.4.7", "Delivery expired (too many attempts)"
	t.bounce(a.Destination, a.Number, mi, rids, o)
}

// bounce ends recipients without delivery. What has no sender to be told is a double bounce.
func (t *turn) bounce(dest string, attempts uint32, mi uint32, rids []uint32, o Outcome) {
	m := t.s.messages.at(mi)
	last := int(m.live) == len(rids)
	if o.Class == 0 {
		o.Class = journal.Bounce5XX
	}
	if m.sender == 0 {
		t.emit(&journal.DoubleBounced{DCID: o.DCID, Message: m.seq, MID: m.mid, Destination: dest, RIDs: rids, Attempts: attempts,
			Class: o.Class, Code: o.Code, Status: o.Status, Reason: o.Reason, Finished: last, Reply: o.Reply})
		return
	}
	t.emit(&journal.HardBounced{DCID: o.DCID, Message: m.seq, MID: m.mid, Destination: dest, RIDs: rids, Attempts: attempts,
		Class: o.Class, Code: o.Code, Status: o.Status, Reason: o.Reason, Finished: last, Notify: t.s.wantsFailure(mi, rids),
		Address: o.Address, Reply: o.Reply})
}

// wantsFailure tells whether there is a sender, and one who wants to hear when one of these recipients bounces.
func (s *State) wantsFailure(mi uint32, rids []uint32) bool {
	return s.messages.at(mi).sender != 0 && slices.ContainsFunc(rids, func(rid uint32) bool {
		ri := s.recipientOf(mi, rid)
		return ri != 0 && s.recipients.at(ri).notify.WantsFailure()
	})
}

func (t *turn) wantsSuccess(mi uint32, rids []uint32) bool {
	return slices.ContainsFunc(rids, func(rid uint32) bool {
		ri := t.s.recipientOf(mi, rid)
		return ri != 0 && t.s.recipients.at(ri).notify&journal.NotifySuccess != 0
	})
}

func (t *turn) nextAttempt(attempts uint32) journal.Instant {
	return t.now.Add(retryAfter(t.retry, attempts, t.draw()))
}

// judgeHost decides whether a destination went down or came up by an attempt.
func (t *turn) judgeHost(a Attempt, failed bool, why string) {
	di, ok := t.s.byName[a.Destination]
	if !ok {
		return
	}
	d := t.s.destinations[di]
	switch {
	case failed && (!d.down || a.Probe):
		n := d.failures + 1
		t.emit(&journal.HostDown{Destination: d.name, Failures: n, Next: t.nextAttempt(n), Reason: why})
	case failed:
	case d.failing():
		t.emit(&journal.HostUp{Destination: d.name})
	case d.window < t.s.limit:
		// A destination earns one more connection with a round of successes: slowly enough to stop before it hurts.
		if d.successes++; d.successes >= d.window {
			d.window, d.successes = d.window+1, 0
		}
	}
}

// becomeDue moves what has waited until now, at most limit of each kind, and says whether more is left.
func (t *turn) becomeDue(limit int) (more bool) {
	for n := 0; ; n++ {
		e, ok := t.s.due.first()
		if !ok || e.at > t.clock {
			break
		}
		if n >= limit {
			return true
		}
		t.s.due.pop()
		if r := t.s.recipients.at(e.id); r.state == waiting && r.due == e.at && t.s.phase(e.id) == waiting {
			t.s.unlist(e.id)
			t.s.makeReady(e.id)
		}
	}
	for {
		e, ok := t.s.probes.first()
		if !ok || e.at > t.clock {
			return false
		}
		t.s.probes.pop()
		if d := t.s.destinations[e.id]; d != nil && d.down && d.next == e.at {
			t.s.run(e.id)
		}
	}
}

// expire gives up what has been in the queue for too long: at most limit messages a turn, the oldest first. What is in hand
// is judged when its attempt ends.
func (t *turn) expire(limit int) (more bool) {
	s := t.s
	if t.clock < s.calm || s.expiring == 0 && t.clock < s.look {
		return false
	}
	if s.expiring == 0 {
		s.expiring = s.oldest
	}
	oldest := t.bornBefore()
	for n := 0; s.expiring != 0 && s.messages.at(s.expiring).injected <= oldest; n++ {
		if n >= limit {
			return true
		}
		mi := s.expiring
		s.expiring = s.messages.at(mi).newer
		t.expireMessage(mi)
	}
	s.expiring, s.look = 0, 0
	if s.oldest != 0 && s.messages.at(s.oldest).injected <= oldest {
		// What is left of the old ones is held, in hand, or waits for its notification: they must not be asked all the time.
		s.look = t.clock + int64(time.Second)
	}
	return false
}

// bornBefore is when a message came that has been here for too long now.
func (t *turn) bornBefore() int64 {
	return t.clock - int64(time.Duration(t.retry.MaxQueueSeconds)*time.Second)
}

func (t *turn) expireMessage(mi uint32) {
	m := t.s.messages.at(mi)
	if m.first == 0 {
		return
	}
	byDest := map[uint32][]uint32{}
	var order []uint32
	for i := m.first; i != 0; {
		r := t.s.recipients.at(i)
		if p := t.s.phase(i); p == ready || p == waiting {
			if byDest[r.destination] == nil {
				order = append(order, r.destination)
			}
			byDest[r.destination] = append(byDest[r.destination], r.rid)
		}
		i = r.next
	}
	for _, di := range order {
		rids := byDest[di]
		slices.Sort(rids)
		attempts := t.s.recipients.at(t.s.recipientOf(mi, rids[0])).attempts
		t.bounce(t.s.destinations[di].name, attempts, mi, rids, Outcome{Class: journal.BounceExpired, Code: "000", Status: "5.4.7",
			Reason: "Delivery expired (message too old)", Reply: []string{"timeout"}})
	}
}

// start begins attempts where there is something to try and room to try it, going round the destinations.
func (t *turn) start(room int) {
	s := t.s
	for n := len(s.runnable); n > 0 && room > 0; n = min(n-1, len(s.runnable)) {
		di := s.runnable[0]
		s.runnable = s.runnable[1:]
		d := s.destinations[di]
		d.queued = false
		for k := min(s.room(d, t.clock), room); k > 0 && d.ready.count > 0; {
			if t.startFirst(di) {
				k--
				room--
			}
		}
		if room == 0 && s.room(d, t.clock) > 0 {
			s.run(di)
		}
	}
}

// maxRecipientsPerAttempt keeps one transaction within what every server takes (RFC 5321 section 4.5.3.1.8).
const maxRecipientsPerAttempt = 100

// startFirst begins an attempt for the first ready recipient of a destination and for all others of the same message that
// stand where it stands; a message that is too old is given up instead. It returns false when it has used up no room.
func (t *turn) startFirst(di uint32) bool {
	s := t.s
	d := s.destinations[di]
	first := s.recipients.at(d.ready.head)
	mi, attempts := first.message, first.attempts
	m := s.messages.at(mi)
	if m.injected <= t.bornBefore() && t.clock >= s.calm {
		if t.late++; t.late > maxExpired { // the rest comes with the next turns
			t.stepAside(mi, di)
			return true
		}
		t.expireMessage(mi)
		return false
	}
	rids, head := []uint32{first.rid}, d.ready.head
	if m.live > 1 {
		for i := m.first; i != 0; {
			r := s.recipients.at(i)
			if r.destination == di {
				if r.state == trying { // one transaction of a message to a destination at a time: these come later
					t.stepAside(mi, di)
					return false
				}
				if i != head && s.phase(i) == ready && r.attempts == attempts && len(rids) < maxRecipientsPerAttempt {
					rids = append(rids, r.rid)
				}
			}
			i = r.next
		}
		slices.Sort(rids)
	}
	a := Attempt{Message: m.seq, MID: m.mid, Destination: d.name, RIDs: rids, Number: attempts + 1, Probe: d.down, Route: config.TargetRoute(d.name),
		Exact: t.doubt(d.name) != config.DoubtResend}
	t.emit(&journal.AttemptStarted{Message: a.Message, MID: a.MID, Destination: a.Destination, RIDs: rids, Attempt: a.Number,
		Next: t.nextAttempt(a.Number), Probe: a.Probe, Alone: t.s.alone != 0, Exact: a.Exact})
	t.starts = append(t.starts, a)
	return true
}

// stepAside lets all ready recipients of a message at a destination wait a little, so that they do not stand in front of
// other messages while nothing can be done for them.
func (t *turn) stepAside(mi, di uint32) {
	s := t.s
	for i := s.messages.at(mi).first; i != 0; i = s.recipients.at(i).next {
		if r := s.recipients.at(i); r.destination == di && s.phase(i) == ready {
			s.unlist(i)
			s.wait(i, t.clock+int64(time.Second))
		}
	}
}
