package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTicks is the unit of processor times in /proc: a hundredth of a second on every Linux that Go runs on.
const clockTicks = 100

// Resident is how many bytes of memory the process holds.
func (g *Gateway) Resident() (int64, error) { return resident(g.process.Process.Pid) }

func resident(pid int) (int64, error) {
	fields, err := proc(pid, "statm")
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// mostResident looks at the memory of a process, a hundred times a second, until the function that it returns is called:
// that gives the most that was seen, 0 when the process was gone before the first look. It may be called again.
func mostResident(pid int) (stop func() int64) {
	looking, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	most := int64(0)
	go func() {
		defer close(done)
		for {
			n, err := resident(pid)
			if most = max(most, n); err != nil || pause(looking, 10*time.Millisecond) != nil {
				return
			}
		}
	}()
	return func() int64 {
		cancel()
		<-done
		return most
	}
}

// Processor is the processor time that the process has used since its start.
func (g *Gateway) Processor() (time.Duration, error) {
	fields, err := proc(g.process.Process.Pid, "stat") // proc(5): 14 and 15, counted from 1; our name has no blank
	if err != nil {
		return 0, err
	}
	user, err := strconv.ParseInt(fields[13], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[14], 10, 64)
	return time.Duration(user+system) * (time.Second / clockTicks), err
}

// A gateway is at rest when it uses less than restPercent of a processor; patience with one that always does more ends.
const (
	restPercent = 15
	restLook    = 5 * time.Second
	restLooks   = 36
)

// settle waits until the gateway is at rest, three minutes at most, and tells how much of a processor it uses, in percent.
func (g *Gateway) settle(ctx context.Context) (percent float64, err error) {
	for look := 0; ; look++ {
		before, err := g.Processor()
		if err != nil {
			return 0, err
		}
		if err := pause(ctx, restLook); err != nil {
			return 0, err
		}
		after, err := g.Processor()
		if err != nil {
			return 0, err
		}
		if percent = 100 * (after - before).Seconds() / restLook.Seconds(); percent < restPercent && look > 0 || look >= restLooks {
			return percent, nil
		}
	}
}

func proc(pid int, name string) ([]string, error) {
	path := fmt.Sprintf("/proc/%d/%s", pid, name)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(bytes.TrimSpace(text)))
	if len(fields) < 2 || name == "stat" && len(fields) < 15 {
		return nil, fmt.Errorf("%s: not understood: %q", path, text)
	}
	return fields, nil
}

// loadedWords are what the gateway says when all that was queued before its start is scheduled.
const loadedWords = "the queue is loaded"

// Loaded waits until the queue of before the start is scheduled, and tells how long after the start that was.
func (g *Gateway) Loaded(ctx context.Context, patience time.Duration) (time.Duration, error) {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !g.words.said(loadedWords) {
		if err := pause(wait, 2*time.Millisecond); err != nil {
			return 0, fmt.Errorf("the queue was not loaded within %v: %s", patience, g.Said())
		}
	}
	return time.Since(g.started), nil
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
