package engine

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"postern/journal"
)

// flood folds bounces for so many forged senders' domains, none of which can be reached, until nothing waits for them.
func flood(tn *turn, domains int) {
	for i := range domains {
		d := fmt.Sprintf("forged-%d.example", i)
		seq := tn.emit(&journal.MessageInjected{MID: uint32(i), Queued: true, Recipients: []journal.InjectedRecipient{{Local: "x", Domain: d}}})
		tn.emit(&journal.HostDown{Destination: d, Failures: 1, Next: tn.now.Add(time.Hour)})
		tn.emit(&journal.DoubleBounced{Message: seq, RIDs: []uint32{0}, Destination: d, Finished: true})
	}
	tn.events = nil
}

// turnsUntil does what turns do about destinations, one a second, and returns the facts of it.
func turnsUntil(s *State, from, to time.Duration) (facts []*journal.DestinationsForgotten, most int) {
	seq := uint64(1_000_000)
	for at := from; at <= to; at += time.Second {
		tn := testTurn(s, int64(at))
		tn.next = seq
		tn.becomeDue(maxDue)
		tn.start(maxStarts)
		tn.forget()
		seq = tn.next
		names := 0
		for _, p := range tn.events {
			if e, ok := p.Event.(*journal.DestinationsForgotten); ok {
				facts = append(facts, e)
				names += len(e.Destinations)
			}
		}
		most = max(most, names)
	}
	return facts, most
}

// A flood of forged senders' domains takes memory for some hours and gives it back, a little with each turn.
func TestForgedDestinationsAreForgotten(t *testing.T) {
	const domains = 100_000
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	s := NewState()
	before := heap()
	tn := testTurn(s, int64(time.Hour))
	flood(tn, domains)
	tn.emit(&journal.MessageInjected{Queued: true, Recipients: []journal.InjectedRecipient{{Local: "x", Domain: "forged-7.example"}}})
	tn = nil
	full := heap() - before
	if facts, _ := turnsUntil(s, time.Hour+time.Second, 4*time.Hour-time.Second); len(facts) > 0 {
		t.Errorf("forgotten before three hours are over: %d facts", len(facts))
	}
	if len(s.byName) != domains {
		t.Fatalf("%d destinations", len(s.byName))
	}
	facts, most := turnsUntil(s, 4*time.Hour, 4*time.Hour+5*time.Minute)
	names := 0
	for _, e := range facts {
		names += len(e.Destinations)
	}
	if names != domains-1 || most > maxForgotten {
		t.Errorf("%d names in %d facts, at most %d in one turn", names, len(facts), most)
	}
	di, ok := s.byName["forged-7.example"]
	if !ok || len(s.byName) != 1 || !s.destinations[di].down {
		t.Fatalf("%d left; the one with mail: %v", len(s.byName), ok)
	}
	if err := s.consistent(); err != nil {
		t.Error(err)
	}
	left := heap() - before
	t.Logf("%d destinations take %d KiB, %d KiB are left", domains, full>>10, left>>10)
	if left > full/10 {
		t.Errorf("%d bytes of %d are still in use", left, full)
	}
	runtime.KeepAlive(s)
}

// Both folds forget the same: after a start nothing is known of a destination that was forgotten.
func TestForgottenDestinationsLeaveNoRow(t *testing.T) {
	g := start(t, journal.NewMemoryDisk(), newPeer(), nil)
	done := make(chan struct{})
	g.e.order(func(tn *turn) {
		for _, d := range []string{"a.example", "b.example"} {
			tn.emit(&journal.HostDown{Destination: d, Failures: 3, Next: tn.now.Add(time.Hour)})
		}
		tn.emit(&journal.DestinationsForgotten{Destinations: []string{"a.example"}})
		tn.after = append(tn.after, func() { close(done) })
	})
	<-done
	g.stop()
	disk := g.disk
	g = start(t, disk, newPeer(), nil)
	defer g.stop()
	var hosts []string
	if err := g.rows.EachHost(context.Background(), func(h journal.LiveHost) error {
		hosts = append(hosts, h.Destination)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	known := make(chan int, 1)
	g.e.order(func(tn *turn) { known <- len(tn.s.byName) })
	if got, n := fmt.Sprint(hosts), <-known; got != "[b.example]" || n != 1 {
		t.Errorf("rows of %s, %d in the state", got, n)
	}
}
