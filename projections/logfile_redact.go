package projections

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"postern/journal"
)

// LogLines are lines of the mail log as they stand in files, and what takes their place.
type LogLines struct {
	text   func(string) string // takes the person out of any other line
	render MailLog
	anew   map[string]string
	a, b   []byte
}

// NewLogLines returns no lines yet, of logs whose times are in a zone (nil: the system's).
func NewLogLines(zone *time.Location, text func(string) string) *LogLines {
	return &LogLines{text: text, render: MailLog{Zone: zone}, anew: make(map[string]string)}
}

// Add notes the lines that differ in a record as it was written and as it is now.
func (l *LogLines) Add(before, after journal.Record) {
	l.a, l.b = l.render.Append(l.a[:0], &before), l.render.Append(l.b[:0], &after)
	a, b := l.a, l.b
	for len(a) > 0 {
		var was, is []byte
		was, a, _ = bytes.Cut(a, []byte("\n"))
		is, b, _ = bytes.Cut(b, []byte("\n"))
		if !bytes.Equal(was, is) {
			l.anew[string(was)] = string(is)
		}
	}
}

// Len is how many lines are to be changed.
func (l *LogLines) Len() int { return len(l.anew) }

// Reset forgets the lines.
func (l *LogLines) Reset() { clear(l.anew) }

// CloseFile closes the current file of the log and begins a new one, as RolloverNow does, but keeps all that are there.
func (f *LogFollower) CloseFile() error {
	if err := f.catchUpOpen(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	keep := f.file.o.Keep
	f.file.o.Keep = math.MaxInt
	defer func() { f.file.o.Keep = keep }()
	return f.rolloverNow()
}

// Redact changes the lines in all closed log files of a folder, those of logs that are no more among them; each is replaced
// as a whole. It returns how many files and lines were changed.
func (l *LogLines) Redact(dir string) (files, lines int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, 0, fmt.Errorf("logs: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch ext := filepath.Ext(path); {
		case ext == extNew && strings.Contains(e.Name(), ".@"): // left by a crash
			os.Remove(path)
			continue
		case ext != extClosed && ext != extCut:
			continue
		}
		n, err := l.rewrite(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it may be old enough to go meanwhile
			return files, lines, fmt.Errorf("logs: %w", err)
		}
		if n > 0 {
			files, lines = files+1, lines+n
		}
	}
	if files > 0 {
		err = syncFolder(dir)
	}
	return files, lines, err
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

const extNew = ".new"

// rewrite changes the lines in a file, if it has any.
func (l *LogLines) rewrite(path string) (n int, err error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return 0, err
	}
	fresh := path + extNew
	out, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return 0, err
	}
	defer os.Remove(fresh)
	defer out.Close()
	if n, err = l.copyLines(out, in); err != nil || n == 0 {
		return 0, err
	}
	if err := errors.Join(out.Sync(), os.Chtimes(fresh, info.ModTime(), info.ModTime())); err != nil {
		return 0, err
	}
	return n, os.Rename(fresh, path)
}

// copyLines copies the file and returns how many lines were changed.
func (l *LogLines) copyLines(out io.Writer, in io.Reader) (n int, err error) {
	r, w := bufio.NewReaderSize(in, 256<<10), bufio.NewWriterSize(out, 256<<10)
	for {
		line, err := r.ReadBytes('\n')
		body := bytes.TrimSuffix(line, []byte("\n"))
		anew, ok := l.anew[string(body)]
		if !ok {
			anew = l.text(string(body))
			ok = anew != string(body)
		}
		if ok {
			n++
			line = append([]byte(anew), line[len(body):]...)
		}
		if _, failed := w.Write(line); failed != nil {
			return n, failed
		}
		if err == io.EOF {
			return n, w.Flush()
		}
		if err != nil {
			return n, err
		}
	}
}
