package shell

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// errEnough says that the person has seen enough of a long output.
var errEnough = errors.New("the rest was not wanted")

const pagerPrompt = "-Press Any Key For More-"

// pager stops long output at each full screen until a key is pressed; q or Ctrl-C ends it.
type pager struct {
	out    io.Writer
	height func() int
	width  func() int
	key    func() byte // 0: what comes next is typed already, and not meant for the pager
	lines  int         // on the screen since the last stop
	column int
}

// Write implements io.Writer; errEnough means that no more is wanted.
func (p *pager) Write(b []byte) (int, error) {
	written := 0
	for len(b) > 0 {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		if p.column == 0 && p.lines >= p.height()-1 {
			if err := p.stop(); err != nil {
				return written, err
			}
		}
		n := len(line)
		p.column += utf8.RuneCount(line)
		if whole {
			n++
			p.lines += 1 + max(0, p.column-1)/max(1, p.width())
			p.column = 0
		}
		if _, err := p.out.Write(b[:n]); err != nil {
			return written, err
		}
		written += n
		b = rest
	}
	return written, nil
}

func (p *pager) stop() error {
	io.WriteString(p.out, pagerPrompt)
	key := p.key()
	io.WriteString(p.out, "\r"+string(bytes.Repeat([]byte{' '}, len(pagerPrompt)))+"\r")
	p.lines = 0
	switch key {
	case 'q', 'Q', keyCtrlC, keyCtrlD:
		return errEnough
	case keyEnter, keyNewline: // one line more
		p.lines = p.height() - 2
	}
	return nil
}
