package receive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"postern/engine/config"
	"postern/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeQueue gives ids from 1 and remembers everything.
type fakeQueue struct {
	mu       sync.Mutex
	ids      [4]uint32
	injected []*journal.MessageInjected
	notes    []journal.Event
	admit    func() error
	inject   func(*journal.MessageInjected) error // before it is taken
}

func (q *fakeQueue) ID(_ context.Context, k journal.IDKind) (uint32, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ids[k]++
	return q.ids[k], nil
}

func (q *fakeQueue) Admit() error {
	if q.admit != nil {
		return q.admit()
	}
	return nil
}

func (q *fakeQueue) Inject(_ context.Context, e *journal.MessageInjected) (uint64, error) {
	if q.inject != nil {
		if err := q.inject(e); err != nil {
			return 0, err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.injected = append(q.injected, e)
	q.notes = append(q.notes, e)
	return uint64(len(q.injected)), nil
}

func (q *fakeQueue) Note(e journal.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.notes = append(q.notes, e)
}

// facts prints what was noted, one line each.
func (q *fakeQueue) facts() (lines []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.notes {
		lines = append(lines, factLine(e))
	}
	return lines
}

func factLine(e journal.Event) string {
	to := func(rs []journal.InjectedRecipient, no []journal.RejectedRecipient) string {
		var b strings.Builder
		for _, r := range rs {
			fmt.Fprintf(&b, " RID %d <%s>", r.RID, r.Address())
			if r.Notify != 0 || r.ORcpt != "" {
				fmt.Fprintf(&b, " notify %d orcpt %s", r.Notify, r.ORcpt)
			}
		}
		for _, r := range no {
			fmt.Fprintf(&b, " <%s> rejected by %s", r.Address, r.By)
		}
		return b.String()
	}
	switch e := e.(type) {
	case *journal.ConnectionAccepted:
		name := e.ReverseDNS
		if name == "" {
			name = "unknown"
		}
		return fmt.Sprintf("new ICID %d %s interface %s (%v) address %v host %s verified %v", e.ICID, e.Listener, e.Interface, e.LocalAddress, e.Remote, name, e.Verified)
	case *journal.SenderGroupMatched:
		return fmt.Sprintf("ICID %d %s match %s", e.ICID, e.Action, e.Match)
	case *journal.ConnectionSecured:
		return fmt.Sprintf("ICID %d TLS %s failure %q", e.ICID, e.Protocol, e.Failure)
	case *journal.ConnectionRefused:
		return fmt.Sprintf("refused %d times on %s, last %v: %s", e.Count, e.Listener, e.Remote, e.Reason)
	case *journal.ReceivingAborted:
		return fmt.Sprintf("aborted MID %d ICID %d from <%s>%s size %d: %s", e.MID, e.ICID, e.Sender, to(e.Recipients, e.Rejected), e.Size, e.Reason)
	case *journal.ConnectionClosed:
		return strings.TrimSpace(fmt.Sprintf("close ICID %d %s", e.ICID, e.How))
	case *journal.ConnectionInterrupted:
		return fmt.Sprintf("ICID %d interrupted: %s", e.ICID, e.Reason)
	case *journal.MessageInjected:
		return fmt.Sprintf("injected MID %d ICID %d from <%s>%s form %d utf8 %v ret %d envid %q id %q subject %q", e.MID, e.ICID, e.Sender,
			to(e.Recipients, e.Rejected), e.Form, e.SMTPUTF8, e.Return, e.EnvID, e.MessageID, e.Subject)
	}
	return fmt.Sprintf("%T", e)
}

// fakeStore keeps bodies in memory.
type fakeStore struct {
	mu      sync.Mutex
	last    journal.BodyID
	bodies  map[journal.BodyID]string
	whole   int // PutBody calls
	largest int // piece that was written at once
	open    int // bodies neither committed nor aborted
	err     error
}

func (s *fakeStore) put(content string) journal.BodyID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bodies == nil {
		s.bodies = make(map[journal.BodyID]string)
	}
	s.last++
	s.bodies[s.last] = content
	return s.last
}

func (s *fakeStore) PutBody(parts ...[]byte) (journal.BodyID, error) {
	if s.err != nil {
		return 0, s.err
	}
	s.whole++
	return s.put(string(bytes.Join(parts, nil))), nil
}

func (s *fakeStore) NewBody() Body { s.open++; return &fakeBody{s: s} }

func (s *fakeStore) DeleteBody(id journal.BodyID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.bodies, id)
	return nil
}

type fakeBody struct {
	s *fakeStore
	b bytes.Buffer
}

func (b *fakeBody) Write(p []byte) (int, error) {
	if b.s.err != nil {
		return 0, b.s.err
	}
	b.s.largest = max(b.s.largest, len(p))
	return b.b.Write(p)
}
func (b *fakeBody) Commit() (journal.BodyID, error) {
	b.s.open--
	return b.s.put(b.b.String()), b.s.err
}
func (b *fakeBody) Abort() error { b.s.open--; return nil }

// pipes is a listener within memory.
type pipes struct {
	arrive chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{arrive: make(chan net.Conn), closed: make(chan struct{})} }

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.arrive:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return memory{} }

// pipeEnd is the server's end of a pipe, with the addresses of a TCP connection; it counts writes.
type pipeEnd struct {
	net.Conn
	remote net.Addr
	writes *atomic.Int32
}

func (p pipeEnd) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 25} }
func (p pipeEnd) RemoteAddr() net.Addr { return p.remote }
func (p pipeEnd) Write(b []byte) (int, error) {
	if p.writes != nil {
		p.writes.Add(1)
	}
	return p.Conn.Write(b)
}

// dial connects as the client at address.
func (l *pipes) dial(address string) *talker {
	near, far := net.Pipe()
	t := &talker{Conn: near}
	l.arrive <- pipeEnd{far, &net.TCPAddr{IP: net.ParseIP(address), Port: 4025}, &t.writes}
	return t
}

// talker is a client that sends and collects.
type talker struct {
	net.Conn
	writes atomic.Int32 // of the server
}

// send writes in the background: a server that has hung up does not stop the test.
func (t *talker) send(s string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = t.SetWriteDeadline(time.Now().Add(100 * time.Hour))
		_, _ = t.Write([]byte(s))
	}()
	synctest.Wait()
}

// hear returns what the server says until it waits for us (or has closed).
func (t *talker) hear() string {
	var b strings.Builder
	buf := make([]byte, 64<<10)
	for {
		_ = t.SetReadDeadline(time.Now().Add(time.Millisecond))
		n, err := t.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			if errors.Is(err, io.EOF) {
				b.WriteString("<closed>")
			}
			return b.String()
		}
	}
}

// say sends s and returns the answer.
func (t *talker) say(s string) string {
	t.send(s)
	return t.hear()
}

const begin = "EHLO c\r\n"
const envelope = "MAIL FROM:<a@x.org>\r\nRCPT TO:<b@example.com>\r\n"

// world is a server within memory.
type world struct {
	*Server
	queue *fakeQueue
	store *fakeStore
	port  *pipes
	log   problems
	end   func()

	document atomic.Pointer[config.Document]
}

// problems gathers what an operator would see.
type problems struct {
	mu  sync.Mutex
	all []string
}

func (p *problems) add(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, err.Error())
}

func (p *problems) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.all...)
}

func (w *world) replace(d *config.Document) { w.document.Store(d) }

// newWorld starts a server with one listener; it must be called within a bubble and ends with it.
func newWorld(t *testing.T, change func(*config.Listener, *Server)) *world {
	t.Helper()
	w := &world{queue: &fakeQueue{}, store: &fakeStore{}, port: newPipes()}
	l := config.Listener{Name: "In", Kind: config.Public, Address: netip.MustParseAddrPort("127.0.0.1:25"),
		RelayFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AcceptDomains: []string{"example.com", ".sub.example"}}
	w.Server = &Server{Queue: w.queue, Store: w.store}
	w.Server.OnProblem = func(_ string, err error) { w.log.add(err) }
	w.Server.Announce = func(context.Context, string, string) (net.Listener, error) { return w.port, nil }
	if change != nil {
		change(&l, w.Server)
	}
	document := &config.Document{Hostname: "mx.test", Listeners: []config.Listener{l},
		Interfaces: []config.Interface{{Name: "Management", Address: netip.MustParsePrefix("127.0.0.1/8")}}}
	w.document.Store(document)
	w.Document = w.document.Load
	if err := w.Listen(); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- w.Serve(context.Background()) }()
	w.end = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		if err := w.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if n := w.Connections(); n != 0 || len(w.Clients()) != 0 {
			t.Errorf("%d connections are left: %v", n, w.Clients())
		}
		if w.store.open != 0 {
			t.Errorf("%d bodies are left open", w.store.open)
		}
	})
	return w
}

// content is the stored content of the nth message, without our header fields.
func (w *world) content(t *testing.T, n int) string {
	t.Helper()
	w.queue.mu.Lock()
	defer w.queue.mu.Unlock()
	if n >= len(w.queue.injected) {
		t.Fatalf("only %d messages were injected", len(w.queue.injected))
	}
	e := w.queue.injected[n]
	body := w.store.bodies[e.Body]
	if int64(len(body)) != e.Size {
		t.Errorf("MessageInjected says %d octets, %d are stored", e.Size, len(body))
	}
	_, rest, _ := strings.Cut(body, ";\r\n\t")
	_, rest, _ = strings.Cut(rest, "\r\n")
	return rest
}

// inBubble runs a test of a world.
func inBubble(t *testing.T, change func(*config.Listener, *Server), do func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, change)
		defer w.end()
		do(t, w)
	})
}

func wants(t *testing.T, got string, want ...string) {
	t.Helper()
	for _, s := range want {
		if !strings.Contains(got, s) {
			t.Errorf("got %q\nwant in it %q", got, s)
		}
	}
}
