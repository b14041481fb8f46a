package journal

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var durable uint64
		p := &Pace{Durable: func() uint64 { return durable }, Work: 4 * time.Millisecond, Rest: 16 * time.Millisecond}
		p.Step(t.Context())
		for _, c := range []struct {
			what   string
			facts  uint64
			work   time.Duration
			rested time.Duration
		}{
			{"a short step", 10, time.Millisecond, 0},
			{"the slice is over", 0, 3 * time.Millisecond, 16 * time.Millisecond},
			{"nothing was written", 0, time.Second, 0},
			{"mail again, a longer step", 1, 5 * time.Millisecond, 20 * time.Millisecond},
		} {
			durable += c.facts
			time.Sleep(c.work)
			began := time.Now()
			p.Step(t.Context())
			if rested := time.Since(began); rested != c.rested {
				t.Errorf("%s: rested %v, not %v", c.what, rested, c.rested)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		durable++
		time.Sleep(time.Second)
		began := time.Now()
		if p.Step(ctx); time.Since(began) != 0 {
			t.Error("it rests although nobody waits for it any more")
		}
	})
}

func TestPaceWithoutMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pace{Work: time.Millisecond, Rest: time.Hour}
		began := time.Now()
		for range 3 {
			p.Step(t.Context())
		}
		if time.Since(began) != 0 {
			t.Error("a reader of a stopped store rests")
		}
	})
}
