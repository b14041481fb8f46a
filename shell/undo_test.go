package shell

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/journal"
	"postern/projections"
)

// TestUndo lists what was ordered, takes one of it back, and says what cannot come back.
func TestUndo(t *testing.T) {
	l, e := queueOf(t, 5)
	if got := says(t, l, "undo", "batch"); got != "There are no recent orders.\n" {
		t.Error(got)
	}
	e.past = 1
	for _, line := range []string{"deleterecipients host example.com --yes", "redirectrecipients b.example --yes", "hold all --reason x --yes"} {
		says(t, l, line, "batch")
	}
	e.fact(&journal.BulkActionOrdered{Action: "bounce", By: "eve\x1b[2J", Selection: "from <a\nb@example.com>", Messages: 8, Recipients: 9})
	for _, g := range []Gateway{l, overSocket(t, l)} {
		list, err := g.Actions(t.Context(), 0)
		if err != nil || len(list) != 4 {
			t.Fatalf("%v, %v", list, err)
		}
		const at = "Sun Mar 01 10:17:00 2026"
		want := aligned([]string{"7", at, `eve\x1b[2J`, "bounce", `from <a\x0ab@example.com>`, "8 messages, 9 recipients", "is under way"},
			[]string{"6", at, "admin", "hold", "all", "4 messages, 4 recipients (1 past recall)", "is no loss: release ends it"},
			[]string{"4", at, "admin", "redirect", "all to b.example", "4 messages, 4 recipients (1 past recall)", "can be undone until 11:17:00"},
			[]string{"2", at, "admin", "delete", "to host example.com", "4 messages, 4 recipients (1 past recall)", "can be undone until 11:17:00"})
		for i, id := range []int{7, 6, 4, 2} {
			want = strings.Replace(want, fmt.Sprint(id)+"  Sun", fmt.Sprint(list[i].ID)+"  Sun", 1)
		}
		if got := renderActions(list, *e.now, time.UTC); got != want {
			t.Errorf("have\n%s\nwant\n%s", got, want)
		}
	}
	var ids [4]uint64
	for i, a := range actionsIn(t, l) {
		ids[i] = a.ID
	}
	undo := func(line, answers string) string {
		t.Helper()
		return says(t, l, strings.NewReplacer("BOUNCE", fmt.Sprint(ids[0]), "HOLD", fmt.Sprint(ids[1]), "REDIRECT", fmt.Sprint(ids[2]), "DELETE", fmt.Sprint(ids[3])).Replace(line), answers)
	}
	for line, want := range map[string]string{"undo BOUNCE --yes": "is under way", "undo HOLD --yes": "is no loss: release ends it", "undo 99999 --yes": `there is no order 99999: "undo" lists them`} {
		if got := undo(line, "batch"); !strings.HasPrefix(got, "error: ") || !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q", line, got)
		}
	}
	what := fmt.Sprintf("order %d (delete to host example.com: 4 messages, 4 recipients (1 past recall))", ids[3])
	if got, want := undo("undo DELETE", "batch"), "This would undo "+what+".\nerror: nothing was undone: repeat it with --yes"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := undo("undo DELETE", "\n"), "This would undo "+what+fmt.Sprintf(".\nAre you sure you want to undo order %d? [N]> \n", ids[3]); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := undo("undo DELETE", "y\n"), "This would undo "+what+fmt.Sprintf(".\nAre you sure you want to undo order %d? [N]> ", ids[3])+"y\nBringing messages back, please wait.\n3 recipients of 2 messages reinstated.\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := undo("undo DELETE --yes", "batch"); !strings.HasSuffix(got, ": 3 recipients came back") || !strings.Contains(got, " was undone by ") {
		t.Error(got)
	}
	if got := undo("undo", "batch"); !strings.Contains(got, "reinstate  what "+fmt.Sprint(ids[3])+" took") || !strings.Contains(got, "cannot be undone\n") {
		t.Error(got)
	}
	e.forget = 2
	if got, want := undo("undo REDIRECT --yes", "batch"), "3 recipients of 2 messages reinstated.\n4 recipients cannot be brought back:\n"+
		"  MID 1 [0, 2]: its bounce message\\x0ahas left\n  MID 2 [0, 2]: its bounce message\\x0ahas left\n"; !strings.HasSuffix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestUndoAsJSON(t *testing.T) {
	l, e := queueOf(t, 3)
	says(t, l, "bouncerecipients all --yes", "batch")
	g := overSocket(t, l)
	var list []map[string]any
	if err := json.Unmarshal([]byte(says(t, g, "undo --json", "batch")), &list); err != nil || len(list) != 1 || list[0]["action"] != "bounce" || list[0]["by"] != "admin" ||
		list[0]["selection"] != "all" || list[0]["messages"] != 3.0 || list[0]["undo_until"] == nil {
		t.Fatalf("%v, %v", list, err)
	}
	e.forget = 1
	var done struct {
		ID, Messages, Recipients uint64
		MIDs                     []uint32
		Lost                     []struct {
			MID    uint32
			Reason string
		}
	}
	line := fmt.Sprintf("undo %v --yes --json", list[0]["id"])
	if got := says(t, g, line, "batch"); json.Unmarshal([]byte(got), &done) != nil || done.ID == 0 || done.Messages != 2 || done.Recipients != 3 ||
		fmt.Sprint(done.MIDs) != "[3 9]" || len(done.Lost) != 1 || done.Lost[0].MID != 1 {
		t.Errorf("%s", got)
	}
}

// TestUndoOfManyLost names the first hundred, and counts the others.
func TestUndoOfManyLost(t *testing.T) {
	l, e := queueOf(t, 3)
	e.forget = 130
	u, err := overSocket(t, l).Undo(t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	u.Rest = 1000
	got := renderUndone(&u)
	if !strings.Contains(got, "\n1260 recipients cannot be brought back:\n  MID 1 [0, 2]: ") || !strings.HasSuffix(got, "\n  and 1060 more\n") || strings.Count(got, "\n") != 103 {
		t.Error(got)
	}
}

// TestUndoWhoseTimeIsOver is refused before it is asked for; what is older than the list is the gateway's to judge.
func TestUndoWhoseTimeIsOver(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	list := []Action{{Action: projections.Action{ID: 70, Action: "delete", Completed: now.Add(-2 * time.Hour)}, UndoUntil: now.Add(-time.Hour)},
		{Action: projections.Action{ID: 60, Action: "delete", Completed: now.Add(-time.Minute)}}}
	for id, want := range map[uint64]string{70: "order 70 could be undone until 11:00:00", 60: "order 60 cannot be undone now", 65: "there is no order 65", 50: "there is no order 50"} {
		if _, err := undoable(list, id, now, time.UTC); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%d: %v", id, err)
		}
	}
	long := slices.Clone(list)
	for len(long) < projections.MaxActions {
		long = append(long, list[1])
	}
	if a, err := undoable(long, 50, now, time.UTC); a != nil || err != nil {
		t.Errorf("%v, %v", a, err)
	}
	list[0].UndoUntil = now.Add(time.Second)
	if a, err := undoable(list, 70, now, time.UTC); a != &list[0] || err != nil {
		t.Errorf("%v, %v", a, err)
	}
}

// TestUndoListsTheLast ten, and all of them where that is asked for; a line is no longer than it needs to be.
func TestUndoListsTheLast(t *testing.T) {
	l, e := queueOf(t, 1)
	for range 13 {
		e.fact(&journal.BulkActionOrdered{Action: "hold", By: "ann", Selection: strings.Repeat("x", 500), Messages: 1, Recipients: 1})
	}
	got := says(t, l, "undo", "batch")
	if strings.Count(got, "ann  hold  "+strings.Repeat("x", 57)+"...  1 message, 1 recipient  ") != 10 || !strings.HasSuffix(got, "\n3 older: \"undo --all\" lists them too.\n") {
		t.Error(got)
	}
	if got := says(t, l, "undo --all", "batch"); strings.Count(got, "\n") != 13 || strings.Contains(got, "older") {
		t.Error(got)
	}
	if got := says(t, l, "undo --al", "batch"); !strings.Contains(got, "is not the ID of an order") {
		t.Error(got)
	}
}

// TestUndoThatBringsNothingBack has failed, and the listing says so of the order.
func TestUndoThatBringsNothingBack(t *testing.T) {
	l, e := queueOf(t, 0)
	id := e.fact(&journal.BulkActionOrdered{Action: "delete", By: "ann", Selection: "all", Messages: 2, Recipients: 2})
	e.fact(&journal.BulkActionCompleted{Action: id, Messages: 2, Recipients: 2})
	e.nothing = true
	if got := says(t, l, fmt.Sprintf("undo %d --yes", id), "batch"); !strings.HasSuffix(got, "0 recipients of 0 messages reinstated.\nerror: nothing came back") {
		t.Error(got)
	}
	undo := e.fact(&journal.BulkActionOrdered{Action: "reinstate", By: "ann", Selection: "all", Undone: id})
	e.fact(&journal.BulkActionCompleted{Action: undo})
	got := says(t, l, "undo", "batch")
	if !strings.Contains(got, fmt.Sprintf("was undone by %d: 0 recipients came back\n", undo)) || !strings.Contains(got, fmt.Sprintf("reinstate  what %d took", id)) {
		t.Error(got)
	}
}
