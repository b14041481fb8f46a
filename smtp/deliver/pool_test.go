package deliver

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine"
	"postern/engine/config"
)

func TestFiftyMessagesPerConnection(t *testing.T) {
	w := newWorld(t)
	w.document.Delivery.MessagesPerConnection = 50
	p := w.peer("192.0.2.1", &peer{extensions: pipelining})
	for range 120 {
		w.want(w.deliver()[0], `delivered 250 2.0.0 "taken as 1"`)
	}
	w.end()
	if p.sessions != 3 || len(p.got()) != 120 || w.dcid != 3 {
		t.Errorf("%d messages in %d sessions, %d DCIDs", len(p.got()), p.sessions, w.dcid)
	}
}

func TestIdleConnectionsAreClosedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.document.Delivery.IdleTimeout = config.Duration{Duration: 5 * time.Second}
		p := w.peer("192.0.2.1", &peer{extensions: pipelining})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.client.Run(ctx) }()
		w.deliver()
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if n, _ := w.client.Destination("example.com"); n != 1 {
			t.Errorf("%d connections after 4 s", n)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if n := w.client.Connections(); n != 0 {
			t.Errorf("%d connections after 7 s", n)
		}
		if all := strings.Join(p.seen(), " "); !strings.HasSuffix(all, "QUIT") {
			t.Errorf("no QUIT: %s", all)
		}
		w.deliver()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		w.deliver() // after the end: it works, and nothing is kept
		w.end()
		if p.sessions != 3 {
			t.Errorf("%d sessions", p.sessions)
		}
	})
}

// A peer that does not answer QUIT holds nobody up for longer than MaxQuitTime.
func TestQuitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.peer("192.0.2.1", &peer{extensions: pipelining, script: verbs(map[string]string{"QUIT": stall})})
		w.deliver()
		started := time.Now()
		w.end()
		if took := time.Since(started); took > MaxQuitTime {
			t.Errorf("took %s", took)
		}
	})
}

// A commit, another route or another destination means another connection.
func TestConnectionsAreNotMixed(t *testing.T) {
	w := newWorld(t)
	w.mx["example.org"] = w.mx["example.com"]
	p := w.peer("192.0.2.1", &peer{extensions: pipelining})
	w.deliver()
	a := w.attempt()
	a.Destination = "example.org"
	w.client.Deliver(t.Context(), a)
	a = w.attempt()
	a.Route = "192.0.2.1"
	w.client.Deliver(t.Context(), a)
	if p.sessions != 3 || w.client.Connections() != 3 {
		t.Errorf("%d sessions, %d connections", p.sessions, w.client.Connections())
	}
	next := *w.document
	w.document = &next
	w.deliver()
	w.end()
	if p.sessions != 4 {
		t.Errorf("%d sessions after a commit", p.sessions)
	}
}

// What happens to a kept connection between two messages is not blamed on the second one: it goes over a fresh
// connection in the same attempt, and arrives once.
func TestStaleConnection(t *testing.T) {
	for name, script := range map[string]func(session, n int, line string) string{
		"closes at MAIL": func(session, n int, line string) string { return onFirst(session, n, 6, hangUp) },
		"421 at MAIL":    func(session, n int, line string) string { return onFirst(session, n, 6, "421 too long idle") },
		"451 at MAIL":    func(session, n int, line string) string { return onFirst(session, n, 6, "451 not you again") },
		"closes at RCPT": func(session, n int, line string) string { return onFirst(session, n, 7, hangUp) },
		"closes at DATA": func(session, n int, line string) string { return onFirst(session, n, 8, hangUp) },
		"talks nonsense": func(session, n int, line string) string { return onFirst(session, n, 6, "hello?") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.peer("192.0.2.1", &peer{extensions: pipelining, script: script})
			w.deliver()
			out := w.deliver()
			w.end()
			w.want(out[0], `delivered 250 2.0.0 "taken as 1"`)
			if p.sessions != 2 || len(p.got()) != 2 || out[0].DCID != 2 {
				t.Errorf("%d sessions, %d messages, DCID %d", p.sessions, len(p.got()), out[0].DCID)
			}
		})
	}
}

func onFirst(session, n, at int, text string) string {
	if session == 1 && n == at {
		return text
	}
	return ""
}

// The answer to the final dot is lost on a reused connection: that is unknown, and no reason to send again.
func TestUnknownOnReusedIsNotSentAgain(t *testing.T) {
	w := newWorld(t)
	p := w.peer("192.0.2.1", &peer{extensions: pipelining,
		script: func(session, n int, line string) string { return onFirst(session, n, 9, hangUp) }})
	w.deliver()
	out := w.deliver()
	w.end()
	w.want(out[0], `unknown 000 4.4.2 "EOF"`)
	if p.sessions != 1 {
		t.Errorf("%d sessions", p.sessions)
	}
}

// listen puts a peer on a real socket and lets the world dial it.
func (w *world) listen(p *peer) (stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	w.work.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			w.work.Go(func() { p.serve(nc) })
		}
	})
	w.client.Dial = func(ctx context.Context, network string, _ netip.Addr, _ netip.AddrPort) (net.Conn, error) {
		return dial(ctx, network, netip.Addr{}, l.Addr().(*net.TCPAddr).AddrPort())
	}
	stop = func() { l.Close(); w.client.Close(); w.work.Wait() }
	w.Cleanup(stop)
	return stop
}

// On a real socket a dead idle connection is found out before anything is said on it.
func TestIdleConnectionClosedByPeer(t *testing.T) {
	for name, farewell := range map[string]string{"close": "", "421": "421 4.4.2 idle too long\r\n"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			conns := make(chan net.Conn, 2)
			p := &peer{extensions: pipelining}
			w.listen(p)
			inner := w.client.Dial
			w.client.Dial = func(ctx context.Context, n string, l netip.Addr, r netip.AddrPort) (net.Conn, error) {
				nc, err := inner(ctx, n, l, r)
				conns <- nc
				return nc, err
			}
			w.deliver()
			ours := <-conns
			theirs := p.last()
			if farewell != "" {
				theirs.Write([]byte(farewell))
			} else {
				theirs.Close()
			}
			waitReadable(t, ours)
			out := w.deliver()
			w.want(out[0], `delivered 250 2.0.0 "taken as 1"`)
			w.client.Close()
			if all := strings.Join(p.seen(), " "); strings.Count(all, "MAIL") != 2 || out[0].DCID != 2 {
				t.Errorf("DCID %d: %s", out[0].DCID, all)
			}
			if !strings.Contains(w.noted(), "closed 1 closed by the peer while idle") {
				t.Error(w.noted())
			}
		})
	}
}

// waitReadable waits until what the peer did has reached our socket.
func waitReadable(t *testing.T, nc net.Conn) {
	c := newConnection(nc, netip.AddrPort{})
	for deadline := time.Now().Add(time.Minute); c.quiet(); {
		if time.Now().After(deadline) {
			t.Fatal("nothing came")
		}
	}
}

func (p *peer) last() net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn
}

func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	p := &peer{extensions: pipelining}
	w.listen(p)
	done := make(chan engine.Outcome)
	for range 20 {
		go func() {
			var o engine.Outcome
			for range 30 {
				o = w.deliver()[0]
			}
			done <- o
		}()
	}
	for range 20 {
		w.want(<-done, `delivered 250 2.0.0 "taken as 1"`)
	}
	w.client.Close()
	if len(p.got()) != 600 || p.sessions > 40 {
		t.Errorf("%d messages in %d sessions", len(p.got()), p.sessions)
	}
}

func TestGaugesWhileDialling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.peer("192.0.2.1", &peer{script: verbs(map[string]string{"": stall})})
		done := make(chan []engine.Outcome)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- w.client.Deliver(ctx, w.attempt()) }()
		synctest.Wait()
		c, d := w.client.Destination("example.com")
		if c != 0 || d != 1 || w.client.Dialling() != 1 {
			t.Errorf("%d connections, %d dialling", c, d)
		}
		cancel()
		<-done
		w.end()
		if len(w.client.pool.sites) != 0 {
			t.Errorf("remembers %d destinations", len(w.client.pool.sites))
		}
	})
}
