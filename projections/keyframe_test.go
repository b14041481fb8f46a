package projections

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"postern/journal"
)

// digest says everything that people can see of figures, and the order of what is not seen yet.
func digest(f *Figures) string {
	var b strings.Builder
	now := time.Unix(0, f.clock+f.shift)
	fmt.Fprintf(&b, "%+v\n", f.View(now, nil, []string{"In"}))
	fmt.Fprintf(&b, "%+v\n%+v\n%+v\n%+v\n", f.counters, f.system, f.logins, f.actions)
	for _, name := range slices.Sorted(maps.Keys(f.hosts.byName)) {
		s, _ := f.Host(name, now)
		errors := "none"
		if s.Last5XX != nil {
			errors = fmt.Sprint(*s.Last5XX)
		}
		if s.LastTLS != nil {
			errors += fmt.Sprint(*s.LastTLS)
		}
		s.Last5XX, s.LastTLS = nil, nil
		h := *f.hosts.at(f.hosts.byName[name])
		fmt.Fprintf(&b, "%+v %s %d %v\n", s, errors, h.list, []uint64{h.opening, h.injected, h.movedIn, h.reinstated, h.strays, h.dropped, h.movedOut})
	}
	for _, list := range []int{listIdle, listRetired, listSilent} {
		for n := f.hosts.head[list]; n != 0; n = f.hosts.at(n).next {
			fmt.Fprint(&b, " ", f.hosts.at(n).name, " ", f.hosts.at(n).idleSince)
		}
		fmt.Fprintln(&b)
	}
	f.queue.messages.each(func(m *message) bool {
		fmt.Fprint(&b, m.seq, m.mid, m.second, m.size, m.rids, m.dues, m.quarantines, m.flags)
		f.queue.eachLive(m, func(rid uint32, w word) {
			fmt.Fprint(&b, " ", rid, f.hosts.at(w.host()).name, w&(wordAttempted|wordSilent))
		})
		fmt.Fprintln(&b)
		return true
	})
	fmt.Fprintln(&b, f.TopInbound(0), f.connections.inexact, len(f.connections.outbound), f.queue.strays, f.shift, f.clock, f.time, f.setBacks)
	for _, icid := range slices.Sorted(maps.Keys(f.connections.inbound)) {
		fmt.Fprint(&b, " ", icid, f.connections.inbound[icid].client)
	}
	for _, dcid := range slices.Sorted(maps.Keys(f.connections.outbound)) {
		fmt.Fprint(&b, " ", dcid, f.hosts.at(f.connections.outbound[dcid]).name)
	}
	return b.String()
}

func TestAKeyframeAndItsTailAreAsGoodAsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := tell(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 300).Draw(t, "steps"))
		limit := rapid.SampledFrom([]int{0, 6}).Draw(t, "hosts")
		whole := replay(records, NewFigures(limit))
		f := NewFigures(limit)
		cuts := rapid.SliceOfN(rapid.IntRange(0, len(records)), 1, 4).Draw(t, "keyframes")
		slices.Sort(cuts)
		from := 0
		for _, cut := range cuts {
			for _, r := range records[from:cut] {
				f.Apply(r)
			}
			from = cut
			back, err := decodeFigures(f.encode(nil), limit)
			if err != nil {
				t.Fatal(err)
			}
			if a, b := digest(f), digest(back); a != b {
				t.Fatalf("at %d:\n%s\nis read as\n%s", cut, a, b)
			}
			f = back
		}
		for _, r := range records[from:] {
			f.Apply(r)
		}
		if a, b := digest(whole), digest(f); a != b {
			t.Errorf("from zero:\n%s\nfrom the keyframes at %v:\n%s", a, cuts, b)
		}
	})
}

func TestAMalformedKeyframeIsNone(t *testing.T) {
	data := replay(tell(9, 300), NewFigures(0)).encode(nil)
	for i := 0; i < len(data); i += 1 + len(data)/500 {
		if _, err := decodeFigures(data[:i], 0); err == nil {
			t.Errorf("the first %d of %d bytes pass", i, len(data))
		}
		bent := slices.Clone(data)
		bent[i] ^= 0xff
		if f, err := decodeFigures(bent, 0); err == nil { // must not panic; what passes must be usable
			f.View(f.time.Time(), nil, nil)
		}
	}
}

func FuzzKeyframe(f *testing.F) {
	f.Add(replay(tell(1, 40), NewFigures(0)).encode(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		if g, err := decodeFigures(data, 0); err == nil {
			g.View(time.Unix(1, 0), nil, nil)
			g.Top(3, ByActive, time.Unix(1, 0))
			g.encode(nil)
		}
	})
}

func memoryJournal(t *testing.T, disk *journal.Disk) *journal.Journal {
	t.Helper()
	j, err := journal.Open("/data", journal.Options{Disk: disk})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func append1(t *testing.T, j *journal.Journal, records []journal.Record) {
	t.Helper()
	for _, r := range records {
		seq, err := j.AppendEvents(r.Time, r.Event)
		if err != nil || seq != r.Seq {
			t.Fatalf("record %d became %d: %v", r.Seq, seq, err)
		}
	}
}

func TestKeyframesInTheStore(t *testing.T) {
	j := memoryJournal(t, journal.NewMemoryDisk())
	defer j.Close()
	records := tell(17, 1200)
	append1(t, j, records)
	k := &Keyframes{Rows: j.Rows(KeyframeRows), Records: 100}
	f := NewFigures(0)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var saved []uint64
	for _, r := range records {
		f.Apply(r)
		before := k.savedSeq
		now = now.Add(time.Second)
		if err := k.Save(f, now, false); err != nil {
			t.Fatal(err)
		}
		if k.savedSeq != before {
			saved = append(saved, k.savedSeq)
		}
	}
	if len(saved) < keyframesKept+2 || saved[1]-saved[0] != 100 {
		t.Fatalf("saved at %v of %d", saved, len(records))
	}
	have, err := k.list()
	if err != nil || len(have) != len(saved) { // all of them are of the last hours
		t.Errorf("%d keyframes of %d are kept: %v", len(have), len(saved), err)
	}
	if err := k.Save(f, now, true); err != nil || k.savedSeq != f.seq {
		t.Errorf("at the end: %d, %v", k.savedSeq, err)
	}
	for _, seq := range []uint64{1, saved[0], saved[0] + 1, saved[3] + 7, f.seq} {
		got, err := AsOf(t.Context(), j, &Keyframes{Rows: j.Rows(KeyframeRows)}, seq, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := NewFigures(0)
		for _, r := range records[:seq] {
			want.Apply(r)
		}
		if a, b := digest(got), digest(want); a != b {
			t.Errorf("as of %d:\n%s\nwant\n%s", seq, a, b)
		}
	}
	if _, err := AsOf(t.Context(), j, nil, f.seq+1, 0); err == nil {
		t.Error("the future is known")
	}
}

func TestADamagedKeyframeGivesWayToAnOlderOne(t *testing.T) {
	j := memoryJournal(t, journal.NewMemoryDisk())
	defer j.Close()
	k := &Keyframes{Rows: j.Rows(KeyframeRows)}
	f := NewFigures(0)
	for i := range 3 {
		feed(f, noon, threeTo(fmt.Sprint("h", i), true))
		if err := k.Save(f, noon.Time(), true); err != nil {
			t.Fatal(err)
		}
	}
	err := k.Rows.Write(3, func(b *journal.RowBatch) error {
		b.Set(partKey(3, 0), []byte("spoilt"))
		b.Set([]byte("i"), []byte{1, 2})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if f, err := k.Load(9, 0); err != nil || f.Seq() != 2 {
		t.Errorf("at %d: %v", f.Seq(), err)
	}
	if f, err := k.Load(1, 0); err != nil || f.Seq() != 1 {
		t.Errorf("at %d: %v", f.Seq(), err)
	}
	if err := k.Rows.Clear(); err != nil {
		t.Fatal(err)
	}
	if f, err := k.Load(9, 0); err != nil || f.Seq() != 0 {
		t.Errorf("without any at %d: %v", f.Seq(), err)
	}
}

// TestWhatIsLeftOfAKeyframeIsSwept cuts the power while a keyframe is written, of which some parts are there already: they go,
// and the other keyframes stay.
func TestWhatIsLeftOfAKeyframeIsSwept(t *testing.T) {
	disk := journal.NewMemoryDisk()
	j := memoryJournal(t, disk)
	defer j.Close()
	k := &Keyframes{Rows: j.Rows(KeyframeRows)}
	f := NewFigures(0)
	for range 3 {
		feed(f, noon, threeTo("h", true))
		if err := k.Save(f, noon.Time(), true); err != nil {
			t.Fatal(err)
		}
	}
	var left *journal.Disk
	draft := &keyframeDraft{keyframes: k, index: keyframeIndex{seq: 2, at: noon}, data: make([]byte, keyframeBatch+1)} // more than one had before
	err := draft.write(func() {
		append1(t, j, []journal.Record{{Seq: j.Durable() + 1, Event: &journal.Started{}}}) // the store's log is synced
		if left == nil {
			left = disk.PowerCut(1)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	j = memoryJournal(t, left)
	defer j.Close()
	k = &Keyframes{Rows: j.Rows(KeyframeRows)}
	if strays, err := k.strays(); err != nil || len(strays) == 0 {
		t.Fatalf("the power has left nothing over: %v", err)
	}
	if err := k.Sweep(); err != nil {
		t.Fatal(err)
	}
	parts := 0
	if err := k.Rows.Scan([]byte{'d'}, []byte{'d' + 1}, func(_, _ []byte) error { parts++; return nil }); err != nil || parts != 3 {
		t.Errorf("%d parts are left, of three keyframes: %v", parts, err)
	}
	for _, seq := range []uint64{1, 3} {
		if f, err := k.Load(seq, 0); err != nil || f.Seq() != seq {
			t.Errorf("the keyframe of record %d: there is one of %d, %v", seq, f.Seq(), err)
		}
	}
}

// keyframesOver makes a keyframe every quarter of an hour of so many days, of a size each.
func keyframesOver(days int, size uint32, now journal.Instant) (have []keyframeIndex) {
	for q := days * 24 * 4; q >= 0; q-- {
		x := keyframeIndex{seq: uint64(days*24*4 - q + 1), size: size, at: now.Add(-time.Duration(q) * 15 * time.Minute)}
		gone := make(map[uint64]bool)
		have = append(have, x)
		for _, old := range surplus(have, x.at) {
			gone[old.seq] = true
		}
		have = slices.DeleteFunc(have, func(x keyframeIndex) bool { return gone[x.seq] })
	}
	return have
}

func TestOldKeyframesAreThinnedWithAge(t *testing.T) {
	now := journal.InstantOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	var ages [3]int
	have := keyframesOver(40, 1000, now)
	for _, x := range have {
		switch age := now.Sub(x.at); {
		case age < keyframeHours*time.Hour:
			ages[0]++
		case age < keyframeHourly*time.Hour:
			ages[1]++
		case age < keyframeDays*24*time.Hour:
			ages[2]++
		default:
			t.Errorf("one %s old is kept", age)
		}
	}
	if want := [3]int{keyframeHours * 4, keyframeHourly - keyframeHours, keyframeDays - keyframeHourly/24}; ages[0] != want[0] || max(ages[1]-want[1], want[1]-ages[1]) > 1 || max(ages[2]-want[2], want[2]-ages[2]) > 1 {
		t.Errorf("%d of the last day, %d of those before it, %d older, want %d", ages[0], ages[1], ages[2], want)
	}
}

// TestKeyframesTakeBoundedRoom: of large ones fewer are kept, spread over the records; the newest stay.
func TestKeyframesTakeBoundedRoom(t *testing.T) {
	now := journal.InstantOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	have := keyframesOver(3, 16<<20, now)
	if n := len(have); n > keyframesBytes/(16<<20) || n < keyframesBytes/(16<<20)-1 {
		t.Fatalf("%d are kept", n)
	}
	last := have[len(have)-1].seq
	widest, before := uint64(0), uint64(0)
	for i, x := range have {
		if i < len(have)-keyframesKept {
			widest, before = max(widest, x.seq-before), x.seq
		} else if want := last - uint64(len(have)-1-i); x.seq != want {
			t.Errorf("of the newest, %d is kept instead of %d", x.seq, want)
		}
	}
	if even := last / uint64(len(have)-keyframesKept); widest > 6*even {
		t.Errorf("the widest gap is %d, evenly it would be %d", widest, even)
	}
}
