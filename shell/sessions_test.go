package shell

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"postern/journal"
	"postern/projections"
)

// visited is a gateway whose journal says who was there.
func visited(t *testing.T, now *time.Time, facts ...journal.Event) *Local {
	t.Helper()
	j, err := journal.Open("store", journal.Options{Disk: journal.NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	f := projections.NewFigures(0)
	l := &Local{Follower: &projections.Follower{Source: j, Projections: []projections.Projection{f}, Figures: f}, Figures: f,
		Shells: new(Sessions), Now: func() time.Time { return *now }}
	for _, e := range facts {
		if _, err := j.AppendEvents(journal.InstantOf(*now), e); err != nil {
			t.Fatal(err)
		}
		*now = now.Add(47 * time.Minute)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Follower.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestLast(t *testing.T) {
	now := time.Date(2010, 5, 14, 16, 5, 0, 0, time.UTC)
	from := netip.MustParseAddr("10.1.3.67")
	g := visited(t, &now,
		&journal.Started{Boot: 1},
		&journal.OperatorLoggedIn{Session: 1, By: "admin", From: from},
		&journal.OperatorLoggedIn{Session: 2, By: "ann"},
		&journal.OperatorLoggedOut{Session: 1, By: "admin", From: from},
		&journal.Stopped{},
		&journal.Started{Boot: 2, Clean: true},
		&journal.OperatorLoggedIn{Session: 1, By: "bob"},
		&journal.Started{Boot: 3},
		&journal.OperatorLoggedIn{Session: 1, By: "eve\x1b[2J"})
	want := `
Username    Remote Host  Login Time        Logout Time       Total Time
==========  ===========  ================  ================  ==========
eve\x1b[2J  local        Fri May 14 22:21  still logged in   47m
crash                                      Fri May 14 21:34
bob         local        Fri May 14 20:47  crash             unknown
shutdown                                   Fri May 14 19:13
ann         local        Fri May 14 17:39  Fri May 14 19:13  1h 34m
admin       10.1.3.67    Fri May 14 16:52  Fri May 14 18:26  1h 34m
`
	for _, g := range []Gateway{g, overSocket(t, g)} {
		list, err := g.Logins(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := renderLogins(list, now, time.UTC); got != want {
			t.Errorf("have\n%s\nwant\n%s", got, want)
		}
		if list, err := g.Logins(t.Context(), 2); err != nil || len(list) != 2 {
			t.Errorf("%d rows of 2, %v", len(list), err)
		}
	}
	if _, err := dialogue(t, t.Context(), g, "last x", "batch"); err == nil {
		t.Error("x is a number of rows")
	}
}

func TestWho(t *testing.T) {
	now := time.Date(2010, 5, 14, 16, 5, 0, 0, time.UTC)
	shells := &Sessions{Now: func() time.Time { return now }}
	g := &Local{Shells: shells, Now: shells.Now}
	first, _ := shells.Open("admin", "10.1.3.201")
	now = now.Add(23*time.Hour + 22*time.Minute)
	shells.Open("ann", "")
	shells.Touch(first.ID, "admin", "tail")
	now = now.Add(65 * time.Second)
	want := `
Username  Login Time      Idle Time  Remote Host  What
========  ==============  =========  ===========  ====
admin     May 14 04:05PM  1m 5s      10.1.3.201   tail
ann       03:27PM         1m 5s      local        cli
`
	list, _ := g.Sessions(t.Context())
	if got := renderWho(list, now, time.UTC); got != want {
		t.Errorf("have\n%s\nwant\n%s", got, want)
	}
}

func TestWhoAmI(t *testing.T) {
	ctx := WithOperator(t.Context(), &Operator{Name: "admin", FullName: "Administrator", Groups: []string{"mail", "ops"}})
	got, err := dialogue(t, ctx, &Local{}, "whoami", "batch")
	if want := "Username: admin\nFull Name: Administrator\nGroups: mail, ops\n"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
}

// TestShellsAreFacts: who opens a shell and who leaves it is written down, whichever way it ends.
func TestShellsAreFacts(t *testing.T) {
	facts := make(chan journal.Event, 4)
	l := &Local{Shells: new(Sessions), Note: func(e journal.Event) { facts <- e }}
	g := overSocket(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.OpenSession(ctx, "10.1.3.67", func(Session) { cancel() }) }()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	me, from := Self().Name, netip.MustParseAddr("10.1.3.67")
	for _, want := range []journal.Event{&journal.OperatorLoggedIn{Session: 1, By: me, From: from}, &journal.OperatorLoggedOut{Session: 1, By: me, From: from}} {
		if got := <-facts; !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if n := len(l.Shells.List()); n != 0 {
		t.Errorf("%d shells are still listed", n)
	}
}
