package shell

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// Screen is a writer, if it is a terminal, where a line can be drawn over; nil: it is none.
func Screen(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// progressEvery is how often a progress is drawn anew.
const progressEvery = 100 * time.Millisecond

// progressLine shows on a terminal how far something is, on one line: 412,000 of 1,000,000.
type progressLine struct {
	screen io.Writer // nil: nobody sees it
	shown  int       // columns that are drawn on
	at     time.Time
}

// progress is the call's line; programs and pipes see none.
func (c *Call) progress() *progressLine {
	if c.JSON {
		return &progressLine{}
	}
	return &progressLine{screen: c.Screen}
}

func (p *progressLine) show(done, total uint64) {
	if p.screen == nil || time.Since(p.at) < progressEvery {
		return
	}
	p.at = time.Now()
	text := Thousands(done) + " of " + Thousands(total)
	fmt.Fprintf(p.screen, "\r%-*s", p.shown, text)
	p.shown = max(p.shown, len(text))
}

// erase leaves the line as if nothing had been there.
func (p *progressLine) erase() {
	if p.shown > 0 {
		fmt.Fprintf(p.screen, "\r%s\r", strings.Repeat(" ", p.shown))
	}
}
