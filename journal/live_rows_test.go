package journal

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func openLive(t testing.TB, disk *Disk) (*Journal, *LiveRows) {
	t.Helper()
	j, err := Open("live", Options{Disk: disk})
	if err != nil {
		t.Fatal(err)
	}
	l, err := OpenLiveRows(j)
	if err != nil {
		t.Fatal(err)
	}
	return j, l
}

// imageOf reads the rows as FoldAll would give them.
func imageOf(t testing.TB, l *LiveRows) *LiveImage {
	t.Helper()
	s, err := l.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return imageFrom(t, s)
}

func imageFrom(t testing.TB, s *LiveSnapshot) *LiveImage {
	t.Helper()
	image := &LiveImage{System: s.System(), Messages: map[uint64]*LiveMessage{}, Hosts: map[string]LiveHost{}, Anomalies: s.state.anomalies}
	last := uint64(0)
	err := s.Each(context.Background(), func(m *LiveMessage) error {
		if m.Seq <= last {
			t.Fatalf("message %d comes after %d", m.Seq, last)
		}
		last = m.Seq
		image.Messages[m.Seq] = m.clone()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.EachHost(context.Background(), func(h LiveHost) error { image.Hosts[h.Destination] = h; return nil }); err != nil {
		t.Fatal(err)
	}
	return image
}

type fataler interface{ Fatalf(string, ...any) }

// equalImages compares two images; no element and no list are the same.
func equalImages(t fataler, got, want *LiveImage) {
	for _, image := range []*LiveImage{got, want} {
		s := &image.System
		s.DeliverySuspended = append([]string{}, s.DeliverySuspended...)
		s.ListenersSuspended = append([]string{}, s.ListenersSuspended...)
		s.BulkActions = append([]uint64{}, s.BulkActions...)
		s.Undoable = append([]LiveUndo{}, s.Undoable...)
		for _, m := range image.Messages {
			m.Recipients = append([]LiveRecipient{}, m.Recipients...)
			m.Dues = append([]uint64{}, m.Dues...)
		}
	}
	if !reflect.DeepEqual(got.System, want.System) {
		t.Fatalf("system\n got %+v\nwant %+v", got.System, want.System)
	}
	if !reflect.DeepEqual(got.Hosts, want.Hosts) {
		t.Fatalf("hosts\n got %+v\nwant %+v", got.Hosts, want.Hosts)
	}
	for seq, m := range want.Messages {
		if !reflect.DeepEqual(got.Messages[seq], m) {
			t.Fatalf("message %d\n got %+v\nwant %+v", seq, got.Messages[seq], m)
		}
	}
	if len(got.Messages) != len(want.Messages) {
		t.Fatalf("%d messages, want %d", len(got.Messages), len(want.Messages))
	}
	if got.Anomalies != want.Anomalies {
		t.Fatalf("%d anomalies, want %d", got.Anomalies, want.Anomalies)
	}
}

func sameAsReplay(t testing.TB, j *Journal, l *LiveRows) {
	t.Helper()
	want, err := FoldAll(j, l.Mark())
	if err != nil {
		t.Fatal(err)
	}
	equalImages(t, imageOf(t, l), want)
	compareToReplay(t, j, l)
}

// compareToReplay holds what verify says of the rows.
func compareToReplay(t testing.TB, j *Journal, l *LiveRows) {
	t.Helper()
	s, err := l.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	replay := NewLiveReplay()
	if err := j.Replay(t.Context(), 1, s.Mark(), nil, func(r Record) error { replay.Apply(r); return nil }); err != nil {
		t.Fatal(err)
	}
	err = s.Compare(t.Context(), replay, func(uint64) bool { return false }, nil, func(format string, args ...any) {
		if !strings.Contains(format, "lost its body") { // the facts are invented
			t.Errorf(format, args...)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// appendFacts puts n invented records into the journal.
func appendFacts(t testing.TB, j *Journal, s *factSource, n int) {
	t.Helper()
	for n > 0 {
		b := Block{}
		for range min(n, 1+s.IntN(7)) {
			b.Events = append(b.Events, Prepare(s.next().Event))
		}
		b.Time = s.at
		if _, err := j.Append(&b); err != nil {
			t.Fatal(err)
		}
		n -= len(b.Events)
	}
}

func TestRowsEqualReplayAtAnyCut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		source := newFactSource(rapid.Uint64().Draw(rt, "seed"))
		cuts := rapid.SliceOfN(rapid.IntRange(1, 90), 1, 9).Draw(rt, "cuts")
		window := rapid.IntRange(1, 60).Draw(rt, "window")
		j, l := openLive(t, NewMemoryDisk())
		defer j.Close()
		l.MaxRecords = window
		for _, n := range cuts {
			appendFacts(t, j, source, n)
			to := j.Durable() - rapid.Uint64Range(0, min(j.Durable(), 5)).Draw(rt, "short")
			if err := l.CatchUp(context.Background(), to); err != nil {
				rt.Fatal(err)
			}
			want, err := FoldAll(j, l.Mark())
			if err != nil {
				rt.Fatal(err)
			}
			equalImages(rt, imageOf(t, l), want)
			for seq, m := range want.Messages {
				got, ok, err := l.Message(seq)
				if err != nil || !ok || got.MID != m.MID {
					rt.Fatalf("message %d: %+v, %v, %v", seq, got, ok, err)
				}
				break
			}
		}
	})
}

func TestRowsAfterPowerCutEqualReplay(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 2))
		disk, source := NewMemoryDisk(), newFactSource(seed)
		j, l := openLive(t, disk)
		l.MaxRecords = 50
		for range 1 + rng.IntN(6) {
			appendFacts(t, j, source, 1+rng.IntN(120))
			if err := l.CatchUp(context.Background(), j.Durable()-uint64(rng.IntN(int(j.Durable())))); err != nil {
				t.Fatal(err)
			}
		}
		durable := j.Durable()
		left := disk.PowerCut(seed)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j, l = openLive(t, left)
		if j.Durable() < durable || l.Mark() > j.Durable() {
			t.Fatalf("seed %d: %d durable of %d, rows at %d", seed, j.Durable(), durable, l.Mark())
		}
		sameAsReplay(t, j, l)
		if err := l.CatchUp(context.Background(), j.Durable()); err != nil {
			t.Fatal(err)
		}
		if l.Mark() != j.Durable() {
			t.Fatalf("seed %d: rows at %d, want %d", seed, l.Mark(), j.Durable())
		}
		sameAsReplay(t, j, l)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRowsThatCannotBeUsedAreMadeAnew(t *testing.T) {
	for name, spoil := range map[string]func(l *LiveRows) error{
		"other version": func(l *LiveRows) error {
			return l.rows.Write(l.Mark(), func(b *RowBatch) error { b.Set([]byte{liveSystemKey}, []byte{liveVersion + 1}); return nil })
		},
		"no system": func(l *LiveRows) error {
			return l.rows.Write(l.Mark(), func(b *RowBatch) error { b.Delete([]byte{liveSystemKey}); return nil })
		},
		"ahead of the records": func(l *LiveRows) error {
			return l.rows.Write(l.Mark()+1, func(b *RowBatch) error { b.Set([]byte("m-nonsense"), nil); return nil })
		},
		"gone": func(l *LiveRows) error { return l.rows.Clear() },
	} {
		t.Run(name, func(t *testing.T) {
			j, l := openLive(t, NewMemoryDisk())
			defer j.Close()
			appendFacts(t, j, newFactSource(3), 300)
			if err := l.CatchUp(context.Background(), j.Durable()); err != nil {
				t.Fatal(err)
			}
			if err := spoil(l); err != nil {
				t.Fatal(err)
			}
			l, err := OpenLiveRows(j)
			if err != nil {
				t.Fatal(err)
			}
			if l.Mark() != 0 {
				t.Fatalf("rows at %d, want none", l.Mark())
			}
			if err := l.CatchUp(context.Background(), j.Durable()); err != nil {
				t.Fatal(err)
			}
			sameAsReplay(t, j, l)
		})
	}
}

func TestReaderThatMeetsADamagedRowHasThemMadeAnew(t *testing.T) {
	j, l := openLive(t, NewMemoryDisk())
	defer j.Close()
	appendFacts(t, j, newFactSource(4), 300)
	if err := l.CatchUp(context.Background(), j.Durable()); err != nil {
		t.Fatal(err)
	}
	err := l.rows.Write(l.Mark(), func(b *RowBatch) error { b.Set(liveMessageRowKey(1), []byte{0x7f}); return nil })
	if err != nil {
		t.Fatal(err)
	}
	var unreadable *LiveRowsError
	if err := l.Each(context.Background(), func(*LiveMessage) error { return nil }); !errors.As(err, &unreadable) {
		t.Fatalf("error %v, want a LiveRowsError", err)
	}
	if err := l.CatchUp(context.Background(), j.Durable()); err != nil {
		t.Fatal(err)
	}
	sameAsReplay(t, j, l)
}

func TestFoldThatMeetsADamagedRowMakesThemAnew(t *testing.T) {
	j, l := openLive(t, NewMemoryDisk())
	defer j.Close()
	if _, err := j.AppendEvents(liveStart, to("x.example", 1), to("y.example", 1)); err != nil {
		t.Fatal(err)
	}
	if err := l.CatchUp(context.Background(), 2); err != nil {
		t.Fatal(err)
	}
	err := l.rows.Write(2, func(b *RowBatch) error { b.Set(liveMessageRowKey(1), []byte{0x7f}); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.AppendEvents(liveStart+1, &Delivered{Message: 1, RIDs: []uint32{0}}); err != nil {
		t.Fatal(err)
	}
	if err := l.CatchUp(context.Background(), 3); err != nil {
		t.Fatal(err)
	}
	sameAsReplay(t, j, l)
	if s := l.System(); s.Messages != 1 || l.Anomalies() != 0 {
		t.Fatalf("%d messages, %d anomalies", s.Messages, l.Anomalies())
	}
}

func TestSnapshotStandsStill(t *testing.T) {
	j, l := openLive(t, NewMemoryDisk())
	defer j.Close()
	if _, err := j.AppendEvents(liveStart, to("x.example", 1)); err != nil {
		t.Fatal(err)
	}
	if err := l.CatchUp(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	s, err := l.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := j.AppendEvents(liveStart+1, &ClockJumped{Delta: int64(time.Hour)}, &Delivered{Message: 1, RIDs: []uint32{0}}); err != nil {
		t.Fatal(err)
	}
	if err := l.CatchUp(context.Background(), 3); err != nil {
		t.Fatal(err)
	}
	m, ok, err := s.Message(1)
	if err != nil || !ok || m.Injected != liveStart || s.Mark() != 1 || s.System().Messages != 1 {
		t.Fatalf("snapshot: %+v, %v, %v at %d", m, ok, err, s.Mark())
	}
	if _, ok, err := l.Message(1); ok || err != nil {
		t.Fatalf("the message is still there: %v, %v", ok, err)
	}
}

func TestFollowWritesOncePerWindowAndEndsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, l := openLive(t, NewMemoryDisk())
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- l.Follow(ctx) }()
		source := newFactSource(5)
		appendFacts(t, j, source, 100)
		time.Sleep(time.Second)
		if l.Mark() != 0 {
			t.Errorf("rows at %d before the window's end", l.Mark())
		}
		appendFacts(t, j, source, 100)
		time.Sleep(1500 * time.Millisecond)
		if l.Mark() != 200 {
			t.Errorf("rows at %d after the window's end, want 200", l.Mark())
		}
		sameAsReplay(t, j, l)
		appendFacts(t, j, source, 33)
		time.Sleep(10 * time.Millisecond)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if l.Mark() != 233 {
			t.Errorf("rows at %d after Follow, want 233", l.Mark())
		}
		sameAsReplay(t, j, l)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestMessageThatComesAndGoesInAWindowLeavesNoRow(t *testing.T) {
	j, l := openLive(t, NewMemoryDisk())
	defer j.Close()
	for range 50 {
		first, err := j.AppendEvents(liveStart, to("x.example", 3))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.AppendEvents(liveStart, &Delivered{Message: first, RIDs: []uint32{0, 1, 2}, Finished: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.CatchUp(context.Background(), j.Durable()); err != nil {
		t.Fatal(err)
	}
	keys := 0
	if err := l.rows.Scan(nil, nil, func(k, v []byte) error { keys++; return nil }); err != nil {
		t.Fatal(err)
	}
	if keys != 1 {
		t.Fatalf("%d rows, want the system's alone", keys)
	}
}

func TestCatchUpEndsWithItsContext(t *testing.T) {
	j, l := openLive(t, NewMemoryDisk())
	defer j.Close()
	appendFacts(t, j, newFactSource(6), 100)
	ctx, cancel := context.WithCancel(context.Background())
	l.MaxRecords = 10
	l.Progress = func(at, to uint64) {
		if at >= 50 {
			cancel()
		}
	}
	if err := l.CatchUp(ctx, 100); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if l.Mark() != 50 {
		t.Fatalf("rows at %d, want 50", l.Mark())
	}
	sameAsReplay(t, j, l)
	if err := l.CatchUp(context.Background(), 100); err != nil {
		t.Fatal(err)
	}
	sameAsReplay(t, j, l)
}

func TestForcingAllSupersedesTheRowsOfDomains(t *testing.T) {
	j, l := openLive(t, NewMemoryDisk())
	defer j.Close()
	for _, domains := range [][]string{{"a.example", "b.example"}, {"c.example", ""}} {
		for _, d := range domains {
			if _, err := j.AppendEvents(liveStart, &DeliveryForced{Domain: d}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.CatchUp(context.Background(), j.Durable()); err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	if err := l.rows.Scan([]byte{liveForceKey}, []byte{liveForceKey + 1}, func(k, v []byte) error { keys = append(keys, string(k)); return nil }); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(keys, []string{"f"}) {
		t.Fatalf("rows %q", keys)
	}
}

func TestMIDsOfLiveMessages(t *testing.T) {
	j, l := openLive(t, NewMemoryDisk())
	defer closeJournal(t, j)
	appendFacts(t, j, newFactSource(7), 3000)
	mustAppend(t, j, &MessageInjected{MID: 100, Sender: "a@b", Queued: true, Recipients: []InjectedRecipient{{}}},
		&MessageInjected{MID: 99, Queued: true, Recipients: []InjectedRecipient{{}}}, &MessageInjected{MID: 101, Queued: true, Recipients: []InjectedRecipient{{}}},
		&Delivered{Message: j.Durable() + 3, RIDs: []uint32{0}})
	if err := l.CatchUp(t.Context(), j.Durable()); err != nil {
		t.Fatal(err)
	}
	image := imageOf(t, l)
	for _, r := range [][2]uint32{{1, IDLimit}, {99, 102}, {100, 101}, {IDLimit / 2, IDLimit}} {
		got, err := l.MIDs(t.Context(), r[0], r[1])
		if err != nil {
			t.Fatal(err)
		}
		var want []uint32
		for _, seq := range slices.Sorted(maps.Keys(image.Messages)) {
			if mid := image.Messages[seq].MID; mid >= r[0] && mid < r[1] {
				want = append(want, mid)
			}
		}
		if !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("%d ≤ MID < %d: %d MIDs, want %d", r[0], r[1], len(got), len(want))
		}
	}
}
