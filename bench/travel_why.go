package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"postern/journal"
	"postern/projections"
	"postern/projections/tracking"
)

// stubbornTries is how often the message is tried over the day whose host is slow to take it.
const stubbornTries = 30

// probe adds what befalls the mail of the first minute: a host that is down, and is probed each hour, and another one that
// answers and puts its mail off.
func (w *travelWriter) probe(at time.Time, minute int) {
	if minute%60 == 0 || minute == 1 {
		w.add(&journal.HostDown{Destination: "dead.example", Failures: uint32(minute/60) + 1, Next: journal.InstantOf(at.Add(time.Hour)), Reason: "no answer"})
	}
	const each = 24 * 60 / stubbornTries
	if minute%each != 1 {
		return
	}
	w.tries++
	// The ids of its connections are far from those of the others.
	m, mid, dcid, rids, next := w.stubborn, uint32(1), 1<<30+w.tries, []uint32{0}, journal.InstantOf(at.Add(each*time.Minute))
	w.add(&journal.AttemptStarted{Message: m, MID: mid, Destination: "slow.example", RIDs: rids, Attempt: w.tries, Next: next})
	w.add(&journal.DeliveryConnectionOpened{DCID: dcid, Destination: "slow.example", Host: "mx.slow.example"})
	w.message(at)
	w.add(&journal.DeliveryStarted{DCID: dcid, Message: m, MID: mid, RIDs: rids})
	w.message(at)
	w.add(&journal.SoftBounced{DCID: dcid, Message: m, MID: mid, Destination: "slow.example", RIDs: rids, Attempts: w.tries, Next: next, Code: "451", Status: "4.7.1",
		Reply: []string{"try again later"}})
	w.message(at)
	w.add(&journal.DeliveryConnectionClosed{DCID: dcid, Destination: "slow.example"})
}

// askWhy explains and traces the mail that has been in the queue since the first minute.
func (c TravelConfig) askWhy(ctx context.Context, j *journal.Journal, now time.Time, f *TravelFigures) error {
	index := &tracking.Index{History: j, Dir: filepath.Join(c.Dir, "index")}
	if err := errors.Join(index.Open(true), index.CatchUp(ctx)); err != nil {
		return err
	}
	defer index.Close()
	live, err := journal.OpenLiveRows(j)
	if err != nil {
		return err
	}
	rows, err := live.Current(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	var oldest []uint64
	err = rows.Each(ctx, func(m *journal.LiveMessage) error {
		if oldest = append(oldest, m.Seq); len(oldest) == 2 {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		return errors.Join(err, errors.New("the queue is all but empty"))
	}
	for _, seq := range oldest {
		began := time.Now()
		x, err := projections.Explain(ctx, j, index, rows, projections.Inquiry{Seq: seq, Now: now, Running: true})
		if err != nil {
			return err
		}
		took := time.Since(began)
		facts := 0
		began = time.Now()
		if err := tracking.Trace(ctx, j, index, seq, func(journal.Record) error { facts++; return nil }); err != nil {
			return err
		}
		f.Explained, f.Traced = max(f.Explained, took), max(f.Traced, time.Since(began))
		fmt.Fprintf(c.Progress, "MID %d, %s, %d attempts: explained in %.0f ms, its %d facts in %.0f ms\n", x.MID, x.Recipients[0].State, x.Recipients[0].Attempts,
			milliseconds(took), facts, milliseconds(time.Since(began)))
	}
	return nil
}

// errEnough ends a reading that has found what it was for.
var errEnough = errors.New("enough is known")
