package journal

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// currentEqualsReplay compares the snapshot of now, in each of the ways in which it can be read, with a replay.
func currentEqualsReplay(t testing.TB, rt fataler, j *Journal, l *LiveRows) {
	t.Helper()
	ctx := context.Background()
	s, err := l.Current(ctx)
	if err != nil {
		rt.Fatalf("%v", err)
	}
	defer s.Close()
	if s.Mark() != j.Durable() {
		rt.Fatalf("as of %d, want %d", s.Mark(), j.Durable())
	}
	want, err := FoldAll(j, s.Mark())
	if err != nil {
		rt.Fatalf("%v", err)
	}
	equalImages(rt, imageFrom(t, s), want)
	paged, last := 0, uint64(0)
	for pages := s.Pages(); ; {
		page, err := pages.Next(ctx)
		if err != nil {
			rt.Fatalf("%v", err)
		}
		if len(page) == 0 {
			break
		}
		for i := range page {
			m := &page[i]
			if got := m.clone(); m.Seq <= last || !sameMessage(got, want.Messages[m.Seq]) {
				rt.Fatalf("after %d the page has %+v\nwant %+v", last, got, want.Messages[m.Seq])
			}
			last = m.Seq
			paged++
		}
	}
	if paged != len(want.Messages) {
		rt.Fatalf("%d messages in pages, want %d", paged, len(want.Messages))
	}
	byMID := map[uint32][]uint64{}
	for seq := uint64(0); seq <= s.Mark()+1; seq++ {
		got, ok, err := s.Message(seq)
		if m := want.Messages[seq]; err != nil || ok != (m != nil) || ok && !sameMessage(got, m) {
			rt.Fatalf("message %d: %+v, %v, %v", seq, got, ok, err)
		}
		if ok {
			byMID[got.MID] = append(byMID[got.MID], seq)
		}
	}
	for mid, seqs := range byMID {
		if got, err := s.WithMID(ctx, mid); err != nil || !reflect.DeepEqual(got, seqs) {
			rt.Fatalf("with MID %d: %v, %v, want %v", mid, got, err, seqs)
		}
		if got, err := s.MIDs(ctx, mid, mid+1); err != nil || len(got) != len(seqs) {
			rt.Fatalf("MID %d: %v, %v", mid, got, err)
		}
	}
}

func sameMessage(a, b *LiveMessage) bool {
	x, y := *a, *b
	x.Recipients, y.Recipients = append([]LiveRecipient{}, a.Recipients...), append([]LiveRecipient{}, b.Recipients...)
	x.Dues, y.Dues = append([]uint64{}, a.Dues...), append([]uint64{}, b.Dues...)
	return reflect.DeepEqual(x, y)
}

// TestCurrentEqualsReplay also in a store that is only read, whose rows stand anywhere behind the records.
func TestCurrentEqualsReplay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		source := newFactSource(rapid.Uint64().Draw(rt, "seed"))
		rowsAt := rapid.IntRange(0, 400).Draw(rt, "rows at")
		beyond := rapid.IntRange(0, 300).Draw(rt, "records beyond")
		disk := NewMemoryDisk()
		j, l := openLive(t, disk)
		appendFacts(t, j, source, rowsAt)
		if err := l.CatchUp(context.Background(), j.Durable()); err != nil {
			rt.Fatal(err)
		}
		appendFacts(t, j, source, beyond)
		if rapid.Bool().Draw(rt, "power cut") {
			disk = disk.PowerCut(uint64(rowsAt))
		}
		if err := j.Close(); err != nil {
			rt.Fatal(err)
		}
		for _, readOnly := range []bool{true, false} {
			j, err := Open("live", Options{Disk: disk, ReadOnly: readOnly})
			if err != nil {
				rt.Fatal(err)
			}
			l, err := OpenLiveRows(j)
			if err != nil {
				rt.Fatal(err)
			}
			before := l.Mark()
			currentEqualsReplay(t, rt, j, l)
			if readOnly && l.Mark() != before {
				rt.Fatalf("rows were written at %d", l.Mark())
			}
			if err := j.Close(); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

// TestCurrentWithoutUsableRows of a store that is only read is made from the records alone.
func TestCurrentWithoutUsableRows(t *testing.T) {
	for name, spoil := range map[string]func(l *LiveRows) error{
		"other version": func(l *LiveRows) error {
			return l.rows.Write(l.Mark(), func(b *RowBatch) error { b.Set([]byte{liveSystemKey}, []byte{liveVersion + 1}); return nil })
		},
		"ahead of the records": func(l *LiveRows) error {
			return l.rows.Write(l.Mark()+1000, func(b *RowBatch) error { b.Set([]byte("m-nonsense"), nil); return nil })
		},
		"damaged where a later fact looks": func(l *LiveRows) error {
			return l.rows.Write(l.Mark(), func(b *RowBatch) error { b.Set(liveMessageRowKey(1), []byte{0x7f}); return nil })
		},
		"gone": func(l *LiveRows) error { return l.rows.Clear() },
	} {
		t.Run(name, func(t *testing.T) {
			disk := NewMemoryDisk()
			j, l := openLive(t, disk)
			if _, err := j.AppendEvents(liveStart, to("x.example", 2)); err != nil {
				t.Fatal(err)
			}
			source := newFactSource(3)
			source.seq = 1
			appendFacts(t, j, source, 300)
			if err := l.CatchUp(context.Background(), j.Durable()); err != nil {
				t.Fatal(err)
			}
			if err := spoil(l); err != nil {
				t.Fatal(err)
			}
			if _, err := j.AppendEvents(liveStart, &Held{Set: set(1, 0)}); err != nil {
				t.Fatal(err)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			j, err := Open("live", Options{Disk: disk, ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			if l, err = OpenLiveRows(j); err != nil {
				t.Fatal(err)
			}
			currentEqualsReplay(t, t, j, l)
		})
	}
}

func TestCurrentEndsWithItsContext(t *testing.T) {
	disk := NewMemoryDisk()
	j, _ := openLive(t, disk)
	appendFacts(t, j, newFactSource(6), 50)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, readOnly := range []bool{true, false} {
		j, err := Open("live", Options{Disk: disk, ReadOnly: readOnly})
		if err != nil {
			t.Fatal(err)
		}
		l, err := OpenLiveRows(j)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Current(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPagesEnd at so many recipients too, and go on behind what was written meanwhile.
func TestPagesEnd(t *testing.T) {
	j, l := openLive(t, NewMemoryDisk())
	defer j.Close()
	var sizes []int
	for i := range 2 * pageMessages {
		n := 1
		if i == 3 || i == 4 {
			n = pageRecipients
		}
		if _, err := j.AppendEvents(liveStart, to("x.example", n)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := l.Current(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for pages := s.Pages(); ; {
		page, err := pages.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if sizes = append(sizes, len(page)); len(page) == 0 {
			break
		}
		// What leaves and what comes meanwhile is not of the snapshot.
		if _, err := j.AppendEvents(liveStart, &Delivered{Message: 2*pageMessages - 1, RIDs: []uint32{0}}, to("y.example", 1)); err != nil {
			t.Fatal(err)
		}
		if err := l.CatchUp(context.Background(), j.Durable()); err != nil {
			t.Fatal(err)
		}
	}
	if want := []int{4, 1, pageMessages, pageMessages - 5, 0}; !reflect.DeepEqual(sizes, want) {
		t.Errorf("pages of %v, want %v", sizes, want)
	}
}
