package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// LiveRows is the state of what is still in the queue, kept in the store as a cache of the fold over the records. The
// engine loads its State from it at the start, listings are made from its snapshots, selections choose their candidates
// among it.
//
// The fold goes in windows: the records of a window are folded in memory, and only what is left at its end is written,
// together with the mark, in one batch without a sync. A message that came and went within a window never touches a row.
// Being a cache, the rows may be lost or be of another version: then they are made anew from the records.
//
// CatchUp and Follow move the rows and take turns; all else may be called by many goroutines at any time, and sees the
// rows as they stand at Mark.
type LiveRows struct {
	// Window is how often Follow writes; 0: 2 s. Set before Follow.
	Window time.Duration
	// MaxRecords and MaxBytes bound what a window holds in memory; 0: 200,000 records, 64 MiB. Set before use.
	MaxRecords, MaxBytes int
	// Progress, if not nil, hears during CatchUp how far it is. It must not call the rows. Set before use.
	Progress func(at, to uint64)

	journal *Journal
	rows    *Rows

	folding sync.Mutex // held while records are folded and written; guards the four below
	fold    *liveFold  // nil: to be loaded from the rows
	count   int        // records in the window
	began   time.Time  // when the window's first record was folded
	records []Record   // buffer

	published atomic.Pointer[liveMark]
	unusable  atomic.Bool // a reader found a row that cannot be read
}

// liveMark is the state as it stands in the rows; it never changes.
type liveMark struct {
	at    uint64
	state liveState
}

const (
	liveWindow     = 2 * time.Second
	liveMaxRecords = 200_000
	liveMaxBytes   = 64 << 20
	// liveReadRecords is how many records are read at once; with the longest recipient lists that is some tens of MiB.
	liveReadRecords = 512
)

// OpenLiveRows opens the rows as the last run left them; CatchUp brings them up to the records. Rows that cannot be used
// are no error: CatchUp makes them anew.
func OpenLiveRows(j *Journal) (*LiveRows, error) {
	l := &LiveRows{journal: j, rows: j.Rows("live")}
	l.published.Store(&liveMark{})
	l.folding.Lock()
	defer l.folding.Unlock()
	if err := l.load(); err != nil {
		return nil, err
	}
	return l, nil
}

// System returns the state at Mark that belongs to no message.
func (l *LiveRows) System() LiveSystem { return l.published.Load().state.LiveSystem.clone() }

// Mark returns the Seq of the last record that is in the rows.
func (l *LiveRows) Mark() uint64 { return l.published.Load().at }

// Anomalies counts the facts that did not fit what was known, from the first record to Mark. It is zero unless the
// journal says what cannot be.
func (l *LiveRows) Anomalies() uint64 { return l.published.Load().state.anomalies }

// CatchUp folds the records up to to, or to the last durable one if that is less, and writes what they left. When ctx
// ends, what was written stays. A journal opened for reading cannot write rows: there it fails unless they are up to date
// (FoldAll needs none).
func (l *LiveRows) CatchUp(ctx context.Context, to uint64) error {
	l.folding.Lock()
	defer l.folding.Unlock()
	err := l.catchUp(ctx, to)
	var unreadable *LiveRowsError
	if errors.As(err, &unreadable) {
		l.unusable.Store(true)
		err = l.catchUp(ctx, to)
	}
	return err
}

func (l *LiveRows) catchUp(ctx context.Context, to uint64) error {
	if err := l.foldTo(ctx, to); err != nil {
		l.fold = nil
		return err
	}
	if l.count == 0 {
		return nil
	}
	if err := l.write(); err != nil {
		l.fold = nil
		return err
	}
	return nil
}

// load begins a fold at the rows' mark, or at nothing when they are of no use.
func (l *LiveRows) load() error {
	l.fold, l.count = nil, 0
	f := newLiveFold()
	f.get, f.scan = l.rows.Get, l.rows.Scan
	mark, err := l.rows.Mark()
	if err != nil {
		return err
	}
	if l.unusable.Load() || mark > l.journal.Durable() {
		return l.clear(f)
	}
	if mark == 0 {
		l.publish(f)
		l.fold = f
		return nil
	}
	snap, err := l.Snapshot()
	var unreadable *LiveRowsError
	if errors.As(err, &unreadable) {
		return l.clear(f)
	}
	if err != nil {
		return err
	}
	defer snap.Close()
	f.at, f.state, f.adjust = snap.mark, snap.state, snap.adjust
	f.begin()
	l.publish(f)
	l.fold = f
	return nil
}

// clear drops the rows; f begins at the first record. A journal that is only read keeps them, and cannot catch up.
func (l *LiveRows) clear(f *liveFold) error {
	l.publish(f)
	l.fold = f
	if l.journal.options.ReadOnly {
		return nil
	}
	if err := l.rows.Clear(); err != nil {
		l.fold = nil
		return fmt.Errorf("journal: live rows: clear: %w", err)
	}
	l.unusable.Store(false)
	return nil
}

func (l *LiveRows) publish(f *liveFold) {
	l.published.Store(&liveMark{at: f.at, state: f.state})
}

// eachRecord calls fn for the records after < Seq ≤ to.
func eachRecord(j *Journal, after, to uint64, fn func(Record)) error {
	var records []Record
	var err error
	for to = min(to, j.Durable()); after < to; after = records[len(records)-1].Seq {
		records, err = j.Read(after, int(min(to-after, liveReadRecords)), records)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			return fmt.Errorf("record %d: %w", after+1, ErrNotFound)
		}
		for _, r := range records {
			if r.Seq > to {
				return nil
			}
			fn(r)
		}
	}
	return nil
}

// foldTo folds up to to, writing whenever the window is full. After an error the fold must be loaded again.
func (l *LiveRows) foldTo(ctx context.Context, to uint64) error {
	if l.fold == nil || l.unusable.Load() {
		if err := l.load(); err != nil {
			return err
		}
	}
	to = min(to, l.journal.Durable())
	if l.journal.options.ReadOnly && l.fold.at < to {
		return fmt.Errorf("journal: live rows at %d: %w", l.fold.at, errReadOnly)
	}
	defer func() { clear(l.records[:cap(l.records)]) }() // the buffer must not keep blocks alive
	for l.fold.at < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.foldSome(to); err != nil {
			return err
		}
		if l.count >= orDefault(l.MaxRecords, liveMaxRecords) || l.fold.size >= orDefault(l.MaxBytes, liveMaxBytes) {
			if err := l.write(); err != nil {
				return err
			}
		}
		if l.Progress != nil {
			l.Progress(l.fold.at, to)
		}
	}
	return nil
}

// foldSome folds the next records.
func (l *LiveRows) foldSome(to uint64) error {
	if l.fold.at > 0 && l.journal.cutAway(l.fold.at) {
		if err := l.clear(newLiveFold()); err != nil {
			return err
		}
		l.count = 0
	}
	f := l.fold
	limit := min(to-f.at, liveReadRecords, uint64(orDefault(l.MaxRecords, liveMaxRecords)))
	var err error
	if l.records, err = l.journal.Read(f.at, int(limit), l.records); err != nil {
		return fmt.Errorf("journal: live rows: %w", err)
	}
	if len(l.records) == 0 {
		return fmt.Errorf("journal: live rows: record %d: %w", f.at+1, ErrNotFound)
	}
	if l.count == 0 {
		l.began = time.Now()
	}
	for _, r := range l.records {
		f.apply(r)
		if f.err != nil {
			return fmt.Errorf("journal: live rows: record %d: %w", r.Seq, f.err)
		}
	}
	l.count += len(l.records)
	return nil
}

// write puts what the window left into the rows, with the mark, and begins the next window.
func (l *LiveRows) write() error {
	f := l.fold
	err := l.rows.Write(f.at, func(b *RowBatch) error {
		w := liveWriter{batch: b}
		w.messages(f)
		w.hosts(f)
		w.forces(f)
		w.value = appendLiveSystem(w.value[:0], &f.state, f.adjust.forces)
		b.Set([]byte{liveSystemKey}, w.value)
		return nil
	})
	if err != nil {
		return fmt.Errorf("journal: live rows: write at %d: %w", f.at, err)
	}
	l.publish(f)
	f.begin()
	l.count = 0
	return nil
}

func orDefault[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}
