package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"postern/bench/load"
	"postern/bench/sink"
)

// RelayConfig compares three ways of the same load: straight to a sink, through a private Postfix, through the gateway.
type RelayConfig struct {
	Binary   string // of the gateway
	Dir      string // for the data of both; not there or empty
	Rounds   int    // default 5
	Messages int    // of each way in each round; default 10,000
	Clients  int    // default 20
	Progress io.Writer
}

// RelayFigures are medians over the rounds; a ratio is made within its round first, because machines are noisy.
type RelayFigures struct {
	Direct, Postfix, Relay float64       // messages a second, end to end: until the sink has all
	TimesPostfix           float64       // 0 without Postfix
	ShareOfDirect          float64       //
	HalfLoad               time.Duration // latency p99 of the reply to the final dot at half the relay's rate
	Duplicates             int           // that arrived twice from the gateway, in all rounds
	NoPostfix              error         // why it was not measured
}

// relayPeers are what runs during all rounds.
type relayPeers struct {
	sink    *sink.Sink
	postfix *Postfix // nil: none
	gateway *Gateway
}

// Relay runs the comparison with one connection a message (the first of the figures) and with connections kept open. Each
// round goes all ways one after the other.
func Relay(ctx context.Context, c RelayConfig) (single, kept RelayFigures, err error) {
	c.defaults()
	p := relayPeers{sink: &sink.Sink{}, gateway: &Gateway{Binary: c.Binary, Data: filepath.Join(c.Dir, "data"), Listener: "max_messages = 1000000"}}
	if err = p.sink.Listen("127.0.0.1:0"); err != nil {
		return
	}
	defer p.sink.Close()
	if p.postfix, err = c.startPostfix(ctx, p.sink.Address().String()); err != nil && !errors.Is(err, errNoPostfix) {
		return
	}
	single.NoPostfix, kept.NoPostfix = err, err
	if p.postfix != nil {
		defer p.postfix.Stop()
	}
	if err = p.gateway.Configure(p.sink.Address().String(), ""); err != nil {
		return
	}
	if _, err = p.gateway.Start(20 * time.Second); err != nil {
		return
	}
	defer p.gateway.Kill()
	if err = c.rounds(ctx, p, &single, false); err == nil {
		err = c.rounds(ctx, p, &kept, true)
	}
	if err == nil {
		err = p.gateway.Stop(40 * time.Second)
	}
	return
}

func (c *RelayConfig) defaults() {
	if c.Rounds == 0 {
		c.Rounds = 5
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

// startPostfix needs folders that Postfix's own user can enter.
func (c *RelayConfig) startPostfix(ctx context.Context, route string) (*Postfix, error) {
	if err := errors.Join(os.MkdirAll(c.Dir, 0o755), os.Chmod(c.Dir, 0o755)); err != nil {
		return nil, err
	}
	return StartPostfix(ctx, filepath.Join(c.Dir, "postfix"), route)
}

// relayRounds holds a figure of each round for each way.
type relayRounds struct{ direct, postfix, relay, times, share, late []float64 }

func (c *RelayConfig) rounds(ctx context.Context, p relayPeers, f *RelayFigures, keepOpen bool) error {
	var all relayRounds
	for round := range c.Rounds {
		p.sink.Forget()
		l := load.Config{Clients: c.Clients, KeepOpen: keepOpen, Messages: c.Messages, Prefix: fmt.Sprintf("%t-%d", keepOpen, round)}
		if err := all.one(ctx, p, l); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		f.Duplicates += duplicates(p.sink)
		all.say(c.Progress, keepOpen)
	}
	f.Direct, f.Postfix, f.Relay = median(all.direct), median(all.postfix), median(all.relay)
	f.TimesPostfix, f.ShareOfDirect, f.HalfLoad = median(all.times), median(all.share), time.Duration(median(all.late))
	return nil
}

// one goes all ways once.
func (r *relayRounds) one(ctx context.Context, p relayPeers, l load.Config) error {
	direct, _, err := leg(ctx, p.sink, l, "direct", p.sink.Address().String())
	if err != nil {
		return err
	}
	postfix := 0.0
	if p.postfix != nil {
		if postfix, _, err = leg(ctx, p.sink, l, "postfix", p.postfix.Address); err != nil {
			return err
		}
		r.postfix = append(r.postfix, postfix)
	}
	relay, _, err := leg(ctx, p.sink, l, "gateway", p.gateway.Address)
	if err != nil {
		return err
	}
	l.Rate, l.Messages = relay/2, l.Messages/2
	_, half, err := leg(ctx, p.sink, l, "half", p.gateway.Address)
	if err != nil {
		return err
	}
	r.direct, r.relay, r.share = append(r.direct, direct), append(r.relay, relay), append(r.share, relay/direct)
	r.late = append(r.late, float64(half.Percentile(0.99)))
	if p.postfix != nil {
		r.times = append(r.times, relay/postfix)
	}
	return nil
}

func (r *relayRounds) say(out io.Writer, keepOpen bool) {
	n, postfix := len(r.relay)-1, ""
	if len(r.postfix) > n {
		postfix = fmt.Sprintf("postfix %.0f/s, ", r.postfix[n])
	}
	fmt.Fprintf(out, "round %d, kept open %t: direct %.0f/s, %sgateway %.0f/s, p99 at half of that %v\n",
		n+1, keepOpen, r.direct[n], postfix, r.relay[n], time.Duration(r.late[n]).Round(10*time.Microsecond))
}

// leg sends a load one way and waits until the sink has it all.
func leg(ctx context.Context, s *sink.Sink, l load.Config, way, address string) (perSecond float64, r *load.Result, err error) {
	l.Address, l.Prefix = address, way+"-"+l.Prefix
	before, began := s.Total(), time.Now()
	r = load.Run(ctx, l)
	if len(r.Acked) != l.Messages {
		return 0, nil, fmt.Errorf("%s: of %d messages %d were accepted, %d refused (%s), %d not answered, %d connections failed", way, l.Messages, len(r.Acked), r.Refused, r.Reply, len(r.Unanswered), r.Failed)
	}
	if err := arrived(ctx, s, before+uint64(len(r.Acked))); err != nil {
		return 0, nil, fmt.Errorf("%s: %w", way, err)
	}
	return float64(len(r.Acked)) / time.Since(began).Seconds(), r, nil
}

// duplicates counts what came from the gateway once more than it was sent.
func duplicates(s *sink.Sink) (n int) {
	for a, times := range s.Arrived() {
		if strings.HasPrefix(a.ID, "gateway-") || strings.HasPrefix(a.ID, "half-") {
			n += times - 1
		}
	}
	return n
}

// arrived waits until the sink has had so many deliveries; it gives up when none comes for a minute.
func arrived(ctx context.Context, s *sink.Sink, want uint64) error {
	seen, moved := s.Total(), time.Now()
	for seen < want {
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return err
		}
		if now := s.Total(); now != seen {
			seen, moved = now, time.Now()
		}
		if time.Since(moved) > time.Minute {
			return fmt.Errorf("%d of %d messages arrived", seen, want)
		}
	}
	return nil
}

// median of figures, 0 of none; of an even number the mean of the middle two.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
