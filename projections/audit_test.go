package projections

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

// named gives an event of a kind whose By, if it has one, is "ann".
func named(t *testing.T, k journal.Kind) (journal.Event, bool) {
	t.Helper()
	e := journal.NewEvent(k)
	by := reflect.ValueOf(e).Elem().FieldByName("By")
	if !by.IsValid() {
		return e, false
	}
	by.SetString("ann")
	return e, true
}

// TestNoDeedIsForgotten: whatever fact of the vocabulary bears a name makes a deed of that name, unless it is known that the
// name is a rule's.
func TestNoDeedIsForgotten(t *testing.T) {
	for _, k := range journal.Kinds() {
		e, has := named(t, k)
		if !has || notDeeds.Has(k) {
			continue
		}
		a := &audit{orders: map[uint64]int{}, known: map[uint64]bool{}, shells: map[uint64]shellOf{}}
		a.note(journal.Record{Seq: 9, Time: noon, Event: e})
		if !deedKinds.Has(k) || len(a.deeds) != 1 || a.deeds[0].By != "ann" || a.deeds[0].What == "" || a.deeds[0].Kind != k.String() {
			t.Errorf("%v makes the deeds %+v; it is looked for: %v", k, a.deeds, deedKinds.Has(k))
		}
	}
	for k := range deedKinds {
		if notDeeds.Has(k) {
			t.Errorf("%v is both", k)
		}
	}
}

// audited puts facts into a journal, a second apart, and audits it.
func audited(t *testing.T, q AuditQuery, facts ...journal.Event) []Deed {
	t.Helper()
	j, err := journal.Open("j", journal.Options{Disk: journal.NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for i, e := range facts {
		if _, err := j.AppendEvents(noon.Add(time.Duration(i)*time.Second), e); err != nil {
			t.Fatal(err)
		}
	}
	deeds, older, err := Audit(t.Context(), j, q)
	if err != nil || older != 0 {
		t.Fatal(older, err)
	}
	return deeds
}

var someDeeds = []journal.Event{
	&journal.Started{Boot: 1}, // 1
	&journal.OperatorLoggedIn{Session: 1, By: "ann", From: netip.MustParseAddr("10.0.0.5")},
	&journal.BulkActionOrdered{Action: "redirect", By: "ann", Selection: "all recipients of x.example", Target: "y.example", Recipients: 5, Messages: 4}, // 3
	&journal.RecipientsRedirected{Action: 3, By: "ann", Target: "y.example", Set: []journal.MessageRecipients{{Message: 1, RIDs: []uint32{0}}}},
	&journal.CountersReset{By: "bob"},
	&journal.BulkActionCompleted{Action: 3, Recipients: 4, Messages: 4, Excluded: []journal.MessageRecipients{{Message: 2, RIDs: []uint32{0}}}},
	&journal.BulkActionOrdered{Action: "reinstate", By: "bob", Undone: 3, Recipients: 4, Messages: 4}, // 7
	&journal.OperatorLoggedOut{Session: 1, By: "ann", From: netip.MustParseAddr("10.0.0.5")},
	&journal.WorkQueuePaused{By: "ann", Reason: "testing", Messages: 2},
	&journal.AlertRaised{Alert: "disk"},
	&journal.RecipientsDeleted{By: "ann", Set: []journal.MessageRecipients{{Message: 1, RIDs: []uint32{0, 1}}}},
	&journal.OperatorLoggedIn{Session: 2, By: "bob"},
	&journal.Started{Boot: 2},
	&journal.ConfigurationCommitted{Revision: 2, By: "bob", Comment: "more room"},
	&journal.Dropped{By: "a filter", RIDs: []uint32{0}},
}

func TestAuditTellsWhoDidWhat(t *testing.T) {
	var got []string
	for _, d := range audited(t, AuditQuery{}, someDeeds...) {
		got = append(got, d.By+" ["+strings.Join(d.From, " ")+"] "+d.What)
	}
	want := []string{
		"ann [10.0.0.5] logged in from 10.0.0.5",
		"ann [10.0.0.5] order 3: redirect all recipients of x.example to y.example: 4 recipients of 4 messages, 1 past recall",
		"bob [] reset the counters",
		"bob [] order 7: reinstate what order 3 took: 4 recipients of 4 messages, not completed",
		"ann [10.0.0.5] logged out",
		"ann [] paused the work queue with 2 messages, reason: testing",
		"ann [] deleted 2 recipients of 1 message",
		"bob [console] logged in from console",
		"bob [] committed configuration revision 2: more room",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestAuditTellsWhatAnUndoBroughtBack: one that brought back nothing does not read like one that did.
func TestAuditTellsWhatAnUndoBroughtBack(t *testing.T) {
	order := &journal.BulkActionOrdered{Action: "reinstate", By: "bob", Undone: 3, Recipients: 1, Messages: 1}
	for came, want := range map[uint64]string{0: "order 1: reinstate what order 3 took: nothing came back", 1: "order 1: reinstate what order 3 took: 1 recipient of 1 message"} {
		deeds := audited(t, AuditQuery{}, order, &journal.BulkActionCompleted{Action: 1, Recipients: came, Messages: came})
		if len(deeds) != 1 || deeds[0].What != want {
			t.Errorf("%d came back: %+v", came, deeds)
		}
	}
}

func TestAuditOfAPeriodAndAUser(t *testing.T) {
	at := func(second int) time.Time { return noon.Add(time.Duration(second) * time.Second).Time() }
	for name, c := range map[string]struct {
		q    AuditQuery
		want []uint64
	}{
		"user":   {AuditQuery{By: "ann"}, []uint64{2, 3, 8, 9, 11}},
		"since":  {AuditQuery{Since: at(8)}, []uint64{9, 11, 12, 14}},
		"until":  {AuditQuery{Until: at(4)}, []uint64{2, 3}},
		"order":  {AuditQuery{By: "ann", Until: at(4)}, []uint64{2, 3}}, // its end comes later, and is told
		"nobody": {AuditQuery{By: "carl"}, nil},
	} {
		var got []uint64
		for _, d := range audited(t, c.q, someDeeds...) {
			if got = append(got, d.Seq); d.Seq == 3 && d.Completed.IsZero() {
				t.Errorf("%s: the order has no end", name)
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestAuditOfDoubts: an answer is a deed, what the configuration holds is none.
func TestAuditOfDoubts(t *testing.T) {
	deeds := audited(t, AuditQuery{}, &journal.Held{By: journal.ByInDoubt, Set: []journal.MessageRecipients{{Message: 1, RIDs: []uint32{0}}}},
		&journal.DoubtAnswered{Message: 1, MID: 4, RIDs: []uint32{0}, Answer: journal.AnswerDelivered, By: "ann"},
		&journal.Delivered{Message: 1, MID: 4, RIDs: []uint32{0}, By: "ann"})
	if len(deeds) != 1 || deeds[0].By != "ann" || deeds[0].What != "answered a doubt: MID 4 was delivered to 1 recipient" {
		t.Errorf("%+v", deeds)
	}
}

// TestAuditOfSeats: an order's own seat goes before those of the shells that its user has open, which older histories alone
// know of, and ends with the run.
func TestAuditOfSeats(t *testing.T) {
	at := netip.MustParseAddr("10.0.0.5")
	var got []string
	for _, d := range audited(t, AuditQuery{}, &journal.OperatorLoggedIn{Session: 1, By: "ann", From: at},
		&journal.CountersReset{By: "ann"},
		&journal.OperatorOrdered{By: "ann", UID: 7, PID: 42}, &journal.CountersReset{By: "ann"},
		&journal.OperatorOrdered{By: "ann", UID: 7, PID: 43, TTY: "pts/3", From: at}, &journal.CountersReset{By: "ann"},
		&journal.OperatorOrdered{Signal: "terminated", What: journal.OrderStop}, &journal.HistoryCut{Before: 1},
		&journal.Started{Boot: 2}, &journal.CountersReset{By: "ann"},
		&journal.OperatorOrdered{By: "bob", UID: 8, PID: 44, TTY: "tty1", What: journal.OrderRestart}) {
		got = append(got, strings.Join(append([]string{d.By, d.What}, d.From...), "|"))
	}
	want := []string{"ann|logged in from 10.0.0.5|10.0.0.5", "ann|reset the counters|10.0.0.5", "ann|reset the counters|no terminal (uid 7, pid 42)",
		"ann|reset the counters|10.0.0.5 pts/3 (uid 7, pid 43)", "|ordered the gateway to stop|signal terminated", "|history before record 1 was removed",
		"ann|reset the counters", "bob|ordered the gateway to restart|tty1 (uid 8, pid 44)"}
	if !slices.Equal(got, want) {
		t.Errorf("audited:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
