package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"postern/engine/config"
	"postern/projections"
	"postern/shell/web"
)

// pages are the status pages: the server of those that the configuration in force wants, while the gateway runs.
type pages struct {
	run func(what string, loop func() error)

	mu      sync.Mutex
	server  *web.Server
	ctx     context.Context // of the gateway; nil before serve
	stop    context.CancelFunc
	stopped chan struct{} // closed when server is at its end
}

// buildHTTP makes the server of the status pages, and binds its address while the process may.
func (g *gateway) buildHTTP() error {
	g.pulse = newPulse()
	for name, fn := range map[string]func() int64{
		projections.GaugeJournalBytes:   func() int64 { return int64(g.pulse.now().DiskBytes) },
		projections.GaugeJournalRecords: func() int64 { return int64(g.journal.Durable()) },
		projections.GaugeQueueLoaded:    func() int64 { return int64(g.engine.Loading()) },
	} {
		g.gauges.Register(name, fn)
	}
	g.pages.run = g.run
	g.pages.server = g.newPages(g.document)
	err := g.pages.server.Listen()
	if err != nil && g.receiver.Tolerant {
		g.log.Warn().Err(err).Msg("status over HTTP")
		return nil
	}
	return err
}

func (g *gateway) newPages(document func() *config.Document) *web.Server {
	return &web.Server{Document: document, Follower: g.looker, Figures: g.figures, Gauges: &g.gauges, Gateway: g.admin.Gateway,
		Health: g.health, Announce: g.ports.announce,
		Features:  func(now time.Time) []web.Feature { return g.expiries.list(document(), now) },
		OnProblem: func(err error) { g.log.Warn().Err(err).Msg("status over HTTP") }}
}

// serve answers until ctx ends.
func (p *pages) serve(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ctx = ctx
	p.begin(p.server)
}

// begin runs a server; mu is held.
func (p *pages) begin(s *web.Server) {
	ctx, stop := context.WithCancel(p.ctx)
	stopped := make(chan struct{})
	p.server, p.stop, p.stopped = s, stop, stopped
	p.run("status over HTTP", func() error {
		defer close(stopped)
		defer stop()
		return s.Serve(ctx)
	})
}

// replace ends the server that runs, with its connections, and begins another.
func (p *pages) replace(s *web.Server, listen func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop()
	<-p.stopped
	err := listen()
	p.begin(s)
	return err
}

// addr is where they are; nil: nowhere.
func (p *pages) addr() net.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server.Addr()
}

// preparePages binds another address. Where only TLS comes or goes, the address is bound anew when the server before is gone.
func (g *gateway) preparePages(now, next *config.Document) (part, error) {
	a, b := now.HTTP, next.HTTP
	nothing := part{takeUp: func() []error { return nil }, undo: func() {}}
	if a.Address == b.Address && (a.Certificate == "") == (b.Certificate == "") || !a.Address.IsValid() && !b.Address.IsValid() {
		return nothing, nil
	}
	var taken atomic.Bool
	s := g.newPages(func() *config.Document {
		if taken.Load() {
			return g.document()
		}
		return next
	})
	listen := s.Listen
	if !config.Collide(a.Address, b.Address) {
		if err := s.Listen(); err != nil {
			s.Close()
			return part{}, err
		}
		listen = func() error { return nil }
	}
	return part{undo: s.Close, takeUp: func() []error {
		taken.Store(true)
		if err := g.pages.replace(s, listen); err != nil {
			return []error{fmt.Errorf("%w; the status pages are gone, and come back by themselves when that can be", err)}
		}
		return nil
	}}, nil
}
