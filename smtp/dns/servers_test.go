package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

const oneMX = "example.com. 60 IN MX 10 mx.example.com."

func rcode(code int) func(*dns.Msg, bool) bool {
	return func(m *dns.Msg, _ bool) bool { m.Rcode = code; return true }
}

func TestFailover(t *testing.T) {
	for name, first := range map[string]func(*dns.Msg, bool) bool{
		"servfail": rcode(dns.RcodeServerFailure),
		"refused":  rcode(dns.RcodeRefused),
		"lame": func(m *dns.Msg, _ bool) bool {
			m.RecursionAvailable = false
			m.Ns = parse(t, "com. 60 IN NS a.gtld.example.")
			return true
		},
		"wrong question": func(m *dns.Msg, tcp bool) bool {
			m.Truncated = !tcp
			m.Question[0].Name = "example.org."
			return true
		},
		"cut short": func(m *dns.Msg, tcp bool) bool { m.Truncated = true; return true },
	} {
		t.Run(name, func(t *testing.T) {
			bad, good := serve(t, first), serve(t, zone(t, oneMX))
			r := resolver(t, newClock(), bad, good)
			if _, err := r.LookupMX(t.Context(), "example.com"); err != nil {
				t.Fatal(err)
			}
			if bad.queries.Load() == 0 || good.queries.Load() != 1 {
				t.Errorf("asked %d and %d times", bad.queries.Load(), good.queries.Load())
			}
		})
	}
}

func TestAllRefuse(t *testing.T) {
	a, b := serve(t, rcode(dns.RcodeServerFailure)), serve(t, rcode(dns.RcodeServerFailure))
	r := resolver(t, newClock(), a, b)
	_, err := r.LookupMX(t.Context(), "example.com")
	failsWith(t, err, ServFail, "DNS Temporary Failure example.com MX - ServFail")
	if a.queries.Load() != 1 || b.queries.Load() != 1 {
		t.Errorf("asked %d and %d times, want once each", a.queries.Load(), b.queries.Load())
	}
}

func TestServerWithoutEDNS(t *testing.T) {
	answer := zone(t, oneMX)
	var mu sync.Mutex
	var sizes []bool
	packets, listener := listen(t)
	listener.Close()
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		opt := q.IsEdns0()
		mu.Lock()
		sizes = append(sizes, opt != nil && opt.UDPSize() == udpSize)
		mu.Unlock()
		if opt != nil {
			m.Rcode, m.Question = dns.RcodeFormatError, nil
		} else {
			answer(m, false)
		}
		w.WriteMsg(m)
	})
	started := make(chan struct{})
	s := &dns.Server{PacketConn: packets, Handler: handler, NotifyStartedFunc: func() { close(started) }}
	go s.ActivateAndServe()
	<-started
	defer s.Shutdown()
	r := &Resolver{Servers: []netip.AddrPort{packets.LocalAddr().(*net.UDPAddr).AddrPort()}}
	defer r.Close()
	if _, err := r.LookupMX(t.Context(), "example.com"); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(sizes) != 2 || !sizes[0] || sizes[1] {
		t.Errorf("EDNS0 with %d bytes in %v, want first with, then without", udpSize, sizes)
	}
}

func addrs(text ...string) (list []netip.AddrPort) {
	for _, s := range text {
		list = append(list, netip.MustParseAddrPort(s))
	}
	return list
}

// A dead server costs its timeout once; then it is asked last until it has proved itself.
func TestDeadServerIsDemoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dead atomic.Bool
		dead.Store(true)
		r := &Resolver{Servers: addrs("192.0.2.1:53", "192.0.2.2:53"), Timeout: 2 * time.Second}
		r.Dial = pipes(func(address string, q []byte) []byte {
			if dead.Load() && address == "192.0.2.1:53" {
				return nil
			}
			m := new(dns.Msg)
			m.Unpack(q)
			return packed(t, q, m.Question[0].Name+" 0 IN MX 10 mx.example.com.")
		})
		defer r.Close()
		took := func() time.Duration {
			start := time.Now()
			if _, err := r.LookupMX(t.Context(), "example.com"); err != nil {
				t.Error(err)
			}
			return time.Since(start)
		}
		if d := took(); d != 2*time.Second {
			t.Errorf("the first question took %v, want the dead server's timeout", d)
		}
		if d := took(); d != 0 {
			t.Errorf("the second question took %v, want 0: the dead server is known", d)
		}
		time.Sleep(demotion)
		if d := took(); d != 2*time.Second {
			t.Errorf("after the demotion a question took %v, want a try", d)
		}
		dead.Store(false)
		time.Sleep(demotion)
		took()
		if v := r.servers.list[0]; v.until.Load() != 0 {
			t.Error("a server that answers again stays demoted")
		}
	})
}

func TestTimeoutIsTemporaryAndRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Resolver{Servers: addrs("192.0.2.1:53", "192.0.2.2:53"), Timeout: time.Second, Tries: 2}
		r.Dial = pipes(func(string, []byte) []byte { return nil })
		defer r.Close()
		start := time.Now()
		_, err := r.LookupMX(t.Context(), "example.com")
		failsWith(t, err, Timeout, "DNS Temporary Failure example.com MX - Timeout")
		if d := time.Since(start); d != 4*time.Second {
			t.Errorf("took %v, want two rounds over two servers", d)
		}
		_, err = r.LookupMX(t.Context(), "example.com")
		failsWith(t, err, Timeout, "")
		counts(t, r, Counters{Requests: 2, NetworkRequests: 4, Misses: 1, Exceptions: 1})
	})
}

func TestTotalDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Resolver{Servers: addrs("192.0.2.1:53", "192.0.2.2:53"), Timeout: 15 * time.Second, Tries: 5}
		r.Dial = pipes(func(string, []byte) []byte { return nil })
		defer r.Close()
		start := time.Now()
		_, err := r.LookupMX(t.Context(), "example.com")
		failsWith(t, err, Timeout, "")
		if d := time.Since(start); d != MaxLookup {
			t.Errorf("took %v, want %v", d, MaxLookup)
		}
	})
}

func TestUnreachableServer(t *testing.T) {
	r := &Resolver{Servers: addrs("192.0.2.1:53"), Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no route")
	}}
	defer r.Close()
	_, err := r.LookupMX(t.Context(), "example.com")
	failsWith(t, err, Network, "DNS Temporary Failure example.com MX - Network")
}

// Forged datagrams before the right one are skipped; so many that it looks like an attack lead to TCP.
func TestForgedAnswers(t *testing.T) {
	for _, forged := range []int{5, maxStrays} {
		synctest.Test(t, func(t *testing.T) {
			r := &Resolver{Servers: addrs("192.0.2.1:53")}
			defer r.Close()
			streams := 0
			stream := pipes(func(_ string, q []byte) []byte { streams++; return packed(t, q, oneMX) })
			r.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if network == "tcp" {
					return stream(ctx, network, address)
				}
				ours, theirs := net.Pipe()
				go forge(t, theirs, forged)
				return ours, nil
			}
			a, err := r.LookupMX(t.Context(), "example.com")
			if err != nil || a.Hosts[0].Host != "mx.example.com" {
				t.Errorf("%d forged: %v, %v", forged, a, err)
			}
			if want := forged / maxStrays; streams != want {
				t.Errorf("%d forged: TCP was asked %d times, want %d", forged, streams, want)
			}
		})
	}
}

// forge sends n wrong answers, by turns with a wrong id, a wrong question and as a question, then the right one.
func forge(t *testing.T, conn net.Conn, n int) {
	defer conn.Close()
	q := make([]byte, 4096)
	size, err := conn.Read(q)
	if err != nil {
		return
	}
	right := packed(t, q[:size], oneMX)
	for i := range n {
		m := new(dns.Msg)
		m.Unpack(packed(t, q[:size], "example.com. 60 IN MX 10 thief.example."))
		switch i % 3 {
		case 0:
			m.Id++
		case 1:
			m.Question[0].Name = "example.org."
		case 2:
			m.Response = false
		}
		b, _ := m.Pack()
		if _, err := conn.Write(b); err != nil {
			return
		}
	}
	conn.Write(right)
}

func TestServersOfTheSystem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	write := func(text string, date time.Time) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		os.Chtimes(path, date, date)
	}
	c := newClock()
	s := servers{path: path, epoch: c.now()}
	s.set(nil)
	check := func(want ...string) {
		t.Helper()
		c.advance(confInterval)
		var got []string
		for _, v := range s.order(c.now()) {
			got = append(got, v.text)
		}
		if len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
			t.Errorf("servers are %v, want %v", got, want)
		}
	}
	check("127.0.0.1:53")
	write("search x\nnameserver 192.0.2.1\nnameserver nonsense\nnameserver 2001:db8::1\n", noon)
	check("192.0.2.1:53", "[2001:db8::1]:53")
	write("nameserver 192.0.2.2\n", noon.Add(time.Hour))
	check("192.0.2.2:53")
	os.Remove(path)
	check("192.0.2.2:53")
	s.set(addrs("192.0.2.9:5353"))
	check("192.0.2.9:5353")
}
