package engine

import (
	"fmt"
	"slices"
	"time"

	"postern/journal"
)

// tried checks that an attempt may begin: who, when, in whose turn, and how many at once.
func (n *naive) tried(seq uint64, clock int64, e *journal.AttemptStarted) {
	m := n.message(e.Message)
	if m == nil {
		return
	}
	h := n.host(e.Destination)
	a := &naiveAttempt{message: m, domain: e.Destination, rids: e.RIDs, left: slices.Clone(e.RIDs), number: e.Attempt,
		next: int64(e.Next) - n.shift, probe: e.Probe, alone: e.Alone, seq: seq}
	var who []*naiveRecipient
	for _, rid := range e.RIDs {
		r := m.recipient(rid)
		if r == nil || r.domain != e.Destination || r.attempt != nil || r.doubt != nil || r.attempts+1 != e.Attempt || m.aside {
			n.wrong("attempt %d of %d/%d at %s: %+v", e.Attempt, m.seq, rid, e.Destination, r)
			return
		}
		if r.next > clock && !e.Alone {
			n.wrong("%s is tried %v too early", r, time.Duration(r.next-clock))
		}
		who = append(who, r)
	}
	if len(who) == 0 || len(who) > 100 || !slices.IsSorted(e.RIDs) {
		n.wrong("an attempt for RIDs %v", e.RIDs)
		return
	}
	n.mayBegin(a, h, clock)
	if !e.Alone && !n.alonely() {
		n.isItsTurn(a, who, clock)
		if a.probe {
			n.isItsProbe(a, h, clock)
		}
	}
	n.backOff(fmt.Sprintf("attempt %d of message %d", e.Attempt, m.seq), clock, a.next, e.Attempt)
	if n.inHand = append(n.inHand, a); len(n.inHand) >= n.connections {
		n.full = clock
	}
	h.active = clock
	for _, r := range m.recipients {
		if r.domain == e.Destination {
			r.unplaced = true
		}
	}
	for _, r := range who {
		r.attempt, r.attempts, r.unplaced = a, e.Attempt, false
	}
}

// mayBegin holds the limits, suspensions, hosts that are down, and the message's age.
func (n *naive) mayBegin(a *naiveAttempt, h *naiveHost, clock int64) {
	what := fmt.Sprintf("attempt %d of message %d at %s", a.number, a.message.seq, a.domain)
	if n.attemptOf(a.message, a.domain) != nil {
		n.wrong("%s: there is one already", what)
	}
	if n.isSuspended(a.domain) {
		n.wrong("%s: delivery is suspended", what)
	}
	if n.old(a.message, clock, 0) && clock >= n.calm && !a.alone {
		n.wrong("%s: it has expired", what)
	}
	if len(n.inHand) >= n.connections && !a.alone {
		n.wrong("%s: the %d. attempt at once of %d", what, len(n.inHand)+1, n.connections)
	}
	if h.owed != "" {
		n.wrong("%s: %s is owed", what, h.owed)
	}
	here := n.inHandAt(a.domain)
	switch {
	case a.probe != h.down:
		n.wrong("%s: probe %v, down %v", what, a.probe, h.down)
	case h.down && clock < h.next:
		n.wrong("%s: probed %v too early", what, time.Duration(h.next-clock))
	case h.down && here > 0:
		n.wrong("%s: a probe while %d attempts are in hand", what, here)
	case !h.down && !a.alone && here >= n.window(h):
		n.wrong("%s: the %d. at once, the window is %d", what, here+1, n.window(h))
	}
}

// isItsTurn holds the order of a destination: nobody who was there before is left out for the first of these.
func (n *naive) isItsTurn(a *naiveAttempt, who []*naiveRecipient, clock int64) {
	for _, o := range n.at(a.domain) {
		if slices.Contains(who, o) || o.attempt != nil || o.doubt != nil || o.unplaced || o.message.aside || o.next > clock {
			continue
		}
		if o.message == a.message && o.attempts+1 == a.number && len(who) < 100 {
			n.wrong("attempt %d of message %d leaves out %s", a.number, a.message.seq, o)
		}
		if o.message != a.message && !slices.ContainsFunc(who, func(r *naiveRecipient) bool { return !o.before(r) }) {
			n.wrong("message %d is tried before %s, which was there first", a.message.seq, o)
		}
	}
}

// isItsProbe holds the order of hosts that are down: the one that has been due for longer is asked first, unless something
// moved one of them since, or they had to stand in line for a connection.
func (n *naive) isItsProbe(a *naiveAttempt, h *naiveHost, clock int64) {
	for name, o := range n.hosts {
		if !o.down || o.next >= h.next || o.next > clock || n.inHandAt(name) > 0 || n.isSuspended(name) {
			continue
		}
		if n.full >= min(o.next, h.active) || o.next < n.began || h.moved >= o.next || o.moved >= o.next || h.active >= o.next {
			continue
		}
		if n.settledBefore(name, o.next, clock) && n.settledBefore(a.domain, o.next, clock) {
			n.wrong("%s is probed before %s, which is due for %v longer", a.domain, name, time.Duration(h.next-o.next))
		}
	}
}

// settledBefore tells whether something waits for a destination, and all of it certainly has since before a time.
func (n *naive) settledBefore(domain string, t, clock int64) bool {
	some := false
	for _, r := range n.at(domain) {
		switch {
		case r.attempt != nil || r.message.aside || r.next > clock:
		case r.unplaced || r.doubt != nil || r.hi >= t:
			return false
		default:
			some = true
		}
	}
	return some
}

func (n *naive) delivered(seq uint64, clock int64, e *journal.Delivered) {
	m := n.message(e.Message)
	if m == nil {
		return
	}
	relayed := false
	if !n.settle("delivery", m, e.Destination, e.RIDs, clock, func(v Outcome) bool { relayed = v.Relayed; return v.Result == Delivered }) {
		return
	}
	notify := relayed && m.sender != "" && m.wants(e.RIDs, func(w journal.Notify) bool { return w&journal.NotifySuccess != 0 })
	if e.Notify != notify {
		n.wrong("delivery of message %d: notify is %v, want %v", m.seq, e.Notify, notify)
	}
	if notify {
		m.dues, m.successes = append(m.dues, seq), append(m.successes, seq)
	}
	n.end("delivered", m, e.RIDs, e.Finished)
}

func (n *naive) softBounced(clock int64, e *journal.SoftBounced) {
	m := n.message(e.Message)
	if m == nil {
		return
	}
	a := n.attemptOf(m, e.Destination)
	host := false
	if !n.settle("soft bounce", m, e.Destination, e.RIDs, clock, func(v Outcome) bool { host = v.Host; return v.Result == Temporary }) {
		return
	}
	next, h := int64(e.Next)-n.shift, n.host(e.Destination)
	last := int(a.number) >= n.retry.MaxAttempts
	switch {
	case e.Attempts != a.number || (e.Next == 0) != last:
		n.wrong("soft bounce of message %d: attempt %d, next %d; it was number %d of %d", m.seq, e.Attempts, e.Next, a.number, n.retry.MaxAttempts)
	case last:
		next = 0
	case host && h.down && !a.probe && next == h.next:
		// The host went down meanwhile: it waits with the others.
	default:
		n.backOff(fmt.Sprintf("message %d", m.seq), clock, next, a.number)
	}
	n.postponed(m, e.RIDs, clock, next, last)
}

func (n *naive) unknown(clock int64, e *journal.OutcomeUnknown) {
	m := n.message(e.Message)
	if m == nil {
		return
	}
	next := int64(e.Next) - n.shift
	if r := m.recipient(e.RIDs[0]); r != nil && r.doubt != nil {
		for _, rid := range e.RIDs {
			r := m.recipient(rid)
			if r == nil || r.doubt == nil || r.doubt.number != e.Attempts || r.doubt.next != next || r.domain != e.Destination {
				n.wrong("what a crash cut off: %+v, recipient %+v", e, r)
				return
			}
			r.doubt = nil
		}
		n.postponed(m, e.RIDs, clock, next, false)
		return
	}
	a := n.attemptOf(m, e.Destination)
	if !n.settle("unknown outcome", m, e.Destination, e.RIDs, clock, func(v Outcome) bool { return v.Result == Unknown }) {
		return
	}
	last := int(a.number) >= n.retry.MaxAttempts
	if e.Attempts != a.number || (e.Next == 0) != last {
		n.wrong("unknown outcome of message %d: attempt %d, next %d; it was number %d of %d", m.seq, e.Attempts, e.Next, a.number, n.retry.MaxAttempts)
	}
	if last {
		next = 0
	} else {
		n.backOff(fmt.Sprintf("message %d", m.seq), clock, next, a.number)
	}
	n.postponed(m, e.RIDs, clock, next, last)
}

func (n *naive) postponed(m *naiveMessage, rids []uint32, clock, next int64, doomed bool) {
	for _, rid := range rids {
		r := m.recipient(rid)
		r.tried, r.back, r.next, r.doomed, r.unplaced = true, clock, next, doomed, false
		r.place, r.lo, r.blockedTil = waitedPlace, max(next, clock), 0
		r.hi = r.lo + int64(tick)
	}
}

// gaveUp checks an end without delivery, which has one of three reasons: the peer's word, too many attempts, or its age.
func (n *naive) gaveUp(seq uint64, clock int64, e *journal.HardBounced, hasSender bool) {
	m := n.message(e.Message)
	if m == nil {
		return
	}
	if hasSender != (m.sender != "") {
		n.wrong("message %d from <%s> bounced, double %v", m.seq, m.sender, !hasSender)
	}
	first := m.recipient(e.RIDs[0])
	switch {
	case first == nil:
		n.wrong("%d/%d bounced and is not there", m.seq, e.RIDs[0])
		return
	case first.attempt != nil:
		n.settle("bounce", m, e.Destination, e.RIDs, clock, func(v Outcome) bool {
			return v.Result == Permanent && (v.Class == e.Class || v.Class == 0 && e.Class == journal.Bounce5XX) && v.Status == e.Status
		})
	case e.Class != journal.BounceExpired || e.Status != "5.4.7":
		n.wrong("%s was given up: %+v", first, e)
	case !first.doomed:
		n.expired(m, clock, e)
	}
	notify := hasSender && m.wants(e.RIDs, func(w journal.Notify) bool { return w == 0 || w&journal.NotifyFailure != 0 })
	if e.Notify != notify {
		n.wrong("bounce of message %d: notify is %v, want %v", m.seq, e.Notify, notify)
	}
	if notify {
		m.dues = append(m.dues, seq)
	}
	n.end("bounced", m, e.RIDs, e.Finished)
}

// expired holds that it was time, and that all who stand where these stand go with them.
func (n *naive) expired(m *naiveMessage, clock int64, e *journal.HardBounced) {
	n.host(e.Destination).moved = clock // what expires may have become ready just before
	if !n.old(m, clock, 0) || clock < n.calm {
		n.wrong("message %d expired after %v", m.seq, time.Duration(clock-m.born))
	}
	for _, r := range m.recipients {
		in := slices.Contains(e.RIDs, r.rid)
		if may := r.domain == e.Destination && r.attempt == nil && r.doubt == nil && !m.aside; may != in {
			n.wrong("%s expired: %v, want %v", r, in, may)
		}
	}
}
