package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

// envelopesOf writes n injections among other facts, in blocks of any size, and returns their Seqs.
func envelopesOf(t testing.TB, j *Journal, rng *rand.Rand, n int) (seqs []uint64) {
	t.Helper()
	for len(seqs) < n {
		var b Block
		for range 1 + rng.IntN(6)*rng.IntN(6) {
			if rng.IntN(3) > 0 {
				b.Events = append(b.Events, Prepare(&ConnectionClosed{ICID: rng.Uint32()}))
				continue
			}
			seq := j.Durable() + uint64(len(b.Events)) + 1
			m := &MessageInjected{MID: uint32(seq), Sender: fmt.Sprintf("s%d@example.com", seq), Subject: fmt.Sprint("subject ", seq)}
			for rid := range rng.IntN(4) {
				m.Recipients = append(m.Recipients, InjectedRecipient{RID: uint32(rid), Domain: "example.com", Local: fmt.Sprint("r", rid)})
			}
			b.Events = append(b.Events, Prepare(m))
			seqs = append(seqs, seq)
		}
		if _, err := j.Append(&b); err != nil {
			t.Fatal(err)
		}
	}
	return seqs
}

// TestEnvelopesEqualTheRecords whatever is asked in whatever order, from the ring and from the blocks.
func TestEnvelopesEqualTheRecords(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 8))
		disk := NewMemoryDisk()
		j, err := Open("j", Options{Disk: disk, Ring: 1 + rng.IntN(64)})
		if err != nil {
			t.Fatal(err)
		}
		seqs := envelopesOf(t, j, rng, 200)
		if rng.IntN(3) == 0 { // nothing is in the ring
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			if j, err = Open("j", Options{Disk: disk, ReadOnly: rng.IntN(2) == 0}); err != nil {
				t.Fatal(err)
			}
		}
		e := j.Envelopes()
		var kept []*MessageInjected
		var asked []uint64
		for range 3 {
			for _, seq := range seqs {
				if rng.IntN(3) == 0 {
					continue
				}
				if rng.IntN(20) == 0 {
					seq = seqs[rng.IntN(len(seqs))]
				}
				if rng.IntN(30) == 0 {
					if err := e.Close(); err != nil {
						t.Fatal(err)
					}
				}
				m, err := e.At(seq)
				if err != nil {
					t.Fatalf("seed %d: %d: %v", seed, seq, err)
				}
				kept, asked = append(kept, m), append(asked, seq)
			}
			if !j.options.ReadOnly { // a reader that has read already sees what comes later
				seqs = append(seqs, envelopesOf(t, j, rng, 20)...)
			}
		}
		for i, m := range kept { // all of them: none may change when the reader goes on
			r, err := j.At(asked[i])
			if err != nil || !reflect.DeepEqual(m, r.Event) {
				t.Fatalf("seed %d: %d is %+v, want %+v, %v", seed, asked[i], m, r.Event, err)
			}
		}
		for _, seq := range []uint64{0, j.Durable() + 1} {
			if _, err := e.At(seq); !errors.Is(err, ErrNotFound) {
				t.Errorf("record %d: %v", seq, err)
			}
		}
		if err := errors.Join(e.Close(), e.Close(), j.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEnvelopesOfWhatIsNone(t *testing.T) {
	disk := NewMemoryDisk()
	j, err := Open("j", Options{Disk: disk})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.AppendEvents(liveStart, to("x.example", 1), &Stopped{}, to("y.example", 1)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		e := j.Envelopes()
		if _, err := e.At(2); err == nil || err.Error() != "record 2 is no injection" {
			t.Errorf("of a stop: %v", err)
		}
		if m, err := e.At(3); err != nil || m.Recipients[0].Domain != "y.example" {
			t.Errorf("of the one behind it: %+v, %v", m, err)
		}
		if m, err := e.At(1); err != nil || m.Recipients[0].Domain != "x.example" {
			t.Errorf("of the one before it: %+v, %v", m, err)
		}
		if err := errors.Join(e.Close(), j.Close()); err != nil {
			t.Fatal(err)
		}
		if j, err = Open("j", Options{Disk: disk, ReadOnly: true}); err != nil {
			t.Fatal(err)
		}
	}
	defer j.Close()
}

// TestEnvelopesReportDamage as what it is, and read what stands beside it.
func TestEnvelopesReportDamage(t *testing.T) {
	disk := NewMemoryDisk()
	j, err := Open("j", Options{Disk: disk})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := j.AppendEvents(liveStart, to("x.example", 1)); err != nil {
			t.Fatal(err)
		}
	}
	v, closer, err := j.db.Get(blockKey(2))
	if err != nil {
		t.Fatal(err)
	}
	spoilt := append([]byte{}, v...)
	closer.Close()
	spoilt[len(spoilt)-1] ^= 1
	if err := j.db.Set(blockKey(2), spoilt, nil); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if j, err = Open("j", Options{Disk: disk}); err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	e := j.Envelopes()
	defer e.Close()
	for seq := range uint64(3) {
		_, err := e.At(seq + 1)
		if damaged := (*DamagedError)(nil); errors.As(err, &damaged) != (seq == 1) || seq == 1 && (damaged.Block != 2 || damaged.Dir != "j") {
			t.Errorf("record %d: %v", seq+1, err)
		}
	}
}

// BenchmarkEnvelopes reads a million envelopes in order: of full blocks, and of one in ten of many small ones.
func BenchmarkEnvelopes(b *testing.B) {
	for _, c := range []struct {
		name     string
		messages int
		each     int
		step     uint64
	}{{"dense", 1_000_000, 1000, 1}, {"sparse", 50_000, 1, 10}} {
		b.Run(c.name, func(b *testing.B) {
			dir := b.TempDir()
			j, err := Open(dir, Options{})
			if err != nil {
				b.Fatal(err)
			}
			if c.each > 1 {
				fillLive(b, j, c.messages, false)
			} else {
				for i := range c.messages {
					if _, err := j.AppendEvents(liveStart, &MessageInjected{MID: uint32(i + 1), Size: 4096, Sender: "sender@example.org", MessageID: "<1234567890@example.org>",
						Subject: "a subject of common length", Recipients: []InjectedRecipient{{Domain: "example.com", Local: "somebody"}}}); err != nil {
						b.Fatal(err)
					}
				}
			}
			if err := j.Close(); err != nil {
				b.Fatal(err)
			}
			if j, err = Open(dir, Options{}); err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			b.ReportAllocs()
			for b.Loop() {
				e := j.Envelopes()
				for seq := uint64(1); seq <= uint64(c.messages); seq += c.step {
					if _, err := e.At(seq); err != nil {
						b.Fatal(err)
					}
				}
				if err := e.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(uint64(c.messages)/c.step), "ns/envelope")
		})
	}
}
