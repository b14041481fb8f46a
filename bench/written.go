package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"postern/bench/load"
	"postern/bench/sink"
)

// WrittenConfig is mail that is delivered as soon as it has come, whose bodies the store should write only once.
type WrittenConfig struct {
	Binary   string // of the gateway
	Dir      string // for its data; not there or empty
	Size     int    // bytes of a body
	Messages int    // enough to fill the store's memory several times over
}

// WrittenFigures are the store's bytes for each byte of a body, by what wrote them.
type WrittenFigures struct{ Logged, Flushed, Compacted float64 }

// Total is all of it.
func (f WrittenFigures) Total() float64 { return f.Logged + f.Flushed + f.Compacted }

// Written relays bodies that cannot be compressed and asks the gateway what its store has written.
func Written(ctx context.Context, c WrittenConfig) (f WrittenFigures, err error) {
	s := &sink.Sink{}
	if err := s.Listen("127.0.0.1:0"); err != nil {
		return f, err
	}
	defer s.Close()
	g := &Gateway{Binary: c.Binary, Data: c.Dir, Listener: "max_messages = 1000000"}
	if err := g.Configure(s.Address().String(), ""); err != nil {
		return f, err
	}
	if _, err := g.Start(20 * time.Second); err != nil {
		return f, err
	}
	defer g.Kill()
	l := load.Config{Clients: 20, Messages: c.Messages, Size: c.Size, KeepOpen: true, Noise: true}
	if _, _, err := leg(ctx, s, l, "written", g.Address); err != nil {
		return f, err
	}
	if f, err = storeFigures(ctx, g); err != nil {
		return f, err
	}
	return f, g.Stop(40 * time.Second)
}

// storeSettles is how long flushes and compactions get to end after the load.
const storeSettles = 5 * time.Second

func storeFigures(ctx context.Context, g *Gateway) (f WrittenFigures, err error) {
	if err := pause(ctx, storeSettles); err != nil {
		return f, err
	}
	s, err := gatewayStatus{g}.read()
	if err != nil {
		return f, err
	}
	bodies := float64(s.Gauges["store_body_bytes"])
	if bodies == 0 {
		return f, errors.New("the gateway's status knows nothing of what its store has written")
	}
	part := func(name string) float64 { return float64(s.Gauges[name]) / bodies }
	f = WrittenFigures{Logged: part("store_wal_bytes"), Flushed: part("store_flushed_bytes"), Compacted: part("store_compacted_bytes")}
	return f, nil
}

func (f WrittenFigures) String() string {
	return fmt.Sprintf("log %.3f, flushes %.3f, compactions %.3f", f.Logged, f.Flushed, f.Compacted)
}
