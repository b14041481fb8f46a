package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/journal"
)

// fact folds one record and says what it must not say.
func (n *naive) fact(r journal.Record) {
	clock := int64(r.Time) - n.shift
	n.facts[strings.TrimPrefix(fmt.Sprintf("%T", r.Event), "*journal.")]++
	switch e := r.Event.(type) {
	case *journal.ClockJumped:
		n.shift += e.Delta
		n.calm = int64(r.Time) - n.shift + int64(time.Minute)
	case *journal.Started:
		n.started(e, clock)
	case *journal.Stopped:
		if len(n.inHand) > 0 {
			n.wrong("stopped with %d attempts in hand", len(n.inHand))
		}
	case *journal.DeliverySuspended:
		n.suspended = append(n.suspended, orAll(e.Domains)...)
	case *journal.DeliveryResumed:
		n.resumed(e, clock)
	case *journal.MessageInjected:
		n.arrived(r.Seq, clock, e)
	case *journal.AttemptStarted:
		n.tried(r.Seq, clock, e)
	case *journal.Delivered:
		n.delivered(r.Seq, clock, e)
	case *journal.SoftBounced:
		n.softBounced(clock, e)
	case *journal.OutcomeUnknown:
		n.unknown(clock, e)
	case *journal.HardBounced:
		n.gaveUp(r.Seq, clock, e, true)
	case *journal.DoubleBounced:
		n.gaveUp(r.Seq, clock, &journal.HardBounced{Message: e.Message, MID: e.MID, Destination: e.Destination, RIDs: e.RIDs, Attempts: e.Attempts,
			Class: e.Class, Code: e.Code, Status: e.Status, Finished: e.Finished}, false)
	case *journal.HostDown:
		n.wentDown(clock, e)
	case *journal.HostUp:
		h := n.host(e.Destination)
		if h.owed != "up" {
			n.wrong("%s is up, owed %q", e.Destination, h.owed)
		}
		*h = naiveHost{active: clock, moved: h.moved}
	case *journal.DestinationsForgotten:
		n.forgotten(clock, e)
	case *journal.SetAside:
		if m := n.message(e.Message); m != nil {
			m.aside = true
		}
	}
}

func (n *naive) started(e *journal.Started, clock int64) {
	if r := n.afterStart; r != nil {
		n.retry, n.connections, n.limit, n.afterStart = r.retry, r.connections, r.limit, nil
	}
	n.began, n.stopping = clock, false
	if n.unclean++; e.Clean {
		n.unclean = 0
	}
	for _, a := range n.inHand {
		for _, rid := range a.left {
			r := a.message.recipient(rid)
			r.attempt, r.doubt = nil, a
		}
	}
	n.inHand = nil
	for _, h := range n.hosts {
		if h.completed, h.owed = 0, ""; h.down {
			h.active = min(h.active, h.next) // nobody remembers attempts that failed beside the probe
		}
	}
	for _, r := range n.everybody() {
		r.unplaced, r.blockedTil = false, 0
		if r.next <= clock {
			r.place, r.lo, r.hi = loadedPlace, clock, clock
		}
	}
}

func (n *naive) resumed(e *journal.DeliveryResumed, clock int64) {
	for _, h := range n.hosts {
		h.moved = clock
	}
	n.suspended = slices.DeleteFunc(n.suspended, func(d string) bool {
		return len(e.Domains) == 0 || slices.Contains(e.Domains, d)
	})
}

func (n *naive) arrived(seq uint64, clock int64, e *journal.MessageInjected) {
	m := &naiveMessage{seq: seq, mid: e.MID, born: clock, size: e.Size, body: e.Body, sender: e.Sender}
	for _, rc := range e.Recipients {
		m.recipients = append(m.recipients, &naiveRecipient{message: m, rid: rc.RID, domain: rc.Domain, notify: rc.Notify, lo: clock, hi: clock})
		n.host(rc.Domain)
	}
	if e.Why != journal.WhyReceived {
		m.shares = true
		n.notified(seq, e)
	}
	n.injected += len(m.recipients)
	n.messages = append(n.messages, m)
}

// notified checks a notification against what it reports.
func (n *naive) notified(seq uint64, e *journal.MessageInjected) {
	n.bounces++
	p := n.message(e.Parent)
	if p == nil {
		return
	}
	want := journal.WhySuccess
	for _, due := range e.Reports {
		if !slices.Contains(p.dues, due) {
			n.wrong("notification %d reports %d, which is not due", seq, due)
		}
		if !slices.Contains(p.successes, due) {
			want = journal.WhyBounce
		}
	}
	if len(e.Reports) == 0 || e.Why != want || e.Sender != "" || e.ParentMID != p.mid || e.Body != p.body || len(e.Recipients) != 1 ||
		e.Recipients[0].Address() != p.sender || p.sender == "" {
		n.wrong("notification %d for %s: %+v", seq, p.sender, e)
	}
	p.dues = slices.DeleteFunc(p.dues, func(due uint64) bool { return slices.Contains(e.Reports, due) })
	n.leave(p)
}

// leave drops a message that has neither recipients nor reports left.
func (n *naive) leave(m *naiveMessage) {
	if len(m.recipients) == 0 && len(m.dues) == 0 {
		n.messages = slices.DeleteFunc(n.messages, func(o *naiveMessage) bool { return o == m })
	}
}

// settle takes recipients out of their attempt, whose verdicts they must fit. It returns false when nothing is known of them.
func (n *naive) settle(what string, m *naiveMessage, domain string, rids []uint32, clock int64, fits func(Outcome) bool) bool {
	a := n.attemptOf(m, domain)
	if a == nil {
		n.wrong("%s of message %d at %s without an attempt", what, m.seq, domain)
		return false
	}
	if !slices.IsSorted(rids) || len(rids) == 0 {
		n.wrong("%s of message %d: RIDs %v", what, m.seq, rids)
	}
	if a.verdicts == nil && n.stopping { // the peer was told to give up
		a.verdicts = map[uint32]Outcome{}
		for _, rid := range a.rids {
			a.verdicts[rid] = Outcome{}
		}
	}
	for _, rid := range rids {
		r := m.recipient(rid)
		if r == nil || r.attempt != a {
			n.wrong("%s of %d/%d, which is not being tried", what, m.seq, rid)
			return false
		}
		v, answered := a.verdicts[rid]
		if !answered || !fits(v) {
			n.wrong("%s of %s after the answer %+v (%v)", what, r, v, answered)
		}
		r.attempt = nil
		a.left = slices.DeleteFunc(a.left, func(left uint32) bool { return left == rid })
	}
	if len(a.left) == 0 {
		n.over(a, clock)
	}
	return true
}

// over ends an attempt; what it says of the host must follow.
func (n *naive) over(a *naiveAttempt, clock int64) {
	if len(n.inHand) >= n.connections {
		n.full = clock
	}
	n.inHand = slices.DeleteFunc(n.inHand, func(o *naiveAttempt) bool { return o == a })
	for _, r := range a.message.recipients {
		if r.domain == a.domain && !slices.Contains(a.rids, r.rid) {
			r.blockedTil = clock + int64(time.Second)
		}
	}
	h := n.host(a.domain)
	h.active = clock
	unreached := true
	for _, v := range a.verdicts {
		unreached = unreached && v.Host && v.Result == Temporary
	}
	if h.owed != "" {
		n.wrong("%s: %s was owed before the next attempt ended", a.domain, h.owed)
	}
	switch {
	case unreached && (!h.down || a.probe):
		h.owed = "down"
	case unreached:
	case h.down:
		h.owed = "up"
	default:
		h.completed++
	}
}

// end gives recipients their fate, which must be their only one.
func (n *naive) end(fate string, m *naiveMessage, rids []uint32, finished bool) {
	for _, rid := range rids {
		name := fmt.Sprintf("%d/%d", m.seq, rid)
		if was, ok := n.fates[name]; ok {
			n.wrong("%s is %s and was %s", name, fate, was)
		}
		n.fates[name] = fate
		n.ended++
	}
	m.recipients = slices.DeleteFunc(m.recipients, func(r *naiveRecipient) bool { return slices.Contains(rids, r.rid) })
	if left := len(m.recipients); finished != (left == 0) {
		n.wrong("message %d has %d recipients left, the fact says finished=%v", m.seq, left, finished)
	}
	n.leave(m)
}

func (n *naive) wentDown(clock int64, e *journal.HostDown) {
	h := n.host(e.Destination)
	if h.owed != "down" || e.Failures != h.failures+1 {
		n.wrong("%s went down the %d. time after %d, owed %q", e.Destination, e.Failures, h.failures, h.owed)
	}
	*h = naiveHost{down: true, failures: e.Failures, next: int64(e.Next) - n.shift, active: clock, moved: h.moved}
	n.backOff("the probe of "+e.Destination, clock, h.next, e.Failures)
}

func (n *naive) forgotten(clock int64, e *journal.DestinationsForgotten) {
	for _, d := range e.Destinations {
		if h := n.host(d); !h.down || len(n.at(d)) > 0 || clock-h.active < int64(3*time.Hour) {
			n.wrong("%s was forgotten: %+v, %d recipients", d, *h, len(n.at(d)))
		}
		delete(n.hosts, d)
	}
}
