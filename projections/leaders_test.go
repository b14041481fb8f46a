package projections

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"postern/journal"
)

// pass goes over all destinations once and tells in how many steps.
func pass(l *Leaders, f *Figures, now time.Time) int {
	for n := 1; ; n++ {
		if l.Step(f, now) {
			return n
		}
	}
}

func leaderNames(l *Leaders, f *Figures, now time.Time) (names []string) {
	for _, h := range l.View(f, now) {
		names = append(names, h.Host)
	}
	return names
}

func TestLeaders(t *testing.T) {
	f, l := NewFigures(0), &Leaders{Max: 3}
	if pass(l, f, noon.Time()); len(l.View(f, noon.Time())) != 0 {
		t.Errorf("of no destinations it finds %v", l.View(f, noon.Time()))
	}
	for i := range 1000 {
		feed(f, noon, &journal.MessageInjected{Queued: true, Recipients: recipients(1+i*7919%997, fmt.Sprintf("d%d.example", i))})
	}
	if n := pass(l, f, noon.Time()); n < 3 {
		t.Errorf("a pass over 1000 destinations took %d steps: it does not go by parts", n)
	}
	var want []string
	for _, h := range f.Top(3, ByActive, noon.Time()) {
		want = append(want, h.Host)
	}
	if got := leaderNames(l, f, noon.Time()); !reflect.DeepEqual(got, want) {
		t.Errorf("the first are %v, Top has %v", got, want)
	}
}

// Who they are is of the last pass, how they fare of now.
func TestLeadersAreShownAsOfNow(t *testing.T) {
	f, l := NewFigures(0), &Leaders{Max: 2}
	feed(f, noon, &journal.MessageInjected{MID: 1, Queued: true, Recipients: recipients(3, "a.example")})
	feed(f, noon, &journal.MessageInjected{MID: 2, Queued: true, Recipients: recipients(2, "b.example")})
	feed(f, noon, &journal.MessageInjected{MID: 3, Queued: true, Recipients: recipients(1, "c.example")})
	pass(l, f, noon.Time())
	feed(f, noon, &journal.Delivered{Message: 1, Destination: "a.example", RIDs: []uint32{0, 1, 2}, Finished: true})
	feed(f, noon, &journal.MessageInjected{MID: 4, Queued: true, Recipients: recipients(5, "c.example")})
	view := l.View(f, noon.Time())
	if len(view) != 2 || view[0].Host != "a.example" || view[0].Active != 0 || view[0].Delivered != 3 || view[1].Active != 2 {
		t.Errorf("the figures are not those of now: %+v", view)
	}
	pass(l, f, noon.Time())
	if got := leaderNames(l, f, noon.Time()); !reflect.DeepEqual(got, []string{"c.example", "b.example"}) {
		t.Errorf("after the next pass they are %v", got)
	}
	later := noon.Add(HostLife + time.Hour)
	feed(f, later, &journal.ConnectionClosed{ICID: 1})
	pass(l, f, later.Time())
	for _, h := range l.View(f, later.Time()) {
		if h.Host == "a.example" {
			t.Errorf("a destination that is out of memory is among them: %+v", h)
		}
	}
}

// A destination is never missed because others come and go between the steps.
func TestLeadersWhileHostsChange(t *testing.T) {
	f, l := NewFigures(0), &Leaders{Max: 5}
	feed(f, noon, &journal.MessageInjected{Queued: true, Recipients: recipients(900, "big.example")})
	for i := range 5000 {
		feed(f, noon.Add(time.Duration(i)*time.Second), &journal.MessageInjected{Queued: true, Recipients: recipients(1, fmt.Sprintf("d%d.example", i))})
		l.Step(f, noon.Time())
	}
	if got := leaderNames(l, f, noon.Time()); len(got) != 5 || got[0] != "big.example" {
		t.Errorf("they are %v", got)
	}
}

// AsTop it has the order of tophosts, also among those of the same figure, and that of now.
func TestLeadersAsTop(t *testing.T) {
	f, l := NewFigures(0), &Leaders{Max: 10, AsTop: true}
	for i := range 3000 {
		feed(f, noon, &journal.MessageInjected{MID: uint32(i + 1), Queued: true, Recipients: recipients(1+i*7919%5, fmt.Sprintf("d%d.example", i*7%3000))})
	}
	look := func() (want []string) {
		for _, h := range f.Top(10, ByActive, noon.Time()) {
			want = append(want, h.Host)
		}
		return want
	}
	pass(l, f, noon.Time())
	want := look()
	if got := leaderNames(l, f, noon.Time()); !reflect.DeepEqual(got, want) {
		t.Errorf("the first are %v, tophosts has %v", got, want)
	}
	feed(f, noon, &journal.MessageInjected{MID: 5000, Queued: true, Recipients: recipients(1, want[7])})
	want = append([]string{want[7]}, append(want[:7:7], want[8:]...)...)
	if got := leaderNames(l, f, noon.Time()); !reflect.DeepEqual(got, want) || !reflect.DeepEqual(got, look()) {
		t.Errorf("after one has grown they are %v, want %v", got, want)
	}
}

// A step costs the same with many destinations.
func BenchmarkLeadersStep(b *testing.B) {
	f, l := NewFigures(0), &Leaders{Max: 20}
	for i := range 100_000 {
		feed(f, noon, &journal.MessageInjected{Queued: true, Recipients: recipients(1+i*7919%13, fmt.Sprintf("d%d.example", i))})
	}
	for b.Loop() {
		l.Step(f, noon.Time())
	}
}
