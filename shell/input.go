package shell

import (
	"fmt"
	"os"
	"os/signal"
	"unicode/utf8"

	"github.com/c-bata/go-prompt"
	"golang.org/x/sys/unix"
)

// go-prompt's own loop waits for itself when the window changes its size, or a signal comes, at the moment of Enter. So it
// is asked for one line at a time, which hears of no signals. When the console finds another size, it ends the line in
// hand; what is typed and where the cursor stands go on with the next one.

// input reads a line with p. false: the person leaves instead.
func (t *terminal) input(p *prompt.Prompt, prefix string, suggest func(text string) []Suggestion) (line string, ended bool) {
	t.prefix, t.suggest, t.cursor = prefix, suggest, 0
	for {
		line = p.Input()
		if !t.resized {
			return line, t.console.ended()
		}
		t.resized = false
		t.screen.ConsoleWriter = prompt.NewStdoutWriter()
		if up := (utf8.RuneCountInString(prefix) + t.cursor) / t.width(); up > 0 {
			fmt.Fprintf(t.out, "\x1b[%dA", up)
		}
		fmt.Fprint(t.out, "\r\x1b[J")
	}
}

// redraw ends the line in hand when the console wants it. go-prompt would draw its end: that goes nowhere.
func (t *terminal) redraw(string, bool) bool {
	if t.console.wantsRedraw() {
		t.resized = true
		t.screen.ConsoleWriter = &nowhere{}
	}
	return t.resized
}

// screen is where go-prompt draws.
type screen struct{ prompt.ConsoleWriter }

// nowhere forgets what is drawn on it.
type nowhere struct{ prompt.VT100Writer }

// Flush implements prompt.ConsoleWriter.
func (*nowhere) Flush() error { return nil }

// heedSignals has the person leave in order, and leave called, when the process is told to end or its terminal goes away.
// Ctrl-C ends commands, never the shell.
func (t *terminal) heedSignals(leave func()) (stop func()) {
	interrupts, ends, done := make(chan os.Signal, 1), make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(interrupts, os.Interrupt) // nobody listens
	signal.Notify(ends, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	go func() {
		select {
		case <-ends:
			t.console.hangUp()
			leave()
		case <-done:
		}
	}()
	return func() {
		signal.Stop(interrupts)
		signal.Stop(ends)
		close(done)
	}
}
