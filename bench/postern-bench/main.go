// Command postern-bench runs the workloads of package bench and prints their figures as JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"postern/bench"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "postern-bench:", err)
		os.Exit(1)
	}
}

const usage = "usage: postern-bench all | demo | relay [MESSAGES] | queue [MESSAGES] | kill [ROUNDS [SEED]]"

func run(args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch args[0] {
	case "all":
		return all()
	case "demo":
		return bench.Demo(context.Background(), "./postern", os.Stdout)
	case "relay":
		n := 10_000
		if len(args) > 1 {
			n, _ = strconv.Atoi(args[1])
		}
		return relay(n)
	case "queue":
		n := 1_000_000
		if len(args) > 1 {
			n, _ = strconv.Atoi(args[1])
		}
		return queue(n)
	case "kill":
		rounds, seed := 20, uint64(time.Now().UnixNano())
		if len(args) > 1 {
			rounds, _ = strconv.Atoi(args[1])
		}
		if len(args) > 2 {
			seed, _ = strconv.ParseUint(args[2], 10, 64)
		}
		return kill(rounds, seed)
	case "queue-part":
		n, _ := strconv.Atoi(args[2])
		f, err := bench.Queue(bench.QueueConfig{Dir: args[1], Messages: n, Churn: 100_000, Watch: 20 * time.Second})
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(f)
	case "restart-part":
		accepting, loaded, err := bench.Restart(args[1])
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(bench.QueueFigures{RestartAccepting: accepting, RestartLoaded: loaded})
	}
	return errors.New(usage)
}

// kill builds the gateway, or takes $POSTERN, and kills it again and again under load.
func kill(rounds int, seed uint64) error {
	dir, err := os.MkdirTemp("", "postern-bench-")
	if err != nil {
		return err
	}
	binary := os.Getenv("POSTERN")
	if binary == "" {
		binary = filepath.Join(dir, "postern")
		if out, err := exec.Command("go", "build", "-o", binary, "postern/cmd/postern").CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	fmt.Fprintf(os.Stderr, "seed %d, data in %s\n", seed, dir)
	f, err := bench.Kill(context.Background(), bench.KillConfig{Binary: binary, Dir: filepath.Join(dir, "data"), Rounds: rounds, Seed: seed, Progress: os.Stderr})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(f); err != nil {
		return err
	}
	if f.Lost+f.TwiceUnlisted > 0 {
		return fmt.Errorf("the books do not balance; the data stays in %s", dir)
	}
	return os.RemoveAll(dir)
}

// queue measures memory a recipient, idle cost and restart, each in a process of its own.
func queue(n int) error {
	dir, err := os.MkdirTemp("", "postern-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	small, err := part("queue-part", dir+"/small", strconv.Itoa(n/10))
	if err != nil {
		return err
	}
	large, err := part("queue-part", dir+"/large", strconv.Itoa(n))
	if err != nil {
		return err
	}
	again, err := part("restart-part", dir+"/large")
	if err != nil {
		return err
	}
	large.RestartAccepting, large.RestartLoaded = again.RestartAccepting, again.RestartLoaded
	each := float64(large.RSS-small.RSS) / float64(n-n/10)
	fmt.Printf("bytes per queued recipient: %.0f (RSS %d MiB at %d, %d MiB at %d)\n", each, large.RSS>>20, n, small.RSS>>20, n/10)
	if err := json.NewEncoder(os.Stdout).Encode(large); err != nil {
		return err
	}
	switch {
	case each > 300:
		return fmt.Errorf("%.0f bytes a queued recipient, 300 at most", each)
	case large.RestartAccepting > 1 || large.RestartLoaded > 2:
		return fmt.Errorf("a restart takes %.2f s until mail is accepted, %.2f s until all is scheduled; 1 and 2 at most", large.RestartAccepting, large.RestartLoaded)
	case large.EventsPerMinute > 1000 || large.CPUPercent > 2:
		return fmt.Errorf("an idle queue costs %.0f events a minute and %.1f %% of a processor; 1000 and 2 at most", large.EventsPerMinute, large.CPUPercent)
	}
	return nil
}

func part(args ...string) (f bench.QueueFigures, err error) {
	c := exec.Command(os.Args[0], args...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return f, fmt.Errorf("%v: %w", args, err)
	}
	return f, json.Unmarshal(out, &f)
}

// relay measures the way through the gateway beside the way past it.
func relay(n int) error {
	for _, keepOpen := range []bool{false, true} {
		dir, err := os.MkdirTemp("", "postern-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		f, err := bench.Relay(context.Background(), "./postern", filepath.Join(dir, "data"), n, keepOpen)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(f); err != nil {
			return err
		}
		if f.Duplicates > 0 {
			return fmt.Errorf("%d messages arrived twice without a fault", f.Duplicates)
		}
	}
	return nil
}

// all runs every workload with a "must" and fails when one is missed.
func all() error {
	fmt.Println("postern-bench all", time.Now().UTC().Format(time.DateTime))
	if err := relay(10_000); err != nil {
		return err
	}
	if err := kill(20, uint64(time.Now().UnixNano())); err != nil {
		return err
	}
	return queue(1_000_000)
}
