package hardware

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Command runs a program until ctx ends and gives what it printed, at most limit bytes, also when it ended with an error;
// of more it gives nothing. The error has the last line of what the program complained about. One that wraps
// exec.ErrNotFound says that the machine does not have the program.
type Command func(ctx context.Context, limit int, name string, arguments ...string) ([]byte, error)

// systemCommand is Command for the system's programs. The program gets no input and no more of the environment than it
// needs, in the C locale: others write 23,000 for 23.000.
func systemCommand(ctx context.Context, limit int, name string, arguments ...string) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, path, arguments...)
	out, complaints := &bounded{left: limit, full: cancel}, &bounded{left: 4096}
	c.Stdout, c.Stderr = out, complaints
	c.Env = []string{"LC_ALL=C", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent"}
	c.WaitDelay = time.Second
	err = c.Run()
	complaint := strings.TrimSpace(complaints.kept.String())
	complaint = complaint[strings.LastIndexByte(complaint, '\n')+1:] // what comes first may be no more than a warning
	switch {
	case out.cut:
		return nil, fmt.Errorf("%s wrote more than %d bytes", name, limit)
	case err != nil && complaint != "":
		err = fmt.Errorf("%s: %s (%w)", name, complaint, err)
	case err != nil:
		err = fmt.Errorf("%s: %w", name, err)
	}
	return out.kept.Bytes(), err
}

// bounded keeps what is written to it up to a limit. It is no bytes.Buffer, which would read for itself, and all of it.
type bounded struct {
	kept bytes.Buffer
	left int
	full func() // called when there is more; nil: that is dropped
	cut  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	take := min(b.left, len(p))
	b.kept.Write(p[:take])
	b.left -= take
	if take < len(p) {
		b.cut = true
		if b.full != nil {
			b.full()
		}
	}
	return len(p), nil
}
