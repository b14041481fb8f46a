package main

import (
	"fmt"
	"io"
)

// command runs one of the shell's commands in batch.
func command(f flags, _, stderr io.Writer) int {
	fmt.Fprintf(stderr, "postern: unknown command %q\nTry: postern help\n", f.args[0])
	return exitUsage
}
