package tracking

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"postern/journal"
)

// small makes segments of some messages, and lets what comes soon after be late.
var small = sizes{near: 12, messages: 7}

func (p *past) index(dir string, writable bool) *Index {
	p.t.Helper()
	x := &Index{History: p.j, Dir: dir, sizes: small, Warn: func(err error) { p.t.Log(err) }}
	if err := x.Open(writable); err != nil {
		p.t.Fatal(err)
	}
	if err := x.CatchUp(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	return x
}

// queries are some of every kind.
func (p *past) queries() []*Query {
	re := regexp.MustCompile
	half := p.at.Time().Add(-time.Duration(p.r.IntN(100)) * time.Second)
	return []*Query{
		{}, {MID: uint32(1 + p.r.IntN(40))}, {From: re("from3")}, {From: re("(?i)FROM3@sender")}, {From: re("^from[12]@")}, {To: re(`to1@(a|b)\.example$`)},
		{Subject: re("confidential")}, {Subject: re("^$")}, {Subject: re("hello|sales")}, {Subject: re("(hello)+")}, {Subject: re("ü.*e")},
		{MessageID: re("^<3@x>$")}, {Host: "c.EXAMPLE"}, {IP: netip.MustParseAddr("192.0.2.3")}, {IP: netip.MustParseAddr("192.0.2.3"), From: re("from1")},
		{Since: half}, {Until: half}, {From: re("from4"), To: re("to2"), Since: half}, {Subject: re("Delivery Status")}, {From: re("")},
	}
}

// same compares what is found and traced with the index to what is without.
func (p *past) same(x *Index) {
	p.t.Helper()
	if n := len(p.live); n > 0 { // traced first: it must find damage out by itself
		if got, want := p.trace(x, p.live[n/2].seq), p.trace(nil, p.live[n/2].seq); !slices.Equal(got, want) {
			p.t.Fatalf("the message of %d: with the index\n%v\nwithout\n%v", p.live[n/2].seq, got, want)
		}
	}
	for _, q := range p.queries() {
		want, wantTotal := p.find(nil, q)
		got, total := p.find(x, q)
		if total != wantTotal || !reflect.DeepEqual(got, want) {
			i := 0
			for ; i < min(len(got), len(want)) && reflect.DeepEqual(got[i], want[i]); i++ {
			}
			p.t.Fatalf("%+v: %d found with the index, %d without; from the %d. on they differ: %+v, %+v", q, total, wantTotal, i+1, got[i:min(i+1, len(got))], want[i:min(i+1, len(want))])
		}
	}
	all, _ := p.find(nil, &Query{})
	p.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, m := range all[:min(len(all), 20)] {
		if got, want := p.trace(x, m.Seq), p.trace(nil, m.Seq); !slices.Equal(got, want) {
			p.t.Fatalf("the message of %d: with the index\n%v\nwithout\n%v", m.Seq, got, want)
		}
	}
}

func (p *past) find(x *Index, q *Query) ([]Found, int) {
	p.t.Helper()
	found, total, err := Find(p.t.Context(), p.j, x, q, 1000)
	if err != nil {
		p.t.Fatal(err)
	}
	return found, total
}

func (p *past) trace(x *Index, seq uint64) (facts []string) {
	p.t.Helper()
	if err := Trace(p.t.Context(), p.j, x, seq, func(r journal.Record) error {
		facts = append(facts, fmt.Sprintf("%d %T", r.Seq, r.Event))
		return nil
	}); err != nil {
		p.t.Fatal(err)
	}
	return facts
}

func eachSeed(t *testing.T, seeds int, run func(*testing.T, uint64)) {
	for seed := range uint64(seeds) {
		if !t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { run(t, seed) }) {
			return
		}
	}
}

// With the index everything is found that is without it, and nothing else: while it follows, after a stop in the midst of a
// segment, and when it is only read.
func TestIndexFindsWhatReadingFinds(t *testing.T) {
	eachSeed(t, 3, func(t *testing.T, seed uint64) {
		p, dir := newPast(t, seed), t.TempDir()
		for range 3 {
			x := p.index(dir, true)
			for range 3 {
				p.goOn(80)
				if err := x.CatchUp(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			p.same(x)
			x.Close()
			read := p.index(dir, false)
			p.same(read)
			read.Close()
		}
	})
}

// An index that has no segment yet is none that is damaged, also when it is only read.
func TestIndexWithoutSegments(t *testing.T) {
	p := newPast(t, 1)
	p.goOn(10)
	x := &Index{History: p.j, Dir: t.TempDir()}
	if err := x.Open(false); err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	p.same(x)
}

// Damage ends the index, and every search that does not look beyond it. One that does finds what is on both sides.
func TestIndexEndsAtDamage(t *testing.T) {
	p := newPast(t, 3)
	p.goOn(200)
	damaged := p.write(&journal.MessageInjected{MID: p.id(), Sender: "from1@sender.example"}) // a block of its own
	p.goOn(200)
	want, total := p.find(nil, &Query{})
	if err := p.j.ReplaceBlock(damaged, func(v []byte) []byte { v[len(v)-1] ^= 1; return v }); err != nil {
		t.Fatal(err)
	}
	x := p.index(t.TempDir(), true)
	defer x.Close()
	broken := (*journal.DamagedError)(nil)
	if _, _, err := Find(t.Context(), p.j, x, &Query{}, 1000); !errors.As(err, &broken) || broken.Block != damaged {
		t.Errorf("record %d is damaged: %v", damaged, err)
	}
	var passed []uint64
	h := journal.Beyond{Journal: p.j, Over: func(d journal.Damage) error { passed = append(passed, d.First); return nil }}
	got, n, err := Find(t.Context(), h, x, &Query{}, 1000)
	want = slices.DeleteFunc(want, func(f Found) bool { return f.Seq == damaged })
	if err != nil || n != total-1 || !reflect.DeepEqual(got, want) || !slices.Equal(passed, []uint64{damaged}) {
		t.Errorf("%d of %d found, %v was passed over: %v", n, total, passed, err)
	}
	if x.Covered() == 0 {
		t.Error("the index holds nothing of what is before the damage")
	}
}

// The ends of messages are those that the history tells, those of long sealed segments too, and after a restart.
func TestIndexKnowsEnds(t *testing.T) {
	eachSeed(t, 5, func(t *testing.T, seed uint64) {
		p, dir := newPast(t, seed), t.TempDir()
		x := p.index(dir, true)
		p.goOn(300)
		x.Close()
		x = p.index(dir, true)
		defer x.Close()
		live := map[uint64]bool{}
		for _, m := range p.live {
			live[m.seq] = true
		}
		for _, s := range x.all() {
			for i := range s.count {
				if s.end(i) == 0 != live[s.seq(i)] {
					t.Errorf("message %d: end %d, live %v", s.seq(i), s.end(i), live[s.seq(i)])
				}
			}
		}
	})
}

// Whatever happens to the files, the answers stay the same.
func TestDamagedIndexIsMadeAgain(t *testing.T) {
	damage := map[string]func(t *testing.T, path string, p *past){
		"gone":    func(t *testing.T, path string, _ *past) { check(t, os.Remove(path)) },
		"empty":   func(t *testing.T, path string, _ *past) { check(t, os.Truncate(path, 0)) },
		"cut off": func(t *testing.T, path string, p *past) { check(t, os.Truncate(path, size(t, path)-1-p.r.Int64N(50))) },
		"a bit": func(t *testing.T, path string, p *past) {
			b, err := os.ReadFile(path)
			check(t, err)
			b[p.r.IntN(len(b)-200)] ^= 1 << p.r.IntN(8) // not in the ends, which are proved by nothing
			check(t, os.WriteFile(path, b, 0o600))
		},
	}
	for name, do := range damage {
		t.Run(name, func(t *testing.T) {
			eachSeed(t, 2, func(t *testing.T, seed uint64) {
				p, dir := newPast(t, seed), t.TempDir()
				p.goOn(200)
				p.index(dir, true).Close()
				paths, _ := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
				if len(paths) < 3 {
					t.Skip("too few segments")
				}
				do(t, pick(p.r, paths), p)
				for _, writable := range []bool{false, true, false} {
					x := p.index(dir, writable)
					p.same(x)
					x.Close()
				}
			})
		})
	}
}

// A file that is cut off while it is mapped ends no process.
func TestIndexCutOffWhileInUse(t *testing.T) {
	p, dir := newPast(t, 3), t.TempDir()
	p.goOn(300)
	x := p.index(dir, true)
	defer x.Close()
	paths, _ := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	check(t, os.Truncate(paths[1], 0))
	p.same(x)
}

// The index of one journal is not believed beside another one.
func TestIndexOfAnotherJournal(t *testing.T) {
	p, dir := newPast(t, 1), t.TempDir()
	p.goOn(200)
	p.index(dir, true).Close()
	other := newPast(t, 2)
	other.goOn(400)
	x := other.index(dir, true)
	defer x.Close()
	other.same(x)
}

// What retention has removed is not found any more, what it has kept is, with the index that was there and with a new one.
func TestIndexAfterACut(t *testing.T) {
	eachSeed(t, 3, func(t *testing.T, seed uint64) {
		p, dir := newPast(t, seed), t.TempDir()
		x := p.index(dir, true)
		p.goOn(300)
		check(t, x.CatchUp(t.Context()))
		before, _ := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
		x.Cut(p.cut(p.j.Durable() * 2 / 3))
		if after, _ := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix)); len(p.live) == 0 && len(after) == len(before) {
			t.Errorf("%d segments are still there", len(after))
		}
		p.goOn(60)
		check(t, x.CatchUp(t.Context()))
		p.lists(x)
		x.Close()
		for _, dir := range []string{dir, t.TempDir()} {
			x = p.index(dir, true)
			p.lists(x)
			x.Close()
		}
	})
}

// cut removes the history before a record, or a little more: it begins with a block.
func (p *past) cut(before uint64) journal.Cut {
	p.t.Helper()
	i, _ := slices.BinarySearch(p.blocks, before)
	before = p.blocks[i]
	rows, err := journal.OpenLiveRows(p.j)
	check(p.t, err)
	live, err := rows.Current(p.t.Context())
	check(p.t, err)
	defer live.Close()
	draft, err := p.j.DraftCut(p.t.Context(), before, live, func() {})
	check(p.t, err)
	defer draft.Close()
	check(p.t, draft.Make(p.write(&draft.Fact)))
	c, _ := p.j.LastCut()
	return c
}

// lists holds that every message is found that came after the place where the history begins, and none that it has not.
func (p *past) lists(x *Index) {
	p.t.Helper()
	found, _ := p.find(x, &Query{})
	listed := map[uint64]bool{}
	for _, f := range found {
		listed[f.Seq] = true
		if _, err := p.j.At(f.Seq); err != nil {
			p.t.Errorf("message %d is found: %v", f.Seq, err)
		}
		p.trace(x, f.Seq)
	}
	cut, _ := p.j.LastCut()
	all, _ := p.find(nil, &Query{})
	for _, f := range all {
		if f.Seq >= cut.Before && !listed[f.Seq] {
			p.t.Errorf("message %d is not found", f.Seq)
		}
	}
}

// slowHistory is a long one of nothing, which takes its time, and grows when mail moves.
type slowHistory struct {
	durable atomic.Uint64
	moves   bool
	ended   chan time.Time // is told when all of it was taken in
}

const slowSlice = 20 * time.Millisecond

func (h *slowHistory) Durable() uint64 {
	if h.moves {
		return h.durable.Add(1)
	}
	return h.durable.Load()
}

func (h *slowHistory) At(uint64) (journal.Record, error) {
	return journal.Record{}, journal.ErrNotFound
}

func (h *slowHistory) Pick(context.Context, uint64, uint64, func(journal.Kind) bool, func(journal.Record) error) error {
	<-time.After(slowSlice)
	return nil
}

func (h *slowHistory) Wait(ctx context.Context, after uint64) error {
	if after == 0 {
		return nil
	}
	h.ended <- time.Now()
	<-ctx.Done()
	return ctx.Err()
}

// The making of an index over a long history leaves mail half of the time, and does not dawdle when none moves.
func TestIndexRestsBesideMail(t *testing.T) {
	const slices = 10
	for moves, want := range map[bool]time.Duration{false: slices * slowSlice, true: 2 * slices * slowSlice} {
		synctest.Test(t, func(t *testing.T) {
			h := &slowHistory{moves: moves, ended: make(chan time.Time)}
			h.durable.Store(slices*indexSlice - 10)
			x := &Index{History: h, Dir: t.TempDir()}
			check(t, x.Open(true))
			defer x.Close()
			ctx, cancel := context.WithCancel(t.Context())
			done, began := make(chan error, 1), time.Now()
			go func() { done <- x.Run(ctx) }()
			if took := (<-h.ended).Sub(began) - indexDelay; took < want-2*slowSlice || took > want+2*slowSlice {
				t.Errorf("mail moves: %v: it took %v, not %v", moves, took, want)
			}
			cancel()
			check(t, <-done)
		})
	}
}

func TestIndexFollows(t *testing.T) {
	p := newPast(t, 5)
	x := &Index{History: p.j, Dir: t.TempDir()}
	check(t, x.Open(true))
	defer x.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	p.goOn(50)
	for x.Covered() < p.j.Durable() {
		runtime.Gosched()
	}
	cancel()
	check(t, <-done)
}

func TestLiterals(t *testing.T) {
	for expression, want := range map[string]string{"abc": "abc", "^abc$": "abc", "a.*bcd": "bcd", "(?i)abc": "", "ab|cd": "", "(abc)+d": "abc", "x{2,}yz": "yz", "": "",
		`user@example\.com`: "user@example.com", "a\nbc": "", "[a]bc": "abc"} {
		if got := string((&Query{From: regexp.MustCompile(expression)}).literal()); got != want {
			t.Errorf("%q: %q, should be %q", expression, got, want)
		}
	}
}

func FuzzSegment(f *testing.F) {
	f.Add([]byte(segmentMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x")
		check(t, os.WriteFile(path, b, 0o600))
		s, err := openSegment(path, true)
		if err != nil {
			return
		}
		defer s.close()
		_ = guarded(func() error {
			newFold(1, s.state, usualSizes)
			p := pass{query: &Query{}, max: 10, gone: new(Index).gone}
			s.mentions(func(of uint64) bool { return of == 1 }, func(_, _ uint64) {})
			return p.segment(t.Context(), s)
		})
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func size(t *testing.T, path string) int64 {
	info, err := os.Stat(path)
	check(t, err)
	return info.Size()
}
