package projections

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// logMatcher reads what the files of a log hold, from a mark on, beside what the journal says that they should hold. A
// record's lines stand in one file; a file may end in "End Logfile", and the next one begins with a head: those lines are
// of no record and passed over.
type logMatcher struct {
	dir     string
	stems   []string // the file that is read and those after it
	file    *os.File
	in      *bufio.Reader
	offset  int64 // all before it is right
	first   int64 // where the lines after the head begin; 0 when it was not looked for
	size    int64
	scratch []byte
}

// endLength is the length of the last line of a closed file.
const endLength = int64(len(frameTime) + len(" Info: "+endLogfile+"\n"))

// maxHead is more than any head of ours.
const maxHead = 1024

// open begins to read the first of the stems, after its head or, when offset is not 0, there. The error is errNoMark when
// the file is not one that can have been written up to offset.
func (m *logMatcher) open(offset int64) error {
	m.close()
	path, ok := findLog(m.dir, m.stems[0])
	if !ok {
		return fmt.Errorf("log file %s: %w", m.stems[0], os.ErrNotExist)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	m.file, m.size, m.offset, m.first = f, info.Size(), 0, 0
	m.in = bufio.NewReaderSize(io.NewSectionReader(f, 0, m.size), 64<<10)
	m.skipHead()
	if offset == 0 || offset == m.first {
		return nil
	}
	var before [1]byte
	if _, err := f.ReadAt(before[:], offset-1); err != nil || before[0] != '\n' || m.first == 0 {
		return errNoMark
	}
	m.offset = offset
	m.in.Reset(io.NewSectionReader(f, offset, m.size-offset))
	return nil
}

var errNoMark = errors.New("the log file is shorter than its mark, or damaged")

func (m *logMatcher) close() {
	if m.file != nil {
		m.file.Close()
		m.file = nil
	}
}

// skipHead passes over the three lines, and the one that says where a log was begun anew; without the three the offset stays at 0, and the file is as good as empty.
func (m *logMatcher) skipHead() {
	b, _ := m.in.Peek(maxHead)
	n := 0
	for _, want := range []string{beginLogfile, "Version: ", "Time offset from UTC: "} {
		end := bytes.IndexByte(b[n:], '\n')
		if end < len(frameTime) || !bytes.HasPrefix(b[n+len(frameTime):n+end], []byte(" Info: "+want)) {
			return
		}
		n += end + 1
	}
	if end := bytes.IndexByte(b[n:], '\n'); end > len(frameTime) && bytes.HasPrefix(b[n+len(frameTime):], []byte(" Info: "+noticeNewLog)) {
		n += end + 1
	}
	m.in.Discard(n)
	m.offset, m.first = int64(n), int64(n)
}

// match compares the lines of one record with what comes next, and passes over them if they are the same.
func (m *logMatcher) match(text []byte) (bool, error) {
	if len(text) == 0 {
		return true, nil
	}
	for m.atEnd() && len(m.stems) > 1 {
		if err := m.next(); err != nil {
			return false, err
		}
	}
	if m.size-m.offset < int64(len(text)) || m.first == 0 {
		return false, nil
	}
	m.scratch = append(m.scratch[:0], make([]byte, len(text))...)
	if _, err := io.ReadFull(m.in, m.scratch); err != nil {
		return false, err
	}
	if !bytes.Equal(m.scratch, text) {
		return false, nil
	}
	m.offset += int64(len(text))
	return true, nil
}

// next goes on in the file after this one.
func (m *logMatcher) next() error {
	m.stems = m.stems[1:]
	return m.open(0)
}

// atEnd tells whether no record's line is left in the file.
func (m *logMatcher) atEnd() bool {
	left := m.size - m.offset
	if left == 0 {
		return true
	}
	if left != endLength {
		return false
	}
	var b [endLength]byte
	_, err := m.file.ReadAt(b[:], m.offset)
	return err == nil && string(b[len(frameTime):]) == " Info: "+endLogfile+"\n"
}

// settle goes to the last file if what is left before it are only ends and heads.
func (m *logMatcher) settle() error {
	for m.atEnd() && len(m.stems) > 1 {
		if err := m.next(); err != nil {
			return err
		}
	}
	return nil
}

// cut makes the files end where they stopped to be right. Whole lines that are taken away are kept, in a file beside:
// they are not what this journal says, but an operator who went back to a backup may still want them.
func (m *logMatcher) cut() error {
	path, ok := findLog(m.dir, m.stems[0])
	if !ok {
		return fmt.Errorf("log file %s: %w", m.stems[0], os.ErrNotExist)
	}
	var failed error
	for _, stem := range m.stems[1:] {
		if later, ok := findLog(m.dir, stem); ok {
			failed = errors.Join(failed, os.Rename(later, filepath.Join(m.dir, stem+extCut)))
		}
	}
	if failed != nil || m.offset == m.size {
		return failed
	}
	if !m.atEnd() {
		if err := m.keepTail(); err != nil {
			return err
		}
	}
	return os.Truncate(path, m.offset)
}

// keepTail copies what is cut off, if a line of text is among it.
func (m *logMatcher) keepTail() error {
	tail := io.NewSectionReader(m.file, m.offset, m.size-m.offset)
	b, _ := bufio.NewReader(tail).Peek(4096)
	if line, _, whole := bytes.Cut(b, []byte("\n")); !whole || bytes.IndexByte(line, 0) >= 0 {
		return nil
	}
	if _, err := tail.Seek(0, io.SeekStart); err != nil {
		return err
	}
	out, err := os.OpenFile(filepath.Join(m.dir, m.stems[0]+extCut), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, tail)
	return errors.Join(err, out.Close())
}
