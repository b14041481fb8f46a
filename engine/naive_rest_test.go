package engine

import (
	"fmt"
	"slices"
	"time"
)

// prompt is how late the engine may be with what it waits for; tick is how often it looks at the clock in any case, and
// with that how late it may be after the clock was moved under it.
const (
	prompt = 3 * time.Millisecond
	tick   = 1100 * time.Millisecond
)

// atRest says what ought to have happened until now and has not.
func (n *naive) atRest(clock int64) {
	for _, m := range n.messages {
		if len(m.dues) > 0 {
			n.wrong("message %d: the facts %v were not reported", m.seq, m.dues)
		}
		for _, r := range m.recipients {
			n.recipientAtRest(r, clock)
		}
	}
	for name, h := range n.hosts {
		if h.owed != "" {
			n.wrong("%s: %s never came", name, h.owed)
		}
	}
	for _, a := range n.inHand {
		if len(a.verdicts) > 0 {
			n.wrong("the answers of message %d at %s came to nothing: %v", a.message.seq, a.domain, a.left)
		}
	}
	if n.injected != n.ended+len(n.everybody()) {
		n.wrong("the books: %d recipients came, %d ended, %d are here", n.injected, n.ended, len(n.everybody()))
	}
}

func (n *naive) recipientAtRest(r *naiveRecipient, clock int64) {
	switch {
	case r.doomed:
		n.wrong("%s had its last attempt and did not end", r)
	case r.doubt != nil:
		n.wrong("%s was cut off and nothing says so", r)
	case r.attempt != nil || r.message.aside:
	case n.old(r.message, clock, time.Second+prompt) && clock > max(n.calm, r.back+int64(time.Second))+int64(prompt):
		n.wrong("%s is still here after %v", r, time.Duration(clock-r.message.born))
	case n.mustBeTried(r, clock):
		n.wrong("%s is due for %v and not tried; %d in hand there, %d in all", r, time.Duration(clock-r.next), n.inHandAt(r.domain), len(n.inHand))
	}
}

// mustBeTried tells whether nothing at all stands in the way of an attempt.
func (n *naive) mustBeTried(r *naiveRecipient, clock int64) bool {
	late := clock - int64(prompt)
	if r.next > late || r.blockedTil > late || n.isSuspended(r.domain) || len(n.inHand) >= n.connections || n.attemptOf(r.message, r.domain) != nil {
		return false
	}
	if n.alonely() && clock < n.began+int64(aloneInAll+aloneFor+tick) {
		return false
	}
	here := n.inHandAt(r.domain)
	if h := n.host(r.domain); h.down {
		return h.next <= late && here == 0
	}
	return here < min(20, n.limit)
}

// next is when something will happen by itself, if nobody does anything.
func (n *naive) next(clock int64) (at int64, ok bool) {
	at = 1<<63 - 1
	for _, r := range n.everybody() {
		if r.attempt != nil || r.message.aside {
			continue
		}
		at = min(at, max(n.calm, r.message.born+int64(time.Duration(n.retry.MaxQueueSeconds)*time.Second)))
		for _, t := range []int64{r.next, n.host(r.domain).next} {
			if t > clock {
				at = min(at, t)
			}
		}
	}
	return at, at != 1<<63-1
}

// leapt is told that the clock went from one time to another at once: the engine notices within a tick.
func (n *naive) leapt(from, to int64) {
	for _, r := range n.everybody() {
		if from <= r.hi && r.lo <= to {
			r.hi = max(r.hi, to+int64(tick))
		}
	}
}

// compare holds State against the list of everything.
func (n *naive) compare(s *State, clock int64) {
	if err := s.consistent(); err != nil {
		n.wrong("State: %v", err)
	}
	if s.anomalies != 0 {
		n.wrong("State: %d facts did not fit", s.anomalies)
	}
	seqs, want := []uint64{}, []uint64{}
	for mi := s.oldest; mi != 0; mi = s.messages.at(mi).newer {
		seqs = append(seqs, s.messages.at(mi).seq)
	}
	for _, m := range n.messages {
		want = append(want, m.seq)
	}
	if !slices.Equal(seqs, want) {
		n.wrong("State has the messages %v, want %v", seqs, want)
		return
	}
	var total Totals
	for _, m := range n.messages {
		n.compareMessage(s, m, clock)
		total.Messages++
		total.Recipients += len(m.recipients)
		if !m.shares {
			total.BodyBytes += m.size
		}
	}
	total.Attempting = len(n.inHand)
	got := s.Totals()
	if total.Hosts = got.Hosts; got != total {
		n.wrong("State counts %+v, want %+v", got, total)
	}
	n.compareHosts(s)
}

func (n *naive) compareMessage(s *State, m *naiveMessage, clock int64) {
	mi := s.bySeq[m.seq]
	sm := s.messages.at(mi)
	tries := 0
	for _, a := range n.inHand {
		if a.message == m {
			tries++
		}
	}
	if sm.mid != m.mid || sm.injected != m.born || sm.size != m.size || sm.body != m.body || int(sm.live) != len(m.recipients) ||
		int(sm.inHand) != tries || (sm.sender == 0) != (m.sender == "") || sm.flags&setAside != 0 != m.aside {
		n.wrong("State has message %d as %+v, want %+v with %d attempts in hand", m.seq, *sm, *m, tries)
	}
	for _, r := range m.recipients {
		ri := s.recipientOf(mi, r.rid)
		if ri == 0 {
			n.wrong("State lacks %s", r)
			continue
		}
		sr := s.recipients.at(ri)
		if d := s.destinations[sr.destination]; d.name != r.domain || sr.attempts != r.attempts || sr.notify != r.notify {
			n.wrong("State has %s at %s after %d attempts, want %d", r, d.name, sr.attempts, r.attempts)
		}
		if want := n.stands(r, sr, clock); want != "" {
			n.wrong("State has %s in phase %d, due in %v; it %s", r, sr.state, time.Duration(sr.due-clock), want)
		}
	}
}

// stands tells what a recipient of State ought to be, "" when it is.
func (n *naive) stands(r *naiveRecipient, sr *recipient, clock int64) string {
	switch {
	case r.attempt != nil:
		if sr.state != trying || sr.due != r.attempt.next {
			return "is being tried"
		}
	case r.message.aside:
		if sr.state != held {
			return "is set aside"
		}
	case r.next > clock:
		if sr.state != waiting || sr.due != r.next {
			return fmt.Sprintf("waits for %v", time.Duration(r.next-clock))
		}
	case sr.state == ready:
	case sr.state == waiting && (sr.due == r.next && clock-r.next < int64(prompt) || r.unplaced && sr.due <= clock+int64(time.Second)):
	default:
		return "is ready"
	}
	return ""
}

func (n *naive) compareHosts(s *State) {
	for name, h := range n.hosts {
		all := n.at(name)
		d := &destination{name: name}
		if di, ok := s.byName[name]; ok {
			d = s.destinations[di]
		}
		if d.down != h.down || d.failures != h.failures || h.down && d.next != h.next || d.inHand != n.inHandAt(name) || d.recipients != len(all) {
			n.wrong("State has %+v, want %+v with %d recipients, %d in hand", *d, *h, len(all), n.inHandAt(name))
		}
		if d.recipients > 0 && (d.window < min(20, n.limit) || d.window > n.window(h)) {
			n.wrong("%s has a window of %d, want %d to %d", name, d.window, min(20, n.limit), n.window(h))
		}
		n.compareOrder(s, d, all)
	}
	for name := range s.byName {
		if n.hosts[name] == nil {
			n.wrong("State knows %s, which nothing speaks of", name)
		}
	}
}

// compareOrder holds the list of those that are ready for a destination.
func (n *naive) compareOrder(s *State, d *destination, all []*naiveRecipient) {
	if n.alonely() {
		return
	}
	var earlier []*naiveRecipient
	for ri := d.ready.head; ri != 0; ri = s.recipients.at(ri).then {
		sr := s.recipients.at(ri)
		i := slices.IndexFunc(all, func(r *naiveRecipient) bool {
			return r.rid == sr.rid && r.message.seq == s.messages.at(sr.message).seq
		})
		if i < 0 {
			n.wrong("%s lists %d/%d, which is not there", d.name, s.messages.at(sr.message).seq, sr.rid)
			return
		}
		for _, e := range earlier {
			if all[i].before(e) {
				n.wrong("%s lists %s behind %s", d.name, all[i], e)
			}
		}
		earlier = append(earlier, all[i])
	}
}
