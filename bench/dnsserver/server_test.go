package dnsserver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const text = `
$ORIGIN example.com.
@           60 IN MX 10 mx
@              IN MX 20 mx2
mx             IN A 192.0.2.1
mx             IN AAAA 2001:db8::1
www            IN CNAME mx
away           IN CNAME nowhere.example.net.
loop           IN CNAME loop
deep.under     IN A 192.0.2.2
*.wild         IN MX 5 mx
here.wild      IN A 192.0.2.3
null           IN MX 0 .
1.2.0.192.in-addr.arpa. IN PTR mx.example.com.
example.net. 900 IN SOA ns.example.net. root.example.net. 1 2 3 4 30
`

func start(t *testing.T, zone string) (*Server, func(name string, qtype uint16) *dns.Msg) {
	t.Helper()
	s, err := New(zone)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, func(name string, qtype uint16) *dns.Msg {
		t.Helper()
		q := new(dns.Msg)
		q.SetQuestion(name, qtype)
		m, _, err := new(dns.Client).Exchange(q, addr.String())
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
}

// brief is an answer in one line: response code, answers, the authority's owner.
func brief(m *dns.Msg) string {
	parts := []string{dns.RcodeToString[m.Rcode]}
	for _, rr := range m.Answer {
		parts = append(parts, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	for _, rr := range m.Ns {
		parts = append(parts, "soa "+rr.Header().Name)
	}
	return strings.Join(parts, "; ")
}

func TestAnswers(t *testing.T) {
	s, ask := start(t, text)
	tests := []struct {
		name  string
		qtype uint16
		want  string
	}{
		{"Example.com.", dns.TypeMX, "NOERROR; Example.com. 60 IN MX 10 mx.example.com.; Example.com. 60 IN MX 20 mx2.example.com."},
		{"mx.example.com.", dns.TypeAAAA, "NOERROR; mx.example.com. 60 IN AAAA 2001:db8::1"},
		{"mx.example.com.", dns.TypeTXT, "NOERROR; soa ."},
		{"www.example.com.", dns.TypeA, "NOERROR; www.example.com. 60 IN CNAME mx.example.com.; mx.example.com. 60 IN A 192.0.2.1"},
		{"away.example.com.", dns.TypeA, "NXDOMAIN; away.example.com. 60 IN CNAME nowhere.example.net.; soa example.net."},
		{"under.example.com.", dns.TypeA, "NOERROR; soa ."},
		{"nothing.example.com.", dns.TypeA, "NXDOMAIN; soa ."},
		{"any.thing.wild.example.com.", dns.TypeMX, "NOERROR; any.thing.wild.example.com. 60 IN MX 5 mx.example.com."},
		{"here.wild.example.com.", dns.TypeMX, "NOERROR; soa ."},
		{"null.example.com.", dns.TypeMX, "NOERROR; null.example.com. 60 IN MX 0 ."},
		{"1.2.0.192.in-addr.arpa.", dns.TypePTR, "NOERROR; 1.2.0.192.in-addr.arpa. 60 IN PTR mx.example.com."},
	}
	for _, test := range tests {
		if got := brief(ask(test.name, test.qtype)); got != test.want {
			t.Errorf("%s %s:\n got %s\nwant %s", test.name, dns.TypeToString[test.qtype], got, test.want)
		}
	}
	if n := s.Queries(); n != uint64(len(tests)) {
		t.Errorf("%d queries counted, want %d", n, len(tests))
	}
	if n := len(ask("loop.example.com.", dns.TypeA).Answer); n != maxChain {
		t.Errorf("a loop has %d answers, want %d", n, maxChain)
	}
}

func TestTruncation(t *testing.T) {
	var zone strings.Builder
	for i := range 60 {
		fmt.Fprintf(&zone, "big.example. IN MX %d a-rather-long-name-%d.example.\n", i, i)
	}
	s, ask := start(t, zone.String())
	if m := ask("big.example.", dns.TypeMX); !m.Truncated {
		t.Errorf("%d answers over UDP, not truncated", len(m.Answer))
	}
	q := new(dns.Msg)
	q.SetQuestion("big.example.", dns.TypeMX)
	m, _, err := (&dns.Client{Net: "tcp"}).Exchange(q, s.servers[0].PacketConn.LocalAddr().String())
	if err != nil || m.Truncated || len(m.Answer) != 60 {
		t.Errorf("over TCP: %v", err)
	}
}

func TestFailures(t *testing.T) {
	s, ask := start(t, "a.example. IN A 192.0.2.1")
	s.Fail("Example", dns.RcodeServerFailure)
	if got := brief(ask("a.example.", dns.TypeA)); got != "SERVFAIL" {
		t.Errorf("got %s", got)
	}
	s.Fail("a.example", Silence)
	q := new(dns.Msg)
	q.SetQuestion("a.example.", dns.TypeA)
	c := &dns.Client{Timeout: 20 * time.Millisecond}
	if _, _, err := c.Exchange(q, s.servers[0].PacketConn.LocalAddr().String()); err == nil {
		t.Error("a silent server answered")
	}
	s.Fail("a.example.", dns.RcodeSuccess)
	s.Fail("example.", dns.RcodeSuccess)
	if got := brief(ask("a.example.", dns.TypeA)); !strings.HasPrefix(got, "NOERROR; a.example. 300") {
		t.Errorf("got %s", got)
	}
	if err := s.Replace("b.example. IN A 192.0.2.2"); err != nil {
		t.Fatal(err)
	}
	if got := brief(ask("a.example.", dns.TypeA)); got != "NXDOMAIN; soa ." {
		t.Errorf("after the change: %s", got)
	}
}

func TestRefusals(t *testing.T) {
	if _, err := New("example.com. IN MX ten"); err == nil {
		t.Error("a wrong zone is taken")
	}
	s, _ := New("")
	for _, address := range []string{"192.0.2.1:53", "0.0.0.0:0", "localhost:53", ""} {
		if _, err := s.Listen(address); err == nil {
			t.Errorf("it listens on %q", address)
			s.Close()
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing what never listened: %v", err)
	}
}
