package shell

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// writeMbox writes a message as the only one of an mbox (RFC 4155): a From_ line with the envelope's sender and the time in
// UTC, the content with lines that end in LF, and an empty line. A line of the content that begins with "From ", or with
// that behind any number of ">", gets one ">" more, so that all of it can be taken back (mboxrd).
func writeMbox(w io.Writer, sender string, at time.Time, content io.Reader) error {
	in, out := bufio.NewReaderSize(content, 64<<10), bufio.NewWriterSize(w, 64<<10)
	fmt.Fprintf(out, "From %s %s\n", fromWord(sender), at.UTC().Format(time.ANSIC))
	begins, last := true, byte('\n')
	for {
		c, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if begins && c != '>' {
			if rest, _ := in.Peek(4); c == 'F' && string(rest) == "rom " {
				out.WriteByte('>') // behind those that are there it is the same as before them
			}
			begins = false
		}
		if c == '\r' {
			if next, _ := in.Peek(1); string(next) == "\n" {
				continue
			}
		}
		if err := out.WriteByte(c); err != nil {
			return err
		}
		begins, last = begins || c == '\n', c
	}
	if last != '\n' {
		out.WriteByte('\n')
	}
	out.WriteByte('\n')
	return out.Flush()
}

// fromWord is a sender as the From_ line can bear it: one word of printable characters.
func fromWord(sender string) string {
	if sender == "" {
		return "MAILER-DAEMON"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, sender)
}

// maxNamesakes is how many archives may be there of messages with the same MID.
const maxNamesakes = 1000

// archiveMessage writes a file for the message with a MID into a directory, which is made when it is not there, and returns
// the file's name: oldmessage_47.mbox, or oldmessage_47.1.mbox and so on when that is taken. The name is there only when
// the whole file is; file and name are durable when it returns.
func archiveMessage(dir string, mid uint32, write func(io.Writer) error) (name string, err error) {
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil:
		if err := syncDirectory(filepath.Dir(dir)); err != nil {
			return "", err
		}
	case !errors.Is(err, fs.ErrExist):
		return "", err
	}
	f, err := os.CreateTemp(dir, ".oldmessage-*") // mode 0600
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name())
	if err = errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return "", err
	}
	if name, err = linkArchive(f.Name(), dir, mid); err != nil {
		return "", err
	}
	return name, syncDirectory(dir)
}

// linkArchive gives a file the first name that is free.
func linkArchive(file, dir string, mid uint32) (name string, err error) {
	for n := range maxNamesakes {
		name = fmt.Sprintf("oldmessage_%d.mbox", mid)
		if n > 0 {
			name = fmt.Sprintf("oldmessage_%d.%d.mbox", mid, n)
		}
		if err = os.Link(file, filepath.Join(dir, name)); !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
	return "", &RefusedError{fmt.Sprintf("there are %d archives of messages with MID %d in %s: move some away first", maxNamesakes, mid, dir)}
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
