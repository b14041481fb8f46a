package projections

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

// TestActions holds what undo lists: orders as they come, what they have done, what was past recall, and who took them back.
func TestActions(t *testing.T) {
	f := NewFigures(0)
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	set := func(message uint64, rids ...uint32) journal.MessageRecipients {
		return journal.MessageRecipients{Message: message, MID: uint32(message), RIDs: rids}
	}
	for i, e := range []journal.Event{
		&journal.Started{Boot: 1},
		&journal.BulkActionOrdered{Action: "delete", By: "ann", Selection: "to host example.com", Messages: 3, Recipients: 5},
		&journal.RecipientsDeleted{Action: 2, By: "ann", Set: []journal.MessageRecipients{set(90, 0, 1), set(91, 0)}},
		&journal.BulkActionCompleted{Action: 2, Messages: 2, Recipients: 3, Excluded: []journal.MessageRecipients{set(92, 0, 1)}},
		&journal.BulkActionOrdered{Action: "redirect", By: "bob", Target: "example2.com", Selection: "all", Messages: 7, Recipients: 9},
		&journal.MessageRemoved{Message: 93, MID: 47, By: "ann", RIDs: []uint32{0, 3}},
		&journal.MessageRemoved{Message: 94, MID: 48, By: "ann", RIDs: []uint32{0}, Archive: "/tmp/48.mbox"},
		&journal.BulkActionOrdered{Action: "reinstate", By: "bob", Selection: "to host example.com", Messages: 2, Recipients: 3, Undone: 2},
		&journal.RecipientsReinstated{Action: 8, Undone: 2, Set: []journal.MessageRecipients{set(90, 0, 1)}},
		&journal.RecipientsReinstated{Action: 8, Undone: 2, Set: []journal.MessageRecipients{set(91, 0)}},
		&journal.BulkActionCompleted{Action: 8, Messages: 2, Recipients: 3},
		&journal.RecipientsReinstated{Undone: 6, By: "eve", Set: []journal.MessageRecipients{set(93, 0), set(93, 3)}},
		&journal.BulkActionCompleted{Action: 7777, Messages: 1},
		&journal.BulkActionOrdered{Action: "reinstate", By: "eve", Selection: "all", Messages: 7, Recipients: 9, Undone: 5}, // of which nothing comes back
	} {
		f.Apply(journal.Record{Seq: uint64(i + 1), Time: journal.InstantOf(at.Add(time.Duration(i) * time.Minute)), Event: e})
	}
	var got strings.Builder
	for _, a := range f.Actions(0) {
		completed := "-"
		if !a.Completed.IsZero() {
			completed = a.Completed.Format("15:04")
		}
		fmt.Fprintf(&got, "%d %s %s %s %q %s %d/%d less %d, %s; undoes %d, by %d: %d\n", a.ID, a.Time.Format("15:04"), a.By, a.Action, a.Selection, a.Target,
			a.Messages, a.Recipients, a.Excluded, completed, a.Undoes, a.UndoneBy, a.Reinstated)
	}
	if want := `14 09:13 eve reinstate "all"  7/9 less 0, -; undoes 5, by 0: 0
12 09:11 eve reinstate ""  1/2 less 0, 09:11; undoes 6, by 0: 0
8 09:07 bob reinstate "to host example.com"  2/3 less 0, 09:10; undoes 2, by 0: 0
7 09:06 ann archive "MID 48"  1/1 less 0, 09:06; undoes 0, by 0: 0
6 09:05 ann remove "MID 47"  1/2 less 0, 09:05; undoes 0, by 12: 2
5 09:04 bob redirect "all" example2.com 7/9 less 0, -; undoes 0, by 14: 0
2 09:01 ann delete "to host example.com"  2/3 less 2, 09:03; undoes 0, by 8: 3
`; got.String() != want {
		t.Errorf("have\n%swant\n%s", got.String(), want)
	}
	for i := range uint64(2 * MaxActions) {
		f.Apply(journal.Record{Seq: 100 + i, Event: &journal.BulkActionOrdered{Action: "hold", Selection: strings.Repeat("\u00fc", maxActionText)}})
	}
	list := f.Actions(0)
	if len(list) != MaxActions || list[0].ID != 99+2*MaxActions || len(list[0].Selection) != maxActionText {
		t.Errorf("%d orders are remembered, the last %d, of %d bytes", len(list), list[0].ID, len(list[0].Selection))
	}
	if n := len(f.Actions(7)); n != 7 {
		t.Errorf("%d of 7 are given", n)
	}
}

// TestWorkQueueFigures: who paused the work queue and why, and how many messages came and left, over a keyframe too.
func TestWorkQueueFigures(t *testing.T) {
	f := NewFigures(0)
	inject := func(seq uint64, queued bool) {
		f.Apply(journal.Record{Seq: seq, Event: &journal.MessageInjected{MID: uint32(seq), Queued: queued,
			Recipients: []journal.InjectedRecipient{{Local: "x", Domain: "a.example"}}}})
	}
	for seq := range uint64(5) {
		inject(1+seq, seq == 4)
	}
	f.Apply(journal.Record{Seq: 10, Event: &journal.Queued{Message: 1}})
	f.Apply(journal.Record{Seq: 11, Event: &journal.Dropped{Message: 2, RIDs: []uint32{0}}})
	f.Apply(journal.Record{Seq: 12, Event: &journal.WorkQueuePaused{By: "admin", Reason: "checking LDAP server"}})
	back, err := decodeFigures(f.encode(nil), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*Figures{f, back} {
		v := f.View(time.Unix(1, 0), nil, nil)
		if !v.WorkQueuePaused || v.WorkQueueBy != "admin" || v.WorkQueueReason != "checking LDAP server" || v.WorkQueueIn != 4 || v.WorkQueueOut != 2 ||
			v.Gauges[GaugeWorkQueue] != 2 {
			t.Errorf("%+v", v)
		}
		f.Apply(journal.Record{Seq: 13, Event: &journal.WorkQueueResumed{By: "admin"}})
		if v := f.View(time.Unix(1, 0), nil, nil); v.WorkQueuePaused || v.WorkQueueBy != "" || v.WorkQueueReason != "" {
			t.Errorf("resumed: %+v", v)
		}
	}
}
