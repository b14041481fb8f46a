package projections

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

// TestLogins holds what last shows: visits by session, closed by their operators, by stops and by crashes.
func TestLogins(t *testing.T) {
	f := NewFigures(0)
	at := time.Date(2010, 5, 14, 16, 5, 0, 0, time.UTC)
	from := netip.MustParseAddr("10.1.3.67")
	for i, e := range []journal.Event{
		&journal.Started{Boot: 1},
		&journal.OperatorLoggedIn{Session: 1, By: "admin", From: from},
		&journal.OperatorLoggedIn{Session: 2, By: "ann"},
		&journal.OperatorLoggedOut{Session: 1, By: "admin", From: from},
		&journal.Stopped{},
		&journal.Started{Boot: 2, Clean: true},
		&journal.OperatorLoggedIn{Session: 1, By: "bob"},
		&journal.Started{Boot: 3},
		&journal.OperatorLoggedOut{Session: 1, By: "bob"}, // of a run that is over
		&journal.OperatorLoggedIn{Session: 1, By: "eve"},
	} {
		f.Apply(journal.Record{Seq: uint64(i + 1), Time: journal.InstantOf(at.Add(time.Duration(i) * time.Minute)), Event: e})
	}
	var got strings.Builder
	clock := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.Format("15:04")
	}
	for _, l := range f.Logins(0) {
		fmt.Fprintf(&got, "%q %v %s %s %v\n", l.User, l.From.IsValid(), clock(l.In), clock(l.Out), l.End)
	}
	if want := `"eve" false 16:14 - open
"" false - 16:12 crash
"bob" false 16:11 16:12 crash
"" false - 16:09 shutdown
"ann" false 16:07 16:09 shutdown
"admin" true 16:06 16:08 closed
`; got.String() != want {
		t.Errorf("have\n%swant\n%s", got.String(), want)
	}
	if !f.Installed().Equal(at) {
		t.Errorf("installed %v", f.Installed())
	}
	for i := range uint64(2 * maxLogins) {
		f.Apply(journal.Record{Seq: 100 + i, Event: &journal.OperatorLoggedIn{Session: i}})
	}
	if n := len(f.Logins(0)); n != maxLogins {
		t.Errorf("%d visits are remembered", n)
	}
	if n := len(f.Logins(7)); n != 7 {
		t.Errorf("%d of 7 are given", n)
	}
}

// TestInstalledIsNotGuessed: what remains of a history that was cut does not tell when the first run began.
func TestInstalledIsNotGuessed(t *testing.T) {
	f := NewFigures(0)
	f.Apply(journal.Record{Seq: 900, Time: 1, Event: &journal.HistoryCut{Before: 901, Boots: 7}})
	f.Apply(journal.Record{Seq: 901, Time: 2, Event: &journal.Started{Boot: 8}})
	if !f.Installed().IsZero() {
		t.Errorf("installed %v", f.Installed())
	}
}
