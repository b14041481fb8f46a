package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"postern/engine/config"
	"postern/projections"
	"postern/shell"
)

// Server answers over HTTP. Its fields are set before Listen and not changed after.
type Server struct {
	Document func() *config.Document // in force; its address counts at Listen, all else at once
	Follower *projections.Follower
	Figures  *projections.Figures // one of the follower's
	Gauges   *projections.Gauges
	Gateway  shell.Gateway                                                            // what /api/ asks
	Health   func(now time.Time) []string                                             // why the gateway is not healthy, in sentences; none: it is; nil: it always is
	Features func(now time.Time) []Feature                                            // of the XML feed; nil: none
	Announce func(ctx context.Context, network, address string) (net.Listener, error) // nil: TCP

	OnProblem func(error)      // is told of what an operator should see, from many goroutines; nil: nobody
	Now       func() time.Time // nil: time.Now
	Zone      *time.Location   // of the XML feed; nil: the machine's

	door        atomic.Pointer[door] // nil until bound
	server      *http.Server
	certificate certificate
	guard       guard
	busiest     busiest
	api         http.Handler
	asking      chan struct{} // a place for each request of /api/ that runs

	requests    atomic.Uint64
	connections sync.WaitGroup // their handlers included
}

// The limits, and what happens at them.
const (
	headerTime = 5 * time.Second  // from the connection to the end of the first header, TLS included: closed
	writeTime  = 30 * time.Second // from the header to the end of the answer: closed
	idleTime   = 90 * time.Second // between requests; monitoring systems ask every minute
	maxHeader  = 8 << 10          // bytes: 431
	maxAsking  = 2                // requests of /api/ at once: 503
	askingTime = 25 * time.Second // of one of them, at least 1 s less than writeTime: cut off, visibly
	rebindTime = 5 * time.Second  // between attempts to bind
)

// Enabled tells whether the document wants anything served.
func (s *Server) Enabled() bool { return s.Document().HTTP.Address.IsValid() }

// Listen binds the address and loads the certificate. After an error Serve tries again, or Close gives it up.
func (s *Server) Listen() error {
	s.prepare()
	if !s.Enabled() {
		return nil
	}
	err := s.bind(context.Background())
	if h := &s.Document().HTTP; err == nil && h.Certificate != "" {
		_, err = s.certificate.get(h)
	}
	return err
}

// Close lets go of the address of a server that was never to serve.
func (s *Server) Close() {
	if d := s.door.Load(); d != nil {
		d.Close()
	}
}

// Addr is where it listens; nil: it does not.
func (s *Server) Addr() net.Addr {
	if d := s.door.Load(); d != nil {
		return d.Addr()
	}
	return nil
}

func (s *Server) prepare() {
	if s.Announce == nil {
		s.Announce = new(net.ListenConfig).Listen
	}
	s.certificate.now, s.certificate.problem = s.now, s.problem
	s.guard.prepare(s.now, s.problem)
	s.api, s.asking = http.StripPrefix("/api", shell.ReadOnly(s.Gateway)), make(chan struct{}, maxAsking)
	s.busiest.leaders.Max = maxHosts
	s.server = &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: headerTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, DisableGeneralOptionsHandler: true, Protocols: new(http.Protocols),
		TLSConfig: s.certificate.config(func() *config.HTTP { return &s.Document().HTTP }), ConnState: s.count, ConnContext: withGuest,
		// What it would say of connections is what their other ends did: noise that anybody can make.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.server.Protocols.SetHTTP1(true) // and nothing else: no second way to read the same bytes
}

func (s *Server) bind(ctx context.Context) error {
	address := s.Document().HTTP.Address.String()
	ln, err := s.Announce(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("http cannot listen on %s: %w", address, err)
	}
	s.door.Store(newDoor(ln, s.now))
	return nil
}

// Serve answers until ctx ends, which cuts all connections off. It returns at once when nothing is to be served.
func (s *Server) Serve(ctx context.Context) error {
	if !s.Enabled() {
		return nil
	}
	for s.door.Load() == nil {
		select {
		case <-time.After(rebindTime):
			_ = s.bind(ctx) // it was reported once
		case <-ctx.Done():
			return nil
		}
	}
	s.server.BaseContext = func(net.Listener) context.Context { return ctx }
	stop := context.AfterFunc(ctx, func() {
		s.guard.close()
		s.server.Close()
	})
	defer stop()
	var err error
	if s.Document().HTTP.Certificate != "" {
		err = s.server.ServeTLS(s.door.Load(), "", "")
	} else {
		err = s.server.Serve(s.door.Load())
	}
	s.server.Close()
	s.connections.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("http: %w", err)
}

// count follows connections from their acceptance until their last handler has returned.
func (s *Server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.connections.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.connections.Done()
	}
}

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func (s *Server) zone() *time.Location {
	if s.Zone != nil {
		return s.Zone
	}
	return time.Local
}

func (s *Server) problem(err error) {
	if s.OnProblem != nil {
		s.OnProblem(err)
	}
}

// status is what the figures say now, wherever they stand.
func (s *Server) status() (v projections.Status) {
	d, now := s.Document(), s.now()
	names := make([]string, len(d.Listeners))
	for i := range d.Listeners {
		names[i] = d.Listeners[i].Name
	}
	s.Follower.Peek(func() { v = s.Figures.View(now, s.Gauges, names) })
	v.Hostname = d.Hostname
	return v
}

func (s *Server) features() []Feature {
	if s.Features == nil {
		return nil
	}
	return s.Features(s.now())
}

// busiest keeps whom /metrics names.
type busiest struct {
	mu      sync.Mutex // guards leaders; held for some milliseconds at most
	leaders projections.Leaders
}
