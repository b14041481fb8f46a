package projections

import (
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

func TestMessagesAgreeWithAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 4))
		var s messages
		want := map[uint64]uint32{}
		var gone []uint64
		next := uint64(1)
		shrink := 0 // how much more often messages end than come
		for i := range 6000 {
			if i%1000 == 0 {
				shrink = rng.IntN(8) - 3
			}
			switch {
			case rng.IntN(10) > 5+shrink:
				next += uint64(1 + rng.IntN(9))
				s.add(message{seq: next, mid: uint32(i)})
				want[next] = uint32(i)
			case len(gone) > 0 && rng.IntN(4) == 0: // one comes back
				k := rng.IntN(len(gone))
				if _, ok := want[gone[k]]; !ok {
					s.add(message{seq: gone[k], mid: uint32(i)})
					want[gone[k]] = uint32(i)
				}
			case len(want) > 0:
				seq := next - uint64(rng.IntN(int(min(next, 4000))))
				_, p, ok := s.find(seq)
				if _, there := want[seq]; ok != there {
					t.Fatalf("%d is found: %v", seq, ok)
				}
				if ok {
					s.remove(p)
					delete(want, seq)
					gone = append(gone, seq)
				}
			}
		}
		var order []uint64
		s.each(func(m *message) bool {
			if want[m.seq] != m.mid {
				t.Fatalf("%d is %d, want %d", m.seq, m.mid, want[m.seq])
			}
			order = append(order, m.seq)
			return true
		})
		if !slices.Equal(order, slices.Sorted(maps.Keys(want))) || s.live != len(want) {
			t.Errorf("%d in order, %d counted, want %d", len(order), s.live, len(want))
		}
		if room := len(s.chunks) * chunkSize; room > 4*len(want)+2*chunkSize {
			t.Errorf("room for %d, %d are live", room, len(want))
		}
	})
}

func TestWordsAreNotShared(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 5))
	var w words
	type block struct {
		at, n uint32
		mark  word
	}
	var held []block
	for i := range 20000 {
		if rng.IntN(2) == 0 || len(held) == 0 {
			b := block{n: 1 + uint32(rng.IntN(1<<rng.IntN(13))), mark: word(i + 1)}
			b.at = w.alloc(b.n)
			for j, x := range w.block(b.at, b.n) {
				if x != 0 {
					t.Fatalf("a new block holds %d at %d", x, j)
				}
				w.block(b.at, b.n)[j] = b.mark
			}
			held = append(held, b)
			continue
		}
		k := rng.IntN(len(held))
		b := held[k]
		for _, x := range w.block(b.at, b.n) {
			if x != b.mark {
				t.Fatal("a block was overwritten")
			}
		}
		w.release(b.at, b.n)
		held = slices.Delete(held, k, k+1)
	}
}

func TestAMessageTakesFewBytes(t *testing.T) {
	if size := unsafe.Sizeof(message{}); size != 32 {
		t.Errorf("a message takes %d bytes", size)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const n = 200_000
	var q queue
	for seq := range uint64(n) {
		q.enter(seq+1, 1, 0, 1, 1, 0)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if per := (after.HeapAlloc - before.HeapAlloc) / n; per > 40 {
		t.Errorf("%d bytes a message", per)
	}
	runtime.KeepAlive(&q)
}
