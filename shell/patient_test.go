package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postern/engine"
)

// answeringRaw is an admin socket that answers every question with some bytes, and lets go.
func answeringRaw(t *testing.T, body string) *Remote {
	t.Helper()
	data := t.TempDir()
	ln, err := net.Listen("unix", filepath.Join(data, socketName))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, body)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
	return &Remote{Data: data}
}

// TestAnOrderThatBreaksOff says so, and how to find out what became of it; so does one that ends without a result.
func TestAnOrderThatBreaksOff(t *testing.T) {
	const told = "the gateway stopped while it answered"
	for _, body := range []string{"{}\n", "{}\n{\"step\":{\"done\":5,\"total\":10,\"mids\":[1,2]}}\n", "{}\n{\"step\":{\"do"} {
		g := answeringRaw(t, body)
		steps := 0
		if _, err := g.Order(t.Context(), engine.Order{Action: "delete"}, func(p engine.Progress) { steps++ }); err == nil || err.Error() != told {
			t.Errorf("%q: %v", body, err)
		}
		if want := strings.Count(body, "mids"); steps != want {
			t.Errorf("%q: %d steps", body, steps)
		}
		if got := says(t, g, "deleterecipients all --yes", "batch"); !strings.HasSuffix(got, "error: "+told+`: "undo" shows whether the order was taken, and how far it is`) {
			t.Errorf("%q: %s", body, got)
		}
		if _, err := g.Undo(t.Context(), 3, nil); err == nil || err.Error() != told {
			t.Errorf("%q: %v", body, err)
		}
		if err := g.Recipients(t.Context(), engine.Selection{}, func([]engine.Listed) error { return nil }); !strings.Contains(body, "done") && (err == nil || err.Error() != told) {
			t.Errorf("%q: %v", body, err)
		}
	}
	g := answeringRaw(t, `{}`+"\n"+`{"step":[{"mid":1,"recipient":"a@b.example"}]}`+"\n")
	if got := says(t, g, "showrecipients all", "batch"); !strings.HasSuffix(got, "a@b.example\nerror: "+told) {
		t.Error(got)
	}
	if err := answeringRaw(t, "{}\n").Shutdown(t.Context(), 0, false, nil); err == nil || err.Error() != told {
		t.Errorf("a stop that has not begun: %v", err)
	}
	if err := answeringRaw(t, `{}`+"\n"+`{"step":"received"}`+"\n").Shutdown(t.Context(), 0, false, nil); err != nil {
		t.Errorf("the end of a stop: %v", err)
	}
}

// waitingEngine takes its time over everything: it works until the one who waits goes away, and says that it was so.
type waitingEngine struct {
	*fakeEngine
	begun chan struct{}
	left  chan struct{}
}

func (e *waitingEngine) wait(ctx context.Context) error {
	close(e.begun)
	<-ctx.Done()
	close(e.left)
	return ctx.Err()
}

func (e *waitingEngine) Order(ctx context.Context, o engine.Order, progress func(engine.Progress)) (engine.Done, error) {
	progress(engine.Progress{Done: 1, Total: 2, MIDs: []uint32{7}})
	return engine.Done{}, e.wait(ctx)
}

func (e *waitingEngine) SuspendDelivery(ctx context.Context, _ string, _ []string, _ time.Duration) error {
	return e.wait(ctx)
}

// TestWhoGoesAwayIsNotWaitedFor, nor is a gateway that works without a word taken for one that is dead.
func TestWhoGoesAwayIsNotWaitedFor(t *testing.T) {
	for _, line := range []string{"deleterecipients all --yes", "suspenddel 86400"} {
		l, e := queueOf(t, 3)
		w := &waitingEngine{e, make(chan struct{}), make(chan struct{})}
		l.Queue.Engine = w
		g := overSocket(t, l)
		ctx, cancel := context.WithCancel(asAdmin(t))
		type answer struct {
			text string
			err  error
		}
		done := make(chan answer, 1)
		go func() {
			text, err := dialogue(t, ctx, g, line, "batch")
			done <- answer{text, err}
		}()
		<-w.begun
		cancel()
		a := <-done
		if !errors.Is(a.err, context.Canceled) || strings.HasPrefix(line, "delete") != strings.Contains(a.text, `"undo" shows it`) {
			t.Errorf("%s: %q, %v", line, a.text, a.err)
		}
		<-w.left
	}
}

// TestOrderOverTheSocket tells each slice as it comes.
func TestOrderOverTheSocket(t *testing.T) {
	l, e := queueOf(t, 3500)
	var steps []string
	done, err := overSocket(t, l).Order(t.Context(), engine.Order{Action: "delete", By: "somebody else", AsOf: 9}, func(p engine.Progress) {
		steps = append(steps, fmt.Sprintf("%d of %d: %d", p.Done, p.Total, len(p.MIDs)))
	})
	if err != nil || done.Messages != 3500 || done.ID == 0 || done.UndoUntil.IsZero() || strings.Join(steps, ", ") != "1000 of 3500: 1000, 1000 of 3500: 1000, 1000 of 3500: 1000, 500 of 3500: 500" {
		t.Errorf("%+v, %q, %v", done, steps, err)
	}
	if o := e.orders[0]; o.By != Self().Name || o.AsOf != 9 {
		t.Errorf("%+v", o)
	}
	var refused *RefusedError
	for _, q := range []map[string][]string{{}, {"order": {"x"}}, {"order": {`{"selection":3}`}}} {
		if err := patiently[noResult](t.Context(), overSocket(t, l), http.MethodPost, "/v1/queue/order", q, nil, new(engine.Done)); !errors.As(err, &refused) {
			t.Errorf("%v: %v", q, err)
		}
	}
}

// TestTooManyListingsAreRefused, and those that ended make room.
func TestTooManyListingsAreRefused(t *testing.T) {
	l, _ := queueOf(t, 3)
	l.Queue.listings.Store(maxListings)
	var refused *RefusedError
	if err := l.Recipients(t.Context(), engine.Selection{}, nil); !errors.As(err, &refused) || l.Queue.listings.Load() != maxListings {
		t.Error(err)
	}
	l.Queue.listings.Store(0)
	if err := l.Recipients(t.Context(), engine.Selection{}, func([]engine.Listed) error { return errEnough }); !errors.Is(err, errEnough) || l.Queue.listings.Load() != 0 {
		t.Error(err)
	}
}

// measuring counts what is written, and looks at the memory meanwhile.
type measuring struct {
	lines, bytes int
	most         atomic.Uint64
}

func (m *measuring) Write(b []byte) (int, error) {
	m.lines += strings.Count(string(b), "\n")
	if m.bytes>>22 != (m.bytes+len(b))>>22 { // every 4 MiB
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		m.most.Store(max(m.most.Load(), s.HeapAlloc))
	}
	m.bytes += len(b)
	return len(b), nil
}

// TestRowsStream through the socket, without any side keeping them.
func TestRowsStream(t *testing.T) {
	l, e := queueOf(t, 0)
	const rows = 200_000
	e.many = rows
	e.everyRow = func(i int) engine.Listed {
		return engine.Listed{Seq: uint64(i), MID: uint32(i), Bytes: 1230, Sender: "user123456@ironport.com", Subject: "Testing", Recipient: "9554@example.com",
			Host: "example.com", State: "queued"}
	}
	g := overSocket(t, l)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	m := &measuring{}
	began := time.Now()
	c := &Call{Gateway: g, Command: Find("showrecipients"), Out: printable{m}, Zone: time.UTC, Args: []string{"all"}}
	if err := c.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.lines != 2*rows+3 {
		t.Errorf("%d lines", m.lines)
	}
	const bound = 24 << 20
	if grown := int64(m.most.Load()) - int64(before.HeapAlloc); grown > bound {
		t.Errorf("%d bytes of memory were taken", grown)
	} else {
		t.Logf("%d rows in %s, %d bytes of memory", rows, time.Since(began), grown)
	}
}

// TestShowRecipientsOfAStoppedStore lists what its store holds; nothing else acts on a queue that nobody runs.
func TestShowRecipientsOfAStoppedStore(t *testing.T) {
	o := stoppedWith(t, 5, "a@example.com")
	const want = "5         7           a@example.com             \n[0]       [0]         r0@b.example\n"
	if got := says(t, o, "showrecipients host b.example", "batch"); !strings.HasSuffix(got, want) {
		t.Errorf("%q", got)
	}
	if got := says(t, o, "showrecipients host other.example", "batch"); !strings.HasSuffix(got, "There are no such messages in the queue.\n") {
		t.Errorf("%q", got)
	}
	for _, g := range []Gateway{&Offline{}, notRunning{}} {
		for _, line := range []string{"showrecipients all", "deleterecipients all --yes", "bouncerecipients all", "redirectrecipients b.example", "hold all --yes", "undo 5 --yes", "suspenddel",
			"resumedel", "suspendlistener", "resumelistener", "suspend", "resume", "delivernow all", "workqueue pause", "shutdown --yes", "reboot --yes"} {
			if g != (notRunning{}) && (strings.HasPrefix(line, "undo") || strings.HasPrefix(line, "show") || strings.Contains(line, "listener")) {
				continue // they look into the store first, and there is none
			}
			if got := says(t, g, line, "batch"); !strings.HasSuffix(got, "error: "+ErrNotRunning.Error()) {
				t.Errorf("%s: %q", line, got)
			}
		}
	}
	// A person is asked once, though the daemon is asked before the store.
	var out strings.Builder
	twice := &Call{Gateway: notRunning{}, Command: Find("showrecipients"), Out: &out, Zone: time.UTC, Asker: newLines(strings.NewReader("1\nb.example\n"), &out)}
	if err := twice.Do(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	twice.Gateway = o
	if err := twice.Do(t.Context()); err != nil || strings.Count(out.String(), "[]> ") != 1 || strings.Count(out.String(), "please wait") != 1 || !strings.HasSuffix(out.String(), want) {
		t.Errorf("%v: %s", err, out.String())
	}
	// A gateway that was started meanwhile is not asked for the rows again behind those that are shown.
	c := &Call{Gateway: o, Command: Find("showrecipients"), Out: io.Discard, Args: []string{"host", "b.example"}}
	if err := c.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Do(t.Context()); err == nil || !strings.Contains(err.Error(), "repeat the command") {
		t.Error(err)
	}
}

// stoppedWith is a gateway that does not run, with one message of a sender in its queue.
func stoppedWith(t *testing.T, mid uint32, sender string) *Offline {
	t.Helper()
	data := t.TempDir()
	k := keeping(t, data)
	k.put(t, mid, sender, "x: y\r\n\r", 1)
	if err := k.j.Close(); err != nil {
		t.Fatal(err)
	}
	return &Offline{Data: data}
}
