package receive

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// countQueue only counts; it is what benchmarks measure against.
type countQueue struct{ ids, injected, notes atomic.Uint32 }

func (q *countQueue) ID(context.Context, journal.IDKind) (uint32, error) { return q.ids.Add(1), nil }
func (q *countQueue) Admit() error                                       { return nil }
func (q *countQueue) Inject(context.Context, *journal.MessageInjected) (uint64, error) {
	return uint64(q.injected.Add(1)), nil
}
func (q *countQueue) Note(journal.Event) { q.notes.Add(1) }

type countStore struct{ octets atomic.Int64 }

func (s *countStore) PutBody(parts ...[]byte) (journal.BodyID, error) {
	for _, p := range parts {
		s.octets.Add(int64(len(p)))
	}
	return 1, nil
}
func (s *countStore) NewBody() Body                   { panic("not small") }
func (s *countStore) DeleteBody(journal.BodyID) error { return nil }

// onSockets starts a server on a loopback socket.
func onSockets(tb testing.TB, change func(*config.Listener)) (address string, q *countQueue, s *Server) {
	tb.Helper()
	l := config.Listener{Name: "In", Kind: config.Private, Address: netip.MustParseAddrPort("127.0.0.1:0")}
	if change != nil {
		change(&l)
	}
	document := &config.Document{Hostname: "mx.test", Listeners: []config.Listener{l}}
	q = &countQueue{}
	s = &Server{Queue: q, Store: &countStore{}, Document: func() *config.Document { return document }}
	s.OnProblem = func(_ string, err error) { tb.Error(err) }
	serve(tb, s)
	return s.Addr("In").String(), q, s
}

// client is a plain SMTP client on a socket.
type plainClient struct {
	net.Conn
	r *bufio.Reader
}

func dialSocket(tb testing.TB, address string) plainClient {
	tb.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	c := plainClient{conn, bufio.NewReader(conn)}
	c.expect(tb, "220")
	return c
}

// expect reads one reply.
func (c plainClient) expect(tb testing.TB, code string) {
	tb.Helper()
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil || !strings.HasPrefix(string(line), code) {
			tb.Fatalf("%q %v, want %s", line, err, code)
		}
		if line[3] == ' ' {
			return
		}
	}
}

func (c plainClient) do(tb testing.TB, command, code string) {
	tb.Helper()
	if _, err := io.WriteString(c, command); err != nil {
		tb.Fatal(err)
	}
	c.expect(tb, code)
}

func (c plainClient) message(tb testing.TB, content string) {
	c.do(tb, "MAIL FROM:<a@x.org>\r\n", "250")
	c.do(tb, "RCPT TO:<b@example.com>\r\n", "250")
	c.do(tb, "DATA\r\n", "354")
	c.do(tb, content, "250")
}

var fourKilobytes = "Subject: test\r\nMessage-ID: <1@x.org>\r\nDate: Mon, 23 Nov 2026 09:45:47 +0000\r\n\r\n" +
	strings.Repeat("0123456789012345678901234567890123456789012345678901234567890123\r\n", 62) + ".\r\n"

// Many clients at once over real sockets, one message and then several on a connection, with the octets cut anywhere.
func TestSockets(t *testing.T) {
	address, q, s := onSockets(t, nil)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			c := dialSocket(t, address)
			defer c.Close()
			c.do(t, "EHLO c\r\n", "250")
			for range 5 {
				c.message(t, fourKilobytes)
			}
			session := envelope + "DATA\r\n"
			for len(session) > 0 {
				n := min(i+1, len(session))
				_, _ = io.WriteString(c, session[:n])
				session = session[n:]
			}
			for range 2 {
				c.expect(t, "250")
			}
			c.expect(t, "354")
			c.do(t, fourKilobytes, "250")
			c.do(t, "QUIT\r\n", "221")
		})
	}
	group.Wait()
	if got := q.injected.Load(); got != 120 {
		t.Errorf("%d messages, want 120", got)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// The last reply reaches a client that is still sending when it is cut off.
func TestLastReplyArrives(t *testing.T) {
	address, _, _ := onSockets(t, func(l *config.Listener) { l.MaxErrors = 1 })
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, strings.Repeat("GARBAGE\r\n", 4000))
	got, err := io.ReadAll(conn)
	if err != nil || !strings.HasSuffix(string(got), replyTooManyErrors+"\r\n") {
		t.Errorf("%q %v", got, err)
	}
}

// An idle client costs little memory, before its first command and after a message.
func TestIdleConnectionsAreSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("counts memory")
	}
	const n = 1000
	address, _, s := onSockets(t, func(l *config.Listener) { l.MaxConnections = n })
	var before, after runtime.MemStats
	clients := make([]net.Conn, n)
	measure := func(m *runtime.MemStats) {
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(m)
	}
	measure(&before)
	buf := make([]byte, 1024)
	for i := range clients {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		clients[i] = conn
		for _, step := range []string{"", "EHLO c\r\n", envelope + "DATA\r\n", "x\r\n.\r\n"} {
			_, _ = io.WriteString(conn, step)
			if _, err := conn.Read(buf); err != nil {
				t.Fatal(err)
			}
		}
	}
	measure(&after)
	heap := int64(after.HeapAlloc-before.HeapAlloc) / n
	stack := int64(after.StackInuse-before.StackInuse) / n
	t.Logf("%d octets of heap and %d of stack for each connection, both ends", heap, stack)
	if s.Connections() != n || heap+stack > 15<<10 {
		t.Errorf("%d connections of %d octets", s.Connections(), heap+stack)
	}
}

func BenchmarkOneMessageConnections(b *testing.B) {
	address, _, _ := onSockets(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		c := dialSocket(b, address)
		c.do(b, "EHLO c\r\n", "250")
		c.message(b, fourKilobytes)
		c.do(b, "QUIT\r\n", "221")
		_ = c.Close()
	}
}

func BenchmarkKeptOpen(b *testing.B) {
	address, _, _ := onSockets(b, func(l *config.Listener) { l.MaxMessages = 1 << 30 })
	c := dialSocket(b, address)
	_ = c.SetDeadline(time.Time{})
	c.do(b, "EHLO c\r\n", "250")
	b.ReportAllocs()
	for b.Loop() {
		c.message(b, fourKilobytes)
	}
	_ = c.Close()
}

// BenchmarkWithoutSockets shows what the package itself costs: a pipelined session over a pipe.
func BenchmarkWithoutSockets(b *testing.B) {
	port := newPipes()
	document := &config.Document{Hostname: "mx.test", Listeners: []config.Listener{{Name: "In", Kind: config.Private, Address: netip.MustParseAddrPort("127.0.0.1:25")}}}
	s := &Server{Queue: &countQueue{}, Store: &countStore{}, Document: func() *config.Document { return document }}
	s.Announce = func(context.Context, string, string) (net.Listener, error) { return port, nil }
	if err := s.Listen(); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	b.ReportAllocs()
	for b.Loop() {
		t := port.dial("127.0.0.1")
		c := plainClient{t.Conn, bufio.NewReaderSize(t.Conn, 512)}
		c.expect(b, "220")
		c.do(b, "EHLO c\r\n", "250")
		c.message(b, fourKilobytes)
		c.do(b, "QUIT\r\n", "221")
		_ = c.Close()
	}
	cancel()
	<-served
}

func BenchmarkNewlines(b *testing.B) {
	b.SetBytes(int64(len(fourKilobytes)))
	text := []byte(fourKilobytes)
	n := 0
	add := func(p []byte) { n += len(p) }
	for b.Loop() {
		s := newlines{dots: true}
		if _, done := s.scan(text, add); !done {
			b.Fatal("no end")
		}
	}
	_ = fmt.Sprint(n)
}
