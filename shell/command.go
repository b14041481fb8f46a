package shell

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Command is one command, as data: shell, batch mode, --json, help and completion all come from the table of them.
type Command struct {
	Name     string
	Usage    string // of its arguments
	Summary  string
	ReadOnly bool // can be answered from a stopped store
	Run      func(ctx context.Context, g Gateway, args []string) (Result, error)
}

// Result is what a command found: for programs and for people.
type Result struct {
	JSON any
	Text string
}

// UsageError says that a command was called with arguments that it does not take.
type UsageError struct{ Command *Command }

func (e *UsageError) Error() string {
	return strings.TrimSpace("usage: postern " + e.Command.Name + " " + e.Command.Usage)
}

// Commands is the table, by name.
var Commands = []*Command{statusCommand}

// Find returns the command of that name, nil when there is none.
func Find(name string) *Command {
	if i := slices.IndexFunc(Commands, func(c *Command) bool { return c.Name == name }); i >= 0 {
		return Commands[i]
	}
	return nil
}

var statusCommand = &Command{Name: "status", Usage: "[detail]", Summary: "counters, rates and gauges of the gateway", ReadOnly: true}

func init() {
	statusCommand.Run = func(ctx context.Context, g Gateway, args []string) (Result, error) {
		detail := len(args) == 1 && strings.EqualFold(args[0], "detail")
		if len(args) > 0 && !detail {
			return Result{}, &UsageError{statusCommand}
		}
		s, err := g.Status(ctx)
		if err != nil {
			return Result{}, err
		}
		return Result{JSON: s, Text: RenderStatus(s, detail, time.Local)}, nil
	}
}

// Write prints a result, as JSON or as text.
func (r Result) Write(w io.Writer, asJSON bool) error {
	if !asJSON {
		_, err := io.WriteString(w, r.Text)
		return err
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(r.JSON); err != nil {
		return fmt.Errorf("as JSON: %w", err)
	}
	return nil
}
