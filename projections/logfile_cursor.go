package projections

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// maxLogRead is the longest line that a reader of log files is given; what is beyond is left out and replaced by "...".
const maxLogRead = 64 << 10

// logCursor stands at a place in the files of a log, which somebody else may be writing, closing and removing. One
// goroutine uses it.
type logCursor struct {
	dir, log string
	stem     string   // of the file that is read; "": none yet
	file     *os.File // nil: none yet
	buf      []byte   // read and not handed out yet: buf[at:]
	at       int
	skipping bool // the rest of a line that is too long is passed over
}

func (c *logCursor) close() {
	if c.file != nil {
		c.file.Close()
		c.file = nil
	}
}

// enter goes to the beginning of the first file after this one; false: there is none.
func (c *logCursor) enter() (bool, error) {
	stems, err := listLog(c.dir, c.log)
	if err != nil {
		return false, err
	}
	i, found := slices.BinarySearch(stems, c.stem)
	if found {
		i++
	}
	return c.openFirst(stems[i:])
}

// enterLast goes to the end of the newest file, but for its last lines; false: there is none.
func (c *logCursor) enterLast(lines int) (bool, error) {
	stems, err := listLog(c.dir, c.log)
	if err != nil {
		return false, err
	}
	for i := range stems {
		if ok, err := c.openFirst(stems[len(stems)-1-i:]); ok || err != nil {
			if err == nil {
				err = c.skipTo(lines)
			}
			return err == nil, err
		}
	}
	return false, nil
}

// openFirst opens the first of the files that is still there.
func (c *logCursor) openFirst(stems []string) (bool, error) {
	for _, stem := range stems {
		for range 2 { // it may be closed, and so renamed, between the look and the opening
			path, ok := findLog(c.dir, stem)
			if !ok {
				break
			}
			f, err := os.Open(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return false, fmt.Errorf("log %s: %w", c.log, err)
			}
			c.close()
			c.stem, c.file, c.buf, c.at, c.skipping = stem, f, c.buf[:0], 0, false
			return true, nil
		}
	}
	return false, nil
}

// skipTo goes on to before the last lines of the file.
func (c *logCursor) skipTo(lines int) error {
	end, err := c.file.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("log %s: %w", c.log, err)
	}
	block := make([]byte, maxLogRead)
	for from := end; from > 0; {
		n := min(from, int64(len(block)))
		from -= n
		if _, err := c.file.ReadAt(block[:n], from); err != nil {
			return fmt.Errorf("log %s: %w", c.log, err)
		}
		for i := int(n) - 1; i >= 0; i-- {
			if block[i] != '\n' {
				continue
			}
			if lines--; lines < 0 { // the last line end is that of the last line
				_, err := c.file.Seek(from+int64(i)+1, io.SeekStart)
				return err
			}
		}
	}
	_, err = c.file.Seek(0, io.SeekStart)
	return err
}

// finished tells whether nothing will be added to the file any more.
func (c *logCursor) finished() bool {
	if c.file == nil {
		return true
	}
	_, err := os.Stat(filepath.Join(c.dir, c.stem+extCurrent))
	return errors.Is(err, fs.ErrNotExist)
}

// line gives the next line without its end; false: no whole line is left, for now. It is valid until the next call.
func (c *logCursor) line() ([]byte, bool, error) {
	for c.file != nil {
		if i := bytes.IndexByte(c.buf[c.at:], '\n'); i >= 0 {
			line := c.buf[c.at : c.at+i]
			c.at += i + 1
			if c.skipping {
				c.skipping = false
				continue
			}
			return line, true, nil
		}
		if len(c.buf)-c.at >= maxLogRead {
			long := append(slices.Clip(c.buf[c.at:c.at+maxLogRead-3]), "..."...)
			c.buf, c.at = c.buf[:0], 0
			if c.skipping {
				continue
			}
			c.skipping = true
			return long, true, nil
		}
		if more, err := c.fill(); !more {
			return nil, false, err
		}
	}
	return nil, false, nil
}

// rest gives what follows the last line end of a file that is finished: a crash may have torn its last line.
func (c *logCursor) rest() ([]byte, bool) {
	line := c.buf[c.at:]
	c.at = len(c.buf)
	return line, len(line) > 0 && !c.skipping
}

// fill reads on; false: there is no more.
func (c *logCursor) fill() (bool, error) {
	c.buf = append(c.buf[:0], c.buf[c.at:]...)
	c.at = 0
	have := len(c.buf)
	c.buf = slices.Grow(c.buf, 2*maxLogRead)
	n, err := c.file.Read(c.buf[have : have+maxLogRead])
	c.buf = c.buf[:have+n]
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("log %s: %w", c.log, err)
	}
	return n > 0, nil
}
