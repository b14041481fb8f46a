package bench

import (
	"context"
	"fmt"
	"time"

	"postern/bench/load"
	"postern/bench/sink"
)

// RelayFigures compares a load through the gateway with the same load straight to the sink, in one run.
type RelayFigures struct {
	KeepOpen             bool
	DirectPerSec         float64
	RelayPerSec          float64 // end to end: until the sink has all
	ShareOfDirect        float64
	HalfLoadP99          time.Duration // latency of the reply to the final dot at half the relay's rate of clients
	Messages, Duplicates int
}

// Relay sends messages of 4 KiB with 20 clients, first straight to a sink, then through the gateway.
func Relay(ctx context.Context, binary, dir string, messages int, keepOpen bool) (f RelayFigures, err error) {
	f.KeepOpen, f.Messages = keepOpen, messages
	direct := &sink.Sink{}
	if err := direct.Listen("127.0.0.1:0"); err != nil {
		return f, err
	}
	f.DirectPerSec = load.Run(ctx, load.Config{Address: direct.Address().String(), Clients: 20, Messages: messages, KeepOpen: keepOpen, Prefix: "direct"}).Rate()
	direct.Close()
	peer := &sink.Sink{}
	if err := peer.Listen("127.0.0.1:0"); err != nil {
		return f, err
	}
	defer peer.Close()
	g := &Gateway{Binary: binary, Data: dir}
	if err := g.Configure(peer.Address().String(), ""); err != nil {
		return f, err
	}
	if _, err := g.Start(20 * time.Second); err != nil {
		return f, err
	}
	began := time.Now()
	r := load.Run(ctx, load.Config{Address: g.Address, Clients: 20, Messages: messages, KeepOpen: keepOpen, Prefix: "relay"})
	if err := arrived(ctx, peer, uint64(len(r.Acked))); err != nil {
		return f, err
	}
	f.RelayPerSec = float64(len(r.Acked)) / time.Since(began).Seconds()
	f.ShareOfDirect = f.RelayPerSec / f.DirectPerSec
	half := load.Run(ctx, load.Config{Address: g.Address, Clients: 10, Messages: messages / 2, KeepOpen: keepOpen, Prefix: "half"})
	f.HalfLoadP99 = half.Percentile(0.99)
	for _, n := range peer.Arrived() {
		f.Duplicates += n - 1
	}
	return f, g.Stop(40 * time.Second)
}

func arrived(ctx context.Context, peer *sink.Sink, want uint64) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(60 * time.Second); peer.Total() < want; {
		if time.Now().After(limit) {
			return fmt.Errorf("%d of %d messages arrived", peer.Total(), want)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
