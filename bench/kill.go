package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"postern/bench/load"
	"postern/bench/sink"
)

// KillConfig is a workload that kills the gateway while mail flows, again and again, and then counts what became of every
// message that it had acknowledged.
type KillConfig struct {
	Binary            string // of the gateway
	Dir               string // for its data; empty or not there
	Rounds            int
	Clients           int           // default 20
	Seed              uint64        // draws the instants
	Shortest, Longest time.Duration // of a round's life; default 50 ms and 1 s
	Patience          time.Duration // how long the queue may stand still while it drains; default 30 s
	Progress          io.Writer     // nil: none
}

// KillFigures are its figures. Lost and TwiceUnlisted are 0 or the gateway is wrong.
type KillFigures struct {
	Seed          uint64   `json:"seed"`
	Rounds        int      `json:"rounds"`
	Acked         int      `json:"acked"`          // messages answered 250
	Unanswered    int      `json:"unanswered"`     // sent whole, never answered: free to arrive or not
	Arrived       int      `json:"arrived"`        // of the acked
	Lost          int      `json:"lost"`           // acked, and not arrived
	Twice         int      `json:"twice"`          // arrived more than once
	TwiceUnlisted int      `json:"twice_unlisted"` // of these, not named by an OutcomeUnknown
	Unknown       int      `json:"unknown"`        // messages named by an OutcomeUnknown
	Left          int      `json:"left"`           // recipients still in the queue at the end
	Bounced       int      `json:"bounced"`        // recipients given up
	Rate          float64  `json:"acked_a_second"` // over the rounds, the restarts included
	Restart       []int64  `json:"restart_ms"`     // from exec to the greeting, median and longest
	Stop          int64    `json:"stop_ms"`        // of the clean stop at the end
	Complaints    int      `json:"complaints"`     // errors in the gateway's own words: panics, races, failures of its parts
	Examples      []string `json:"examples,omitempty"`
}

// Kill runs the workload; an error means that it could not be carried through.
func Kill(ctx context.Context, c KillConfig) (*KillFigures, error) {
	c.defaults()
	delays := rand.New(rand.NewPCG(c.Seed, 2))
	draw := make(chan time.Duration, 1024) // the sink answers late, so that a kill finds messages in between
	for range cap(draw) {
		draw <- time.Duration(delays.IntN(15)) * time.Millisecond
	}
	s := &sink.Sink{Delay: func() time.Duration { d := <-draw; draw <- d; return d }}
	if err := s.Listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	defer s.Close()
	g := &Gateway{Binary: c.Binary, Data: c.Dir}
	if err := g.Configure(s.Address().String(), "[retry]\ninitial_seconds = 1\nmax_seconds = 2\n"); err != nil {
		return nil, err
	}
	f := &KillFigures{Seed: c.Seed, Rounds: c.Rounds}
	sent, err := c.rounds(ctx, g, s, f)
	if err != nil {
		return nil, err
	}
	f.Acked, f.Unanswered, f.Rate = len(sent.Acked), len(sent.Unanswered), sent.Rate()
	c.drain(ctx, s, sent.Acked)
	began := time.Now()
	if err := g.Stop(40 * time.Second); err != nil {
		return nil, fmt.Errorf("%w: %s", err, g.Said())
	}
	f.Stop = time.Since(began).Milliseconds()
	f.complaints(g.Said())
	return f, f.account(filepath.Join(c.Dir, "journal"), sent.Acked, s.Arrived())
}

func (c *KillConfig) defaults() {
	if c.Clients == 0 {
		c.Clients = 20
	}
	if c.Shortest == 0 {
		c.Shortest = 50 * time.Millisecond
	}
	if c.Longest == 0 {
		c.Longest = time.Second
	}
	if c.Patience == 0 {
		c.Patience = 30 * time.Second
	}
}

func (c *KillConfig) say(format string, args ...any) {
	if c.Progress != nil {
		fmt.Fprintf(c.Progress, format+"\n", args...)
	}
}

// rounds starts and kills; the gateway runs when it returns without an error. The load goes on all the time, also while
// nobody listens.
func (c *KillConfig) rounds(ctx context.Context, g *Gateway, s *sink.Sink, f *KillFigures) (*load.Result, error) {
	instants := rand.New(rand.NewPCG(c.Seed, 1))
	if _, err := g.Start(30 * time.Second); err != nil {
		return nil, err
	}
	loading, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan *load.Result, 1)
	go func() {
		done <- load.Run(loading, load.Config{Address: g.Address, Clients: c.Clients, Prefix: "kill", Patience: 20 * time.Second})
	}()
	var restarts []int64
	for round := range c.Rounds {
		life := c.Shortest + time.Duration(instants.Int64N(int64(c.Longest-c.Shortest)))
		select {
		case <-ctx.Done():
		case <-time.After(life):
		}
		if !g.Running() {
			return nil, fmt.Errorf("round %d: the gateway ended by itself: %s", round+1, g.Said())
		}
		g.Kill()
		took, err := g.Start(30 * time.Second)
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("round %d: %w", round+1, err)
		}
		restarts = append(restarts, took.Milliseconds())
		c.say("round %d: killed after %v, greets again after %v, %d arrived", round+1, life.Round(time.Millisecond), took.Round(time.Millisecond), s.Total())
	}
	stop()
	slices.Sort(restarts)
	if n := len(restarts); n > 0 {
		f.Restart = []int64{restarts[n/2], restarts[n-1]}
	}
	return <-done, nil
}

// drain waits until all acked messages have arrived and nothing has for 4 seconds, longer than the longest retry, so that
// the second copies come too. It gives up when nothing moves for the patience.
func (c *KillConfig) drain(ctx context.Context, s *sink.Sink, acked []string) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	moved, total := time.Now(), s.Total()
	for ctx.Err() == nil {
		<-tick.C
		if now := s.Total(); now != total {
			moved, total = time.Now(), now
			continue
		}
		quiet := time.Since(moved)
		if quiet > c.Patience || quiet > 4*time.Second && missing(acked, s.Arrived()) == 0 {
			return
		}
	}
}
