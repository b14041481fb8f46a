package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

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
		result, err = offline(c, data, f.args[1:])
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

// offline answers from the stopped store. When a gateway starts meanwhile it lets go of it, and asks the gateway.
func offline(c *shell.Command, data string, args []string) (shell.Result, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	served := false
	wait := whenServed(ctx, data, func() { served = true; cancel() })
	result, err := c.Run(ctx, &shell.Offline{Data: data}, args)
	cancel()
	wait()
	if err == nil || !served {
		return result, err
	}
	for end := time.Now().Add(readerPatience); ; time.Sleep(100 * time.Millisecond) {
		result, err = c.Run(context.Background(), &shell.Remote{Data: data}, args)
		if !errors.Is(err, shell.ErrNotRunning) || time.Now().After(end) {
			return result, err
		}
	}
}
