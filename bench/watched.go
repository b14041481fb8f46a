package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"postern/bench/load"
	"postern/bench/sink"
)

// WatchedConfig compares the relay left alone with the same relay while somebody looks at it: "rate 1" stays open beside
// it, and each second comes a "tophosts" and a scrape of /metrics.
type WatchedConfig struct {
	Binary   string // of the gateway
	Dir      string // for its data; not there or empty
	Rounds   int    // of both, one after the other; which comes first takes turns; default 25
	Messages int    // of each half of a round: some seconds' worth; default 10,000
	Clients  int    // default 20
	Progress io.Writer
}

// WatchedFigures are medians over the rounds; the share is made within its round.
type WatchedFigures struct {
	Alone, Watched float64   // messages a second, end to end
	Lost           []float64 // percent of each round's messages a second that watching costs, ascending; less than 0: none
	Looks          int       // scrapes, and as often tophosts
	Rows           int       // of rate
}

// watchedRun is the workload under way.
type watchedRun struct {
	WatchedConfig
	gateway *Gateway
	sink    *sink.Sink
	metrics string // URL
}

// Watched runs the comparison.
func Watched(ctx context.Context, c WatchedConfig) (f WatchedFigures, err error) {
	c.defaults()
	w := &watchedRun{WatchedConfig: c, sink: &sink.Sink{}, gateway: &Gateway{Binary: c.Binary, Data: filepath.Join(c.Dir, "data")}}
	if err := w.sink.Listen("127.0.0.1:0"); err != nil {
		return f, err
	}
	defer w.sink.Close()
	status, err := freePort()
	if err != nil {
		return f, err
	}
	w.metrics = "http://" + status + "/metrics"
	if err := w.gateway.Configure(w.sink.Address().String(), fmt.Sprintf("[http]\naddress = %q\n", status)); err != nil {
		return f, err
	}
	if _, err := w.gateway.Start(20 * time.Second); err != nil {
		return f, err
	}
	defer w.gateway.Kill()
	var alone, watched []float64
	for round := range c.Rounds {
		w.sink.Forget()
		both, err := w.round(ctx, round, &f)
		if err != nil {
			return f, fmt.Errorf("round %d: %w", round+1, err)
		}
		lost := 100 * (1 - both[1]/both[0])
		alone, watched, f.Lost = append(alone, both[0]), append(watched, both[1]), append(f.Lost, lost)
		fmt.Fprintf(c.Progress, "round %d: alone %.0f/s, watched %.0f/s, %.2f %% lost\n", round+1, both[0], both[1], lost)
	}
	slices.Sort(f.Lost)
	f.Alone, f.Watched = median(alone), median(watched)
	return f, w.gateway.Stop(40 * time.Second)
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

// round goes both ways once, and gives the messages a second of the relay alone and watched.
func (w *watchedRun) round(ctx context.Context, round int, f *WatchedFigures) (both [2]float64, err error) {
	for half := range 2 {
		way := (round + half) % 2
		l := load.Config{Clients: w.Clients, Messages: w.Messages, Prefix: fmt.Sprint(round)}
		if way == 0 {
			both[0], _, err = leg(ctx, w.sink, l, "alone", w.gateway.Address)
		} else {
			both[1], err = w.watched(ctx, l, f)
		}
		if err != nil {
			return both, err
		}
	}
	return both, nil
}

// watched sends the load while somebody looks. Who looks is there before it begins and stays until it has ended.
func (w *watchedRun) watched(ctx context.Context, l load.Config, f *WatchedFigures) (perSecond float64, err error) {
	rate := exec.Command(w.Binary, "rate", "1", "--data", w.gateway.Data)
	rows, err := rate.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := rate.Start(); err != nil {
		return 0, err
	}
	looking, stop := context.WithCancel(ctx)
	var watchers sync.WaitGroup
	var looked error
	watchers.Go(func() { looked = w.look(looking, f) })
	watchers.Go(func() {
		for lines := bufio.NewScanner(rows); lines.Scan(); {
			if strings.Contains(lines.Text(), ":") {
				f.Rows++
			}
		}
	})
	perSecond, _, err = leg(ctx, w.sink, l, "watched", w.gateway.Address)
	stop()
	rate.Process.Signal(syscall.SIGINT)
	watchers.Wait()
	return perSecond, errors.Join(err, looked, rate.Wait())
}

// look asks each second until ctx ends.
func (w *watchedRun) look(ctx context.Context, f *WatchedFigures) error {
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	for tick := time.NewTicker(time.Second); ; {
		if err := read(ctx, client, w.metrics); err != nil && ctx.Err() == nil {
			return err
		}
		out, err := exec.CommandContext(ctx, w.Binary, "tophosts", "--data", w.gateway.Data).CombinedOutput()
		switch {
		case ctx.Err() != nil:
			tick.Stop()
			return nil
		case err != nil:
			return fmt.Errorf("tophosts: %w: %s", err, out)
		}
		f.Looks++
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func measureWatched(ctx context.Context, s Settings, rows []Row) error {
	f, err := Watched(ctx, WatchedConfig{Binary: s.Binary, Dir: s.Dir, Rounds: 5 * s.Rounds, Messages: s.Messages, Progress: s.Progress})
	if err != nil {
		return err
	}
	if f.Looks < len(f.Lost) || f.Rows < len(f.Lost) {
		return fmt.Errorf("it was looked at %d times, and rate had %d rows", f.Looks, f.Rows)
	}
	n := len(f.Lost)
	rows[0].Value = median(f.Lost)
	rows[0].Note = fmt.Sprintf("%.0f/s watched, %.0f/s alone; half of %d rounds between %.2f and %.2f; looked at %d times", f.Watched, f.Alone, n,
		f.Lost[n/4], f.Lost[n-1-n/4], f.Looks)
	return nil
}
