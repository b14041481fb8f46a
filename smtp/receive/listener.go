package receive

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// listener is a port on which clients arrive. Its run is the only goroutine that accepts.
type listener struct {
	server  *Server
	name    string
	changed chan struct{} // something below has changed; holds one
	policy  atomic.Pointer[policy]

	mu        sync.Mutex
	bound     net.Listener  // nil: not bound
	suspended chan struct{} // closed while the listener is suspended; another one after each resumption
	closed    bool

	refused refusals
}

// prepare makes the listener's policy of a document.
func (l *listener) prepare(document *config.Document, section config.Listener) error {
	p := newPolicy(document, section)
	var err error
	if section.Certificate != "" {
		p.certificate, err = l.server.certificates.load(l.name, section.Certificate, section.Key)
	}
	l.policy.Store(p)
	if err != nil {
		return fmt.Errorf("listener %q: %w", l.name, err)
	}
	return nil
}

// current is the policy of the document in force. A listener that is in it no more keeps its last policy until it closes.
func (l *listener) current() *policy {
	p, document := l.policy.Load(), l.server.Document()
	if p.document == document {
		return p
	}
	for _, section := range document.Listeners {
		if section.Name == l.name {
			if err := l.prepare(document, section); err != nil {
				l.server.problem(l.name, err)
			}
			return l.policy.Load()
		}
	}
	return p
}

// bind takes the port, unless the listener has it or is not to have it.
func (l *listener) bind() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bound != nil || l.closed || isClosed(l.suspended) {
		return nil
	}
	bound, err := l.announce()
	if err == nil {
		l.bound = bound
	}
	return err
}

func (l *listener) announce() (net.Listener, error) {
	address := l.policy.Load().Address.String()
	bound, err := l.server.Announce(l.server.ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listener %q cannot listen on %s: %w", l.name, address, err)
	}
	return bound, nil
}

func (l *listener) port() net.Listener {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bound
}

// unbind closes the port and lets set change the state behind it.
func (l *listener) unbind(set func()) {
	l.mu.Lock()
	set()
	bound := l.bound
	l.bound = nil
	l.mu.Unlock()
	if bound != nil {
		_ = bound.Close() // nothing is lost with it
	}
	l.wake()
}

func (l *listener) wake() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *listener) close() { l.unbind(func() { l.closed = true }) }

// run accepts until the listener is closed; while it is not bound it waits, and retries unless it is suspended.
func (l *listener) run() {
	defer l.refused.flush(l)
	for {
		l.mu.Lock()
		bound, suspended, closed := l.bound, isClosed(l.suspended), l.closed
		l.mu.Unlock()
		switch {
		case closed:
			return
		case bound != nil:
			l.accept(bound)
		default:
			l.await(suspended)
		}
	}
}

func (l *listener) await(suspended bool) {
	var retry <-chan time.Time
	if !suspended {
		t := time.NewTimer(retryBind)
		defer t.Stop()
		retry = t.C
	}
	select {
	case <-l.changed:
	case <-retry:
		if err := l.bind(); err != nil {
			l.server.problem(l.name, err)
		}
	}
}

// reportEvery is how often a failure that goes on is reported.
const reportEvery = time.Minute

// accept takes clients until the port is closed. Failures (too many open files, above all) are waited out.
func (l *listener) accept(bound net.Listener) {
	pause := 5 * time.Millisecond
	var reported time.Time
	for {
		conn, err := bound.Accept()
		if err == nil {
			pause = 5 * time.Millisecond
			l.take(conn)
			continue
		}
		if errors.Is(err, net.ErrClosed) || l.port() != bound {
			return
		}
		if pause >= time.Second && time.Since(reported) >= reportEvery {
			reported = time.Now()
			l.server.problem(l.name, fmt.Errorf("listener %q: accept: %w", l.name, err))
		}
		select {
		case <-l.changed:
			l.wake()
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Second)
	}
}

// take begins a conversation with a client, or turns it away.
func (l *listener) take(conn net.Conn) {
	p := l.current()
	c := newConversation(l, p, conn)
	reply, reason := "", ""
	if c.access.action == "REJECT" {
		reply, reason = replyNotAllowed, "Access denied"
	} else {
		reply, reason = l.server.limits.enter(c.client, p)
	}
	if reply != "" {
		l.refused.add(l, c.client.address, reason)
	} else if !l.server.enroll(c) {
		reply = c.whyNow()
		l.server.limits.leave(c.client)
	}
	if reply != "" {
		turnAway(conn, reply)
	}
}

// turnAway says why and closes. The first octets of a connection fit into its socket's buffer: nobody waits for them.
func turnAway(conn net.Conn, reply string) {
	_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	_, _ = conn.Write([]byte(reply + "\r\n")) // a courtesy
	_ = conn.Close()
}

// refusals sums up refused connections: at most one fact a second and listener.
type refusals struct {
	mu      sync.Mutex
	count   uint32
	remote  netip.Addr
	reason  string
	last    time.Time
	pending *time.Timer // not nil: flush will be called
}

const refusalInterval = time.Second

func (r *refusals) add(l *listener, remote netip.Addr, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	r.remote, r.reason = remote, reason
	if wait := refusalInterval - time.Since(r.last); wait <= 0 {
		r.note(l)
	} else if r.pending == nil {
		r.pending = time.AfterFunc(wait, func() { r.flush(l) })
	}
}

func (r *refusals) flush(l *listener) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(l)
}

// note writes down what has gathered; r.mu is held.
func (r *refusals) note(l *listener) {
	if r.pending != nil {
		r.pending.Stop()
		r.pending = nil
	}
	if r.count == 0 {
		return
	}
	l.server.Queue.Note(&journal.ConnectionRefused{Listener: l.name, Remote: r.remote, Reason: r.reason, Count: r.count})
	r.count, r.last = 0, time.Now()
}

// addressOf is the IP address of a socket's end, unmapped; the zero Addr where there is none (a pipe).
func addressOf(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap().WithZone("")
	case interface{ AddrPort() netip.AddrPort }:
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
