package projections

import (
	"fmt"
	"testing"
	"time"

	"postern/journal"
)

func TestHostsThatAreDown(t *testing.T) {
	f, at := NewFigures(0), time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	seq := uint64(0)
	tell := func(e journal.Event) {
		seq++
		f.Apply(journal.Record{Seq: seq, Time: journal.InstantOf(at), Event: e})
	}
	for name, n := range map[string]int{"few.example": 2, "many.example": 30, "up.example": 50, "some.example": 10} {
		for range n {
			tell(&journal.MessageInjected{Queued: true, Recipients: []journal.InjectedRecipient{{Local: "x", Domain: name}}})
		}
		tell(&journal.HostDown{Destination: name, Failures: 3, Reason: "No answer"})
	}
	tell(&journal.HostUp{Destination: "up.example"})
	names := func(n int, atLeast uint64) string {
		s := ""
		for _, h := range f.Down(n, atLeast, at) {
			s += fmt.Sprint(h.Host, "=", h.Active, " ")
		}
		return s
	}
	if got := names(10, 10); got != "many.example=30 some.example=10 " {
		t.Errorf("down with ten recipients: %s", got)
	}
	if got := names(1, 1); got != "many.example=30 " {
		t.Errorf("the worst: %s", got)
	}
}
