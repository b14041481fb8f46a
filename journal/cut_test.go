package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

func noRest() {}

// openOn opens a journal that has little in memory: what is read comes from the store.
func openOn(t *testing.T, disk *Disk) *Journal {
	t.Helper()
	j, err := Open("cut", Options{Disk: disk, Ring: 4})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// cutAt has a cut made at the block that holds a record or the one after it; false: there is none to be made.
func cutAt(t *testing.T, j *Journal, seq uint64) bool {
	t.Helper()
	before, err := j.BlockOf(seq)
	if err != nil {
		t.Fatal(err)
	}
	if before <= max(j.begins(), 1) {
		return false
	}
	rows, err := OpenLiveRows(j)
	if err != nil {
		t.Fatal(err)
	}
	live, err := rows.Current(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	d, err := j.DraftCut(context.Background(), before, live, noRest)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	fact, err := j.AppendEvents(0, &d.Fact)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Make(fact); err != nil {
		t.Fatal(err)
	}
	return true
}

// appendMixed appends facts of all sorts, many of which fit together, in blocks of different lengths.
func appendMixed(t *testing.T, j *Journal, source *factSource, rng *rand.Rand, n int) {
	t.Helper()
	for n > 0 {
		var facts []Event
		var at Instant
		for range 1 + rng.IntN(9) {
			r := source.next()
			facts, at = append(facts, r.Event), r.Time
			n--
		}
		if _, err := j.AppendEvents(at, facts...); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAfterACutAFoldGivesWhatItGaveBefore cuts at random places of random histories, again and again.
func TestAfterACutAFoldGivesWhatItGaveBefore(t *testing.T) {
	for range 20 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			disk := NewMemoryDisk()
			j := openOn(t, disk)
			source := newFactSource(seed)
			rows, err := OpenLiveRows(j)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				appendMixed(t, j, source, rng, 400)
				to := j.Durable()
				want, err := FoldAll(j, to)
				if err != nil {
					t.Fatal(err)
				}
				records := map[uint64]Record{}
				if err := j.Pick(context.Background(), 1, to, func(Kind) bool { return true }, func(r Record) error {
					records[r.Seq] = Record{}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				for seq := range records {
					if records[seq], err = j.At(seq); err != nil {
						t.Fatal(err)
					}
				}
				if !cutAt(t, j, max(j.begins()+1, 1+rng.Uint64N(to))) {
					continue
				}
				source.seq = j.Durable()
				for _, again := range []bool{false, true} {
					if again {
						if err := j.Close(); err != nil {
							t.Fatal(err)
						}
						j = openOn(t, disk)
						if rows, err = OpenLiveRows(j); err != nil {
							t.Fatal(err)
						}
					}
					checkCut(t, j, rows, to, want, maps.Clone(records))
				}
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// checkCut compares what is left with what was there before a cut.
func checkCut(t *testing.T, j *Journal, rows *LiveRows, to uint64, want *LiveImage, records map[uint64]Record) {
	t.Helper()
	got, err := FoldAll(j, to)
	if err != nil {
		t.Fatal(err)
	}
	equalImages(t, got, want)
	if err := j.VerifyChain(1, nil); err != nil {
		t.Error(err)
	}
	cut, _ := j.LastCut()
	var kept uint64
	err = j.Pick(context.Background(), 1, to, func(Kind) bool { return true }, func(r Record) error {
		was, ok := records[r.Seq]
		if !ok || r.Time != was.Time || !reflect.DeepEqual(r.Event, was.Event) {
			t.Errorf("record %d is now %s", r.Seq, Describe(r.Event))
		}
		if r.Seq < cut.Before {
			kept++
		}
		delete(records, r.Seq)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if kept != cut.Kept {
		t.Errorf("%d records are kept, the cut says %d", kept, cut.Kept)
	}
	e := j.Envelopes()
	defer e.Close()
	for seq := range records {
		if seq >= cut.Before {
			t.Errorf("record %d is gone", seq)
		}
		if _, err := j.At(seq); !errors.Is(err, ErrNotFound) {
			t.Errorf("record %d: %v", seq, err)
		}
		if _, err := e.At(seq); !errors.Is(err, ErrNotFound) {
			t.Errorf("record %d: %v", seq, err)
		}
	}
	for seq := range want.Messages {
		r, gone := records[seq]
		if _, injected := r.Event.(*MessageInjected); gone && injected { // facts that do not fit make others live too
			t.Errorf("the live message %d is gone", seq)
		}
	}
	if err := j.Dump(io.Discard, 0, 0, true); err != nil {
		t.Error(err)
	}
	if _, err := j.Stat(); err != nil {
		t.Error(err)
	}
	if err := rows.CatchUp(context.Background(), j.Durable()); err != nil {
		t.Fatal(err)
	}
	if want.Anomalies == 0 {
		compareToReplay(t, j, rows)
	}
}

// TestAPowerCutLeavesTheOldHistoryOrTheNewOne cuts the power in the middle of cuts.
func TestAPowerCutLeavesTheOldHistoryOrTheNewOne(t *testing.T) {
	for range 30 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			disk := NewMemoryDisk()
			j := openOn(t, disk)
			appendMixed(t, j, newFactSource(seed), rng, 300)
			to := j.Durable()
			want, err := FoldAll(j, to)
			if err != nil {
				t.Fatal(err)
			}
			stop := make(chan struct{})
			left := make(chan *Disk, 1)
			spins, place := rng.IntN(2000), 2+rng.Uint64N(to-1)
			go func() {
				for range spins {
					select {
					case <-stop:
						left <- disk.PowerCut(seed)
						return
					default:
					}
				}
				left <- disk.PowerCut(seed)
			}()
			cutAt(t, j, place)
			close(stop)
			after := openOn(t, <-left)
			got, err := FoldAll(after, to)
			if err != nil {
				t.Fatal(err)
			}
			equalImages(t, got, want)
			if err := after.VerifyChain(1, nil); err != nil {
				t.Error(err)
			}
			if err := errors.Join(after.Close(), j.Close()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAGapAboveTheCutIsDamage(t *testing.T) {
	j := openOn(t, NewMemoryDisk())
	defer j.Close()
	for range 20 {
		if _, err := j.AppendEvents(0, &Started{}); err != nil {
			t.Fatal(err)
		}
	}
	cutAt(t, j, 10)
	j.ring.drop(j.Durable())
	if err := j.db.Delete(blockKey(12), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"chain": j.VerifyChain(1, nil),
		"dump":  j.Dump(io.Discard, 0, 0, false),
		"read": func() error {
			_, err := FoldAll(j, j.Durable())
			return err
		}(),
		"one": func() error { _, err := j.At(12); return err }(),
	} {
		if damaged := (*DamagedError)(nil); !errors.As(err, &damaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsKeptIsProved(t *testing.T) {
	j := openOn(t, NewMemoryDisk())
	defer j.Close()
	if _, err := j.AppendEvents(0, to("x.example", 1)); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := j.AppendEvents(0, &Started{}); err != nil {
			t.Fatal(err)
		}
	}
	cutAt(t, j, 4)
	if cut, _ := j.LastCut(); cut.Kept != 1 || cut.Before != 4 {
		t.Fatalf("%+v", cut)
	}
	if err := j.VerifyChain(1, nil); err != nil {
		t.Fatal(err)
	}
	if err := j.db.Delete(blockKey(1), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := j.VerifyChain(1, nil); !errors.Is(err, errKept) {
		t.Errorf("a kept record is gone: %v", err)
	}
}

func TestPlacesToCut(t *testing.T) {
	j := openOn(t, NewMemoryDisk())
	defer j.Close()
	for i := range 50 {
		if _, err := j.AppendEvents(Instant(1000+10*i), &Started{}, &Started{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		at   Instant
		want uint64
	}{{0, 1}, {1000, 1}, {1001, 3}, {1010, 3}, {1490, 99}, {1491, 101}} {
		if got, err := j.FirstSince(c.at); err != nil || got != c.want {
			t.Errorf("since %d: %d, %v, want %d", c.at, got, err, c.want)
		}
	}
	cutAt(t, j, 51)
	if got, err := j.FirstSince(0); err != nil || got != 51 {
		t.Errorf("the history begins at %d, %v", got, err)
	}
	if seq, at, err := j.HistoryBegins(); seq != 51 || at != 1250 || err != nil {
		t.Errorf("%d %d %v", seq, at, err)
	}
}
