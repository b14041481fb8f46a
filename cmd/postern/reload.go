package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"postern/shell"
)

// reloadConfiguration is "postern config reload": it commits the file of a running gateway as somebody has edited it.
func reloadConfiguration(f flags, args []string, stdout, stderr io.Writer) int {
	comment, ok := "", len(args) == 0
	switch {
	case len(args) == 2 && args[0] == "--comment":
		comment, ok = args[1], true
	case len(args) == 1:
		comment, ok = strings.CutPrefix(args[0], "--comment=")
	}
	if !ok {
		fmt.Fprint(stderr, "usage: postern config reload [--comment TEXT]\n")
		return exitUsage
	}
	data, err := f.dataDirectory(false)
	if err != nil {
		return failing(stderr, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	call := &shell.Call{Command: shell.Reload, JSON: f.json, Zone: time.Local, Out: shell.Terminal(stdout), Args: []string{comment},
		Gateway: &shell.Remote{Data: data}}
	return outcome(stderr, interrupted(ctx, execute(ctx, data, call)))
}
