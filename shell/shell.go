package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"time"
)

// Shell is what an operator types at: a prompt, commands, questions. From a pipe it reads line by line.
type Shell struct {
	// Execute runs a call: it gives it a Gateway, the daemon's or that of the stopped store, and has it done.
	Execute func(ctx context.Context, c *Call) error
	// Remote is the daemon, for the prompt, completion and the register of shells.
	Remote  *Remote
	In      *os.File
	Out     io.Writer
	Zone    *time.Location
	History *History // nil: none is kept

	terminal *terminal // nil: from a pipe
	lines    *lines
	words    *completer
	changes  Pending // that were not committed
	hostname string
	failed   bool          // the last command did
	session  atomic.Uint64 // 0: not registered
	opening  atomic.Bool
}

// errLeave ends the shell.
var errLeave = errors.New("leave")

// Run reads and executes until exit, Ctrl-D or the end of the input. It tells whether the last command failed.
func (s *Shell) Run(ctx context.Context) (failed bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.words = &completer{gateway: s.Remote}
	s.refresh(ctx)
	var there bool
	if s.terminal, there = newTerminal(s.In, s.Out); there {
		defer s.terminal.heedSignals(cancel)()
		for left := false; !left; { // Ctrl-D asks as exit does
			s.terminal.loop(s.prompt, s.History.Lines(), func(line string) []Suggestion { return s.words.complete(ctx, line) },
				func(line string) bool { left = s.line(ctx, line); return left })
			left = left || !s.changes.Changed() || s.terminal.console.hungUp() || s.line(ctx, "exit")
		}
		s.lose()
		return s.failed
	}
	s.lines = newLines(s.In, s.Out)
	for {
		line, err := s.lines.Ask(ctx, s.prompt(), nil)
		if err != nil {
			s.lose()
			return s.failed
		}
		if s.line(ctx, line) {
			s.lose() // the lines may have ended within a question; who left by a command has been asked
			return s.failed
		}
	}
}

// prompt is the host's name, as the last answer of the gateway gave it; a space behind it says that there are changes which
// were not committed.
func (s *Shell) prompt() string {
	if s.changes.Changed() {
		return s.hostname + " > "
	}
	return s.hostname + "> "
}

// refresh asks the gateway for its name, and registers this shell with it if it is not.
func (s *Shell) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if id, err := s.Remote.Identity(ctx); err == nil {
		s.hostname = Printable(id.Hostname)
		s.register(context.WithoutCancel(ctx))
	}
	if s.hostname == "" {
		s.hostname = "postern"
		if name, err := os.Hostname(); err == nil {
			s.hostname = Printable(name)
		}
	}
}

// register holds an entry in the daemon's list of shells open until the process ends or the daemon does.
func (s *Shell) register(ctx context.Context) {
	if !s.opening.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer s.opening.Store(false)
		defer s.session.Store(0)
		s.Remote.OpenSession(ctx, remoteAddress(), func(opened Session) { s.session.Store(opened.ID) })
	}()
}

// remoteAddress is where the person sits, if sshd says so.
func remoteAddress() string {
	first, _, _ := strings.Cut(os.Getenv("SSH_CONNECTION"), " ")
	if a, err := netip.ParseAddr(first); err == nil {
		return a.String()
	}
	return ""
}

// line executes what was typed; true: it was the last.
func (s *Shell) line(ctx context.Context, line string) (last bool) {
	s.History.Add(line)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	err := s.execute(ctx, line)
	if ctx.Err() != nil && s.terminal != nil {
		fmt.Fprintln(s.Out)
		s.terminal.console.forget()
	}
	switch {
	case errors.Is(err, errLeave):
		s.changes.Clear()
		return true
	case errors.Is(err, io.EOF) && s.lines != nil:
		s.failed = true
		fmt.Fprintf(s.Out, "The input ends before %s has all its answers: it has done nothing more.\n", Printable(strings.Fields(line)[0]))
		return true
	case err == nil, errors.Is(err, errEnough), errors.Is(err, context.Canceled):
		s.failed = false
	case errors.Is(err, ErrInterrupted):
		fmt.Fprintln(s.Out, "^C")
	default:
		s.failed = true
		fmt.Fprintln(s.Out, Printable(spoken(err)))
	}
	s.refresh(ctx)
	return false
}

// spoken is an error as a sentence; AsyncOS's line about unknown commands, and usage lines, stay as they are.
func spoken(err error) string {
	usage, unknown := (*UsageError)(nil), (*UnknownCommandError)(nil)
	if errors.As(err, &usage) || errors.As(err, &unknown) {
		return err.Error()
	}
	return sentence(err.Error())
}

// OrHelp makes "help COMMAND" of a line that ends in --help or -h; any other stays as it is.
func OrHelp(words []string) []string {
	if last := words[len(words)-1]; len(words) > 1 && (last == "--help" || last == "-h") {
		return []string{"help", words[0]}
	}
	return words
}

func (s *Shell) execute(ctx context.Context, line string) error {
	words, err := splitWords(line)
	if err != nil || len(words) == 0 {
		return err
	}
	words = OrHelp(words)
	c := Find(words[0])
	if c == nil {
		return &UnknownCommandError{Word: words[0]}
	}
	remote := *s.Remote
	remote.Session, remote.Command = s.session.Load(), c.Name
	call := &Call{Gateway: &remote, Command: c, Zone: s.Zone, Out: printable{s.Out}, Changes: &s.changes}
	if s.terminal != nil {
		call.Asker, call.Height, call.Screen = s.terminal, s.terminal.height, s.Out
		call.Width = s.terminal.width
		call.Page = func() {
			call.Out = printable{&pager{out: s.Out, height: s.terminal.height, width: s.terminal.width, key: s.terminal.key}}
		}
		if !c.Live {
			call.Page()
		}
	} else {
		call.Asker = s.lines
	}
	if err := call.Parse(words[1:]); err != nil {
		return err
	}
	return s.Execute(ctx, call)
}
