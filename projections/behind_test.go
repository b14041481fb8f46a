package projections

import (
	"testing"
	"time"
)

func TestBehind(t *testing.T) {
	var b Behind
	now, durable := time.Unix(1_000_000, 0), uint64(0)
	step := func(more, seen uint64) time.Duration {
		now, durable = now.Add(time.Second), durable+more
		return b.Look(now, durable, seen)
	}
	for range 300 { // keeps pace
		if d := step(100, durable+100); d != 0 {
			t.Fatalf("with nothing to see it is %v behind", d)
		}
	}
	at := durable
	for i := range 100 { // stands still
		if d := step(100, at); d != time.Duration(i)*time.Second {
			t.Fatalf("after %d s it is %v behind", i, d)
		}
	}
	if d := step(0, durable-250); d != 3*time.Second {
		t.Errorf("with the last 250 records to see it is %v behind, want 3s", d)
	}
	if d := step(0, durable); d != 0 {
		t.Errorf("when it has caught up it is %v behind", d)
	}
	for range 1000 {
		step(1, durable)
	}
	if d := step(1, 0); d < 2*time.Minute || d > 3*time.Minute {
		t.Errorf("far behind: %v", d)
	}
}
