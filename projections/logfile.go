package projections

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// LogOptions shape one text log: a file in Dir named after the log and the moment it was begun, ".c" while it is written
// and ".s" when it is closed, and a link <log>.current to the one that is written.
type LogOptions struct {
	Dir       string           // made when it is not there
	Version   string           // of the product, x.y.z-bbb, for the head of a file
	Serial    string           // of the machine, 20 characters by custom, for the head of a file
	Zone      *time.Location   // of all times in the log; nil: the system's
	MaxBytes  int64            // a file that long is closed and a new one begun; 0: 100 MiB
	MaxAge    time.Duration    // the same for a file that old; 0: 24 hours
	Keep      int              // closed files that are kept; 0: 10
	Now       func() time.Time // nil: time.Now
	OnProblem func(error)      // called when the log cannot go on, and with nil when it goes on again; nil: not told

	// Open opens a file for reading and writing, made when it is not there; nil: the operating system's.
	Open func(path string) (LogHandle, error)
}

// LogHandle is an open log file.
type LogHandle interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
	Stat() (fs.FileInfo, error)
}

const (
	defaultMaxBytes = 100 << 20
	defaultMaxAge   = 24 * time.Hour
	defaultKeep     = 10
)

func (o LogOptions) withDefaults() LogOptions {
	o.Zone = zoneOrLocal(o.Zone)
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.MaxAge <= 0 {
		o.MaxAge = defaultMaxAge
	}
	if o.Keep <= 0 {
		o.Keep = defaultKeep
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnProblem == nil {
		o.OnProblem = func(error) {}
	}
	if o.Open == nil {
		o.Open = func(path string) (LogHandle, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640) }
	}
	if o.Version == "" {
		o.Version = "0.0.0-000"
	}
	if o.Serial == "" {
		o.Serial = "000000000000-0000000"
	}
	return o
}

// logFile is the file that is being written. What could not be written stays in pending and is written again at the same
// offset, so a disk that fails half-way neither loses nor doubles a line. Its owner is the follower, under its lock.
type logFile struct {
	o       LogOptions
	log     string // "mail_logs"
	stem    string // "mail_logs.@20070731T173732"
	handle  LogHandle
	size    int64  // what is written
	first   int64  // where the lines after the head begin
	pending []byte // lines, and before them the head of a new file, that are not written yet
}

// begin makes a new file, which is the current one from then on; what is pending goes into it, behind the head. It changes
// nothing when it fails. The file of before is the caller's.
func (l *logFile) begin(now time.Time) error {
	if err := os.MkdirAll(l.o.Dir, 0o750); err != nil {
		return fmt.Errorf("log %s: %w", l.log, err)
	}
	stems, err := listLog(l.o.Dir, l.log)
	if err != nil {
		return err
	}
	stem := nextStem(l.log, now.In(l.o.Zone), stems)
	handle, err := l.o.Open(filepath.Join(l.o.Dir, stem+extCurrent))
	if err != nil {
		return fmt.Errorf("log %s: %w", l.log, err)
	}
	old := l.stem
	l.stem = stem
	if err := l.point(); err != nil {
		handle.Close()
		os.Remove(l.path())
		l.stem = old
		return err
	}
	head := l.head(now)
	l.handle, l.size, l.first = handle, 0, int64(len(head))
	l.pending = append(head, l.pending...)
	return nil
}

// head is the first three lines of every file.
func (l *logFile) head(now time.Time) []byte {
	_, offset := now.In(l.o.Zone).Zone()
	var b []byte
	for _, text := range []string{
		beginLogfile,
		"Version: " + l.o.Version + " SN: " + l.o.Serial,
		"Time offset from UTC: " + strconv.Itoa(offset) + " seconds",
	} {
		b = AppendFramed(b, now, l.o.Zone, Line{Text: text})
	}
	return b
}

const (
	beginLogfile = "Begin Logfile"
	endLogfile   = "End Logfile"
)

// path is where the file lies.
func (l *logFile) path() string { return filepath.Join(l.o.Dir, l.stem+extCurrent) }

// end is where the file ends once all is written.
func (l *logFile) end() int64 { return l.size + int64(len(l.pending)) }

// flush writes what is pending.
func (l *logFile) flush() error {
	if len(l.pending) == 0 {
		return nil
	}
	n, err := l.handle.WriteAt(l.pending, l.size)
	if err != nil {
		// What was written of it lies beyond size and is written over.
		return fmt.Errorf("log %s: %w", l.log, err)
	}
	l.size += int64(n)
	l.pending = l.pending[:0]
	return nil
}

// rollover closes the file and begins a new one. When it fails the old one goes on.
func (l *logFile) rollover(now time.Time) error {
	if err := l.flush(); err != nil {
		return err
	}
	old := *l
	if err := l.begin(now); err != nil {
		return err
	}
	err := old.close(now)
	return errors.Join(err, pruneLog(l.o.Dir, l.log, l.o.Keep))
}

// close writes the last line and renames the file to that of a closed one.
func (l *logFile) close(now time.Time) error {
	end := AppendFramed(nil, now, l.o.Zone, Line{Text: endLogfile})
	_, err := l.handle.WriteAt(end, l.size)
	if err != nil {
		err = errors.Join(err, l.handle.Truncate(l.size))
	}
	err = errors.Join(err, l.handle.Close(), os.Rename(l.path(), filepath.Join(l.o.Dir, l.stem+extClosed)))
	if err != nil {
		return fmt.Errorf("log %s: close %s: %w", l.log, l.stem, err)
	}
	return nil
}

// link is where the name of the current file can be read.
func (l *logFile) link() string { return filepath.Join(l.o.Dir, l.log+".current") }

// point lets the link name the file.
func (l *logFile) point() error {
	link := l.link()
	target := l.stem + extCurrent
	if to, err := os.Readlink(link); err == nil && to == target {
		return nil
	}
	fresh := link + ".new"
	os.Remove(fresh)
	if err := os.Symlink(target, fresh); err != nil {
		return fmt.Errorf("log %s: %w", l.log, err)
	}
	if err := os.Rename(fresh, link); err != nil {
		return fmt.Errorf("log %s: %w", l.log, err)
	}
	return nil
}

// present tells whether the file still lies where it was made: an operator may have removed it.
func (l *logFile) present() bool {
	there, err := os.Stat(l.path())
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	ours, err := l.handle.Stat()
	return err != nil || os.SameFile(there, ours)
}

// due tells whether a file that holds lines is to be rolled over.
func (l *logFile) due(now time.Time) bool {
	if l.end() <= l.first {
		return false
	}
	return l.end() >= l.o.MaxBytes || now.Sub(stemTime(l.log, l.stem, l.o.Zone)) >= l.o.MaxAge
}
