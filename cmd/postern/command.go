package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"postern/shell"
)

// command runs one of the shell's commands in batch: over the admin socket, or, when no daemon runs and the command only
// reads, on the stopped store.
func command(f flags, stdout, stderr io.Writer) int {
	c := shell.Find(f.args[0])
	if c == nil {
		fmt.Fprintf(stderr, "postern: unknown command %q\nTry: postern help\n", f.args[0])
		return exitUsage
	}
	data, err := f.dataDirectory(false)
	if err != nil {
		return failing(stderr, err)
	}
	ctx := context.Background()
	result, err := c.Run(ctx, &shell.Remote{Data: data}, f.args[1:])
	if errors.Is(err, shell.ErrNotRunning) && c.ReadOnly {
		result, err = c.Run(ctx, &shell.Offline{Data: data}, f.args[1:])
	}
	if usage := (*shell.UsageError)(nil); errors.As(err, &usage) {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	if err != nil {
		return failing(stderr, err)
	}
	return failing(stderr, result.Write(stdout, f.json))
}
