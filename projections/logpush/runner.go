package logpush

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// Runner runs a program in a directory, with a text on its standard input, and returns what it said on standard output and
// on standard error, bounded. The error says why it failed or could not be run.
type Runner func(ctx context.Context, dir, stdin, name string, args ...string) (out, said []byte, err error)

const (
	maxOutput = 64 << 10        // of a program, in bytes, for each of its outputs; what is beyond is dropped
	killTime  = 5 * time.Second // for a program that was ended to let go of its outputs
)

// Exec runs a program of the system: in a process group of its own, which ends with ctx, and without what our own
// environment says about keys and agents.
func Exec(ctx context.Context, dir, stdin, name string, args ...string) (out, said []byte, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bounded
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader(stdin), &stdout, &stderr
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killTime
	err = cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		err = fmt.Errorf("the program %s is not installed (OpenSSH's client has it)", name)
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return stdout.b, stderr.b, err
}

// bounded keeps the beginning of what is written to it.
type bounded struct{ b []byte }

func (b *bounded) Write(p []byte) (int, error) {
	b.b = append(b.b, p[:min(len(p), maxOutput-len(b.b))]...)
	return len(p), nil
}

// saying is an error with the last lines of what a program said, fit for a log and a terminal.
func saying(err error, said []byte) error {
	const most = 300
	var words []string
	for line := range strings.Lines(string(said)) {
		line = strings.TrimSpace(strings.Map(func(r rune) rune {
			if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
				return ' '
			}
			return r
		}, line))
		if line != "" {
			words = append(words, line)
		}
	}
	text := strings.Join(words[max(0, len(words)-3):], "; ")
	if len(text) > most {
		text = "..." + strings.ToValidUTF8(text[len(text)-most:], "")
	}
	if text == "" {
		return err
	}
	return fmt.Errorf("%s (%w)", text, err)
}
