package receive

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"postern/engine/config"
)

// changeable is a server on loopback sockets whose document can be replaced.
type changeable struct {
	*Server
	t        *testing.T
	document atomic.Pointer[config.Document]
	told     problems
}

func newChangeable(t *testing.T, listeners ...config.Listener) *changeable {
	c := &changeable{t: t}
	c.document.Store(&config.Document{Hostname: "mx.test", Listeners: listeners})
	c.Server = &Server{Queue: &countQueue{}, Store: &countStore{}, Document: c.document.Load}
	c.OnProblem = func(_ string, err error) { c.told.add(err) }
	t.Cleanup(func() { // after the server's end
		if got := c.told.list(); len(got) > 0 {
			t.Errorf("problems: %q", got)
		}
	})
	serve(t, c.Server)
	return c
}

// become prepares and makes a change.
func (c *changeable) become(listeners ...config.Listener) {
	c.t.Helper()
	next := &config.Document{Hostname: "mx.test", Listeners: listeners}
	change, err := c.Prepare(next, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.document.Store(next)
	change.Make()
}

func on(name, address string) config.Listener {
	return config.Listener{Name: name, Kind: config.Private, Address: netip.MustParseAddrPort(address), CommandTimeout: config.Duration{Duration: time.Minute}}
}

// greeted connects and reads the greeting.
func greeted(address string) (net.Conn, *bufio.Reader, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(c)
	line, err := r.ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "220 ") {
		err = errors.New(line)
	}
	if err != nil {
		c.Close()
	}
	return c, r, err
}

// asks says a line and returns the answer's.
func asks(c net.Conn, r *bufio.Reader, line string) (string, error) {
	if _, err := io.WriteString(c, line+"\r\n"); err != nil {
		return "", err
	}
	return r.ReadString('\n')
}

// Under load, listeners come, go and move. Nobody who talks to one that stays, or to one that moves, is lost.
func TestChangeUnderLoad(t *testing.T) {
	stays, first, second := freeAddress(t).String(), freeAddress(t).String(), freeAddress(t).String()
	c := newChangeable(t, on("Stays", stays), on("Moves", first))
	moved, lines, err := greeted(first)
	if err != nil {
		t.Fatal(err)
	}
	defer moved.Close()
	end, sent := make(chan struct{}), atomic.Int64{}
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for !isClosed(end) {
				conn, r, err := greeted(stays)
				if err != nil {
					t.Errorf("after %d: %v", sent.Load(), err)
					return
				}
				if line, err := asks(conn, r, "NOOP"); err != nil || !strings.HasPrefix(line, "250") {
					t.Errorf("after %d: %q, %v", sent.Load(), line, err)
				}
				conn.Close()
				sent.Add(1)
			}
		})
	}
	for i := range 40 {
		to := first
		if i%2 == 0 {
			to = second
		}
		list := []config.Listener{on("Stays", stays), on("Moves", to)}
		list[0].MaxHops = 10 + i // another policy of the same port
		if i%3 == 0 {
			list = append(list, on("Comes", freeAddress(t).String()))
		}
		c.become(list...)
		conn, _, err := greeted(to)
		if err != nil {
			t.Fatalf("change %d: %v", i, err)
		}
		conn.Close()
	}
	close(end)
	clients.Wait()
	if sent.Load() == 0 {
		t.Error("nobody came")
	}
	if line, err := asks(moved, lines, "NOOP"); err != nil || !strings.HasPrefix(line, "250") {
		t.Errorf("who came before all that hears %q, %v", line, err)
	}
}

// A listener that is gone lets its clients finish what they have begun, and nobody in.
func TestChangeRemovesAListener(t *testing.T) {
	stays, goes := freeAddress(t).String(), freeAddress(t).String()
	c := newChangeable(t, on("Stays", stays), on("Goes", goes))
	busy, r, err := greeted(goes)
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, line := range []string{"HELO x.test", "MAIL FROM:<a@x.test>"} {
		if got, err := asks(busy, r, line); err != nil || !strings.HasPrefix(got, "250") {
			t.Fatalf("%q, %v", got, err)
		}
	}
	c.become(on("Stays", stays))
	if _, _, err := greeted(goes); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the port: %v", err)
	}
	if got, err := asks(busy, r, "RCPT TO:<b@x.test>"); err != nil || !strings.HasPrefix(got, "250") {
		t.Errorf("a transaction under way: %q, %v", got, err)
	}
	if got, err := asks(busy, r, "RSET"); err != nil || !strings.HasPrefix(got, "250") {
		t.Errorf("its end: %q, %v", got, err)
	}
	if got, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(got, "421 4.3.2") {
		t.Errorf("then: %q, %v", got, err)
	}
	if err := c.Suspend(t.Context(), []string{"Goes"}, 0); !errors.Is(err, ErrNoListener) {
		t.Errorf("suspending it: %v", err)
	}
}

// The same port under another name, and on all addresses of the machine instead of one, can be had although we have it.
func TestChangeOfOurOwnPorts(t *testing.T) {
	at := freeAddress(t).String()
	_, port, _ := net.SplitHostPort(at)
	c := newChangeable(t, on("One", at))
	for _, l := range []config.Listener{on("Two", at), on("Two", "0.0.0.0:"+port), on("Three", at), on("Three", "0.0.0.0:"+port)} {
		c.become(l)
		conn, _, err := greeted(at)
		if err != nil {
			t.Fatalf("%s on %s: %v", l.Name, l.Address, err)
		}
		conn.Close()
	}
}

// A port that somebody else has refuses the change and leaves everything as it was, also what was closed for it.
func TestChangeThatCannotBind(t *testing.T) {
	at, other := freeAddress(t).String(), freeAddress(t).String()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	c := newChangeable(t, on("One", at))
	for what, list := range map[string][]config.Listener{
		"a new one":      {on("One", at), on("Two", other), on("Three", busy.Addr().String())},
		"one that moves": {on("Two", at), on("One", busy.Addr().String())},
	} {
		_, err := c.Prepare(&config.Document{Hostname: "mx.test", Listeners: list}, nil)
		if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "cannot listen on "+busy.Addr().String()) {
			t.Fatalf("%s: %v", what, err)
		}
		conn, _, err := greeted(at)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		conn.Close()
		if _, _, err := greeted(other); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: the port that was to be new: %v", what, err)
		}
	}
	change, err := c.Prepare(&config.Document{Hostname: "mx.test", Listeners: []config.Listener{on("Two", at)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	change.Undo()
	conn, _, err := greeted(at)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if c.Addr("One") == nil || c.Addr("Two") != nil {
		t.Errorf("bound are %v and %v", c.Addr("One"), c.Addr("Two"))
	}
}

// A listener that was suspended before it went away comes back suspended; one that moves while it is suspended stays so.
func TestChangeOfSuspendedListeners(t *testing.T) {
	at, other := freeAddress(t).String(), freeAddress(t).String()
	c := newChangeable(t, on("One", at))
	if err := c.Suspend(t.Context(), nil, 0); err != nil {
		t.Fatal(err)
	}
	c.become(on("One", other))
	next := &config.Document{Hostname: "mx.test", Listeners: []config.Listener{on("One", other), on("Two", at)}}
	change, err := c.Prepare(next, []string{"Two"})
	if err != nil {
		t.Fatal(err)
	}
	c.document.Store(next)
	change.Make()
	if c.Addr("One") != nil || c.Addr("Two") != nil {
		t.Errorf("bound are %v and %v", c.Addr("One"), c.Addr("Two"))
	}
	if err := c.Resume(nil); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{at, other} {
		conn, _, err := greeted(address)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
}
