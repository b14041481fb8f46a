package projections

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"postern/journal"
)

// naive folds a whole history anew, with maps and lists of whole things: the judge of Figures.
type naive struct {
	records  []journal.Record
	messages map[uint64]*naiveMessage
	hosts    map[string]*naiveHost
	shift    int64
	clock    int64
	events   map[Counter][]int64 // clock seconds of each single event
	inbound  map[uint32]string
	outbound map[uint32]string
}

type naiveMessage struct {
	mid         uint32
	size        int64
	injected    int64
	live        map[uint32]string // RID → destination
	attempted   map[uint32]bool
	dues        map[uint64]bool
	quarantines int
	everQ       bool
	workQueue   bool
}

type naiveHost struct {
	n     map[string]int
	state string
	idle  int64
}

func (n *naive) host(d string) *naiveHost {
	if n.hosts[d] == nil {
		n.hosts[d] = &naiveHost{n: map[string]int{}, state: "unknown", idle: n.clock}
	}
	return n.hosts[d]
}

func (n *naive) hostLive(d string) (c int) {
	for _, m := range n.messages {
		for _, dest := range m.live {
			if dest == d {
				c++
			}
		}
	}
	return c
}

func (n *naive) event(c Counter, times int) {
	for range times {
		n.events[c] = append(n.events[c], seconds(n.clock))
	}
}

func (n *naive) end(seq, rec uint64, rids []uint32, what string, due bool) {
	m := n.messages[seq]
	for _, r := range rids {
		d := m.live[r]
		delete(m.live, r)
		n.host(d).n[what]++
		if n.hostLive(d) == 0 {
			n.host(d).idle = n.clock
		}
	}
	if due {
		m.dues[rec] = true
	}
	n.drop(seq)
}

func (n *naive) drop(seq uint64) {
	if m := n.messages[seq]; m != nil && len(m.live) == 0 && len(m.dues) == 0 {
		delete(n.messages, seq)
	}
}

func (n *naive) hard(class journal.BounceClass, k int) string {
	n.event(HardBounced, k)
	n.event(CompletedRecipients, k)
	if class == 0 {
		class = journal.BounceOther
	}
	return fmt.Sprintf("hard%d", class)
}

func (n *naive) apply(r journal.Record) {
	if e, ok := r.Event.(*journal.ClockJumped); ok {
		n.shift += e.Delta
		return
	}
	n.clock = int64(r.Time) - n.shift
	for d, h := range n.hosts {
		if n.hostLive(d) == 0 && n.clock-h.idle >= int64(3*time.Hour) {
			h.state = "unknown"
		}
	}
	switch e := r.Event.(type) {
	case *journal.Started:
		n.inbound, n.outbound = map[uint32]string{}, map[uint32]string{}
	case *journal.CountersReset:
		for _, h := range n.hosts {
			h.n = map[string]int{}
		}
	case *journal.MessageInjected:
		if e.Why == journal.WhyReceived {
			n.event(MessagesReceived, 1)
			n.event(RecipientsReceived, len(e.Recipients))
		}
		if p := n.messages[e.Parent]; p != nil {
			for _, due := range e.Reports {
				delete(p.dues, due)
			}
			n.drop(e.Parent)
		}
		m := &naiveMessage{mid: e.MID, size: e.Size, injected: n.clock, live: map[uint32]string{}, attempted: map[uint32]bool{},
			dues: map[uint64]bool{}, workQueue: !e.Queued}
		for _, rc := range e.Recipients {
			n.revive(rc.Domain)
			m.live[rc.RID] = rc.Domain
		}
		n.messages[r.Seq] = m
	case *journal.Delivered:
		n.event(Delivered, len(e.RIDs))
		n.event(CompletedRecipients, len(e.RIDs))
		n.up(n.messages[e.Message].live[e.RIDs[0]], e.DCID != 0)
		n.end(e.Message, r.Seq, e.RIDs, "delivered", e.Notify)
	case *journal.HardBounced:
		n.end(e.Message, r.Seq, e.RIDs, n.hard(e.Class, len(e.RIDs)), e.Notify)
	case *journal.DoubleBounced:
		n.end(e.Message, r.Seq, e.RIDs, n.hard(e.Class, len(e.RIDs)), false)
	case *journal.SoftBounced:
		n.soft(e.Message, e.RIDs)
	case *journal.OutcomeUnknown:
		n.soft(e.Message, e.RIDs)
	case *journal.Dropped:
		what := "dropped"
		if e.Filter {
			what = n.hard(journal.BounceFilter, len(e.RIDs))
		}
		n.end(e.Message, r.Seq, e.RIDs, what, false)
	case *journal.Split:
		n.end(e.Message, r.Seq, e.RIDs, "moved", false)
	case *journal.Rewritten:
		n.end(e.Message, r.Seq, slices.Collect(maps.Keys(n.messages[e.Message].live)), "moved", false)
	case *journal.Queued:
		n.messages[e.Message].workQueue = false
	case *journal.AttemptStarted:
		n.messages[e.Message].workQueue = false
	case *journal.Quarantined:
		n.messages[e.Message].quarantines++
		n.messages[e.Message].everQ = true
	case *journal.Released:
		if m := n.messages[e.Message]; e.Last {
			m.quarantines = 0
		} else {
			m.quarantines--
		}
	case *journal.RecipientsDeleted:
		for _, s := range e.Set {
			n.event(CompletedRecipients, len(s.RIDs))
			n.end(s.Message, r.Seq, s.RIDs, "deleted", false)
		}
	case *journal.RecipientsBounced:
		for _, s := range e.Set {
			due := slices.ContainsFunc(s.RIDs, func(rid uint32) bool { return n.heard(s.Message, rid) })
			n.end(s.Message, r.Seq, s.RIDs, n.hard(journal.BounceOther, len(s.RIDs)), due)
		}
	case *journal.MessageRemoved:
		n.event(CompletedRecipients, len(e.RIDs))
		n.end(e.Message, r.Seq, e.RIDs, "deleted", false)
	case *journal.RecipientsRedirected:
		for _, s := range e.Set {
			for _, rid := range s.RIDs {
				m := n.messages[s.Message]
				from := m.live[rid]
				n.revive(e.Target)
				m.live[rid] = e.Target
				if from != e.Target && n.hostLive(from) == 0 {
					n.host(from).idle = n.clock
				}
			}
		}
	case *journal.RecipientsReinstated:
		for _, s := range e.Set {
			n.reinstate(s)
		}
	case *journal.ConnectionAccepted:
		n.inbound[e.ICID] = e.Remote.String() + " " + e.Listener
	case *journal.ConnectionClosed:
		delete(n.inbound, e.ICID)
	case *journal.DeliveryConnectionOpened:
		n.outbound[e.DCID] = e.Destination
		n.host(e.Destination)
		n.up(e.Destination, true)
	case *journal.DeliveryConnectionClosed:
		delete(n.outbound, e.DCID)
	case *journal.HostDown:
		n.renew(e.Destination).state = "down"
	case *journal.HostUp:
		n.renew(e.Destination).state = "up"
	case *journal.NotificationDropped:
		for _, due := range e.Reports {
			delete(n.messages[e.Message].dues, due)
		}
		n.drop(e.Message)
	case *journal.DestinationsForgotten:
		for _, d := range e.Destinations {
			n.forget(d)
		}
	case *journal.DeliveryForced:
		if h := n.hosts[e.Domain]; h != nil && h.state == "down" {
			h.state = "unknown"
		}
	}
}

func (n *naive) revive(d string) { n.host(d) }

// heard tells whether somebody hears of a recipient's bounce.
func (n *naive) heard(seq uint64, rid uint32) bool {
	e := n.records[seq-1].Event.(*journal.MessageInjected)
	if e.Sender == "" {
		return false
	}
	switch notify := e.Recipient(rid).Notify; {
	case notify == 0:
		return true
	default:
		return notify&journal.NotifyFailure != 0
	}
}

// forget takes a host out of memory, or with mail lets it no longer be down.
func (n *naive) forget(d string) {
	h := n.hosts[d]
	switch {
	case h == nil:
	case n.hostLive(d) == 0:
		h.state, h.idle = "unknown", n.clock-int64(3*time.Hour)
	case h.state == "down":
		h.state = "unknown"
	}
}

// renew brings a host that was out of memory back.
func (n *naive) renew(d string) *naiveHost {
	h := n.host(d)
	if n.hostLive(d) == 0 && n.clock-h.idle >= int64(3*time.Hour) {
		h.idle = n.clock
	}
	return h
}

func (n *naive) up(d string, reached bool) {
	if reached && n.host(d).state == "unknown" {
		n.renew(d).state = "up"
	}
}

func (n *naive) soft(seq uint64, rids []uint32) {
	n.event(SoftBouncedEvents, len(rids))
	m := n.messages[seq]
	for _, r := range rids {
		m.attempted[r] = true
		n.host(m.live[r]).n["soft"]++
	}
}

func (n *naive) reinstate(s journal.MessageRecipients) {
	m := n.messages[s.Message]
	if m == nil {
		r := n.records[s.Message-1]
		e := r.Event.(*journal.MessageInjected)
		m = &naiveMessage{mid: e.MID, size: e.Size, live: map[uint32]string{}, attempted: map[uint32]bool{}, dues: map[uint64]bool{}}
		m.injected = int64(r.Time) - n.shift // the story does not move it by the clock's jumps since
		n.messages[s.Message] = m
	}
	for _, rid := range s.RIDs {
		n.host(s.Destination)
		m.live[rid] = s.Destination
	}
}

func fold(records []journal.Record) *naive {
	n := &naive{records: records, messages: map[uint64]*naiveMessage{}, hosts: map[string]*naiveHost{}, events: map[Counter][]int64{},
		inbound: map[uint32]string{}, outbound: map[uint32]string{}}
	for _, r := range records {
		n.apply(r)
	}
	return n
}

// gauges are what naive counts, as Status names it.
func (n *naive) gauges() map[string]int64 {
	g := map[string]int64{}
	for _, m := range n.messages {
		g[GaugeMessages]++
		g["bytes"] += m.size
		if m.workQueue {
			g[GaugeWorkQueue]++
		}
		if m.everQ {
			g[GaugeQuarantine]++
		}
		if m.quarantines > 0 {
			g["qbytes"] += m.size + 30*int64(len(m.live))
		}
		for rid := range m.live {
			switch {
			case m.workQueue || m.quarantines > 0:
				g[GaugeHeldBack]++
			case m.attempted[rid]:
				g[GaugeAttempted]++
			default:
				g[GaugeUnattempted]++
			}
		}
	}
	for d, h := range n.hosts {
		if n.hostLive(d) > 0 || n.clock-h.idle < int64(3*time.Hour) {
			g[GaugeDestinations]++
		}
	}
	g[GaugeActive] = g[GaugeAttempted] + g[GaugeUnattempted]
	g[GaugeInbound], g[GaugeOutbound] = int64(len(n.inbound)), int64(len(n.outbound))
	return g
}

func replay(records []journal.Record, f *Figures) *Figures {
	for _, r := range records {
		f.Apply(r)
	}
	return f
}

func TestFiguresAgreeWithANaiveFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := tell(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 250).Draw(t, "steps"))
		f := replay(records, NewFigures(0))
		n := fold(records)
		if d := f.Balance(); len(d) > 0 {
			t.Fatalf("books: %v", d)
		}
		now := time.Unix(0, n.clock+n.shift)
		v := f.View(now, nil, nil)
		want := n.gauges()
		for _, name := range []string{GaugeMessages, GaugeWorkQueue, GaugeQuarantine, GaugeHeldBack, GaugeAttempted,
			GaugeUnattempted, GaugeActive, GaugeDestinations, GaugeInbound, GaugeOutbound} {
			if v.Gauges[name] != want[name] {
				t.Errorf("%s is %d, want %d", name, v.Gauges[name], want[name])
			}
		}
		if int64(f.Bytes()) != want["bytes"] || int64(f.queue.quarantineBytes) != want["qbytes"] {
			t.Errorf("bytes %d and %d, want %d and %d", f.Bytes(), f.queue.quarantineBytes, want["bytes"], want["qbytes"])
		}
		checkRates(t, v, n)
		checkHosts(t, f, n, now)
		checkOldest(t, v, n)
	})
}

func checkRates(t *rapid.T, v Status, n *naive) {
	for _, c := range RateCounters() {
		var got [3]uint64
		for i, minutes := range []int64{1, 5, 15} {
			for _, s := range n.events[c] {
				if age := seconds(n.clock) - s; age >= 0 && age < minutes*60 {
					got[i]++
				}
			}
			got[i] = got[i] * 60 / uint64(minutes)
		}
		if r := v.Rates.Of(c); [3]uint64{r.Minute, r.Minutes5, r.Quarter} != got {
			t.Errorf("rate of %s is %v, want %v", c.Name(), r, got)
		}
		if int(v.Counters[c].Lifetime) != len(n.events[c]) {
			t.Errorf("%s is %d, want %d", c.Name(), v.Counters[c].Lifetime, len(n.events[c]))
		}
	}
}

func checkHosts(t *rapid.T, f *Figures, n *naive, now time.Time) {
	for d, h := range n.hosts {
		s, ok := f.Host(strings.ToUpper(d), now)
		if !ok {
			t.Fatalf("%s is not known", d)
		}
		got := fmt.Sprintln(s.SoftBounced, s.Delivered, s.Deleted, s.DNS, s.FiveXX, s.Expired, s.Filter, s.Other, s.State, s.Active, s.Attempted)
		var active, attempted int
		for _, m := range n.messages {
			for rid, dest := range m.live {
				if dest == d && !m.workQueue && m.quarantines == 0 {
					active++
					if m.attempted[rid] {
						attempted++
					}
				}
			}
		}
		state := h.state
		want := fmt.Sprintln(h.n["soft"], h.n["delivered"], h.n["deleted"], h.n["hard1"], h.n["hard2"], h.n["hard3"], h.n["hard4"],
			h.n["hard5"], state, active, attempted)
		if got != want {
			t.Errorf("%s is %s, want %s", d, got, want)
		}
		if int(s.Completed) != int(s.HardBounced+s.Delivered+s.Deleted) {
			t.Errorf("%s: completed %d", d, s.Completed)
		}
	}
}

func checkOldest(t *rapid.T, v Status, n *naive) {
	for _, seq := range slices.Sorted(maps.Keys(n.messages)) {
		m := n.messages[seq]
		if len(m.live) == 0 || m.quarantines > 0 {
			continue
		}
		if v.Oldest.MID != m.mid {
			t.Errorf("oldest is MID %d, want %d", v.Oldest.MID, m.mid)
		}
		if age := max(seconds(n.clock)-seconds(m.injected), 0); v.Oldest.Seconds != age {
			t.Errorf("oldest is %d s, want %d", v.Oldest.Seconds, age)
		}
		return
	}
	if v.Oldest != (OldestMessage{}) {
		t.Errorf("oldest is %+v, want none", v.Oldest)
	}
}
