package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

var listingStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// naiveListing filters a replay of all records up to a Seq, with comparisons of its own.
func naiveListing(t testing.TB, j *journal.Journal, upTo uint64, s Selection, now time.Time) (list []Listed, p Preview) {
	t.Helper()
	image, err := journal.FoldAll(j, upTo)
	if err != nil {
		t.Fatal(err)
	}
	p.AsOf = upTo
	var seqs []uint64
	for seq := range image.Messages {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	host := strings.ReplaceAll(strings.ToLower(s.Host), "bücher", "xn--bcher-kva")
	for _, seq := range seqs {
		m := image.Messages[seq]
		rec, err := j.At(seq)
		if err != nil {
			t.Fatal(err)
		}
		e := rec.Event.(*journal.MessageInjected)
		touched := false
		for _, r := range m.Recipients {
			switch {
			case host != "" && r.Destination != host, s.From != nil && !sameAddress(*s.From, e.Sender), s.MID != 0 && m.MID != s.MID,
				s.Older > 0 && now.Sub(m.Injected.Time()) < s.Older, r.Attempts < s.Attempts,
				s.Subject != "" && !regexp.MustCompile(s.Subject).MatchString(e.Subject),
				m.Size < s.MinSize, s.MaxSize > 0 && m.Size > s.MaxSize, s.Held && !r.Held && !m.SetAside:
				continue
			}
			l := Listed{Seq: seq, MID: m.MID, Bytes: m.Size, Sender: e.Sender, Subject: e.Subject, RID: r.RID, Attempts: r.Attempts, Host: r.Destination,
				Recipient: fmt.Sprintf("r%d@%s", r.RID, r.Destination), Redirect: r.Redirect, Injected: m.Injected.Time(), State: "queued"}
			if r.Next != 0 {
				l.Next = r.Next.Time()
			}
			if r.Attempting {
				l.State = "in delivery"
			}
			if r.Held || m.SetAside {
				l.State = "held"
			}
			if m.InWorkQueue {
				l.State = "in work queue"
			}
			if m.Quarantines > 0 {
				l.State = "quarantined"
			}
			if m.Quarantines == 0 && !m.InWorkQueue {
				p.Recipients++
				touched = true
			}
			list = append(list, l)
		}
		if touched {
			p.Messages++
		}
	}
	return list, p
}

func sameAddress(a, b string) bool {
	local1, domain1, _ := strings.Cut(a, "@")
	local2, domain2, _ := strings.Cut(b, "@")
	return local1 == local2 && strings.EqualFold(domain1, domain2)
}

// listingEngine is an engine that does not run: it only looks.
func listingEngine(t testing.TB, j *journal.Journal, now func() time.Time) *Engine {
	t.Helper()
	rows, err := journal.OpenLiveRows(j)
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Journal: j, Rows: rows, Now: now})
}

func openJournal(t testing.TB, o journal.Options) *journal.Journal {
	t.Helper()
	j, err := journal.Open("j", o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// chosen gathers what choose takes, as rows of message and RID.
func chosen(t testing.TB, e *Engine, s Selection, asOf uint64) (list [][2]uint64) {
	t.Helper()
	_, err := e.choose(context.Background(), s, asOf, func(m *journal.LiveMessage, rids []uint32) error {
		if len(rids) == 0 || !slices.IsSorted(rids) {
			t.Fatalf("message %d with %v", m.Seq, rids)
		}
		for _, rid := range rids {
			list = append(list, [2]uint64{m.Seq, uint64(rid)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func actionable(list []Listed, upTo uint64) (wanted [][2]uint64) {
	for _, l := range list {
		if l.State != StateQuarantined && l.State != StateInWorkQueue && l.Seq <= upTo {
			wanted = append(wanted, [2]uint64{l.Seq, uint64(l.RID)})
		}
	}
	return wanted
}

// TestListingsEqualANaiveFilter of a replay, in a running gateway's store and in one that is only read after a power cut.
func TestListingsEqualANaiveFilter(t *testing.T) {
	hits := 0
	eachSeed(t, "POSTERN_LISTING", 60, func(t *testing.T, seed uint64) {
		disk := journal.NewMemoryDisk()
		j := openJournal(t, journal.Options{Disk: disk, Ring: 1 + int(seed*7)})
		source := &queueSource{Rand: rand.New(rand.NewPCG(seed, 5)), j: j, at: journal.InstantOf(listingStart), rids: map[uint64]int{}}
		now := func() time.Time { return source.at.Time().Add(time.Minute) }
		e := listingEngine(t, j, now)
		ctx := t.Context()
		for range 6 {
			source.append(t, 10+source.IntN(150))
			for range 6 {
				s := source.selection()
				var got []Listed
				asOf, err := e.Recipients(ctx, s, func(l Listed) error { got = append(got, l); return nil })
				want, counted := naiveListing(t, j, j.Durable(), s, now())
				if err != nil || asOf != j.Durable() || !reflect.DeepEqual(got, want) {
					t.Fatalf("%s, as of %d of %d, %v:\n got %+v\nwant %+v", s, asOf, j.Durable(), err, got, want)
				}
				hits += len(got)
				if p, err := e.Preview(ctx, s); err != nil || p != counted {
					t.Fatalf("%s: %+v, %v, want %+v", s, p, err, counted)
				}
				upTo := 1 + source.Uint64N(j.Durable())
				if got, want := chosen(t, e, s, upTo), actionable(want, upTo); !reflect.DeepEqual(got, want) {
					t.Fatalf("%s up to %d: chosen %v, want %v", s, upTo, got, want)
				}
				if got, want := chosen(t, e, s, 0), actionable(want, j.Durable()); !reflect.DeepEqual(got, want) {
					t.Fatalf("%s: chosen %v, want %v", s, got, want)
				}
			}
		}
		source.append(t, 30)
		disk = disk.PowerCut(seed)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		listStopped(t, disk, source, now())
	})
	if hits == 0 {
		t.Error("no selection meant anybody")
	}
}

func listStopped(t *testing.T, disk *journal.Disk, source *queueSource, now time.Time) {
	t.Helper()
	j := openJournal(t, journal.Options{Disk: disk, ReadOnly: true})
	defer j.Close()
	rows, err := journal.OpenLiveRows(j)
	if err != nil {
		t.Fatal(err)
	}
	for range 6 {
		s := source.selection()
		snap, err := rows.Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []Listed
		err = RecipientsOf(t.Context(), j, snap, s, now, func(l Listed) error { got = append(got, l); return nil })
		want, counted := naiveListing(t, j, j.Durable(), s, now)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s, %v:\n got %+v\nwant %+v", s, err, got, want)
		}
		if p, err := PreviewOf(t.Context(), j, snap, s, now); err != nil || p != counted {
			t.Fatalf("%s: %+v, %v, want %+v", s, p, err, counted)
		}
		if err := snap.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestListingsWhileMailComesAndGoes are the queue as of their Seq, whatever happens meanwhile: what is there the whole time
// is listed exactly once.
func TestListingsWhileMailComesAndGoes(t *testing.T) {
	p := newPeer()
	p.answer = func(a Attempt, _ uint32) Outcome {
		if a.Destination == "stays.example" {
			return Outcome{Result: Temporary, Code: "450", Status: "4.2.0", Reason: "busy"}
		}
		return delivered
	}
	g := start(t, journal.NewMemoryDisk(), p, nil)
	defer g.stop()
	stays := map[uint64]bool{}
	for range 700 { // more than a page
		stays[g.inject("joe@example.com", "a@stays.example")] = true
	}
	following, stop := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- g.rows.Follow(following) }()
	go func() {
		var err error
		for i := 0; err == nil && following.Err() == nil; i++ {
			_, err = g.tryInject("joe@example.com", fmt.Sprintf("a@goes%d.example", i%7), "b@goes.example")
		}
		done <- err
	}()
	for round := range 25 {
		seen, last := map[uint64]bool{}, [2]uint64{}
		var list []Listed
		asOf, err := g.e.Recipients(t.Context(), Selection{}, func(l Listed) error {
			at := [2]uint64{l.Seq, uint64(l.RID)}
			if at[0] < last[0] || at[0] == last[0] && at[1] <= last[1] && last[0] != 0 {
				t.Fatalf("round %d: %v after %v", round, at, last)
			}
			last = at
			seen[l.Seq] = seen[l.Seq] || stays[l.Seq]
			list = append(list, l)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for seq := range stays {
			if !seen[seq] {
				t.Fatalf("round %d: message %d is missing", round, seq)
			}
		}
		if round%8 > 0 {
			continue
		}
		image, err := journal.FoldAll(g.j, asOf)
		if err != nil {
			t.Fatal(err)
		}
		if want := int(image.System.Recipients); len(list) != want {
			t.Fatalf("round %d: %d recipients as of %d, want %d", round, len(list), asOf, want)
		}
	}
	stop()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestListingsAreBounded: one too many is refused, one whose reader leaves ends, and neither keeps anything.
func TestListingsAreBounded(t *testing.T) {
	j := openJournal(t, journal.Options{Disk: journal.NewMemoryDisk()})
	defer j.Close()
	for range 3 {
		if _, err := j.AppendEvents(0, &journal.MessageInjected{MID: 1, Recipients: []journal.InjectedRecipient{{Domain: "a.example"}}}); err != nil {
			t.Fatal(err)
		}
	}
	e := listingEngine(t, j, nil)
	enough := errors.New("enough")
	n := 0
	if _, err := e.Recipients(t.Context(), Selection{}, func(Listed) error { n++; return enough }); !errors.Is(err, enough) || n != 1 {
		t.Errorf("after %d rows: %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Recipients(ctx, Selection{}, func(Listed) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits: %v", err)
	}
	var refused *RefusedError
	if _, err := e.Preview(t.Context(), Selection{Host: "*"}); !errors.As(err, &refused) {
		t.Errorf("a bad selection: %v", err)
	}
	if e.listings.Load() != 0 {
		t.Errorf("%d listings are under way", e.listings.Load())
	}
	e.listings.Store(maxListings)
	if _, err := e.Recipients(t.Context(), Selection{}, nil); !errors.As(err, &refused) || e.listings.Load() != maxListings {
		t.Errorf("one too many: %v", err)
	}
}
