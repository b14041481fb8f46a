package projections

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"postern/journal"
)

// A flood of forged destinations leaves the lists and gives its memory back; no counter of the gateway changes by it, and
// a destination that took mail still answers hoststatus.
func TestForgottenDestinationsGiveTheirMemoryBack(t *testing.T) {
	const domains = 100_000
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	f := NewFigures(0)
	feed(f, noon, threeTo("real.example", true), &journal.Delivered{Message: 1, Destination: "real.example", RIDs: []uint32{0, 1, 2}})
	before := heap()
	var names []string
	for i := range domains {
		d := fmt.Sprintf("forged-%d.example", i)
		names = append(names, d)
		seq := f.Seq() + 1
		feed(f, noon, &journal.MessageInjected{MID: uint32(i), Why: journal.WhyBounce, Queued: true, Recipients: recipients(1, d)},
			&journal.HostDown{Destination: d, Failures: 1, Reason: "connection refused"},
			&journal.DoubleBounced{Message: seq, RIDs: []uint32{0}, Destination: d, Class: journal.BounceExpired})
	}
	full := heap() - before
	counters := f.counters.lifetime
	if n := f.View(noon.Time(), nil, nil).Gauges[GaugeDestinations]; n != domains+1 {
		t.Fatalf("%d destinations in memory", n)
	}
	later := noon.Add(HostLife - time.Minute)
	for len(names) > 0 {
		feed(f, later, &journal.DestinationsForgotten{Destinations: names[:1000]})
		names = names[1000:]
	}
	if top := f.Top(10, ByHardBounced, later.Time()); len(top) != 1 || top[0].Host != "real.example" {
		t.Errorf("tophosts: %v", top)
	}
	if got := f.counters.lifetime; got != counters {
		t.Errorf("counters %v, before %v", got, counters)
	}
	if d := f.Balance(); len(d) > 0 {
		t.Errorf("books: %v", d)
	}
	if n := f.View(later.Time(), nil, nil).Gauges[GaugeDestinations]; n != 1 {
		t.Errorf("%d destinations in memory", n)
	}
	feed(f, noon.Add(2*HostLife), &journal.Sampled{})
	if s, ok := f.Host("real.example", noon.Add(2*HostLife).Time()); !ok || s.Delivered != 3 || s.InMemory {
		t.Errorf("hoststatus of what took mail: %+v, %v", s, ok)
	}
	if s, ok := f.Host("forged-99999.example", later.Time()); !ok || s.State != HostUnknown || s.Expired != 1 {
		t.Errorf("hoststatus of the last forged one: %+v, %v", s, ok)
	}
	left := heap() - before
	t.Logf("%d destinations take %d KiB, %d KiB and %d names are left", domains, full>>10, left>>10, len(f.hosts.byName))
	if left > full/5 {
		t.Errorf("%d bytes of %d are still in use", left, full)
	}
	runtime.KeepAlive(f)
}

// What comes for a forgotten destination begins anew, whether or not its page is gone; one with mail only stops being down.
func TestForgottenDestinationsComeBack(t *testing.T) {
	f := NewFigures(0)
	for i := range 3 * hostPageSize {
		feed(f, noon, &journal.HostDown{Destination: fmt.Sprintf("d%d", i)})
	}
	f.hosts.max = silentFraction // keeps one
	feed(f, noon, threeTo("d5", true))
	message := f.Seq()
	for i := range 3 * hostPageSize {
		feed(f, noon, &journal.DestinationsForgotten{Destinations: []string{fmt.Sprintf("d%d", i)}})
	}
	if s, ok := f.Host("d5", noon.Time()); !ok || s.State != HostUnknown || s.Active != 3 || !s.InMemory {
		t.Errorf("with mail: %+v, %v", s, ok)
	}
	if n := len(f.hosts.byName); n != 2 {
		t.Errorf("%d are remembered, want the one with mail and the last", n)
	}
	for i := range 3 * hostPageSize {
		feed(f, noon, &journal.HostDown{Destination: fmt.Sprintf("e%d", i)})
	}
	feed(f, noon, &journal.Delivered{Message: message, Destination: "d5", RIDs: []uint32{0, 1, 2}})
	if s, _ := f.Host("d5", noon.Time()); s.Delivered != 3 || s.Active != 0 {
		t.Errorf("after its delivery: %+v", s)
	}
	if d := f.Balance(); len(d) > 0 {
		t.Errorf("books: %v", d)
	}
}
