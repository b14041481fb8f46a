package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"postern/bench/load"
	"postern/bench/sink"
)

// WatchedConfig compares the relay left alone with the same relay while somebody looks at it: "rate 1" stays open beside
// it, and each second comes a "tophosts" and a scrape of /metrics. It is compared in two ways: tophosts is typed into a
// shell, as operators do, or is a process of its own each time, as scripts do.
type WatchedConfig struct {
	Binary   string // of the gateway
	Dir      string // for its data; not there or empty
	Rounds   int    // of all ways, one after the other; which comes first takes turns; default 25
	Messages int    // of each way in a round: some seconds' worth; default 10,000
	Clients  int    // default 20
	Progress io.Writer
}

// The ways of a round.
const (
	wayAlone = iota
	wayTyped
	wayScript
	numWays
)

var wayNames = [numWays]string{"alone", "typed", "script"}

// WatchedFigures are medians over the rounds; a share is made within its round.
type WatchedFigures struct {
	PerSecond [numWays]float64   // messages, end to end
	Lost      [numWays][]float64 // percent of each round's messages a second alone that watching costs, ascending; less than 0: none
	Looks     int                // scrapes, and as often tophosts
	Rows      int                // of rate
}

// watchedRun is the workload under way.
type watchedRun struct {
	WatchedConfig
	gateway *Gateway
	sink    *sink.Sink
	metrics string // URL
	figures WatchedFigures
}

// Watched runs the comparison.
func Watched(ctx context.Context, c WatchedConfig) (WatchedFigures, error) {
	c.defaults()
	w := &watchedRun{WatchedConfig: c, sink: &sink.Sink{}, gateway: &Gateway{Binary: c.Binary, Data: filepath.Join(c.Dir, "data")}}
	if err := w.sink.Listen("127.0.0.1:0"); err != nil {
		return w.figures, err
	}
	defer w.sink.Close()
	status, err := freePort()
	if err != nil {
		return w.figures, err
	}
	w.metrics = "http://" + status + "/metrics"
	if err := w.gateway.Configure(w.sink.Address().String(), fmt.Sprintf("[http]\naddress = %q\n", status)); err != nil {
		return w.figures, err
	}
	if _, err := w.gateway.Start(20 * time.Second); err != nil {
		return w.figures, err
	}
	defer func() { w.gateway.Kill() }()
	if err := w.rounds(ctx); err != nil {
		return w.figures, err
	}
	return w.figures, w.gateway.Stop(40 * time.Second)
}

func (c *WatchedConfig) defaults() {
	if c.Rounds == 0 {
		c.Rounds = 25
	}
	if c.Messages == 0 {
		c.Messages = 10_000
	}
	if c.Clients == 0 {
		c.Clients = 20
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
}

func (w *watchedRun) rounds(ctx context.Context) error {
	f := &w.figures
	var rates [numWays][]float64
	for round := range w.Rounds {
		w.sink.Forget()
		for step := range numWays {
			way := (round + step) % numWays
			rate, err := w.leg(ctx, way, load.Config{Clients: w.Clients, Messages: w.Messages, Prefix: fmt.Sprint(round)})
			if err != nil {
				return fmt.Errorf("round %d, %s: %w", round+1, wayNames[way], err)
			}
			rates[way] = append(rates[way], rate)
		}
		alone, typed, script := rates[wayAlone][round], rates[wayTyped][round], rates[wayScript][round]
		f.Lost[wayTyped] = append(f.Lost[wayTyped], 100*(1-typed/alone))
		f.Lost[wayScript] = append(f.Lost[wayScript], 100*(1-script/alone))
		fmt.Fprintf(w.Progress, "round %d: alone %.0f/s, tophosts typed %.0f/s, as processes %.0f/s\n", round+1, alone, typed, script)
	}
	for way := range numWays {
		slices.Sort(f.Lost[way])
		f.PerSecond[way] = median(rates[way])
	}
	return nil
}

// leg sends the load in one way. Who looks is there before it begins and stays until it has ended.
func (w *watchedRun) leg(ctx context.Context, way int, l load.Config) (perSecond float64, err error) {
	if way == wayAlone {
		perSecond, _, err = leg(ctx, w.sink, l, wayNames[way], w.gateway.Address)
		return perSecond, err
	}
	rate, err := w.run("rate", "1")
	if err != nil {
		return 0, err
	}
	tophosts, leave := w.script, func() error { return nil }
	if way == wayTyped {
		if tophosts, leave, err = w.typed(); err != nil {
			return 0, errors.Join(err, rate.end())
		}
	}
	looking, stop := context.WithCancel(ctx)
	looked := make(chan error, 1)
	go func() { looked <- w.look(looking, tophosts) }()
	perSecond, _, err = leg(ctx, w.sink, l, wayNames[way], w.gateway.Address)
	stop()
	err = errors.Join(err, <-looked, leave(), rate.end())
	w.figures.Rows += bytes.Count(rate.said.Bytes(), []byte("\n")) - 2
	return perSecond, err
}

// look asks each second until ctx ends.
func (w *watchedRun) look(ctx context.Context, tophosts func(context.Context) error) error {
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := errors.Join(read(ctx, client, w.metrics), tophosts(ctx)); err != nil && ctx.Err() == nil {
			return err
		}
		w.figures.Looks++
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return nil
}

// script asks for tophosts with a process.
func (w *watchedRun) script(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, w.Binary, "tophosts", "--data", w.gateway.Data).CombinedOutput(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("tophosts: %w: %s", err, out)
	}
	return nil
}

// typed opens a shell to type tophosts into; leave ends it, and fails when it did not answer each time.
func (w *watchedRun) typed() (tophosts func(context.Context) error, leave func() error, err error) {
	in, out := io.Pipe()
	shell := exec.Command(w.Binary, "shell", "--data", w.gateway.Data)
	shell.Stdin, shell.Env = in, append(os.Environ(), "HOME="+w.Dir) // for its history
	var said bytes.Buffer
	shell.Stdout = &said
	if err := shell.Start(); err != nil {
		return nil, nil, err
	}
	asked := 0
	tophosts = func(context.Context) error {
		asked++
		_, err := io.WriteString(out, "tophosts active_rcpts\n")
		return err
	}
	return tophosts, func() error {
		out.Close()
		err := shell.Wait()
		if n := bytes.Count(said.Bytes(), []byte("Recipient Host")); err == nil && n != asked {
			err = fmt.Errorf("the shell answered %d of %d times:\n%s", n, asked, said.Bytes())
		}
		return err
	}, nil
}

// watcher is a command that goes on until it is interrupted.
type watcher struct {
	process *exec.Cmd
	said    bytes.Buffer
}

func (w *watchedRun) run(words ...string) (*watcher, error) {
	c := &watcher{process: exec.Command(w.Binary, append(words, "--data", w.gateway.Data)...)}
	c.process.Stdout = &c.said
	return c, c.process.Start()
}

func (c *watcher) end() error {
	c.process.Process.Signal(syscall.SIGINT)
	return c.process.Wait()
}

func measureWatched(ctx context.Context, s Settings, rows []Row) error {
	f, err := Watched(ctx, WatchedConfig{Binary: s.Binary, Dir: s.Dir, Rounds: 5 * s.Rounds, Messages: s.Messages, Progress: s.Progress})
	if err != nil {
		return err
	}
	n := len(f.Lost[wayTyped])
	if f.Looks < 2*n || f.Rows < 2*n {
		return fmt.Errorf("in %d rounds it was looked at %d times, and rate had %d rows", n, f.Looks, f.Rows)
	}
	of := func(way int) string {
		lost := f.Lost[way]
		return fmt.Sprintf("%.0f/s of %.0f/s, half of %d rounds between %.1f and %.1f", f.PerSecond[way], f.PerSecond[wayAlone], n, lost[n/4], lost[n-1-n/4])
	}
	rows[0].Value = median(f.Lost[wayTyped])
	rows[0].Note = fmt.Sprintf("%s; with a process for each tophosts %.2f %%, %s", of(wayTyped), median(f.Lost[wayScript]), of(wayScript))
	return nil
}
