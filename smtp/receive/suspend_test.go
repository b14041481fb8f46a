package receive

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"postern/bench/freeport"
	"postern/engine/config"
)

// suspending starts a suspension and returns how long it takes and its error.
func suspending(w *world, ctx context.Context, grace time.Duration, names ...string) <-chan suspended {
	done := make(chan suspended, 1)
	began := time.Now()
	go func() {
		err := w.Suspend(ctx, names, grace)
		done <- suspended{time.Since(began), err}
	}()
	synctest.Wait()
	return done
}

type suspended struct {
	took time.Duration
	err  error
}

// Clients that do nothing are sent away at once; those with a transaction may finish it, and begin no other. Then the
// suspension is done, long before its grace is over.
func TestSuspendLetsTransactionsEnd(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		idle, busy := open(w.port), open(w.port)
		busy.say(begin + envelope)
		second := open(w.port)
		second.say(begin + envelope + "DATA\r\n")
		done := suspending(w, t.Context(), time.Hour, "In")
		if w.Addr("In") != nil {
			t.Error("the port is still bound")
		}
		if got := idle.hear(); got != replySuspended+"\r\n<closed>" {
			t.Errorf("who does nothing hears %q", got)
		}
		time.Sleep(time.Minute)
		wants(t, busy.say("DATA\r\n"), "354 ")
		wants(t, busy.say("x\r\n.\r\n"+envelope), "accepted", "421 4.3.2 ", "<closed>")
		if len(done) > 0 {
			t.Error("it is done although a transaction is open")
		}
		wants(t, second.say("x\r\n.\r\n"), "accepted", replySuspended, "<closed>")
		if s := <-done; s.err != nil || s.took > 2*time.Minute || w.Connections() != 0 {
			t.Errorf("it took %s, %v; %d connections are left", s.took, s.err, w.Connections())
		}
		if n := len(w.queue.injected); n != 2 {
			t.Errorf("%d messages", n)
		}
		wants(t, strings.Join(w.queue.facts(), "\n"), "close ICID 1 stopped", "close ICID 3 stopped")
	})
}

// When the grace is over, whoever is left is cut off: in a transaction, in its content, held back by resource conservation.
func TestSuspendCutsOff(t *testing.T) {
	const grace = 30 * time.Second
	inBubble(t, func(_ *config.Listener, s *Server) { s.Delay = func() time.Duration { return time.Minute } }, func(t *testing.T, w *world) {
		held := open(w.port)
		held.say(begin + "MAIL FROM:<a@x.org>\r\n")
		began := time.Now()
		done := suspending(w, t.Context(), grace)
		wants(t, held.hear(), "250 2.1.0 ") // at once: there is no reason to wait any more
		if waited := time.Since(began); waited > time.Second {
			t.Errorf("waited %s", waited)
		}
		time.Sleep(time.Until(began.Add(grace)))
		wants(t, held.hear(), replySuspended, "<closed>")
		s := <-done
		if s.err != nil || s.took < grace || s.took > grace+lastWords || w.Connections() != 0 {
			t.Errorf("it took %s, %v; %d connections are left", s.took, s.err, w.Connections())
		}
		wants(t, strings.Join(w.queue.facts(), "\n"), "close ICID 1 killed", "aborted MID 1")
	})
	inBubble(t, nil, func(t *testing.T, w *world) {
		content, deaf := open(w.port), w.port.dial("127.0.0.1") // who never reads the banner
		content.say(begin + envelope + "DATA\r\nSubject: half\r\n")
		done := suspending(w, t.Context(), grace)
		time.Sleep(grace)
		wants(t, content.hear(), "421 4.3.2 ", "<closed>")
		s := <-done
		if s.err != nil || s.took < grace || s.took > grace+2*lastWords || w.Connections() != 0 {
			t.Errorf("it took %s, %v; %d connections are left", s.took, s.err, w.Connections())
		}
		_ = deaf.Close()
		if len(w.queue.injected) != 0 {
			t.Error("half a message was taken")
		}
	})
}

// A suspension that is not waited for is one all the same, and cuts off when its grace is over. Suspending again waits for
// what is left, with a grace of its own.
func TestSuspendAgain(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		c := open(w.port)
		c.say(begin + envelope)
		ctx, cancel := context.WithCancel(t.Context())
		first := suspending(w, ctx, time.Minute)
		cancel()
		if s := <-first; !errors.Is(s.err, context.Canceled) || s.took != 0 || w.Connections() != 1 {
			t.Errorf("took %s, %v; %d connections", s.took, s.err, w.Connections())
		}
		if s := <-suspending(w, t.Context(), time.Hour); s.err != nil || s.took < time.Minute || s.took > time.Minute+lastWords {
			t.Errorf("the second took %s, %v", s.took, s.err)
		}
		if s := <-suspending(w, t.Context(), 0); s.err != nil || s.took != 0 {
			t.Errorf("the third took %s, %v", s.took, s.err)
		}
		w.port = newPipes()
		for range 2 {
			if err := w.Resume(nil); err != nil {
				t.Fatal(err)
			}
		}
		c = open(w.port)
		time.Sleep(time.Minute + 30*time.Second) // of the first
		wants(t, c.say("NOOP\r\n"), "250 ")
		wants(t, c.say(begin+envelope+"DATA\r\n"), "354 ")
		if err := w.Suspend(t.Context(), []string{"In", "Out"}, 0); !errors.Is(err, ErrNoListener) || w.Addr("In") == nil {
			t.Errorf("with an unknown listener: %v", err)
		}
		if err := w.Resume([]string{"Out"}); !errors.Is(err, ErrNoListener) {
			t.Errorf("an unknown listener is resumed: %v", err)
		}
	})
}

// On real sockets: the port is closed, another program could have it, and it comes back.
func TestSuspendedPortRefuses(t *testing.T) {
	in, out := freeAddress(t), freeAddress(t)
	document := &config.Document{Hostname: "mx.test", Listeners: []config.Listener{
		{Name: "In", Kind: config.Private, Address: in}, {Name: "Out", Kind: config.Private, Address: out}, {Name: "Gone", Kind: config.Private, Address: freeAddress(t)}}}
	s := &Server{Queue: &countQueue{}, Store: &countStore{}, Document: func() *config.Document { return document }, Suspended: []string{"In", "Gone", "Never"},
		OnProblem: func(_ string, err error) { t.Error(err) }}
	serve(t, s)
	refuses := func(a netip.AddrPort) {
		t.Helper()
		if _, err := net.Dial("tcp", a.String()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: %v", a, err)
		}
	}
	refuses(in)
	client := dialSocket(t, out.String())
	client.do(t, "EHLO c\r\n", "250")
	if err := s.Suspend(t.Context(), []string{"In"}, 0); err != nil {
		t.Error(err)
	}
	client.message(t, fourKilobytes)
	if err := s.Suspend(t.Context(), nil, time.Minute); err != nil {
		t.Error(err)
	}
	client.expect(t, "421")
	refuses(out)

	other, err := net.Listen("tcp", in.String())
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	if err := s.Resume([]string{"Out", "Out", "In"}); err == nil || !strings.Contains(err.Error(), `listener "In" cannot listen on `+in.String()) {
		t.Errorf("resumed: %v", err)
	}
	refuses(out) // none was resumed
	other.Close()
	if err := s.Resume([]string{"Out", "In"}); err != nil {
		t.Error(err)
	}
	for _, a := range []netip.AddrPort{in, out} {
		client := dialSocket(t, a.String())
		client.do(t, "EHLO c\r\n", "250")
		client.message(t, fourKilobytes)
		client.Close()
	}
	if s.Addr("Gone") != nil {
		t.Error("a listener was resumed that nobody named")
	}
}

// Clients come and go while the listener is suspended and resumed: whenever a suspension is done nobody is left, nobody who
// has begun a message is cut off, and every answer is a proper one.
func TestSuspendUnderLoad(t *testing.T) {
	address := freeAddress(t)
	document := &config.Document{Hostname: "mx.test", Listeners: []config.Listener{{Name: "In", Kind: config.Private, Address: address}}}
	q := &countQueue{}
	s := &Server{Queue: q, Store: &countStore{}, Document: func() *config.Document { return document }, OnProblem: func(_ string, err error) { t.Error(err) }}
	serve(t, s)
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for !isClosed(stop) {
				sendUntilCut(t, address.String())
			}
		})
	}
	for range 40 {
		before, late := q.injected.Load(), time.After(time.Minute)
		for tick := time.Tick(time.Millisecond); q.injected.Load() < before+5; {
			select {
			case <-tick:
			case <-late:
				t.Fatal("no mail comes in")
			}
		}
		if err := s.Suspend(t.Context(), nil, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		for late := time.After(time.Minute); s.Connections() != 0; { // one that is just turned away counts for a moment
			select {
			case <-time.After(time.Millisecond):
			case <-late:
				t.Fatalf("suspended with %d connections", s.Connections())
			}
		}
		if err := s.Resume(nil); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	clients.Wait()
}

// sendUntilCut sends messages over one connection until it is ended by 421, which may come only between transactions.
func sendUntilCut(t *testing.T, address string) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	answer := make([]byte, 1024)
	for i, step := range []string{"", "EHLO c\r\n", "MAIL FROM:<a@x.org>\r\n", "RCPT TO:<b@example.com>\r\n", "DATA\r\n", "x\r\n.\r\n", "QUIT\r\n"} {
		if _, err := io.WriteString(conn, step); err != nil && i > 2 {
			t.Errorf("at %q: %v", step, err)
		}
		n, err := conn.Read(answer)
		switch got := string(answer[:n]); {
		case err != nil && i > 2 && i < 6:
			t.Errorf("after %q: %v", step, err)
		case err != nil, strings.HasPrefix(got, "421 "):
			if i > 2 && i < 6 {
				t.Errorf("after %q: %q", step, got)
			}
			return
		}
	}
}

// serve runs a server until the test ends.
func serve(tb testing.TB, s *Server) {
	tb.Helper()
	if err := s.Listen(); err != nil {
		tb.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			tb.Error(err)
		}
		if err := <-served; err != nil {
			tb.Error(err)
		}
	})
}

func freeAddress(t *testing.T) netip.AddrPort {
	t.Helper()
	at, err := freeport.Pick("tcp")
	if err != nil {
		t.Fatal(err)
	}
	return at
}
