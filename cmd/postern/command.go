package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"postern/engine/config"
	"postern/journal"
	"postern/projections/logpush"
	"postern/shell"
	"postern/smtp/dns"
)

// command runs one of the shell's commands in batch.
func command(f flags, stdout, stderr io.Writer) int {
	c := shell.Find(f.args[0])
	if c == nil {
		fmt.Fprintf(stderr, "postern: %v\nTry: postern help\n", &shell.UnknownCommandError{Word: f.args[0]})
		return exitUsage
	}
	call := &shell.Call{Command: c, JSON: f.json, Yes: f.yes, Zone: time.Local, Out: shell.Terminal(stdout), Screen: shell.Screen(stdout)}
	if err := call.Parse(f.args[1:]); err != nil {
		return outcome(stderr, err)
	}
	data := ""
	if !c.Local {
		var err error
		if data, err = f.dataDirectory(false); err != nil && !c.Anywhere {
			return failing(stderr, err)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	call.Gateway = &shell.Remote{Data: data}
	err := execute(ctx, data, call)
	if c.Live && errors.Is(err, context.Canceled) {
		err = nil
	}
	return outcome(stderr, interrupted(ctx, err))
}

// interrupted words what became of a call that a signal ended.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return shell.ErrInterrupted
	}
	return err
}

func outcome(stderr io.Writer, err error) int {
	usage, unknown, misread := (*shell.UsageError)(nil), (*shell.UnknownCommandError)(nil), (*shell.MisreadError)(nil)
	if errors.As(err, &usage) || errors.As(err, &unknown) || errors.As(err, &misread) {
		fmt.Fprintf(stderr, "postern: %v\n", err)
		return exitUsage
	}
	return failing(stderr, err)
}

// interactive runs the shell.
func interactive(f flags, stdin *os.File, stdout, stderr io.Writer) int {
	if len(f.args) > 1 || f.json || f.yes {
		fmt.Fprint(stderr, "postern: shell takes no arguments but --data\nTry: postern help\n")
		return exitUsage
	}
	data, err := f.dataDirectory(false)
	if err != nil {
		return failing(stderr, err)
	}
	s := &shell.Shell{Remote: &shell.Remote{Data: data}, In: stdin, Out: stdout, Zone: time.Local,
		Execute: func(ctx context.Context, c *shell.Call) error { return execute(ctx, data, c) }}
	if home, err := os.UserHomeDir(); err == nil {
		s.History = shell.OpenHistory(filepath.Join(home, ".postern_history"))
	}
	if s.Run(context.Background()) {
		return exitRefused
	}
	return exitDone
}

// execute has a call done over the admin socket, or, when no daemon runs and the command only reads, on the stopped store.
func execute(ctx context.Context, data string, c *shell.Call) error {
	if data == "" && c.Command.Anywhere {
		c.Gateway = stopped("")
		return c.Do(ctx)
	}
	err, what := c.Do(ctx), c.Command.Name
	if errors.Is(err, shell.ErrNotRunning) && c.Command.Offline {
		err, what = offline(ctx, data, c), "this"
	}
	if errors.Is(err, shell.ErrNotRunning) {
		if _, none := shell.FindStore(data); none != nil {
			return none
		}
		return fmt.Errorf("%w: %s needs it (\"postern serve\" starts it)", err, what)
	}
	return err
}

// offline answers from the stopped store. When a gateway starts meanwhile it lets go of it, and asks the gateway.
func offline(ctx context.Context, data string, c *shell.Call) error {
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	served := false
	wait := whenServed(reading, data, func() { served = true; cancel() })
	remote := c.Gateway
	c.Gateway = stopped(data)
	err := c.Do(reading)
	cancel()
	wait()
	goesOn := c.Command.Live && !c.Over() && ctx.Err() == nil
	if !served || err == nil && !goesOn {
		if err == nil && !c.JSON && c.Command.Offline && c.Command.Name != "status" { // which says so itself
			fmt.Fprintln(os.Stderr, "The gateway does not run: this is out of its store.")
		}
		return err
	}
	c.Gateway = remote
	for end := time.Now().Add(readerPatience); ; time.Sleep(100 * time.Millisecond) {
		if err = c.Do(ctx); !errors.Is(err, shell.ErrNotRunning) || time.Now().After(end) {
			return err
		}
	}
}

// stopped answers for a gateway that does not run; without a data directory, for none.
func stopped(data string) *shell.Offline {
	o := &shell.Offline{Data: data, Program: program(), Room: func(used uint64) int64 { return roomIn(data, used) }}
	o.Document = func() *config.Document {
		if doc, err := config.Load(filepath.Join(data, configName)); err == nil {
			return doc
		}
		return config.Default() // notifications show another name for us, and nothing else differs
	}
	archives := filepath.Join(data, "configuration")
	o.Keys = &logpush.HostKeys{Dir: archives}
	o.KeptOf = func(ctx context.Context, j *journal.Journal, queue *journal.LiveSnapshot, address string) (shell.Forgotten, error) {
		return keptOf(ctx, j, queue, archives, address)
	}
	o.Program.Features = func() []shell.Feature { return featuresOf(o.Document()) }
	o.Program.Sensors = readOnce(o.Document)
	o.Prober.Dig = digger(new(dns.Resolver)) // the system's servers
	return o
}
