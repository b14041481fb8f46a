package projections

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"postern/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheFollowerFollowsAJournal(t *testing.T) {
	j := memoryJournal(t, journal.NewMemoryDisk())
	defer j.Close()
	f := NewFigures(0)
	keyframes := &Keyframes{Rows: j.Rows(KeyframeRows), Records: 200}
	w := &Follower{Source: j, Projections: []Projection{f}, Figures: f, Keyframes: keyframes, Warn: func(err error) { t.Error(err) }}
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	var runErr error
	done.Go(func() { runErr = w.Run(ctx) })

	records := tell(5, 300)
	var readers sync.WaitGroup
	reading, enough := context.WithCancel(ctx)
	for range 3 {
		readers.Go(func() {
			last := uint64(0)
			for reading.Err() == nil {
				durable := j.Durable()
				var v Status
				seq, err := w.Look(t.Context(), func() {
					v = f.View(f.time.Time(), nil, nil)
					if d := f.Balance(); len(d) > 0 {
						t.Errorf("books while mail flows: %v", d)
					}
				})
				if err != nil || seq < durable || seq < last || v.Seq != seq {
					t.Errorf("a look at %d while %d was durable: %v", seq, durable, err)
				}
				if v.Gauges[GaugeActive] != v.Gauges[GaugeAttempted]+v.Gauges[GaugeUnattempted] {
					t.Errorf("gauges do not fit together: %v", v.Gauges)
				}
				last = seq
			}
		})
	}
	append1(t, j, records)
	enough()
	readers.Wait()
	if _, err := w.Look(t.Context(), func() {
		if a, b := digest(f), digest(replay(records, NewFigures(0))); a != b {
			t.Errorf("live:\n%s\nrebuilt:\n%s", a, b)
		}
	}); err != nil {
		t.Error(err)
	}
	if w.Lag() != 0 {
		t.Errorf("lag %d", w.Lag())
	}
	stop()
	done.Wait()
	if runErr != nil {
		t.Error(runErr)
	}
	back, err := (&Keyframes{Rows: j.Rows(KeyframeRows)}).Load(j.Durable(), 0)
	if err != nil || back.Seq() != j.Durable() {
		t.Errorf("the keyframe of the stop is at %d of %d: %v", back.Seq(), j.Durable(), err)
	}
}

// stuck is a journal that has more than it gives out.
type stuck struct {
	durable uint64
	records []journal.Record
	err     error
}

func (s *stuck) Durable() uint64 { return s.durable }

func (s *stuck) Wait(ctx context.Context, after uint64) error {
	<-ctx.Done()
	return ctx.Err()
}

func (s *stuck) Read(after uint64, max int, into []journal.Record) ([]journal.Record, error) {
	into = into[:0]
	for _, r := range s.records {
		if r.Seq > after && len(into) < max {
			into = append(into, r)
		}
	}
	return into, s.err
}

func TestALookWaitsOneSecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFigures(0)
		s := &stuck{durable: 9, records: tell(1, 3)[:2]}
		w := &Follower{Source: s, Projections: []Projection{f}, Figures: f}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		synctest.Wait()
		began := time.Now()
		_, err := w.Look(t.Context(), func() { t.Error("it looked all the same") })
		var behind *BehindError
		if !errors.As(err, &behind) || behind.Seq != 2 || behind.Want != 9 || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if seq := w.Peek(func() {}); seq != 2 || w.Lag() != 7 {
			t.Errorf("a peek sees %d, lag %d", seq, w.Lag())
		}
		began = time.Now()
		if seq, err := w.Look(WithoutWaiting(t.Context()), func() {}); seq != 2 || err != nil || !time.Now().Equal(began) {
			t.Errorf("one who does not wait sees %d, %v, after %v", seq, err, time.Since(began))
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAJournalThatCannotBeReadEndsTheFollower(t *testing.T) {
	f := NewFigures(0)
	damaged := errors.New("block 3 is damaged")
	w := &Follower{Source: &stuck{durable: 9, records: tell(1, 3)[:2], err: damaged}, Projections: []Projection{f}, Figures: f}
	if err := w.Run(t.Context()); !errors.Is(err, damaged) || f.Seq() != 2 {
		t.Errorf("at %d: %v", f.Seq(), err)
	}
}

func TestNobodyWaitsForAKeyframe(t *testing.T) {
	j := memoryJournal(t, journal.NewMemoryDisk())
	defer j.Close()
	f := NewFigures(0)
	w := &Follower{Source: j, Projections: []Projection{f}, Figures: f, Keyframes: &Keyframes{Rows: j.Rows(KeyframeRows), Records: 1}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	w.saving.Lock() // one is being written
	records := tell(5, 20)
	append1(t, j, records)
	if seq, err := w.Look(t.Context(), func() {}); err != nil || seq < uint64(len(records)) {
		t.Errorf("while a keyframe is written a look sees record %d: %v", seq, err)
	}
	redacted := make(chan struct{})
	go func() {
		w.Redact(&Redaction{Text: func(s string) string { return s }})
		close(redacted)
	}()
	stop()
	select {
	case <-redacted:
		t.Error("somebody was taken out of the figures before what has them is written")
	case err := <-ended:
		t.Errorf("it ends without its last keyframe: %v", err)
	default:
	}
	w.saving.Unlock()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	<-redacted
	if back, err := (&Keyframes{Rows: j.Rows(KeyframeRows)}).Load(j.Durable(), 0); err != nil || back.Seq() != j.Durable() {
		t.Errorf("the keyframe of the end is at %d of %d: %v", back.Seq(), j.Durable(), err)
	}
}
