package projections

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"postern/journal"
)

// LogFollower writes a text log: it pulls durable records in their order, renders them and appends the lines to a file.
// The file holds exactly the rendering of the records, whatever happens: a start compares the end of the file with what
// the journal says, cuts it at the first difference and goes on; a disk that fails is told to OnProblem, and what could
// not be written is written when it recovers. Nothing is lost and nothing is written twice.
type LogFollower struct {
	log     string
	kind    LogType
	retired atomic.Bool
	journal *journal.Journal
	rows    *journal.Rows
	render  func(dst []byte, r *journal.Record) []byte // called under mu
	seq     atomic.Uint64                              // all up to it stands in the file or in file.pending

	mu      sync.Mutex // guards the rest; held while the file is written
	file    logFile
	isOpen  bool
	marks   logMarks
	records []journal.Record // read into, again and again
	scratch []byte

	lastUpkeep time.Time // owned by Run
	failing    bool      // owned by Run: OnProblem was told
}

const (
	readAtOnce   = 1024
	flushBytes   = 256 << 10
	gatherFor    = 100 * time.Millisecond // lines of that time are written together
	upkeepEvery  = 10 * time.Second
	retryFailed  = time.Second
	lookBack     = 1 << 16 // records, at most, to find the last Started in
	noticeNewLog = "Log begun anew: what happened before record "

	mailLogName   = "mail_logs"
	statusLogName = "status"
)

// NewMailLogFollower returns the follower that writes mail_logs. Nothing happens before Run.
func NewMailLogFollower(j *journal.Journal, o LogOptions) *LogFollower {
	return NewLogFollower(LogSubscription{Name: mailLogName, Type: MailLogType}, j, o)
}

// NewStatusLogFollower returns the follower that writes the status log. Nothing happens before Run.
func NewStatusLogFollower(j *journal.Journal, o LogOptions) *LogFollower {
	return NewLogFollower(LogSubscription{Name: statusLogName, Type: StatusLogType}, j, o)
}

// NewLogFollower returns the follower that writes a subscription's log. Nothing happens before Run.
func NewLogFollower(s LogSubscription, j *journal.Journal, o LogOptions) *LogFollower {
	o = o.withDefaults()
	f := &LogFollower{log: s.Name, kind: s.Type, journal: j, rows: j.Rows(s.table()), render: s.appender(o.Zone), file: logFile{o: o, log: s.Name}}
	f.seq.Store(j.Durable()) // until the file is open, what comes from now on counts as not written
	return f
}

// Name is the subscription's.
func (f *LogFollower) Name() string { return f.log }

// Retire has the file closed when Run ends: the log is written no more. One of its name and type that comes later goes on
// behind it.
func (f *LogFollower) Retire() { f.retired.Store(true) }

// Lag is how many durable records are not in the log yet, those of before NewMailLogFollower left out until the file is
// open.
func (f *LogFollower) Lag() uint64 {
	seq, durable := f.seq.Load(), f.journal.Durable()
	return durable - min(seq, durable)
}

// Run follows the journal until ctx ends, then writes what is durable by then, syncs the file and returns. The error, if
// any, is that of this last write; the next Run catches up.
func (f *LogFollower) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		wait := gatherFor
		if err := f.turn(); err != nil {
			f.problem(err)
			wait = retryFailed
		} else {
			f.problem(nil)
			f.waitForMore(ctx)
			if f.Lag() >= readAtOnce { // behind, or just that busy: on at once
				wait = 0
			}
		}
		pause(ctx, wait)
	}
	err := f.stop()
	if err != nil {
		f.problem(err)
	}
	return err
}

// turn writes all that is durable, and looks after the file now and then.
func (f *LogFollower) turn() error {
	if err := f.open(); err != nil {
		return err
	}
	if err := f.upkeep(); err != nil {
		return err
	}
	return f.catchUp()
}

// waitForMore returns when there is something to write, and when the file wants looking after. A record that follows on
// a pause is written at once; those after it are gathered.
func (f *LogFollower) waitForMore(ctx context.Context) {
	if f.journal.Durable() > f.seq.Load() {
		return
	}
	timed, cancel := context.WithTimeout(ctx, upkeepEvery)
	defer cancel()
	if err := f.journal.Wait(timed, f.seq.Load()); err == nil {
		if err := f.catchUp(); err != nil {
			f.problem(err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (f *LogFollower) problem(err error) {
	if err == nil && !f.failing {
		return
	}
	f.failing = err != nil
	f.file.o.OnProblem(err)
}

// catchUp renders and writes all that is durable when it is called; what comes meanwhile may stay for the next time.
func (f *LogFollower) catchUp() error {
	end := f.journal.Durable()
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		if err := f.file.flush(); err != nil {
			return err
		}
		if f.seq.Load() >= end {
			return nil
		}
		if err := f.rolloverIfLong(); err != nil {
			return err
		}
		if err := f.readOn(); err != nil {
			return errors.Join(err, f.file.flush())
		}
	}
}

// readOn renders some records into the file's pending lines. It stops early when enough is pending, or the file long
// enough: the lines of a record stand in one file.
func (f *LogFollower) readOn() (err error) {
	f.records, err = f.journal.Read(f.seq.Load(), readAtOnce, f.records)
	for i := range f.records {
		r := &f.records[i]
		f.file.pending = f.render(f.file.pending, r)
		f.seq.Store(r.Seq)
		if len(f.file.pending) >= flushBytes || f.file.end() >= f.file.o.MaxBytes {
			return nil
		}
	}
	if err == nil && len(f.records) == 0 {
		err = journal.ErrNotFound // there is more, or we were not here
	}
	if err != nil {
		return fmt.Errorf("log %s: after record %d: %w", f.log, f.seq.Load(), err)
	}
	return nil
}

func (f *LogFollower) rolloverIfLong() error {
	if f.file.end() < f.file.o.MaxBytes || f.file.end() <= f.file.first {
		return nil
	}
	return f.rolloverNow()
}

// RolloverNow closes the file and begins a new one, all that was durable at the call being in the old one. The caller
// records that with LogRolledOver.
func (f *LogFollower) RolloverNow() error {
	if err := f.catchUpOpen(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rolloverNow()
}

func (f *LogFollower) catchUpOpen() error {
	f.mu.Lock()
	isOpen := f.isOpen
	f.mu.Unlock()
	if !isOpen {
		return fmt.Errorf("log %s is not open", f.log)
	}
	return f.catchUp()
}

// rolloverNow needs mu.
func (f *LogFollower) rolloverNow() error {
	before := f.file.stem
	err := f.file.rollover(f.file.o.Now())
	if f.file.stem == before {
		return err
	}
	return errors.Join(err, f.begun())
}

// begun notes where a new file begins; it needs mu.
func (f *LogFollower) begun() error {
	if err := f.file.flush(); err != nil {
		return err
	}
	f.marks.Begin = logMark{Stem: f.file.stem, Seq: f.seq.Load()}
	f.marks.add(logMark{Stem: f.file.stem, Offset: f.file.size, Seq: f.seq.Load()})
	return f.marks.save(f.rows)
}

// upkeep, every ten seconds, writes a mark, begins a new file for one that is old or was removed, and lets go of memory
// that a long backlog took.
func (f *LogFollower) upkeep() error {
	now := f.file.o.Now()
	if since := now.Sub(f.lastUpkeep); since >= 0 && since < upkeepEvery {
		return nil
	}
	f.lastUpkeep = now
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.file.flush(); err != nil {
		return err
	}
	if !f.file.present() {
		f.file.handle.Close()
		if err := f.file.begin(now); err != nil {
			return err
		}
		return f.begun()
	}
	if f.file.due(now) {
		return f.rolloverNow()
	}
	if cap(f.file.pending) > 4*flushBytes {
		f.file.pending = nil
	}
	return f.mark(false)
}

// mark notes how far the file has come, if it has; it needs mu and nothing pending.
func (f *LogFollower) mark(synced bool) error {
	m := logMark{Stem: f.file.stem, Offset: f.file.size, Seq: f.seq.Load(), Synced: synced}
	f.marks.Type = f.kind
	if n := len(f.marks.Marks); n > 0 && !synced && f.marks.Marks[n-1].Seq == m.Seq {
		return nil
	}
	f.marks.add(m)
	return f.marks.save(f.rows)
}

// stop writes what is durable and lets go of the file, which stays the current one.
func (f *LogFollower) stop() error {
	err := f.open()
	if err != nil {
		return err
	}
	err = f.catchUp()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		if err = f.file.handle.Sync(); err == nil {
			err = f.mark(true)
		}
	}
	f.isOpen = false
	if err == nil && f.retired.Load() {
		return errors.Join(f.file.close(f.file.o.Now()), os.Remove(f.file.link()), f.leave())
	}
	return errors.Join(err, f.file.handle.Close())
}

// leave keeps of a retired log only how far its files go.
func (f *LogFollower) leave() error {
	f.marks = logMarks{Type: f.kind, Left: f.seq.Load()}
	return f.marks.save(f.rows)
}
