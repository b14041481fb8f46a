package shell

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"postern/journal"
	"postern/projections"
)

// explained is a journal with messages in all states; the reader's clock stands at 10:05:20.
func explained(t *testing.T, data string) *queueKeeper {
	k := keeping(t, data)
	day := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	k.Local.Now = func() time.Time { return day.Add(5*time.Minute + 20*time.Second) }
	at := func(s int) journal.Instant { return journal.InstantOf(day.Add(time.Duration(s) * time.Second)) }
	add := func(s int, events ...journal.Event) (seq uint64) {
		for _, e := range events {
			var err error
			if seq, err = k.j.AppendEvents(at(s), e); err != nil {
				t.Fatal(err)
			}
		}
		return seq
	}
	to := func(addresses ...string) (list []journal.InjectedRecipient) {
		for rid, a := range addresses {
			local, domain, _ := strings.Cut(a, "@")
			list = append(list, journal.InjectedRecipient{RID: uint32(rid), Local: local, Domain: domain})
		}
		return list
	}
	one := []uint32{0}
	add(-10, &journal.Started{Boot: 1}, &journal.IDsReserved{ID: journal.MID, From: 1, To: 1025},
		&journal.ConfigurationCommitted{Revision: 3, By: "admin", Comment: "smaller windows"},
		&journal.DeliveryConnectionOpened{DCID: 7, Destination: "a.example", Address: netip.MustParseAddr("192.0.2.7"), Port: 25, Host: "mx.a.example"})
	m := add(0, &journal.MessageInjected{MID: 47, ICID: 1, Size: 4086, Sender: "user@example.com", Subject: "sales: \x1b[2Jconfidential", Queued: true,
		Recipients: to("ljohnson@a.example", "down@b.example", "held@c.example", "gone@d.example", "sus@e.example", "bounce@f.example")})
	add(2, &journal.AttemptStarted{Message: m, MID: 47, Destination: "a.example", RIDs: one, Attempt: 1, Next: at(62)},
		&journal.SoftBounced{DCID: 7, Message: m, MID: 47, Destination: "a.example", RIDs: one, Attempts: 1, Next: at(62), Code: "451", Status: "4.7.1", Reply: []string{"try again later"}},
		&journal.AttemptStarted{Message: m, MID: 47, Destination: "a.example", RIDs: one, Attempt: 2, Next: at(451)},
		&journal.SoftBounced{Message: m, MID: 47, Destination: "a.example", RIDs: one, Attempts: 2, Next: at(451), Code: "000", Status: "4.4.1", Reason: "No answer from host", Reply: []string{"timeout"}},
		&journal.AttemptStarted{Message: m, MID: 47, Destination: "b.example", RIDs: []uint32{1}, Attempt: 1, Next: at(62)},
		&journal.SoftBounced{Message: m, MID: 47, Destination: "b.example", RIDs: []uint32{1}, Attempts: 1, Next: at(62), Code: "000", Reason: "No answer from host", Reply: []string{"connection refused"}, Down: true},
		&journal.HostDown{Destination: "b.example", Failures: 1, Next: at(62), Reason: "No answer from host: connection refused"},
		&journal.Held{By: "ann", Reason: "legal", Set: []journal.MessageRecipients{{Message: m, MID: 47, RIDs: []uint32{2}}}},
		&journal.AttemptStarted{Message: m, MID: 47, Destination: "d.example", RIDs: []uint32{3}, Attempt: 1, Next: at(62)},
		&journal.Delivered{DCID: 7, Message: m, MID: 47, Destination: "d.example", RIDs: []uint32{3}, Attempts: 1, Reply: "2.0.0 ok"},
		&journal.DeliverySuspended{By: "bob", Domains: []string{"e.example"}})
	fact := add(3, &journal.HardBounced{Message: m, MID: 47, Destination: "f.example", RIDs: []uint32{5}, Attempts: 1, Class: journal.Bounce5XX,
		Code: "550", Status: "5.1.1", Reply: []string{"no such user"}, Notify: true, Address: netip.MustParseAddr("192.0.2.9")})
	add(4, &journal.MessageInjected{MID: 48, Why: journal.WhyBounce, Parent: m, ParentMID: 47, Reports: []uint64{fact}, Queued: true, Recipients: to("user@example.com")})
	add(62, &journal.HostDown{Destination: "b.example", Failures: 2, Next: at(451), Reason: "No answer from host: connection refused"})
	gone := add(100, &journal.MessageInjected{MID: 49, Queued: true, Sender: "x@example.com", Recipients: to("y@a.example")})
	add(101, &journal.RecipientsDeleted{By: "ann", Set: []journal.MessageRecipients{{Message: gone, MID: 49, RIDs: one, Finished: true}}})
	hand := add(102, &journal.MessageInjected{MID: 50, Queued: true, Recipients: to("y@a.example")})
	add(103, &journal.AttemptStarted{Message: hand, MID: 50, Destination: "a.example", RIDs: one, Attempt: 1, Next: at(163)})
	return k
}

const explanationOf47 = `MID 47  from user@example.com  "sales: \x1b[2Jconfidential"  4,086 bytes  received Mon Nov 23 10:00:00 2026
RID 0  ljohnson@a.example: queued, 2 attempts, the next one at 10:07:31 (in 2m 11s)
   10:00:02  attempt 1, mx.a.example [192.0.2.7]: 451 4.7.1 try again later
   10:00:02  attempt 2: No answer from host: timeout
   If it is not delivered it is given up at Thu Nov 26 10:00:00 2026 (in 2d 23h 54m 40s).
RID 1  down@b.example: waits for its host, 1 attempt, the next one at 10:07:31 (in 2m 11s) at the earliest
   10:00:02  attempt 1: No answer from host: connection refused
   The host b.example is down since 10:00:02, 2 failures in a row, the last one: No answer from host: connection refused. It is probed next at 10:07:31 (in 2m 11s), one message at a time; its other mail waits for that.
   If it is not delivered it is given up at Thu Nov 26 10:00:00 2026 (in 2d 23h 54m 40s).
RID 2  held@c.example: held since 10:00:02 by ann (legal): it is not tried until it is released
   10:00:02  held by ann: legal
RID 3  gone@d.example: delivered 10:00:02 (2.0.0 ok)
   10:00:02  attempt 1, mx.a.example [192.0.2.7]: delivered: 250 2.0.0 ok
RID 4  sus@e.example: queued, no attempt yet, and the delivery to its host is suspended
   The delivery to e.example is suspended since 10:00:02 by bob: resumedel ends that.
   If it is not delivered it is given up at Thu Nov 26 10:00:00 2026 (in 2d 23h 54m 40s).
RID 5  bounce@f.example: bounced 10:00:03 (550 5.1.1 no such user)
   10:00:03  attempt 1, 192.0.2.9: bounced: 550 5.1.1 no such user
   10:00:04  its sender is told, with MID 48
Configuration: revision 3 since 09:59:50 by admin, "smaller windows".
`

// TestExplain tells of recipients in many states: in the daemon, over its socket, and for programs.
func TestExplain(t *testing.T) {
	k := explained(t, "")
	for _, g := range []Gateway{k.Local, overSocket(t, k.Local)} {
		if got, err := dialogue(t, t.Context(), g, "explain 47", "batch"); err != nil || got != explanationOf47 {
			t.Errorf("%v, have\n%s\nwant\n%s", err, got, explanationOf47)
		}
		if got, err := dialogue(t, t.Context(), g, "explain 47 2", "batch"); err != nil || strings.Contains(got, "RID 0") || !strings.Contains(got, "held by ann") {
			t.Errorf("%v, one recipient:\n%s", err, got)
		}
		var x projections.Explanation
		got, err := dialogue(t, t.Context(), g, "explain 47 --json", "batch")
		if err == nil {
			err = json.Unmarshal([]byte(got), &x)
		}
		if err != nil || len(x.Recipients) != 6 || x.Recipients[1].State != projections.StateHostDown || len(x.Hosts) != 1 || x.Hosts[0].Failures != 2 || x.Bounds[0].By != "bob" {
			t.Errorf("%v, for programs:\n%s", err, got)
		}
		for line, want := range map[string]string{
			"explain 49":   "RID 0  y@a.example: deleted 10:01:41 by ann\n",
			"explain 50":   "RID 0  y@a.example: attempt 1 is under way since 10:01:43\n",
			"explain 48":   "It was made from MID 47.\nRID 0  user@example.com: queued, no attempt yet, due as soon as there is room\n   Attempts to example.com under way: 0; the configuration allows 500 (per_destination), fewer to a host that has not earned them yet.\n   Attempts under way in all: 1; the configuration allows 10,000 (connections).\n",
			"explain 51":   "there is no message with MID 51 in the journal",
			"explain 47 6": "MID 47 has no recipient 6: its recipients (RIDs) go from 0 to 5",
			"explain 47 x": "\"x\" is not a RID",
			"explain x":    "\"x\" is not a MID",
		} {
			got, err := dialogue(t, t.Context(), g, line, "batch")
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, want) {
				t.Errorf("%s:\n%s\nwant\n%s", line, got, want)
			}
		}
	}
}

// TestExplainSuspendedAndDown: who ends a suspension is to know what is behind it; and what an answer of an operator came to is
// no reply of a peer.
func TestExplainSuspendedAndDown(t *testing.T) {
	k := explained(t, "")
	k.fact(t, &journal.DeliverySuspended{By: "bob", Domains: []string{"b.example"}})
	k.fact(t, &journal.Delivered{Message: 5, MID: 47, Destination: "c.example", RIDs: []uint32{2}, By: "ann", Reply: "taken for delivered by ann"})
	got, err := dialogue(t, t.Context(), k.Local, "explain 47", "batch")
	for _, want := range []string{"RID 1  down@b.example: queued, 1 attempt, and the delivery to its host is suspended", "   The host b.example is down since 10:00:02, 2 failures in a row, the last one: No answer from host: connection refused.\n",
		"   The delivery to b.example is suspended", "  taken for delivered by ann\n"} {
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("%v: it lacks %q:\n%s", err, want, got)
		}
	}
}

// TestExplainStopped reads a store that nobody serves: what was in hand is in doubt.
func TestExplainStopped(t *testing.T) {
	data := t.TempDir()
	k := explained(t, data)
	if err := k.j.Close(); err != nil {
		t.Fatal(err)
	}
	g := &Offline{Data: data, Zone: time.UTC}
	got, err := dialogue(t, t.Context(), g, "explain 50", "batch")
	if err != nil || !strings.Contains(got, "in doubt, attempt 1 was under way when the gateway ended, begun ") {
		t.Errorf("%v\n%s", err, got)
	}
	if got, err = dialogue(t, t.Context(), g, "explain 48", "batch"); err != nil || !strings.Contains(got, "The gateway does not run: nothing is tried.") {
		t.Errorf("%v\n%s", err, got)
	}
	if _, err := g.Explain(context.Background(), 51, nil); err == nil {
		t.Error("a message that never was is explained")
	}
}

// TestExplainNamesakes explains the message in the queue where a MID is used twice, and says that there are others.
func TestExplainNamesakes(t *testing.T) {
	k := keeping(t, "")
	old := k.put(t, 5, "old@example.com", "x", 1)
	if _, err := k.j.AppendEvents(0, &journal.IDsReserved{ID: journal.MID, From: 900, To: 1000}, &journal.IDsReserved{ID: journal.MID, From: 1, To: 100}); err != nil {
		t.Fatal(err)
	}
	young := k.put(t, 5, "young@example.com", "x", 1)
	if _, err := k.j.AppendEvents(0, &journal.RecipientsDeleted{By: "ann", Set: []journal.MessageRecipients{{Message: young, MID: 5, RIDs: []uint32{0}, Finished: true}}}); err != nil {
		t.Fatal(err)
	}
	x, err := k.Explain(t.Context(), 5, nil)
	if err != nil || x.Seq != old || x.Namesakes != 1 {
		t.Errorf("%+v, %v", x, err)
	}
	if got := renderExplanation(x, time.UTC); !strings.Contains(got, "Another message bears or bore this MID.\n") {
		t.Error(got)
	}
}

// TestExplainWhatBinds tells of what keeps mail where it is besides its host, and who set it.
func TestExplainWhatBinds(t *testing.T) {
	k := keeping(t, "")
	day := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	k.Local.Now = func() time.Time { return day.Add(time.Hour) }
	add := func(events ...journal.Event) (seq uint64) {
		for _, e := range events {
			var err error
			if seq, err = k.j.AppendEvents(journal.InstantOf(day), e); err != nil {
				t.Fatal(err)
			}
		}
		return seq
	}
	one := []uint32{0}
	message := func(mid uint32, queued bool) uint64 {
		return add(&journal.MessageInjected{MID: mid, Sender: "s@example.com", Queued: queued, Recipients: []journal.InjectedRecipient{{Local: "r", Domain: "a.example"}}})
	}
	only := func(seq uint64, mid uint32) []journal.MessageRecipients {
		return []journal.MessageRecipients{{Message: seq, MID: mid, Destination: "a.example", RIDs: one}}
	}
	add(&journal.WorkQueuePaused{By: "ann", Reason: "virus"})
	message(1, false)
	add(&journal.Quarantined{Message: message(2, false), MID: 2, Quarantine: "Policy"})
	add(&journal.SetAside{Message: message(3, true), MID: 3, Evidence: "the process ended three times with it"})
	m := message(4, true)
	add(&journal.RecipientsRedirected{By: "bob", Target: "b.example", Set: only(m, 4)}, &journal.DeliveryForced{By: "bob", Domain: "b.example"})
	m = message(5, true)
	add(&journal.RecipientsBounced{By: "ann", Set: only(m, 5)})
	m = message(6, true)
	next := message(7, true)
	add(&journal.Rewritten{Message: m, MID: 6, New: next, NewMID: 7, By: "filter"})
	add(&journal.HostDown{Destination: "c.example", Failures: 1}, &journal.HostUp{Destination: "c.example"})
	m = message(8, true)
	order := add(&journal.BulkActionOrdered{Action: "delete", By: "eve", Set: 1, Recipients: 1, Messages: 1})
	add(&journal.RecipientsDeleted{Action: order, By: "eve", Set: only(m, 8)})
	add(&journal.ResourceConservationChanged{Degree: 7, Reasons: []string{"memoryShortage"}})
	for mid, wants := range map[string][]string{
		"1": {"in the work queue: it has not been processed yet\n", "   The work queue is paused since 10:00:00 by ann (virus).\n",
			"   Resources are conserved in degree 7 since 10:00:00 (memoryShortage), which slows what comes in, not deliveries.\n"},
		"2": {"in quarantine Policy since 10:00:00\n"},
		"3": {"set aside since 10:00:00 (the process ended three times with it): it is not tried until it is released\n"},
		"4": {"RID 0  r@a.example, redirected to b.example: queued, no attempt yet, due as soon as there is room\n", "   10:00:00  redirected to b.example by bob\n",
			"   An order (delete) is being carried out since 10:00:00 by eve; what belongs to it is not tried meanwhile.\n", "   Attempts to b.example under way: 0;"},
		"5": {"bounced 10:00:00 by ann\n", "   10:00:00  bounced by ann\n"},
		"6": {"moved 10:00:00 (it goes on with MID 7)\n"},
		"8": {"deleted 10:00:00 by eve\n", "deleted by eve, order "},
	} {
		got, err := dialogue(t, t.Context(), k.Local, "explain "+mid, "batch")
		for _, want := range wants {
			if err != nil || !strings.Contains(got, want) {
				t.Errorf("%v: lacks %q:\n%s", err, want, got)
			}
		}
	}
}
