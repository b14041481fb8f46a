package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Options say where a journal lies and what it may use; the zero value is a journal on the system's disk.
type Options struct {
	Disk     *Disk            // nil: the operating system's
	Now      func() time.Time // nil: time.Now
	ReadOnly bool             // nothing is written; the store must exist
	Ring     int              // records kept in memory for followers; 0: 16,384
	Fatal    func(error)      // called when a write was lost; never returns; nil: standard error, exit 1
	Warn     func(error)      // called, seldom, for errors in the background that are retried; nil: standard error
	Random   io.Reader        // of the secrets of blocks; nil: crypto/rand
	Quiet    time.Duration    // after Open no compaction begins for so long; 0: none is held back

	// Damaged hears of each damage that a reader meets in the records, whoever reads: it must be quick. nil: nobody does.
	Damaged func(*DamagedError)
}

const defaultRing = 16384

// Journal is an open store. Append has one caller at a time in practice (the engine); everything else may be called by
// many goroutines at once.
//
// A batch is visible in the store before it is durable, and stays visible if its sync fails. So the journal keeps its own
// mark of what is durable, moved after the sync has returned, and no reader gets beyond it.
type Journal struct {
	dir      string
	options  Options
	db       *pebble.DB
	lock     *pebble.Lock
	boot     uint64 // set by Open
	memtable uint64 // bytes of a full one; set by Open

	appending sync.Mutex // held over a whole Append; guards the four below
	writer    blockWriter
	link      link   // of the last block
	next      uint64 // Seq of the next record
	keyBuf    []byte

	open      atomic.Bool // a log that cannot be written ends the process
	durable   atomic.Uint64
	bodyCount atomic.Uint64 // bodies begun in this run
	unknown   atomic.Uint64 // facts of newer kinds that were handed out
	bodyBytes atomic.Uint64 // written in this run

	cut       atomic.Pointer[Cut] // nil: the history begins at the first record
	shortened sync.Mutex          // held by whoever takes something out of the history
	// eagerUntil is the instant until which every file of the store that holds something dead is rewritten.
	eagerUntil atomic.Int64
	scrubbing  scrubbing

	ring       ring
	waiters    waiters
	pressure   pressure
	background background
}

// LockedError says that another process (or another Journal of this one) holds the store.
type LockedError struct {
	Dir string
	Err error
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("journal %s is in use by another process", e.Dir)
}

func (e *LockedError) Unwrap() error { return e.Err }

// ErrNotFound says that there is no such record or body.
var ErrNotFound = errors.New("journal: not found")

// Open opens the journal in dir; without ReadOnly it is created when it is not there. The error is a *LockedError when
// it is held by somebody else, a *DamagedError when it cannot be trusted, a *NewerError when a newer version wrote it, and
// wraps fs.ErrNotExist when there is none to be read.
func Open(dir string, o Options) (*Journal, error) {
	setDefaults(&o)
	j := &Journal{dir: dir, options: o}
	j.ring.init(o.Ring)
	if err := j.takeLock(); err != nil {
		return nil, err
	}
	if err := j.prepare(); err != nil {
		j.lock.Close()
		return nil, err
	}
	db, err := pebble.Open(dir, j.openOptions())
	if err != nil {
		j.lock.Close()
		return nil, j.openError(err)
	}
	j.db = db
	if err := j.recover(); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	j.open.Store(true)
	return j, nil
}

func setDefaults(o *Options) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Ring <= 0 {
		o.Ring = defaultRing
	}
	if o.Fatal == nil {
		o.Fatal = func(err error) {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if o.Warn == nil {
		o.Warn = func(err error) { fmt.Fprintln(os.Stderr, err) }
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
}

func (j *Journal) takeLock() error {
	disk := j.options.Disk.vfs()
	if j.options.ReadOnly {
		if _, err := disk.Stat(j.dir); err != nil {
			return fmt.Errorf("journal %s: %w", j.dir, err)
		}
	} else if err := disk.MkdirAll(j.dir, 0o700); err != nil {
		return fmt.Errorf("journal %s: %w", j.dir, err)
	}
	lock, err := pebble.LockDirectory(j.dir, disk)
	if err != nil {
		if heldElsewhere(err) {
			return &LockedError{Dir: j.dir, Err: err}
		}
		return fmt.Errorf("journal %s: lock: %w", j.dir, err)
	}
	j.lock = lock
	return nil
}

func heldElsewhere(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "lock held by current process")
}

// prepare makes sure of the store's files before it is opened. A new store is opened and closed once: its first log would
// otherwise still be in an older form, in which damage cannot be told from a write that was cut off (logtail.go).
func (j *Journal) prepare() error {
	desc, err := pebble.Peek(j.dir, j.options.Disk.vfs())
	if err != nil {
		return j.openError(err)
	}
	if desc.Exists {
		return j.checkLog()
	}
	if j.options.ReadOnly {
		return j.openError(pebble.ErrDBDoesNotExist)
	}
	db, err := pebble.Open(j.dir, j.openOptions())
	if err != nil {
		return j.openError(err)
	}
	return db.Close()
}

func (j *Journal) openOptions() *pebble.Options {
	o := j.storeOptions()
	o.Lock = j.lock
	return o
}

func (j *Journal) openError(err error) error {
	switch {
	case errors.Is(err, pebble.ErrDBDoesNotExist):
		return fmt.Errorf("journal %s: there is none: %w", j.dir, fs.ErrNotExist)
	case pebble.IsCorruptionError(err):
		return &DamagedError{Dir: j.dir, Err: err}
	}
	return fmt.Errorf("journal %s: open: %w", j.dir, err)
}

// recover reads where the last run ended and counts this one.
func (j *Journal) recover() error {
	format, err := j.number(formatKey)
	if err != nil {
		return err
	}
	if format > formatVersion {
		return fmt.Errorf("journal %s: layout %d: %w", j.dir, format, &NewerError{})
	}
	if err := j.findEnd(); err != nil {
		return err
	}
	if err := j.readCut(); err != nil {
		return err
	}
	boot, err := j.number(bootKey)
	if err != nil || j.options.ReadOnly {
		j.boot = boot
		return err
	}
	j.boot = boot + 1
	b := j.db.NewBatch()
	defer b.Close()
	b.Set(formatKey, binary.BigEndian.AppendUint64(nil, formatVersion), nil)
	b.Set(bootKey, binary.BigEndian.AppendUint64(nil, j.boot), nil)
	if err := b.Commit(pebble.Sync); err != nil {
		return err
	}
	j.makeBallast()
	return nil
}

// findEnd reads the last block.
func (j *Journal) findEnd() error {
	j.next = 1
	it, err := j.blocks(0, 0)
	if err != nil {
		return err
	}
	defer it.Close()
	if !it.Last() {
		return j.readError(it.Error())
	}
	first := binary.BigEndian.Uint64(it.Key()[1:])
	value, err := it.ValueAndErr()
	if err != nil {
		return j.readError(err)
	}
	var b block
	if err := b.parse(value); err != nil {
		return j.damaged(blockError(first, err))
	}
	j.link, j.next = b.link, first+uint64(b.count)
	j.durable.Store(j.next - 1)
	return nil
}

// Close ends the journal. Nobody may use it any more, and all bodies that were opened must be closed.
func (j *Journal) Close() error {
	j.waiters.close()
	j.open.Store(false)
	j.flush()
	err := j.db.Close()
	if err2 := j.lock.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return fmt.Errorf("journal %s: close: %w", j.dir, err)
	}
	return nil
}

// flushPatience is how long a Close waits for what stands in memory to be written to its place. What is not is read back
// from the log by the next start, which only takes longer for it.
const flushPatience = 5 * time.Second

func (j *Journal) flush() {
	if j.options.ReadOnly {
		return
	}
	done := make(chan struct{})
	go func() { // it may have to wait for room even to begin
		defer close(done)
		if flushed, err := j.db.AsyncFlush(); err == nil {
			<-flushed
		}
	}()
	late := time.NewTimer(flushPatience)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
}

// Boot returns how many times this store has been opened for writing, this time included.
func (j *Journal) Boot() uint64 { return j.boot }

// Dir returns where the journal lies.
func (j *Journal) Dir() string { return j.dir }

// number reads a key of the journal's own, 0 when it is not there.
func (j *Journal) number(key []byte) (uint64, error) {
	v, closer, err := j.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, j.readError(err)
	}
	defer closer.Close()
	if len(v) != 8 {
		return 0, &DamagedError{Dir: j.dir, Err: fmt.Errorf("key %q has %d bytes", key, len(v))}
	}
	return binary.BigEndian.Uint64(v), nil
}

// readError gives an error of the store its meaning.
func (j *Journal) readError(err error) error {
	if err == nil {
		return nil
	}
	if pebble.IsCorruptionError(err) {
		return j.damaged(&DamagedError{Dir: j.dir, Err: err})
	}
	return fmt.Errorf("journal %s: read: %w", j.dir, err)
}

// damaged fills in the directory of a DamagedError, and tells of it.
func (j *Journal) damaged(err error) error {
	var d *DamagedError
	if !errors.As(err, &d) {
		return err
	}
	if d.Dir == "" {
		d.Dir = j.dir
	}
	if j.options.Damaged != nil {
		j.options.Damaged(d)
	}
	return err
}
