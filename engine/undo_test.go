package engine

import (
	"context"
	"testing"

	"postern/journal"
)

// A bounce tells one sender in as many notifications as it has slices of his message; an undo takes back all of them.
func TestUndoOfABounceTakesBackEveryNotification(t *testing.T) {
	g := start(t, journal.NewMemoryDisk(), postponing(), func(o *Options) { o.slice = 1 })
	defer g.stop()
	g.suspend()
	g.inject("s@one.example", "a@x.example", "b@x.example", "c@x.example")
	before := g.queueOf()
	d := g.do(Order{Action: ActionBounce})
	g.until("notifications", func([]journal.Record) bool { return g.e.Totals().Reports == 0 })
	if u := g.undo(d.ID); u.Recipients != 3 || len(u.Lost) != 0 {
		t.Errorf("undone %+v", u)
	}
	sameQueue(t, g.queueOf(), before)
	g.sound()
}

// What another failure has told of the same message has nothing to do with it.
func TestUndoOfABounceLeavesOtherNotificationsAlone(t *testing.T) {
	g := start(t, journal.NewMemoryDisk(), postponing(), nil)
	defer g.stop()
	g.suspend()
	g.inject("s@one.example", "a@x.example", "b@y.example", "c@z.example")
	told := func() { g.until("notifications", func([]journal.Record) bool { return g.e.Totals().Reports == 0 }) }
	first := g.do(Order{Action: ActionBounce, Selection: toHost("x.example")})
	told()
	g.do(Order{Action: ActionBounce, Selection: toHost("y.example")})
	told()
	if u := g.undo(first.ID); u.Recipients != 1 || len(u.Lost) != 0 {
		t.Errorf("undone %+v", u)
	}
	letters := 0
	for _, m := range g.queueOf() {
		if m.Why == journal.WhyBounce {
			letters++
		}
	}
	if letters != 1 {
		t.Errorf("%d notifications are left, want that of the other bounce", letters)
	}
	g.sound()
}

// Whoever is let go out of a message that was set aside goes alone: the others are held until they are let go themselves.
func TestReleaseOfAMessageSetAside(t *testing.T) {
	disk := journal.NewMemoryDisk()
	g := start(t, disk, postponing(), nil)
	g.suspend()
	seq := g.inject("s@one.example", "a@x.example", "b@y.example", "c@z.example")
	g.do(Order{Action: ActionHold, Selection: toHost("z.example")})
	err := g.e.decide(context.Background(), func(t *turn) {
		t.emit(&journal.SetAside{Message: seq, MID: 1, Evidence: "for the test"})
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := g.do(Order{Action: ActionRelease, Selection: toHost("x.example")}); d.Recipients != 1 {
		t.Errorf("released %+v", d)
	}
	held := func() {
		t.Helper()
		image, err := journal.FoldAll(g.j, g.j.Durable())
		if err != nil {
			t.Fatal(err)
		}
		if err := g.e.decide(context.Background(), func(turn *turn) {
			for _, w := range turn.s.differences(image) {
				t.Error(w)
			}
		}); err != nil {
			t.Fatal(err)
		}
		for _, r := range image.Messages[seq].Recipients {
			if r.Held != (r.Destination != "x.example") {
				t.Errorf("recipient %d held: %v", r.RID, r.Held)
			}
		}
	}
	held()
	g.stop()
	g = start(t, disk, postponing(), nil)
	defer g.stop()
	g.loaded()
	held()
}
