package journal

import (
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// The keys of the store begin with one of these bytes.
const (
	bodyPrefix  = 'b' // body id (8), chunk (4) → a chunk
	blockPrefix = 'e' // first Seq (8) → a block
	metaPrefix  = 'm' // name → what the journal knows of itself
	rowPrefix   = 'r' // name, 0, key → a row
)

var (
	formatKey   = []byte("mformat")
	bootKey     = []byte("mboot")
	sweptKey    = []byte("mswept")
	restoredKey = []byte("mrestored")
	cutKey      = []byte("mcut")
	scrubKey    = []byte("mscrub")
)

// formatVersion is the layout of keys described here; a store of a newer one is not opened. In the second the history may
// begin later than at the first record.
const formatVersion = 2

const (
	// separateFrom is the size from which a value that survives a flush goes to a file of its own, once, instead of being
	// copied from level to level: bodies, and the blocks of busy turns. It belongs to the format: a change rewrites stores.
	separateFrom = 1 << 10

	// memtable is a compromise: what dies within it is written once, and a start after a crash reads it all back before mail is
	// accepted. With half of it bodies of 100 KiB cost 8 % more than their size instead of 6.
	memtable      = 40 << 20
	smallMemtable = 8 << 20
	tinyMemtable  = 4 << 20
	// smallDisk is the size below which four write-ahead logs of a full memtable would be a burden.
	smallDisk = 16 << 30

	// memtablesWaiting is how many full memtables may wait for the disk before all writers stand still.
	memtablesWaiting = 4
)

// storeOptions is how the store is set up: for bodies that mostly die before the memtable is flushed, blocks that are
// written once in order, and rows that change often.
func (j *Journal) storeOptions() *pebble.Options {
	o := &pebble.Options{
		FS:                          j.fs(),
		FormatMajorVersion:          pebble.FormatNewest,
		ReadOnly:                    j.options.ReadOnly,
		ErrorIfNotExists:            j.options.ReadOnly,
		MemTableSize:                memtable,
		MemTableStopWritesThreshold: memtablesWaiting,
		CacheSize:                   64 << 20,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       1000,
		LBaseMaxBytes:               256 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		Logger:                      &storeLogger{j},
		EventListener:               j.listener(),
	}
	switch _, total, err := j.options.Disk.Space(j.dir); {
	case j.options.Disk != nil && j.options.Disk.mem != nil:
		o.MemTableSize, o.CacheSize = tinyMemtable, 4<<20
	case err == nil && total < smallDisk:
		o.MemTableSize, o.CacheSize = smallMemtable, 16<<20
	}
	j.memtable = o.MemTableSize
	o.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		garbage := 0.3
		if int64(InstantOf(j.options.Now())) < j.eagerUntil.Load() {
			garbage = 0
		}
		return pebble.ValueSeparationPolicy{
			Enabled:               true,
			MinimumSize:           separateFrom,
			MaxBlobReferenceDepth: 10,
			RewriteMinimumAge:     time.Minute,
			TargetGarbageRatio:    garbage,
		}
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	if j.options.Quiet > 0 && !j.options.ReadOnly {
		o.Experimental.CompactionScheduler = quietFor(j.options.Quiet)
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	return o
}

func (j *Journal) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: j.backgroundError,
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			j.backgroundError(fmt.Errorf("data corruption in %s: %w", info.Path, info.Details))
		},
		FlushEnd:        func(pebble.FlushInfo) { j.pressure.ease() },
		WriteStallBegin: func(pebble.WriteStallBeginInfo) { j.pressure.stall(true) },
		WriteStallEnd:   func() { j.pressure.stall(false) },
	}
}

// warnEvery spaces what is said about errors in the background: a flush that finds the disk full tries again thousands of
// times a second, and must not fill the disk with complaints.
const warnEvery = 10 * time.Second

// background counts the errors of flushes and compactions, which the store retries by itself.
type background struct {
	mu     sync.Mutex
	errors uint64
	last   error
	said   time.Time
}

func (j *Journal) backgroundError(err error) {
	b := &j.background
	now := j.options.Now()
	b.mu.Lock()
	b.errors++
	b.last = err
	quiet := !b.said.IsZero() && now.Sub(b.said) < warnEvery && now.Sub(b.said) >= 0
	if !quiet {
		b.said = now
	}
	n := b.errors
	b.mu.Unlock()
	if !quiet {
		j.options.Warn(fmt.Errorf("journal %s: background write (%d failures so far): %w", j.dir, n, err))
	}
}

// storeLogger hands on what the store cannot live with. Fatalf never returns: after a failed write of the log the store
// would go on and report success for what it has lost.
type storeLogger struct{ j *Journal }

func (l *storeLogger) Infof(string, ...any) {}

func (l *storeLogger) Errorf(format string, args ...any) {
	l.j.backgroundError(newStoreError(format, args))
}

func (l *storeLogger) Fatalf(format string, args ...any) {
	l.j.options.Fatal(fmt.Errorf("journal %s: %w", l.j.dir, newStoreError(format, args)))
	select {} // a Fatal that returns must not turn a lost write into a success
}

// storeError keeps the cause of what the store put into words.
type storeError struct {
	text  string
	cause error // may be nil
}

func newStoreError(format string, args []any) *storeError {
	e := &storeError{text: fmt.Sprintf(format, args...)}
	for _, a := range args {
		if err, ok := a.(error); ok {
			e.cause = err
		}
	}
	return e
}

func (e *storeError) Error() string { return e.text }
func (e *storeError) Unwrap() error { return e.cause }
