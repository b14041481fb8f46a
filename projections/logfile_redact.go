package projections

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"postern/journal"
)

// LogLines are lines of a text log as they stand in its files, and what takes their place.
type LogLines struct {
	log    *LogFollower
	render func(dst []byte, r *journal.Record) []byte
	anew   map[string]string
	a, b   []byte
}

// Lines returns no lines yet, of this mail log.
func (f *LogFollower) Lines() *LogLines {
	m := &MailLog{Zone: f.file.o.Zone} // of its own: the follower's is busy
	return &LogLines{log: f, render: m.Append, anew: make(map[string]string)}
}

// Name is that of the log.
func (l *LogLines) Name() string { return l.log.Name() }

// Add notes the lines that differ in a record as it was written and as it is now.
func (l *LogLines) Add(before, after journal.Record) {
	l.a, l.b = l.render(l.a[:0], &before), l.render(l.b[:0], &after)
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

// Redact changes the lines in all files of the log, and has none after it; a closed file is replaced as a whole, the current
// one is closed first. The caller records that with LogRolledOver. It returns how many files were changed.
func (l *LogLines) Redact() (changed int, err error) {
	f := l.log
	if err := f.RolloverNow(); err != nil {
		return 0, err
	}
	entries, err := os.ReadDir(f.file.o.Dir)
	if err != nil {
		return 0, fmt.Errorf("log %s: %w", f.log, err)
	}
	f.mu.Lock()
	current := f.file.stem
	f.mu.Unlock()
	for _, e := range entries {
		stem, ext, ok := splitName(f.log, e.Name())
		if !ok || ext == extCurrent && stem >= current {
			continue
		}
		there, err := l.rewrite(filepath.Join(f.file.o.Dir, e.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it may be old enough to go meanwhile
			return changed, fmt.Errorf("log %s: %w", f.log, err)
		}
		if there {
			changed++
		}
	}
	clear(l.anew)
	return changed, nil
}

// rewrite changes the lines in a file, if it has any.
func (l *LogLines) rewrite(path string) (changed bool, err error) {
	in, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return false, err
	}
	fresh := path + ".new"
	out, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return false, err
	}
	defer os.Remove(fresh)
	defer out.Close()
	n, err := l.copyLines(out, in)
	if err != nil || n == 0 {
		return false, err
	}
	if err := errors.Join(out.Sync(), os.Chtimes(fresh, info.ModTime(), info.ModTime())); err != nil {
		return false, err
	}
	return true, os.Rename(fresh, path)
}

// copyLines copies the file and returns how many lines were changed.
func (l *LogLines) copyLines(out io.Writer, in io.Reader) (n int, err error) {
	r, w := bufio.NewReaderSize(in, 256<<10), bufio.NewWriterSize(out, 256<<10)
	for {
		line, err := r.ReadBytes('\n')
		body := bytes.TrimSuffix(line, []byte("\n"))
		if anew, ok := l.anew[string(body)]; ok {
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
