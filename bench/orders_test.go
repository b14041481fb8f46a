package bench

import (
	"strings"
	"testing"
	"time"

	"postern/journal"
)

// The accounting is content with orders that did what they said, and finds a count that is not the journal's.
func TestOrdersAreAccounted(t *testing.T) {
	dir := t.TempDir()
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	write := func(events ...journal.Event) uint64 {
		t.Helper()
		seq, err := j.AppendEvents(1, events...)
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	to := []journal.InjectedRecipient{{RID: 0, Local: "a", Domain: "b.test"}, {RID: 1, Local: "c", Domain: "b.test"}}
	m := write(&journal.MessageInjected{MID: 1, Recipients: to})
	both := []journal.MessageRecipients{{Message: m, MID: 1, RIDs: []uint32{0, 1}}}
	deletion := write(&journal.BulkActionOrdered{Action: "delete"})
	write(&journal.RecipientsDeleted{Action: deletion, Set: both}, &journal.BulkActionCompleted{Action: deletion, Recipients: 2})
	back := write(&journal.BulkActionOrdered{Action: "reinstate", Undone: deletion})
	write(&journal.RecipientsReinstated{Action: back, Undone: deletion, Set: both}, &journal.BulkActionCompleted{Action: back, Recipients: 2})
	bounce := write(&journal.BulkActionOrdered{Action: "bounce"})
	write(&journal.RecipientsBounced{Action: bounce, Set: both}, &journal.BulkActionCompleted{Action: bounce, Recipients: 2},
		&journal.MessageInjected{MID: 2, Why: journal.WhyBounce, Parent: m, Recipients: to[:1]})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	end := statusFigures{Gauges: map[string]int64{"active_recips": 1}, Counters: map[string]struct{ Lifetime uint64 }{"gen_bounce_recips": {1}}}
	o := &ordersRun{given: []given{{deletion, "delete", 2, 2, 2}, {back, "reinstate", 2, 2, 2}, {bounce, "bounce", 2, 2, 2}}}
	if wrong, err := o.account(dir, end); err != nil || len(wrong) > 0 {
		t.Fatal(wrong, err)
	}
	o.given[1].said, o.given[2].want = 1, 3
	end.Gauges["active_recips"] = 2
	wrong, err := o.account(dir, end)
	if err != nil || len(wrong) != 3 || !strings.HasPrefix(wrong[0], "reinstate ") || !strings.HasPrefix(wrong[1], "bounce ") {
		t.Fatal(wrong, err)
	}
}

func TestNumberSaid(t *testing.T) {
	if n, err := numberSaid("Deleting messages, please wait.\n12 messages deleted.\n3 recipients had left\n"); n != 12 || err != nil {
		t.Error(n, err)
	}
	if n, err := numberSaid("Deleting messages, please wait.\n"); err == nil {
		t.Error(n)
	}
}

// The first row counts, not the heading.
func TestListingIsRead(t *testing.T) {
	f := ListingFigures{}
	text := "MID/ Sender\n[RID]  [Atmps]\n1 a\n[0]  [0]  b\n2 a\n[0]  [0]  c\n"
	if err := f.read(strings.NewReader(text), time.Now()); err != nil || f.Rows != 2 || f.First == 0 {
		t.Fatal(f, err)
	}
	other := ListingFigures{}
	if other.read(strings.NewReader(strings.Replace(text, "c", "d", 1)), time.Now()); other.Sum == f.Sum {
		t.Error("another list has the same sum")
	}
}
