package journal

import (
	"math/rand/v2"
	"testing"
)

// TestLastBefore compares with a look at every record, over clocks that go on, stand still and are set back.
func TestLastBefore(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		j, err := Open("/j", Options{Disk: NewMemoryDisk(), Ring: 8})
		if err != nil {
			t.Fatal(err)
		}
		var times []Instant
		var back []uint64
		now, latest := Instant(1_000_000), Instant(0)
		for range 1 + r.IntN(60) {
			if now += Instant(r.IntN(3)); r.IntN(8) == 0 {
				now -= Instant(r.IntN(40))
			}
			if len(times) > 0 && now < times[len(times)-1] {
				back = append(back, uint64(len(times)+1))
			}
			events := make([]Event, 1+r.IntN(4))
			for i := range events {
				events[i] = &HostUp{Destination: "a.example"}
				times = append(times, now)
			}
			if _, err := j.AppendEvents(now, events...); err != nil {
				t.Fatal(err)
			}
			latest = max(latest, now)
		}
		for at := Instant(1_000_000 - 700); at <= latest+2; at++ {
			want := uint64(0)
			for i, x := range times {
				if x <= at {
					want = uint64(i + 1)
				}
			}
			seq, when, err := j.LastBefore(at, back)
			if err != nil || seq != want || want > 0 && when != times[want-1] {
				t.Fatalf("seed %d: at %d record %d of %d, want %d: %v", seed, at, seq, when, want, err)
			}
		}
		if seq, at, err := j.First(); seq != 1 || at != times[0] || err != nil {
			t.Errorf("the first is %d of %d: %v", seq, at, err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnEmptyJournalHasNoMoments(t *testing.T) {
	j, err := Open("/j", Options{Disk: NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if seq, at, err := j.LastBefore(1<<62, []uint64{3}); seq != 0 || at != 0 || err != nil {
		t.Errorf("record %d of %d: %v", seq, at, err)
	}
	if seq, at, err := j.First(); seq != 0 || at != 0 || err != nil {
		t.Errorf("the first is %d of %d: %v", seq, at, err)
	}
}
