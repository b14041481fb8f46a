package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeServer answers over UDP and TCP on one loopback port.
type fakeServer struct {
	addr    netip.AddrPort
	queries atomic.Int64
	tcp     atomic.Int64
}

// serve starts a server whose handler fills the answer; returning false means silence.
func serve(t testing.TB, handle func(answer *dns.Msg, tcp bool) bool) *fakeServer {
	t.Helper()
	f := new(fakeServer)
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		_, tcp := w.RemoteAddr().(*net.TCPAddr)
		f.queries.Add(1)
		if tcp {
			f.tcp.Add(1)
		}
		m := new(dns.Msg)
		m.SetReply(q)
		m.RecursionAvailable = true
		if handle(m, tcp) {
			w.WriteMsg(m)
		}
	})
	packets, listener := listen(t)
	f.addr = packets.LocalAddr().(*net.UDPAddr).AddrPort()
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: handler}, {Listener: listener, Handler: handler}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		running.Go(func() { s.ActivateAndServe() })
		<-started
		t.Cleanup(func() { s.Shutdown() })
	}
	return f
}

func listen(t testing.TB) (net.PacketConn, net.Listener) {
	for range 20 {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", packets.LocalAddr().String())
		if err == nil {
			return packets, listener
		}
		packets.Close()
	}
	t.Fatal("no port that is free for UDP and TCP")
	return nil, nil
}

// zone is a handler that knows records in zone file form, looked up by owner and type; no aliases, no wildcards.
func zone(t testing.TB, text string) func(*dns.Msg, bool) bool {
	records := parse(t, text)
	return func(m *dns.Msg, _ bool) bool {
		q := m.Question[0]
		for _, rr := range records {
			if h := rr.Header(); strings.EqualFold(h.Name, q.Name) && h.Rrtype == q.Qtype {
				m.Answer = append(m.Answer, rr)
			}
		}
		if len(m.Answer) == 0 {
			m.Rcode = dns.RcodeNameError
		}
		return true
	}
}

func parse(t testing.TB, text string) (records []dns.RR) {
	t.Helper()
	for line := range strings.Lines(text) {
		rr, err := dns.NewRR(strings.TrimSpace(line))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if rr != nil {
			records = append(records, rr)
		}
	}
	return records
}

// clock is a clock that only the test moves.
type clock struct{ offset atomic.Int64 }

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func (c *clock) now() time.Time          { return noon.Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }
func newClock() *clock                   { return new(clock) }
func at(d time.Duration) time.Time       { return noon.Add(d) }
func counts(t *testing.T, r *Resolver, want Counters) {
	t.Helper()
	if got := r.Counters(); got != want {
		t.Errorf("counters are %+v, want %+v", got, want)
	}
}

func resolver(t testing.TB, c *clock, servers ...*fakeServer) *Resolver {
	r := &Resolver{Now: c.now}
	for _, s := range servers {
		r.Servers = append(r.Servers, s.addr)
	}
	t.Cleanup(r.Close)
	return r
}

// failsWith checks a lookup's error: its kind and, when given, its text.
func failsWith(t testing.TB, err error, kind Kind, text string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want an *Error of kind %v", err, kind)
	}
	if e.Kind != kind {
		t.Fatalf("kind is %v (%v), want %v", e.Kind, e, kind)
	}
	if text != "" && e.Error() != text {
		t.Errorf("text is %q, want %q", e.Error(), text)
	}
}

// pipes dials net.Pipe for synctest; respond gives the bytes of an answer, nil is silence.
func pipes(respond func(address string, q []byte) []byte) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, network, address string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			q := make([]byte, 4096)
			for {
				n, err := theirs.Read(q)
				if err != nil {
					return
				}
				b := q[:n]
				if network == "tcp" {
					b = b[2:]
				}
				a := respond(address, b)
				if a == nil {
					io.Copy(io.Discard, theirs)
					return
				}
				if network == "tcp" {
					a = append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)
				}
				if _, err := theirs.Write(a); err != nil {
					return
				}
			}
		}()
		return ours, nil
	}
}

// packed answers a query with records.
func packed(t testing.TB, query []byte, text string) []byte {
	q := new(dns.Msg)
	if err := q.Unpack(query); err != nil {
		t.Error(err)
		return nil
	}
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	m.Answer = parse(t, text)
	b, err := m.Pack()
	if err != nil {
		t.Error(err)
	}
	return b
}
