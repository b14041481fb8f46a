package journal

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestThePastQueueEqualsAReplay compares messages of a past Seq, all of them or some, with what a replay up to it gives.
func TestThePastQueueEqualsAReplay(t *testing.T) {
	for seed := range uint64(60) {
		source := newFactSource(seed)
		j, _ := openLive(t, NewMemoryDisk())
		appendFacts(t, j, source, 400)
		r := rand.New(rand.NewPCG(seed, 2))
		for range 6 {
			seq := 1 + r.Uint64N(j.Durable())
			want, err := FoldAll(j, seq)
			if err != nil {
				t.Fatal(err)
			}
			asked := slices.Sorted(maps.Keys(want.Messages))
			if r.IntN(2) == 0 {
				asked = slices.DeleteFunc(asked, func(uint64) bool { return r.IntN(3) == 0 })
			}
			s, err := PastRows(t.Context(), j, seq, asked, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []uint64
			err = s.Each(t.Context(), func(m *LiveMessage) error {
				got = append(got, m.Seq)
				if !sameMessage(m, want.Messages[m.Seq]) {
					t.Errorf("seed %d, as of %d:\n%+v\nwant\n%+v", seed, seq, m, want.Messages[m.Seq])
				}
				return nil
			})
			if err != nil || !slices.Equal(got, asked) || s.Mark() != seq {
				t.Fatalf("seed %d, as of %d: messages %d, want %d: %v", seed, seq, got, asked, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestThePastQueueEndsWithItsContext(t *testing.T) {
	j, _ := openLive(t, NewMemoryDisk())
	defer j.Close()
	for range 2 * ctxEvery {
		if _, err := j.AppendEvents(1, &MessageInjected{MID: 1, Queued: true, Recipients: []InjectedRecipient{{Domain: "a.example"}}}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := PastRows(ctx, j, j.Durable(), []uint64{1}, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	rested := 0
	if _, err := PastRows(t.Context(), j, j.Durable(), []uint64{1}, func() { rested++ }); err != nil || rested != 2 {
		t.Errorf("rested %d times: %v", rested, err)
	}
}

// TestMessagesThatAreWanted are told from others, however far apart they lie.
func TestMessagesThatAreWanted(t *testing.T) {
	for _, list := range [][]uint64{{5}, {1, 2, 64, 65, 128, 200}, {3, 1 << 20}, {3, 4, 3 + maxNear}} {
		p := newPastFold(list)
		if (p.near == nil) != (list[len(list)-1]-list[0] >= maxNear) {
			t.Errorf("%d: bits of %d words", list, len(p.near))
		}
		for _, m := range list {
			for _, seq := range []uint64{m - 1, m, m + 1} {
				if p.wants(seq) != slices.Contains(list, seq) {
					t.Errorf("%d: %d is wanted: %v", list, seq, p.wants(seq))
				}
			}
		}
	}
}
