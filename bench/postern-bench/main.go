// Command postern-bench measures the gateway against its budget, and shows it to people.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"postern/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "postern-bench:", err)
		os.Exit(1)
	}
}

const usage = `usage: postern-bench [FLAGS] all | WORKLOAD...    figures beside their budget: %s
       postern-bench [FLAGS] kill ROUNDS [SEED]   only that, in detail, as JSON
       postern-bench [FLAGS] demo                 a mixed load, the status and a log
       postern-bench [FLAGS] picture FILE         a picture of the shell under load (SVG; it wants tmux)
It wants a built gateway. Flags:`

func run(ctx context.Context, args []string) error {
	var s bench.Settings
	f := flag.NewFlagSet("postern-bench", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprintf(os.Stderr, usage+"\n", strings.Join(workloads(), " ")); f.PrintDefaults() }
	f.StringVar(&s.Binary, "gateway", "./postern", "the gateway's `binary`")
	f.StringVar(&s.Dir, "dir", os.TempDir(), "`folder` for data, on the disk that is meant")
	f.IntVar(&s.Rounds, "rounds", 5, "rounds of the relay")
	f.IntVar(&s.Messages, "messages", 10_000, "messages of each of the relay's rounds")
	f.IntVar(&s.Queue, "queued", 1_000_000, "messages of the long queue")
	f.DurationVar(&s.Watch, "watch", 10*time.Minute, "how long the long queue is left alone")
	figures := f.String("figures", "bench/figures.md", "`file` that the rows are written to")
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	s.Progress = os.Stderr
	names := f.Args()
	switch {
	case len(names) == 0:
		f.Usage()
		return errors.New("nothing to do")
	case names[0] == "demo":
		return bench.Demo(ctx, s.Binary, os.Stdout)
	case names[0] == "picture" && len(names) == 2:
		return bench.Picture(ctx, s.Binary, names[1])
	case names[0] == "kill" && len(names) > 1 && strings.Trim(names[1], "0123456789") == "":
		return kill(ctx, s, names[1:])
	}
	return measure(ctx, s, names, *figures, "postern-bench "+strings.Join(args, " "))
}

// measure runs workloads, writes each one's rows down as soon as they are there, and fails when one is below its must.
func measure(ctx context.Context, s bench.Settings, names []string, figures, command string) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	if _, err := os.Stat(s.Binary); err != nil {
		return fmt.Errorf("the gateway is not built (make build, or -gateway FILE): %w", err)
	}
	machine := bench.Machine()
	fmt.Printf("%s, %s, %s\n", command, time.Now().UTC().Format(time.DateTime), machine)
	var all []bench.Row
	for i := range chosen {
		taken := bench.Taken{Command: command, At: time.Now(), Load: bench.LoadAverage()}
		fmt.Fprintf(os.Stderr, "== %s (load average %s)\n", chosen[i].Name, taken.Load)
		rows := chosen[i].Measure(ctx, s)
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := bench.SaveRows(figures, machine, rows, taken); err != nil {
			return err
		}
		all = append(all, rows...)
	}
	if err := bench.PrintRows(os.Stdout, all); err != nil {
		return err
	}
	below := 0
	for i := range all {
		if !all[i].Met() {
			below++
		}
	}
	if below > 0 {
		return fmt.Errorf("%d of %d figures are not what they must be", below, len(all))
	}
	return nil
}

// workloads are their names, in the order of the budget.
func workloads() (names []string) {
	for _, w := range bench.Budget {
		names = append(names, w.Name)
	}
	return names
}

// choose finds the workloads, in the order of the budget.
func choose(names []string) (chosen []bench.Workload, err error) {
	known := append([]string{"all"}, workloads()...)
	for _, w := range bench.Budget {
		if slices.Contains(names, w.Name) || slices.Contains(names, "all") {
			chosen = append(chosen, w)
		}
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, fmt.Errorf("there is no workload %q; there are %s", n, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}

// kill kills the gateway again and again under load, and leaves its data when the books do not balance.
func kill(ctx context.Context, s bench.Settings, args []string) error {
	rounds, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	seed := uint64(time.Now().UnixNano())
	if len(args) > 1 {
		if seed, err = strconv.ParseUint(args[1], 10, 64); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp(s.Dir, "postern-bench-")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "seed %d, data in %s\n", seed, dir)
	f, err := bench.Kill(ctx, bench.KillConfig{Binary: s.Binary, Dir: filepath.Join(dir, "data"), Rounds: rounds, Seed: seed, Progress: os.Stderr})
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
