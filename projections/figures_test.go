package projections

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"postern/journal"
)

var noon = journal.InstantOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

// feed numbers events, all at one time.
func feed(f *Figures, t journal.Instant, events ...journal.Event) {
	for _, e := range events {
		f.Apply(journal.Record{Seq: f.seq + 1, Time: t, Event: e})
	}
}

func recipients(n int, domain string) (out []journal.InjectedRecipient) {
	for rid := range uint32(n) {
		out = append(out, journal.InjectedRecipient{RID: rid, Domain: domain})
	}
	return out
}

// threeTo is a message of three recipients; in these tests its Seq is 1.
func threeTo(domain string, queued bool) *journal.MessageInjected {
	return &journal.MessageInjected{MID: 7, Size: 5000, Queued: queued, Recipients: recipients(3, domain)}
}

func TestWhatEachFactCounts(t *testing.T) {
	all := []uint32{0, 1, 2}
	two := []uint32{0, 2}
	set := []journal.MessageRecipients{{Message: 1, MID: 7, Destination: "a.example", RIDs: two}}
	hard := func(c journal.BounceClass) journal.Event {
		return &journal.HardBounced{Message: 1, Destination: "a.example", RIDs: two, Class: c}
	}
	tests := []struct {
		name string
		fact journal.Event
		want map[Counter]uint64
	}{
		{"received", &journal.MessageInjected{Size: 100, Recipients: recipients(2, "b"), Rejected: make([]journal.RejectedRecipient, 3)},
			map[Counter]uint64{MessagesReceived: 1, RecipientsReceived: 2, RejectedRecipients: 3, InjectedBytes: 100}},
		{"bounce made", &journal.MessageInjected{Why: journal.WhyBounce, Size: 9, Recipients: recipients(1, "b")}, map[Counter]uint64{GenBounceRecipients: 1}},
		{"delay notice made", &journal.MessageInjected{Why: journal.WhyDelay, Recipients: recipients(1, "b")}, map[Counter]uint64{GenBounceRecipients: 1}},
		{"success notice made", &journal.MessageInjected{Why: journal.WhySuccess, Recipients: recipients(1, "b")}, map[Counter]uint64{GenBounceRecipients: 1}},
		{"copy", &journal.MessageInjected{Why: journal.WhyCopy, Recipients: recipients(1, "b")}, map[Counter]uint64{ExpandedRecipients: 1}},
		{"alert", &journal.MessageInjected{Why: journal.WhyAlert, Recipients: recipients(1, "b")}, map[Counter]uint64{ExpandedRecipients: 1}},
		{"split's message", &journal.MessageInjected{Why: journal.WhySplit, Recipients: recipients(1, "b")}, map[Counter]uint64{MovedInRecipients: 1}},
		{"split", &journal.Split{Message: 1, New: 2, RIDs: two}, map[Counter]uint64{MovedOutRecipients: 2}},
		{"rewritten", &journal.Rewritten{Message: 1, New: 2}, map[Counter]uint64{MovedOutRecipients: 3}},
		{"aborted: its accepted recipients are rejected too", &journal.ReceivingAborted{MID: 8, Recipients: recipients(2, "b"),
			Rejected: make([]journal.RejectedRecipient, 1)}, map[Counter]uint64{RejectedRecipients: 3}},
		{"closed", &journal.ConnectionClosed{ICID: 1, Rejected: 4}, map[Counter]uint64{RejectedRecipients: 4}},
		{"accepted connection", &journal.ConnectionAccepted{ICID: 1}, map[Counter]uint64{ConnectionsAccepted: 1}},
		{"refused connections", &journal.ConnectionRefused{Count: 12}, map[Counter]uint64{ConnectionsRefused: 12}},
		{"dropped", &journal.Dropped{Message: 1, RIDs: all}, map[Counter]uint64{DroppedMessages: 1, DroppedRecipients: 3}},
		{"dropped as spam", &journal.Dropped{Message: 1, RIDs: all, Filter: true},
			map[Counter]uint64{DroppedMessages: 1, FilterHardBounces: 3, HardBounced: 3, CompletedRecipients: 3}},
		{"attempt", &journal.AttemptStarted{Message: 1, RIDs: all, Attempt: 1}, nil},
		{"delivered", &journal.Delivered{Message: 1, RIDs: two}, map[Counter]uint64{Delivered: 2, CompletedRecipients: 2}},
		{"to /dev/null", &journal.Delivered{Message: 1, RIDs: two, Reply: "/null"}, map[Counter]uint64{Delivered: 2, CompletedRecipients: 2}},
		{"soft", &journal.SoftBounced{Message: 1, RIDs: two}, map[Counter]uint64{SoftBouncedEvents: 2}},
		{"unknown", &journal.OutcomeUnknown{Message: 1, RIDs: two}, map[Counter]uint64{SoftBouncedEvents: 2, UnknownOutcomes: 2}},
		{"dns", hard(journal.BounceDNS), map[Counter]uint64{DNSHardBounces: 2, HardBounced: 2, CompletedRecipients: 2}},
		{"5xx", hard(journal.Bounce5XX), map[Counter]uint64{FiveXXHardBounces: 2, HardBounced: 2, CompletedRecipients: 2}},
		{"expired", hard(journal.BounceExpired), map[Counter]uint64{ExpiredHardBounces: 2, HardBounced: 2, CompletedRecipients: 2}},
		{"filter", hard(journal.BounceFilter), map[Counter]uint64{FilterHardBounces: 2, HardBounced: 2, CompletedRecipients: 2}},
		{"other", hard(journal.BounceOther), map[Counter]uint64{OtherHardBounces: 2, HardBounced: 2, CompletedRecipients: 2}},
		{"a class of a newer version", hard(77), map[Counter]uint64{OtherHardBounces: 2, HardBounced: 2, CompletedRecipients: 2}},
		{"double", &journal.DoubleBounced{Message: 1, RIDs: two, Class: journal.Bounce5XX},
			map[Counter]uint64{FiveXXHardBounces: 2, HardBounced: 2, CompletedRecipients: 2}},
		{"deleted", &journal.RecipientsDeleted{Set: set}, map[Counter]uint64{Deleted: 2, CompletedRecipients: 2}},
		{"unsubscribed", &journal.RecipientsDeleted{Set: set, Unsubscribe: true},
			map[Counter]uint64{Deleted: 2, CompletedRecipients: 2, GlobalUnsubHits: 2}},
		{"bounced by an operator", &journal.RecipientsBounced{Set: set}, map[Counter]uint64{OtherHardBounces: 2, HardBounced: 2, CompletedRecipients: 2}},
		{"removed", &journal.MessageRemoved{Message: 1, RIDs: all}, map[Counter]uint64{Deleted: 3, CompletedRecipients: 3}},
		{"redirected", &journal.RecipientsRedirected{Target: "t", Set: set}, nil},
		{"held", &journal.Held{Set: set}, nil},
		{"set aside", &journal.SetAside{Message: 1}, nil},
		{"unknown to this version", &journal.Unknown{}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := NewFigures(0)
			feed(f, noon, threeTo("a.example", true))
			before := f.Counters()
			feed(f, noon, test.fact)
			after := f.Counters()
			for c := range NumCounters {
				if got := after.Get(c).Lifetime - before.Get(c).Lifetime; got != test.want[c] {
					t.Errorf("%s grew by %d, want %d", c.Name(), got, test.want[c])
				}
			}
			if d := f.Balance(); len(d) > 0 {
				t.Errorf("books: %v", d)
			}
		})
	}
}

func TestReinstatedRecipientsComeBackAndNoCounterGoesDown(t *testing.T) {
	f := NewFigures(0)
	set := []journal.MessageRecipients{{Message: 1, MID: 7, Destination: "a.example", RIDs: []uint32{0, 1, 2}}}
	feed(f, noon, threeTo("a.example", true))
	feed(f, noon.Add(time.Minute), &journal.RecipientsDeleted{Set: set}, &journal.RecipientsReinstated{Undone: 2, Set: set,
		Messages: []journal.ReinstatedMessage{{Message: 1, MID: 7, Injected: noon, Size: 5000, Recipients: 3, SenderHash: 1}}})
	v := f.View(noon.Add(2*time.Minute).Time(), nil, nil)
	if v.Counters[Deleted].Lifetime != 3 || v.Counters[Reinstated].Lifetime != 3 || v.Gauges[GaugeActive] != 3 {
		t.Errorf("deleted %d, reinstated %d, active %d", v.Counters[Deleted].Lifetime, v.Counters[Reinstated].Lifetime, v.Gauges[GaugeActive])
	}
	if f.Bytes() != 5000 || v.Oldest.MID != 7 || v.Oldest.Seconds != 120 {
		t.Errorf("%d bytes, oldest %+v", f.Bytes(), v.Oldest)
	}
	if d := f.Balance(); len(d) > 0 {
		t.Errorf("books: %v", d)
	}
}

func TestThreeStartingPoints(t *testing.T) {
	f := NewFigures(0)
	feed(f, noon, &journal.Started{Boot: 1}, threeTo("a", true))
	if got := f.counters.Get(RecipientsReceived); got != (Columns{3, 3, 3}) {
		t.Errorf("never reset: %+v", got)
	}
	feed(f, noon.Add(time.Hour), &journal.CountersReset{By: "admin"}, threeTo("a", true))
	feed(f, noon.Add(2*time.Hour), &journal.Started{Boot: 2, Hostname: "mail3", Version: "2.0"}, threeTo("b", true))
	v := f.View(noon.Add(3*time.Hour).Time(), nil, nil)
	if got := v.Counters[RecipientsReceived]; got != (Columns{Reset: 6, Uptime: 3, Lifetime: 9}) {
		t.Errorf("%+v", got)
	}
	if v.UptimeSeconds != 3600 || v.LastCounterReset != noon.Add(time.Hour).Time() || v.Hostname != "mail3" || v.Build != "2.0" || v.Boots != 2 {
		t.Errorf("%+v", v)
	}
	if d := f.Balance(); len(d) > 0 {
		t.Errorf("books after a reset: %v", d)
	}
}

func TestRatesAreExactToTheSecond(t *testing.T) {
	f := NewFigures(0)
	for i := range 100 { // 100 recipients, spread over the minute that ends at :59
		feed(f, noon.Add(time.Duration(i)*590*time.Millisecond), &journal.MessageInjected{Queued: true, Recipients: recipients(1, "a")})
	}
	rate := func(after time.Duration) Rate {
		v := f.View(noon.Add(after).Time(), nil, nil)
		if v.Rates.Of(RecipientsReceived) != v.Rates.Of(MessagesReceived) {
			t.Error("messages and recipients differ")
		}
		return v.Rates.Of(RecipientsReceived)
	}
	if got := rate(59 * time.Second); got != (Rate{6000, 1200, 400}) {
		t.Errorf("at once: %v", got)
	}
	if got := rate(60 * time.Second); got != (Rate{98 * 60, 1200, 400}) { // those of the first second have left
		t.Errorf("a second later: %v", got)
	}
	if got := rate(4*time.Minute + 59*time.Second); got != (Rate{0, 1200, 400}) {
		t.Errorf("at the end of five minutes: %v", got)
	}
	if got := rate(14*time.Minute + 59*time.Second); got != (Rate{0, 0, 400}) {
		t.Errorf("at the end of fifteen: %v", got)
	}
	if got := rate(16 * time.Minute); got != (Rate{}) {
		t.Errorf("after fifteen: %v", got)
	}
}

func TestRatesSurviveAClockThatIsSet(t *testing.T) {
	for _, jump := range []time.Duration{365 * 24 * time.Hour, -time.Hour} {
		f := NewFigures(0)
		feed(f, noon, threeTo("a", true))
		feed(f, noon.Add(jump), &journal.ClockJumped{Delta: int64(jump)}, threeTo("a", true))
		v := f.View(noon.Add(jump+time.Second).Time(), nil, nil)
		if got := v.Rates.Of(RecipientsReceived); got.Minute != 360 {
			t.Errorf("jump of %v: %v", jump, got)
		}
		if v.Oldest.Seconds != 1 {
			t.Errorf("jump of %v: oldest is %d s", jump, v.Oldest.Seconds)
		}
		if v.Gauges[GaugeDestinations] != 1 {
			t.Errorf("jump of %v: %d destinations", jump, v.Gauges[GaugeDestinations])
		}
	}
}

func TestIDsAreTheLastGiven(t *testing.T) {
	f := NewFigures(0)
	mid := func() uint32 { return f.View(noon.Time(), nil, nil).IDs.MID }
	give := func(ids ...uint32) {
		for _, id := range ids {
			feed(f, noon, &journal.MessageInjected{MID: id, Recipients: recipients(1, "a")})
		}
	}
	give(5, 7, 6)
	if mid() != 7 {
		t.Errorf("%d after 5, 7 and then 6, which was given before", mid())
	}
	give(journal.IDLimit/2-1, journal.IDLimit-3, journal.IDLimit-1)
	give(2, journal.IDLimit-2)
	if mid() != 2 {
		t.Errorf("%d after the ids have begun anew", mid())
	}
	feed(f, noon, &journal.ReceivingAborted{MID: 9}, &journal.ReceivingAborted{ICID: 1})
	if mid() != 9 {
		t.Errorf("%d after an aborted transaction", mid())
	}
	feed(f, noon, &journal.IDsReserved{ID: journal.MID, From: 3, To: 1000})
	give(4)
	if mid() != 4 {
		t.Errorf("%d after the ids were set back", mid())
	}
	feed(f, noon, &journal.Stopped{NextMID: 40, NextICID: 1, NextDCID: 3})
	if ids := f.View(noon.Time(), nil, nil).IDs; ids != (CurrentIDs{MID: 39, ICID: 0, DCID: 2}) {
		t.Errorf("%+v after a stop", ids)
	}
}

// A run that gives no id leaves those of before it, however it and they ended; what a run gave is told by its clean stop also
// when no fact bears it.
func TestIDsOutliveRunsWithoutMail(t *testing.T) {
	f := NewFigures(0)
	boot, next := uint64(0), uint32(1)
	run := func(gives uint32, clean bool, skip ...uint32) uint32 {
		boot++
		feed(f, noon, &journal.Started{Boot: boot, Clean: clean}, &journal.IDsReserved{ID: journal.MID, From: next, To: next + 1024, Skip: skip},
			&journal.IDsReserved{ID: journal.MID, From: next + 1024, To: next + 2048})
		first := next
		next += 2048
		if clean {
			next = first + uint32(len(skip)) + gives
			feed(f, noon, &journal.Stopped{NextMID: next, NextICID: 1, NextDCID: 1})
		} else if gives > 0 {
			feed(f, noon, &journal.MessageInjected{MID: first + gives - 1, Recipients: recipients(1, "a")})
		}
		return f.View(noon.Time(), nil, nil).IDs.MID
	}
	for i, c := range []struct {
		got, want uint32
	}{
		{run(0, true), 0}, {run(0, false), 0}, {run(0, true), 0},
		{run(55, false), 2048 + 55}, {run(0, true), 2103}, {run(0, false), 2103}, {run(0, true), 2103},
		{run(7, true), 6151}, {run(0, true, 6152, 6153), 6151}, {run(0, false), 6151}, {run(0, true), 6151},
	} {
		if c.got != c.want {
			t.Errorf("run %d: the last MID given is %d, want %d", i+1, c.got, c.want)
		}
	}
}

func TestQuarantineAndWorkQueue(t *testing.T) {
	f := NewFigures(0)
	gauges := func() map[string]int64 { return f.View(noon.Time(), nil, nil).Gauges }
	expect := func(what string, want map[string]int64) {
		t.Helper()
		got := gauges()
		for name, n := range want {
			if got[name] != n {
				t.Errorf("%s: %s is %d, want %d", what, name, got[name], n)
			}
		}
	}
	feed(f, noon, threeTo("a", false))
	expect("in the work queue", map[string]int64{GaugeWorkQueue: 1, GaugeActive: 0, GaugeKilobytesUsed: 4, GaugeQuarantine: 0})
	feed(f, noon, &journal.Quarantined{Message: 1}, &journal.Queued{Message: 1}, &journal.Quarantined{Message: 1})
	expect("quarantined twice", map[string]int64{GaugeWorkQueue: 0, GaugeActive: 0, GaugeQuarantine: 1,
		GaugeQuarantineKilobytes: (5000 + 90) / 1024, GaugeKilobytesUsed: 4, GaugeHeldBack: 3})
	if v := f.View(noon.Time(), nil, nil); v.Oldest.MID != 0 {
		t.Errorf("oldest is MID %d, which is in quarantine", v.Oldest.MID)
	}
	feed(f, noon, &journal.Released{Message: 1})
	expect("released from one", map[string]int64{GaugeActive: 0, GaugeQuarantine: 1})
	feed(f, noon, &journal.Released{Message: 1, Last: true})
	expect("released from all", map[string]int64{GaugeActive: 3, GaugeQuarantine: 1, GaugeQuarantineKilobytes: 0})
	feed(f, noon, &journal.Delivered{Message: 1, RIDs: []uint32{0, 1, 2}, Finished: true})
	expect("delivered", map[string]int64{GaugeActive: 0, GaugeQuarantine: 0, GaugeMessages: 0, GaugeKilobytesUsed: 0})
}

func TestAMessageLivesUntilItsSenderWasTold(t *testing.T) {
	f := NewFigures(0)
	e := threeTo("a", true)
	e.Sender = "s@example.com"
	feed(f, noon, e,
		&journal.HardBounced{Message: 1, RIDs: []uint32{0}, Class: journal.Bounce5XX, Notify: true},
		&journal.RecipientsBounced{Set: []journal.MessageRecipients{{Message: 1, RIDs: []uint32{1}}, {Message: 1, RIDs: []uint32{2}}}})
	if n := f.queue.messages.live; n != 1 {
		t.Fatalf("%d live, want the one whose reports are due", n)
	}
	if m, _, _ := f.queue.messages.find(1); m.dues != 2 {
		t.Errorf("%d reports due, want one of each fact", m.dues)
	}
	feed(f, noon, &journal.MessageInjected{Why: journal.WhyDelay, Parent: 1, Reports: []uint64{77}, Recipients: recipients(1, "s"), Queued: true})
	feed(f, noon, &journal.MessageInjected{Why: journal.WhyBounce, Parent: 1, Reports: []uint64{2, 3}, Size: 10, Recipients: recipients(1, "s"), Queued: true})
	if n := f.queue.messages.live; n != 2 || f.Bytes() != 10 {
		t.Errorf("%d live of %d bytes, want the two notices", n, f.Bytes())
	}
}

func TestNobodyIsToldOfWhatNobodyWantsToHear(t *testing.T) {
	for sender, notify := range map[string]journal.Notify{"": 0, "a@example.com": journal.NotifyNever} {
		f := NewFigures(0)
		e := threeTo("a", true)
		e.Sender = sender
		for i := range e.Recipients {
			e.Recipients[i].Notify = notify
		}
		feed(f, noon, e, &journal.RecipientsBounced{Set: []journal.MessageRecipients{{Message: 1, RIDs: []uint32{0, 1, 2}}}})
		if n := f.View(noon.Time(), nil, nil).Gauges[GaugeMessages]; n != 0 || f.Bytes() != 0 {
			t.Errorf("%q: %d messages wait for a report", sender, n)
		}
	}
}

func TestHostsLiveThreeHoursAfterTheirMail(t *testing.T) {
	f := NewFigures(0)
	inMemory := func(after time.Duration) int64 {
		return f.View(noon.Add(after).Time(), nil, nil).Gauges[GaugeDestinations]
	}
	feed(f, noon, threeTo("a.example", true), &journal.HostUp{Destination: "a.example"})
	feed(f, noon.Add(time.Hour), &journal.HardBounced{Message: 1, RIDs: []uint32{0, 1, 2}, Class: journal.Bounce5XX, Code: "550",
		Reply: []string{"go\x1b[2Jaway"}, Address: netip.MustParseAddr("192.0.2.1")})
	if inMemory(4*time.Hour-time.Second) != 1 || inMemory(4*time.Hour) != 0 {
		t.Error("not in memory for exactly three hours after the last recipient")
	}
	now := noon.Add(5 * time.Hour).Time()
	if top := f.Top(10, ByHardBounced, now); len(top) != 0 {
		t.Errorf("tophosts still lists %v", top)
	}
	s, ok := f.Host("A.Example", now)
	if !ok || s.State != HostUnknown || s.FiveXX != 3 || s.InMemory {
		t.Errorf("hoststatus: %+v, %v", s, ok)
	}
	if s.Last5XX == nil || s.Last5XX.Text != "550 go?[2Jaway" || s.Last5XX.IP.String() != "192.0.2.1" {
		t.Errorf("last 5XX error: %+v", s.Last5XX)
	}
	feed(f, noon.Add(5*time.Hour), threeTo("a.example", true))
	if inMemory(20*time.Hour) != 1 {
		t.Error("new mail does not renew it")
	}
	feed(f, noon.Add(6*time.Hour), &journal.CountersReset{})
	if s, _ := f.Host("a.example", now); s.FiveXX != 0 || s.Active != 3 {
		t.Errorf("after a reset: %+v", s)
	}
}

func TestRedirectedRecipientsCountUnderTheTarget(t *testing.T) {
	f := NewFigures(0)
	feed(f, noon, threeTo("a", true), &journal.SoftBounced{Message: 1, RIDs: []uint32{0}},
		&journal.RecipientsRedirected{Target: "b", Set: []journal.MessageRecipients{{Message: 1, RIDs: []uint32{0, 1}}}},
		&journal.Delivered{Message: 1, Destination: "a", RIDs: []uint32{0}})
	a, _ := f.Host("a", noon.Time())
	b, _ := f.Host("b", noon.Time())
	if a.Active != 1 || a.SoftBounced != 1 || a.Delivered != 0 || b.Active != 1 || b.Delivered != 1 {
		t.Errorf("a: %+v\nb: %+v", a, b)
	}
}

func TestIdleHostsMakeRoom(t *testing.T) {
	f := NewFigures(3)
	feed(f, noon, threeTo("busy", true), &journal.HostDown{Destination: "old"}, &journal.DeliveryConnectionOpened{DCID: 1, Destination: "connected"},
		&journal.HostDown{Destination: "new"}, &journal.HostDown{Destination: "newer"})
	if got := fmt.Sprint(len(f.hosts.byName), f.hosts.forgotten); got != "3 2" {
		t.Errorf("%s hosts and forgotten ones, want 3 2", got)
	}
	for name, want := range map[string]bool{"busy": true, "connected": true, "newer": true, "old": false, "new": false} {
		if _, ok := f.Host(name, noon.Time()); ok != want {
			t.Errorf("%s is remembered: %v", name, ok)
		}
	}
}

func TestConnections(t *testing.T) {
	f := NewFigures(0)
	open := func(icid uint32, ip, listener string, verified bool) journal.Event {
		return &journal.ConnectionAccepted{ICID: icid, Remote: netip.MustParseAddr(ip), Listener: listener, ReverseDNS: "mail.example", Verified: verified}
	}
	feed(f, noon, open(1, "10.0.0.10", "In1", true), open(2, "10.0.0.9", "In2", false), open(3, "10.0.0.9", "In1", false),
		open(4, "10.0.0.10", "In1", true), open(5, "10.0.0.1", "In1", true), &journal.ConnectionClosed{ICID: 5}, &journal.ConnectionClosed{ICID: 99})
	var rows []string
	for _, r := range f.TopInbound(0) {
		rows = append(rows, fmt.Sprint(r.Hostname, " ", r.Remote, " ", r.Listener, " ", r.Connections))
	}
	want := "mail.example 10.0.0.10 In1 2, 10.0.0.9 10.0.0.9 In1 1, 10.0.0.9 10.0.0.9 In2 1"
	if got := strings.Join(rows, ", "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	feed(f, noon, &journal.DeliveryConnectionOpened{DCID: 1, Destination: "a"}, &journal.DeliveryConnectionOpened{DCID: 2, Destination: "a"},
		&journal.DeliveryConnectionFailed{DCID: 2, Destination: "a"}, &journal.DeliveryConnectionClosed{DCID: 2, Destination: "a"})
	if s, _ := f.Host("a", noon.Time()); s.Connections != 1 || s.State != HostStateUp {
		t.Errorf("%+v", s)
	}
	feed(f, noon, &journal.Started{Boot: 2})
	s, _ := f.Host("a", noon.Time())
	if v := f.View(noon.Time(), nil, nil); v.Gauges[GaugeInbound] != 0 || v.Gauges[GaugeOutbound] != 0 || s.Connections != 0 || len(f.TopInbound(0)) != 0 {
		t.Errorf("a start leaves connections of before: %v, %d", v.Gauges, s.Connections)
	}
}

func TestLiveGaugesOfConnections(t *testing.T) {
	f := NewFigures(0)
	var live Gauges
	live.Register(GaugeInbound, func() int64 { return 3 })
	live.Register(GaugeOutbound, func() int64 { return 5 })
	feed(f, noon, &journal.ConnectionAccepted{ICID: 1}, &journal.DeliveryConnectionOpened{DCID: 1, Destination: "a.example"})
	want := func(what string, g *Gauges, in, out int64) {
		if v := f.View(noon.Time(), g, nil).Gauges; v[GaugeInbound] != in || v[GaugeOutbound] != out {
			t.Errorf("%s: %d inbound and %d outbound, want %d and %d", what, v[GaugeInbound], v[GaugeOutbound], in, out)
		}
	}
	want("the facts", nil, 1, 1)
	want("two have said nothing yet", &live, 3, 1)
	feed(f, noon, &journal.NotesOmitted{Counts: []journal.NamedValue{{Name: journal.KindConnectionClosed.String(), Value: 1}}})
	want("facts were omitted", &live, 3, 5)
}

func TestSystemStatus(t *testing.T) {
	f := NewFigures(0)
	listeners := []string{"In", "Out"}
	expect := func(want string) {
		t.Helper()
		if got := f.View(noon.Time(), nil, listeners).System; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	expect(SystemOnline)
	feed(f, noon, &journal.DeliverySuspended{Domains: []string{"a"}}, &journal.ListenerSuspended{Listener: "In"})
	expect(SystemOnline)
	feed(f, noon, &journal.ListenerSuspended{Listener: "Out"})
	expect(SystemReceivingSuspended)
	feed(f, noon, &journal.DeliverySuspended{})
	expect(SystemOffline)
	feed(f, noon, &journal.ListenerResumed{Listener: "In"})
	expect(SystemDeliverySuspended)
	feed(f, noon, &journal.DeliveryResumed{})
	expect(SystemOnline)
}

func TestAfterAHistoryCutTheCountersGoOn(t *testing.T) {
	whole := NewFigures(0)
	feed(whole, noon, threeTo("a", true), &journal.Delivered{Message: 1, RIDs: []uint32{0, 1, 2}}, &journal.CountersReset{})
	feed(whole, noon, &journal.MessageInjected{MID: 8, Queued: true, Recipients: recipients(2, "a")})
	lifetime, atReset := whole.counters.Baselines()
	cut := &journal.HistoryCut{Before: 1 << 20, Boots: 5, LastReset: noon, Counters: lifetime, ResetCounters: atReset,
		NextIDs: []journal.NamedValue{{Name: "MID", Value: 9}}, SuspendedHosts: []string{"*"}}
	rest := NewFigures(0) // sees the live message and the cut only
	rest.Apply(journal.Record{Seq: 4, Time: noon, Event: &journal.MessageInjected{MID: 8, Queued: true, Recipients: recipients(2, "a")}})
	for _, f := range []*Figures{whole, rest} {
		feed(f, noon, cut, &journal.Delivered{Message: 4, RIDs: []uint32{0, 1}})
		v := f.View(noon.Time(), nil, nil)
		if got := v.Counters[Delivered]; got.Lifetime != 5 || got.Reset != 2 {
			t.Errorf("delivered %+v", got)
		}
		if v.IDs.MID != 8 || v.Boots != 5 || v.System != SystemDeliverySuspended {
			t.Errorf("%+v", v)
		}
	}
}

func TestTopIsTheHeadOfTheWholeOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := NewFigures(0)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		for i := range rng.IntN(400) {
			feed(f, noon, &journal.MessageInjected{Queued: true, Recipients: recipients(rng.IntN(6), fmt.Sprint("h", i))})
		}
		n := rapid.IntRange(1, 30).Draw(t, "n")
		got, all := f.Top(n, ByActive, noon.Time()), f.Top(1000, ByActive, noon.Time())
		if len(got) != min(n, len(all)) {
			t.Fatalf("%d rows of %d, asked for %d", len(got), len(all), n)
		}
		for i := range got {
			if got[i].Host != all[i].Host {
				t.Errorf("row %d is %s, want %s", i, got[i].Host, all[i].Host)
			}
			if i > 0 && (got[i].Active > got[i-1].Active || got[i].Active == got[i-1].Active && got[i].Host < got[i-1].Host) {
				t.Errorf("row %d is out of order", i)
			}
		}
	})
}

func TestStatusSurvivesJSON(t *testing.T) {
	f := replay(tell(3, 300), NewFigures(0))
	var live Gauges
	live.Register(GaugeRAMUtilization, func() int64 { return 12 })
	live.RegisterText(GaugeLogAvailable, func() string { return "148G" })
	v := f.View(f.time.Time(), &live, nil)
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back Status
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(v, back) {
		t.Errorf("\n%+v\nbecame\n%+v", v, back)
	}
	if !strings.Contains(string(data), `"counters":{"inj_msgs":{"reset":`) || !strings.Contains(string(data), `"rates":{"inj_msgs":{"last_1_min":`) {
		t.Errorf("names: %s", data)
	}
	if back.Gauges[GaugeRAMUtilization] != 12 || back.Texts[GaugeLogAvailable] != "148G" {
		t.Error("the registry's gauges are missing")
	}
}

func TestSampleHoldsEveryPairOfTheStatusLog(t *testing.T) {
	f := NewFigures(0)
	feed(f, noon, &journal.Started{Boot: 1}, threeTo("a", true), &journal.CountersReset{}, threeTo("a", true))
	var live Gauges
	live.Register(GaugeCPUUtilization, func() int64 { return 42 })
	live.RegisterText(GaugeSwapUsage, func() string { return "3%" })
	s := f.Sample(noon.Add(90*time.Second).Time(), &live)
	values := map[string]int64{}
	for _, v := range s.Values {
		values[v.Name] = v.Value
	}
	if len(values) != len(StatusLogNames())-2 || len(s.Values) != len(values) {
		t.Errorf("%d values for %d names", len(s.Values), len(StatusLogNames()))
	}
	for name, want := range map[string]int64{"CPULd": 42, "InjRcp": 3, "ActvRcp": 6, "MMLen": 2, "CrtMID": 7, "CPUETm": 90, "InjBytes": 5000} {
		if values[name] != want {
			t.Errorf("%s is %d, want %d", name, values[name], want)
		}
	}
	if len(s.Texts) != 1 || s.Texts[0] != (journal.NamedText{Name: "SwapUsage", Text: "3%"}) {
		t.Errorf("texts %v", s.Texts)
	}
	for name := range maps.Keys(counterSamples) {
		if _, ok := values[name]; !ok {
			t.Errorf("%s is in no line", name)
		}
	}
	for name := range maps.Keys(gaugeSamples) {
		if _, ok := values[name]; !ok {
			t.Errorf("%s is in no line", name)
		}
	}
}

func TestCounterNamesAreUnique(t *testing.T) {
	if len(counterByName) != int(NumCounters) {
		t.Errorf("%d names for %d counters", len(counterByName), NumCounters)
	}
	for c := range NumCounters {
		if got, ok := CounterNamed(c.Name()); !ok || got != c || c.Label() == "" {
			t.Errorf("%d: %q, %q", c, c.Name(), c.Label())
		}
	}
}

// TestApplyIsTotal feeds facts that do not fit together; the sums must still be those of the parts.
func TestApplyIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		records := tell(rng.Uint64(), 120)
		rng.Shuffle(len(records), func(i, j int) { records[i].Event, records[j].Event = records[j].Event, records[i].Event })
		f := NewFigures(4)
		for i, r := range records {
			r.Seq, r.Time = uint64(i+1), r.Time.Add(time.Duration(rng.IntN(1<<30)-1<<29))
			if e, ok := r.Event.(*journal.MessageInjected); ok && rng.IntN(4) == 0 {
				odd := *e
				odd.Recipients = []journal.InjectedRecipient{{RID: 1 << 31, Domain: "x"}, {RID: 3, Domain: "y"}, {RID: 3, Domain: "z"}}
				r.Event = &odd
			}
			f.Apply(r)
		}
		for _, d := range f.Balance() {
			if d.In != d.Out+d.Here && d.Where != "all" || strings.Contains(d.Messages, "not those of the queue") {
				t.Errorf("books: %v", d)
			}
		}
		naively := [4]uint64{}
		f.queue.messages.each(func(m *message) bool {
			naively[0] += uint64(m.size)
			naively[1] += f.queue.left(m)
			naively[2]++
			return true
		})
		if naively[0] != f.Bytes() || naively[1] != f.queue.waiting+f.queue.attempted+f.queue.unattempted || int(naively[2]) != f.queue.messages.live {
			t.Errorf("bytes, recipients and messages %v are not the sums: %d, %d", naively, f.Bytes(), f.queue.messages.live)
		}
		f.View(noon.Time(), nil, nil)
		f.Top(5, ByActive, noon.Time())
	})
}
