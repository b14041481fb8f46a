package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine"
	"postern/journal"
	"postern/projections"
)

// Time travel equals a snapshot taken then: random histories of mail, orders, undos, restarts and power cuts are looked at
// while they happen, and again from later, over restarts and with any keyframes, also when the clock was set meanwhile.
// POSTERN_TRAVEL_SEEDS is how many are played.
func TestTimeTravelEqualsASnapshotTakenThen(t *testing.T) {
	seeds := 12
	if n, err := strconv.Atoi(os.Getenv("POSTERN_TRAVEL_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range uint64(seeds) {
		if !t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 12))
				v := &voyage{operations: operations{bookkeeping: bookkeeping{t: t, r: r, undo: 10 * time.Minute, recalls: true}}}
				if seed%2 == 1 {
					v.bookkeeping.now = func() time.Time { return time.Now().Add(time.Duration(v.skew.Load())) }
				}
				v.play()
			})
		}) {
			return
		}
	}
}

// voyage is a life of the gateway that is looked at.
type voyage struct {
	operations
	skew atomic.Int64 // nanoseconds by which the clock was set
	seen []seenMoment
	met  int // moments that were compared
}

// seenMoment is what was seen at a moment.
type seenMoment struct {
	at     time.Time
	seq    uint64
	status string
	hosts  []projections.HostStatus
	queue  []engine.Listed
}

func (v *voyage) play() {
	v.begin()
	v.open()
	v.t.Cleanup(func() { // after a failure
		if v.journal != nil {
			v.cancel()
			<-v.done
			v.journal.Close()
		}
	})
	for i := range 60 {
		v.step()
		if v.bookkeeping.now != nil && v.r.IntN(12) == 0 {
			v.skew.Add(v.r.Int64N(int64(20*time.Minute)) - int64(10*time.Minute))
			v.order(engine.Order{Action: engine.ActionRelease, By: "root"}) // whatever is written next has the new time
		}
		v.remember()
		if i%15 == 14 {
			v.compare()
		}
	}
	v.close(true)
	v.open()
	v.look()
	v.compare()
	if v.met < 20 {
		v.t.Errorf("only %d moments were compared", v.met)
	}
	v.close(true)
	v.journal = nil
}

func (v *voyage) clock() time.Time {
	if v.bookkeeping.now != nil {
		return v.bookkeeping.now()
	}
	return time.Now()
}

// remember looks at everything, and lets what follows be later.
func (v *voyage) remember() {
	v.loaded()
	v.look()
	s := seenMoment{at: v.clock(), seq: v.figures.Seq()}
	s.status = fmt.Sprintf("%+v", v.figures.View(s.at, nil, nil))
	s.hosts = hostsOf(v.figures, s.at)
	asOf, err := v.engine.Recipients(v.t.Context(), engine.Selection{}, func(l engine.Listed) error { s.queue = append(s.queue, l); return nil })
	if err != nil || asOf != s.seq {
		v.t.Fatalf("listed as of %d, not %d: %v", asOf, s.seq, err)
	}
	v.seen = append(v.seen, s)
	if v.r.IntN(3) == 0 {
		if err := (&projections.Keyframes{Rows: v.journal.Rows(projections.KeyframeRows)}).Save(v.figures, s.at, true); err != nil {
			v.t.Fatal(err)
		}
	}
	<-time.After(time.Millisecond)
}

func hostsOf(f *projections.Figures, at time.Time) []projections.HostStatus {
	list := f.Top(100, projections.ByDelivered, at)
	for i := range list {
		list[i], _ = f.Host(list[i].Host, at)
	}
	return list
}

// compare goes back to every moment that was seen.
func (v *voyage) compare() {
	v.look()
	records, err := v.journal.Read(0, 1_000_000, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	past := &projections.Past{Journal: v.journal, SetBacks: v.figures.SetBacks(), Now: func() time.Time { return time.Now().Add(24 * time.Hour) }}
	for i := range v.seen {
		s := &v.seen[i]
		if past.Keyframes = nil; v.r.IntN(2) == 0 {
			past.Keyframes = &projections.Keyframes{Rows: v.journal.Rows(projections.KeyframeRows)}
		}
		m, err := past.Moment(s.at)
		want := lastUpTo(records, s.at)
		if none := (*projections.NoHistoryError)(nil); errors.As(err, &none) && want == 0 {
			continue // the clock was set to before everything, and nothing happened then
		}
		if err != nil || m.Seq != want {
			v.t.Fatalf("at %s record %d is taken for the last one, it is %d: %v", s.at, m.Seq, want, err)
		}
		if m.Seq != s.seq { // the time came again
			continue
		}
		v.met++
		v.same(past, m, s)
	}
}

// lastUpTo is the last record, in the order of Seqs, with no later time.
func lastUpTo(records []journal.Record, at time.Time) (seq uint64) {
	for _, r := range records {
		if r.Time <= journal.InstantOf(at) {
			seq = r.Seq
		}
	}
	return seq
}

func (v *voyage) same(past *projections.Past, m projections.Moment, s *seenMoment) {
	f, err := past.Figures(v.t.Context(), m)
	if err != nil {
		v.t.Fatal(err)
	}
	status, err := past.Status(v.t.Context(), m, f)
	if err != nil {
		v.t.Fatal(err)
	}
	status.Past = nil
	if got := fmt.Sprintf("%+v", status); got != s.status {
		v.t.Fatalf("as of %d:\n%s\nwas\n%s", s.seq, got, s.status)
	}
	if got := hostsOf(f, s.at); !reflect.DeepEqual(got, s.hosts) {
		v.t.Fatalf("as of %d:\n%+v\nwas\n%+v", s.seq, got, s.hosts)
	}
	var queue []engine.Listed
	for after := uint64(0); ; {
		part := f.Queued(after, 5)
		if len(part) == 0 {
			break
		}
		after = part[len(part)-1]
		rows, err := journal.PastRows(v.t.Context(), v.journal, m.Seq, part, nil)
		if err != nil {
			v.t.Fatal(err)
		}
		err = engine.RecipientsOf(v.t.Context(), v.journal, rows, engine.Selection{}, s.at, func(l engine.Listed) error { queue = append(queue, l); return nil })
		if err != nil {
			v.t.Fatal(err)
		}
	}
	for i := range max(len(queue), len(s.queue)) {
		if i >= len(queue) || i >= len(s.queue) || !reflect.DeepEqual(queue[i], s.queue[i]) {
			v.t.Fatalf("as of %d, recipient %d of %d and %d:\n%+v\nwas\n%+v", s.seq, i, len(queue), len(s.queue), queue[min(i, len(queue)):min(i+1, len(queue))], s.queue[min(i, len(s.queue)):min(i+1, len(s.queue))])
		}
	}
}
