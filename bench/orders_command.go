package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// given is an order that was carried out.
type given struct {
	ID         uint64 `json:"id"`
	Action     string `json:"action"`
	Recipients uint64 `json:"recipients"` // as the gateway counts them
	said       uint64 // by the command
	want       uint64
}

// command has the binary ask the gateway over its admin socket, and returns what it prints.
func (o *ordersRun) command(ctx context.Context, args ...string) (string, error) {
	out, err := o.prepare(ctx, args...).Output()
	return string(out), failed(args, err)
}

func (o *ordersRun) prepare(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, o.Binary, append(args, "--data", o.gateway.Data)...)
}

// failed says which command an error is of, and what it said.
func failed(args []string, err error) error {
	if err == nil {
		return nil
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return fmt.Errorf("%s: %w", strings.Join(args, " "), err)
}

// order gives an order that is to touch so many recipients.
func (o *ordersRun) order(ctx context.Context, recipients int, args ...string) (f OrderFigures, err error) {
	if f.Before, err = o.gateway.Resident(); err != nil {
		return f, err
	}
	used, err := o.gateway.Processor()
	if err != nil {
		return f, err
	}
	most := mostResident(o.gateway.process.Process.Pid)
	began := time.Now()
	text, err := o.command(ctx, append(args, "--yes")...)
	f.Took, f.Most = time.Since(began), most()
	if err != nil {
		return f, err
	}
	if f.CPU, err = o.gateway.Processor(); err != nil {
		return f, err
	}
	f.CPU -= used
	list, err := o.command(ctx, "undo", "--json")
	if err != nil {
		return f, err
	}
	var last []given
	if err := json.Unmarshal([]byte(list), &last); err != nil || len(last) == 0 {
		return f, fmt.Errorf("the orders are not listed: %.200q: %w", list, err)
	}
	last[0].want = uint64(recipients)
	if last[0].said, err = numberSaid(text); err != nil {
		return f, err
	}
	o.given = append(o.given, last[0])
	fmt.Fprintf(o.Progress, "%s: %.2f s, %s\n", strings.Join(args, " "), f.Took.Seconds(), f)
	return f, nil
}

// undo takes back the last order.
func (o *ordersRun) undo(ctx context.Context, recipients int) (OrderFigures, error) {
	return o.order(ctx, recipients, "undo", strconv.FormatUint(o.given[len(o.given)-1].ID, 10))
}

// numberSaid finds the result of an order: the first line that begins with a number.
func numberSaid(text string) (n uint64, err error) {
	for line := range strings.Lines(text) {
		if word, _, _ := strings.Cut(line, " "); strings.Trim(word, "0123456789") == "" && word != "" {
			return strconv.ParseUint(word, 10, 64)
		}
	}
	return 0, fmt.Errorf("no result in %.200q", text)
}

// ListingFigures are those of a listing of the whole queue, since the exec of its command.
type ListingFigures struct {
	First, All   time.Duration // until the first recipient was read, and until the end
	Rows         int
	Before, Most int64 // resident bytes of the gateway, and the most meanwhile
	Client       int64 // the most of the command
	Sum          [sha256.Size]byte
}

// list reads showrecipients all.
func (o *ordersRun) list(ctx context.Context) (f ListingFigures, err error) {
	if f.Before, err = o.gateway.Resident(); err != nil {
		return f, err
	}
	args := []string{"showrecipients", "all"}
	c := o.prepare(ctx, args...)
	out, err := c.StdoutPipe()
	if err != nil {
		return f, err
	}
	most := mostResident(o.gateway.process.Process.Pid)
	defer most()
	began := time.Now()
	if err := c.Start(); err != nil {
		return f, err
	}
	client := mostResident(c.Process.Pid)
	err = f.read(out, began)
	f.All, f.Most, f.Client = time.Since(began), most(), client()
	if err = errors.Join(err, failed(args, c.Wait())); err != nil {
		return f, err
	}
	if f.Rows != o.Messages {
		return f, fmt.Errorf("of %d recipients %d are listed", o.Messages, f.Rows)
	}
	fmt.Fprintf(o.Progress, "showrecipients all: first of %d after %.1f ms, last after %.2f s, memory %d MiB and at most %d MiB, client at most %d MiB\n",
		f.Rows, milliseconds(f.First), f.All.Seconds(), f.Before>>20, f.Most>>20, f.Client>>20)
	return f, nil
}

func (f *ListingFigures) read(out io.Reader, began time.Time) error {
	sum := sha256.New()
	lines := bufio.NewReaderSize(io.TeeReader(out, sum), 1<<16)
	for {
		line, err := lines.ReadSlice('\n')
		if bytes.HasPrefix(line, []byte("[0]")) { // the heading has [RID]
			if f.Rows++; f.Rows == 1 {
				f.First = time.Since(began)
			}
		}
		if err == io.EOF {
			f.Sum = [sha256.Size]byte(sum.Sum(nil))
			return nil
		}
		if err != nil {
			return err
		}
	}
}
