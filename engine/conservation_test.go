package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// shares are what a test says that the watcher finds: each in thousandths of a limit.
type shares struct {
	memory  atomic.Int64
	behind  atomic.Int64 // nanoseconds
	stalled atomic.Int64 // nanoseconds
	doc     atomic.Pointer[config.Document]
}

func (s *shares) tune(o *Options) {
	if s.doc.Load() == nil {
		s.doc.Store(document())
	}
	o.Document = s.doc.Load
	o.Memory = func() float64 { return float64(s.memory.Load()) / 1000 }
	o.Behind = func() time.Duration { return time.Duration(s.behind.Load()) }
	o.Stalled = func() time.Duration { return time.Duration(s.stalled.Load()) }
}

// limitQueue gives the queue that many kilobytes.
func (s *shares) limitQueue(kilobytes int64) {
	d := document()
	d.Queue.Kilobytes = kilobytes
	s.doc.Store(d)
}

// changes are the facts of resource conservation with their times.
func (g *gateway) changes() (degrees []uint32, times []time.Time, reasons [][]string) {
	for _, r := range g.records() {
		if e, ok := r.Event.(*journal.ResourceConservationChanged); ok {
			degrees, times, reasons = append(degrees, e.Degree), append(times, r.Time.Time()), append(reasons, e.Reasons)
		}
	}
	return degrees, times, reasons
}

// inVirtualTime runs a gateway whose resources a test says.
func inVirtualTime(t *testing.T, test func(t *testing.T, g *gateway, s *shares)) {
	synctest.Test(t, func(t *testing.T) {
		s := &shares{}
		g := start(t, journal.NewMemoryDisk(), newPeer(), s.tune)
		<-time.After(time.Second / 2) // between two readings of the watcher
		test(t, g, s)
		g.stop()
	})
}

// ramp moves a share from one value to another, a step each second.
func ramp(share *atomic.Int64, from, to, step int64) {
	for v := from; (step > 0) == (v <= to); v += step {
		share.Store(v)
		<-time.After(time.Second)
		if v == to {
			return
		}
	}
}

func TestDegrees(t *testing.T) {
	for _, c := range []struct {
		share float64
		have  uint32
		want  uint32
	}{
		{0, 0, 0}, {0.599, 0, 0}, {0.60, 0, 1}, {0.725, 0, 30}, {0.8499, 0, 59}, {0.85, 0, 60}, {0.8999, 0, 60}, {0.90, 0, Refusing}, {7, 0, Refusing},
		{0.59, 1, 1}, {0.59, 0, 0}, {0.58, 60, 1}, {0.5799, 60, 0},
		{0.86, Refusing, Refusing}, {0.85, Refusing, Refusing}, {0.8499, Refusing, 59}, {0.1, Refusing, 0},
		{math.Inf(1), 0, Refusing},
	} {
		if got := degreeOf(c.share, c.have); got != c.want {
			t.Errorf("%v in use with degree %d: %d, want %d", c.share, c.have, got, c.want)
		}
	}
}

// Memory that fills up slowly slows senders smoothly, and turns them away before it is full; it all goes back by itself.
func TestConservationRamp(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, g *gateway, s *shares) {
		ramp(&s.memory, 500, 895, 5)
		if d := g.e.Conservation(); d != 60 || g.e.Admit() != nil {
			t.Errorf("at 89.5 %%: degree %d, %v", d, g.e.Admit())
		}
		ramp(&s.memory, 900, 900, 5)
		if !errors.Is(g.e.Admit(), ErrRefused) || g.e.Conservation() != Refusing {
			t.Errorf("at 90 %%: degree %d, %v", g.e.Conservation(), g.e.Admit())
		}
		ramp(&s.memory, 900, 855, -5)
		if !errors.Is(g.e.Admit(), ErrRefused) {
			t.Errorf("at 85.5 %%: %v: it is refused until less than 85 %%", g.e.Admit())
		}
		ramp(&s.memory, 850, 500, -5)
		<-time.After(degreeHold + time.Second)
		if d := g.e.Conservation(); d != 0 || g.e.Admit() != nil {
			t.Errorf("in the end: degree %d, %v", d, g.e.Admit())
		}
		degrees, times, reasons := g.changes()
		top := slices.Index(degrees, Refusing)
		if top < 8 || len(degrees)-top < 4 {
			t.Fatalf("the degrees were %d: not smooth", degrees)
		}
		for i := 1; i < len(degrees); i++ {
			up, step := i <= top, int(degrees[i])-int(degrees[i-1])
			if up != (step > 0) {
				t.Errorf("degree %d after %d", degrees[i], degrees[i-1])
			}
			if i != top && i != top+1 && max(step, -step) > 15 {
				t.Errorf("degree %d after %d: a leap", degrees[i], degrees[i-1])
			}
			if !up && times[i].Sub(times[i-1]) < degreeHold {
				t.Errorf("degree %d only %v after %d", degrees[i], times[i].Sub(times[i-1]), degrees[i-1])
			}
		}
		for i, r := range reasons {
			if want := []string{ReasonMemory}; degrees[i] > 0 && !slices.Equal(r, want) || degrees[i] == 0 && len(r) > 0 {
				t.Errorf("degree %d because of %q", degrees[i], r)
			}
		}
	})
}

// What trembles around a mark does not make a flood of facts.
func TestConservationHysteresis(t *testing.T) {
	for _, c := range []struct {
		low, high int64
		most      int // facts, in ten minutes
	}{{895, 905, 2}, {840, 905, 121}, {595, 605, 1}, {560, 605, 121}, {700, 720, 121}} {
		inVirtualTime(t, func(t *testing.T, g *gateway, s *shares) {
			for range 300 {
				ramp(&s.memory, c.low, c.low, 1)
				ramp(&s.memory, c.high, c.high, 1)
			}
			if degrees, _, _ := g.changes(); len(degrees) > c.most || len(degrees) == 0 {
				t.Errorf("between %d and %d: %d changes in ten minutes, want at most %d", c.low, c.high, len(degrees), c.most)
			}
		})
	}
}

// A store that cannot keep pace, and followers that are behind, slow mail and never refuse it.
func TestConservationByPace(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, g *gateway, s *shares) {
		s.behind.Store(int64(9 * time.Second))
		<-time.After(2 * time.Second)
		if d := g.e.Conservation(); d != 0 {
			t.Errorf("a little behind: degree %d", d)
		}
		s.behind.Store(int64(35 * time.Second))
		<-time.After(2 * time.Second)
		if d := g.e.Conservation(); d != 30 {
			t.Errorf("35 s behind: degree %d, want 30", d)
		}
		s.behind.Store(int64(time.Hour))
		<-time.After(time.Minute)
		if d := g.e.Conservation(); d != 60 || g.e.Admit() != nil {
			t.Errorf("an hour behind: degree %d, %v", d, g.e.Admit())
		}
		s.behind.Store(0)
		<-time.After(time.Minute)
		for range 20 { // stands still four fifths of the time
			s.stalled.Add(int64(800 * time.Millisecond))
			<-time.After(time.Second)
		}
		if d := g.e.Conservation(); d < 40 || d > 55 || g.e.Admit() != nil {
			t.Errorf("with stalls: degree %d, %v", d, g.e.Admit())
		}
		<-time.After(time.Minute)
		if d := g.e.Conservation(); d != 0 {
			t.Errorf("when all is well again: degree %d", d)
		}
		_, _, reasons := g.changes()
		if !slices.Equal(reasons[0], []string{ReasonFollowers}) || !slices.ContainsFunc(reasons, func(r []string) bool { return slices.Equal(r, []string{ReasonWriteStall}) }) {
			t.Errorf("the reasons were %q", reasons)
		}
	})
}

// injectSized makes messages of that size, of which State knows no more than that.
func (g *gateway) injectSized(n int, size int64) {
	g.t.Helper()
	for range n {
		mid, err := g.e.ID(context.Background(), journal.MID)
		if err != nil {
			g.t.Fatal(err)
		}
		if _, err := g.e.Inject(context.Background(), &journal.MessageInjected{MID: mid, Size: size, Sender: "a@example.com", Queued: true,
			Recipients: []journal.InjectedRecipient{{Local: "b", Domain: "example.net"}}}); err != nil {
			g.t.Fatal(err)
		}
	}
}

// A queue that fills up faster than anybody looks is noticed in the same turn; delivery goes on and makes room.
func TestConservationByQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, slow := &shares{}, newPeer()
		s.limitQueue(1000)
		var open atomic.Bool
		slow.answer = func(Attempt, uint32) Outcome {
			if !open.Load() {
				return Outcome{Result: Temporary, DCID: 1, Code: "450", Status: "4.2.1"}
			}
			return delivered
		}
		g := start(t, journal.NewMemoryDisk(), slow, s.tune)
		<-time.After(2 * time.Second)
		g.injectSized(65, 10<<10)
		if d := g.e.Conservation(); d < 5 || d > 15 {
			t.Errorf("65 %% full: degree %d", d)
		}
		g.injectSized(25, 10<<10)
		if d, err := g.e.Conservation(), g.e.Admit(); d != Refusing || !errors.Is(err, ErrRefused) {
			t.Errorf("90 %% full: degree %d, %v", d, err)
		}
		if _, _, reasons := g.changes(); !slices.Equal(reasons[len(reasons)-1], []string{ReasonQueueFull}) {
			t.Errorf("the reasons are %q", reasons)
		}
		g.injectSized(11, 10<<10) // were under way
		<-time.After(2 * time.Second)
		if err := g.e.Admit(); !errors.Is(err, ErrQueueFull) {
			t.Errorf("over the limit: %v", err)
		}
		open.Store(true)
		<-time.After(time.Minute + degreeHold)
		if d := g.e.Conservation(); d != 0 || g.e.Admit() != nil || g.e.Used() != 0 {
			t.Errorf("after delivery: degree %d, %v, %d bytes", d, g.e.Admit(), g.e.Used())
		}
		g.stop()
	})
}

// A full disk is a full queue, whatever the queue holds.
func TestConservationByDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var free atomic.Int64
		free.Store(1 << 40)
		g := start(t, journal.NewMemoryDisk(), newPeer(), func(o *Options) {
			o.Space = func() Space { return Space{Free: free.Load(), Total: 2 << 40} }
		})
		free.Store(100 << 30) // a twentieth of 2 TiB is kept
		<-time.After(2 * time.Second)
		if d, err := g.e.Conservation(), g.e.Admit(); d != Refusing || !errors.Is(err, ErrQueueFull) {
			t.Errorf("a full disk: degree %d, %v", d, err)
		}
		free.Store(1 << 40)
		<-time.After(degreeHold + 2*time.Second)
		if d, err := g.e.Conservation(), g.e.Admit(); d != 0 || err != nil {
			t.Errorf("with room again: degree %d, %v", d, err)
		}
		g.stop()
	})
}

// The degree is a fact: it stands after a crash, and what has changed meanwhile is decided anew and never replayed.
func TestConservationAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shares{}
		g := start(t, journal.NewMemoryDisk(), newPeer(), s.tune)
		s.memory.Store(950)
		<-time.After(2 * time.Second)
		g.stop()
		for i, memory := range []int64{870, 300} { // still too much of it, then enough
			s.memory.Store(memory)
			g = start(t, g.disk, newPeer(), s.tune)
			<-time.After(2 * time.Second)
			if refused := errors.Is(g.e.Admit(), ErrRefused); refused != (i == 0) {
				t.Errorf("start with %d of a thousand: %v", memory, g.e.Admit())
			}
			g.stop()
		}
		degrees, _, _ := reopen(t, g.disk)
		if !slices.Equal(degrees, []uint32{Refusing, 0}) {
			t.Errorf("the degrees were %d", degrees)
		}
	})
}

// reopen reads the changes of a store that nobody has open.
func reopen(t *testing.T, disk *journal.Disk) (degrees []uint32, times []time.Time, reasons [][]string) {
	t.Helper()
	j, err := journal.Open("j", journal.Options{Disk: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	return (&gateway{t: t, j: j}).changes()
}

// Folding the facts gives the degree and decides nothing.
func TestConservationIsFolded(t *testing.T) {
	s := NewState()
	for i, d := range []uint32{7, Refusing, 12} {
		s.Apply(journal.Record{Seq: uint64(i + 1), Time: journal.Instant(1000 * (i + 1)), Event: &journal.ResourceConservationChanged{Degree: d}})
		if s.conserved != (conservation{d, int64(1000 * (i + 1))}) {
			t.Errorf("%s: State has %+v", fmt.Sprint(d), s.conserved)
		}
	}
}
