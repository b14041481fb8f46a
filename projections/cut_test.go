package projections

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"postern/journal"
)

// TestFiguresFromACutAreThoseOfAWholeReplay cuts random histories at random places, more than once.
func TestFiguresFromACutAreThoseOfAWholeReplay(t *testing.T) {
	for range 10 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			j, err := journal.Open("cut", journal.Options{Disk: journal.NewMemoryDisk(), Ring: 4})
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			rng := rand.New(rand.NewPCG(seed, 1))
			for _, r := range tell(seed, 600) {
				if _, err := j.AppendEvents(r.Time, r.Event); err != nil {
					t.Fatal(err)
				}
			}
			frames := &Keyframes{Rows: j.Rows(KeyframeRows)}
			whole, err := AsOf(context.Background(), j, nil, j.Durable(), 0)
			if err != nil {
				t.Fatal(err)
			}
			before := uint64(1)
			for range 2 {
				before += 1 + rng.Uint64N(200)
				cutFigures(t, j, before)
				for r := whole.Seq(); r < j.Durable(); r++ {
					next, err := j.At(r + 1)
					if err != nil {
						t.Fatal(err)
					}
					whole.Apply(next)
				}
				if err := frames.Save(whole, whole.time.Time(), true); err != nil {
					t.Fatal(err)
				}
				rest, err := AsOf(context.Background(), j, nil, j.Durable(), 0)
				if err != nil {
					t.Fatal(err)
				}
				if !sameFigures(whole, rest) {
					t.Errorf("cut before %d: the figures are not those of before", before)
				}
				for _, d := range rest.Balance() {
					t.Error(d.String())
				}
				if _, err := AsOf(context.Background(), j, nil, before-2, 0); before > 2 && !errors.Is(err, errGone) {
					t.Errorf("a moment that is gone: %v", err)
				}
			}
			if err := frames.Cut(j.Durable() + 2); err != nil {
				t.Fatal(err)
			}
			if left, err := frames.list(); err != nil || len(left) != 0 {
				t.Errorf("%d keyframes are left, %v", len(left), err)
			}
		})
	}
}

// TestLifetimeCountersSurviveFiguresThatAreNotRead has a cut whose figures are of another version.
func TestLifetimeCountersSurviveFiguresThatAreNotRead(t *testing.T) {
	whole := NewFigures(0)
	feed(whole, noon, threeTo("a", true), &journal.Delivered{Message: 1, RIDs: []uint32{0, 1, 2}})
	cut := &journal.HistoryCut{Before: 3}
	if err := CutBaselines(cut, whole); err != nil {
		t.Fatal(err)
	}
	cut.Figures = "\xff" + cut.Figures
	rest := NewFigures(0)
	rest.Apply(journal.Record{Seq: 2, Time: noon, Event: cut})
	if got := rest.View(noon.Time(), nil, nil).Counters[Delivered].Lifetime; got != 3 {
		t.Errorf("%d were delivered", got)
	}
}

func cutFigures(t *testing.T, j *journal.Journal, before uint64) {
	t.Helper()
	ctx := context.Background()
	rows, err := journal.OpenLiveRows(j)
	if err != nil {
		t.Fatal(err)
	}
	live, err := rows.Current(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	draft, err := j.DraftCut(ctx, before, live, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer draft.Close()
	figures, err := AsOf(ctx, j, nil, before-1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := CutBaselines(&draft.Fact, figures); err != nil {
		t.Fatal(err)
	}
	seq, err := j.AppendEvents(0, &draft.Fact)
	if err != nil {
		t.Fatal(err)
	}
	if err := draft.Make(seq); err != nil {
		t.Fatal(err)
	}
}
