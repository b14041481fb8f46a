package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const queryZone = `
example.com. 300 IN MX 10 mx.example.com.
example.com. 300 IN TXT "v=spf1 -all" "\027[2J"
_dmarc.example.com. 60 IN TXT "v=DMARC1"
mx.example.com. 60 IN A 192.0.2.1
. 1000 IN NS a.root.example.
1.2.0.192.in-addr.arpa. 60 IN PTR mx.example.com.
strange.example.com. 60 IN TYPE65280 \# 2 abcd
`

func text(r Reply) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s", r.Name, r.Type, r.Status, r.Network)
	for _, rr := range r.Answer {
		fmt.Fprintf(&b, " | %s %d %s %s %s", rr.Name, rr.TTL, rr.Class, rr.Type, rr.Data)
	}
	return b.String()
}

func TestQuery(t *testing.T) {
	f := serve(t, zone(t, queryZone))
	r := &Resolver{Servers: []netip.AddrPort{f.addr}}
	defer r.Close()
	for _, c := range []struct {
		q    Question
		want string
	}{
		{Question{Name: "Example.COM", Type: "mx"}, "example.com. MX NOERROR udp | example.com. 300 IN MX 10 mx.example.com."},
		{Question{Name: "example.com.", Type: "TXT"}, `example.com. TXT NOERROR udp | example.com. 300 IN TXT "v=spf1 -all" "\027[2J"`},
		{Question{Name: "_dmarc.example.com", Type: "TXT"}, `_dmarc.example.com. TXT NOERROR udp | _dmarc.example.com. 60 IN TXT "v=DMARC1"`},
		{Question{Name: "192.0.2.1", Reverse: true}, "1.2.0.192.in-addr.arpa. PTR NOERROR udp | 1.2.0.192.in-addr.arpa. 60 IN PTR mx.example.com."},
		{Question{Name: ".", Type: "NS"}, ". NS NOERROR udp | . 1000 IN NS a.root.example."},
		{Question{Name: "strange.example.com", Type: "TYPE65280"}, `strange.example.com. TYPE65280 NOERROR udp | strange.example.com. 60 IN TYPE65280 \# 2 abcd`},
		{Question{Name: "nowhere.example.com", Type: "A"}, "nowhere.example.com. A NXDOMAIN udp"},
		{Question{Name: "mx.example.com", Type: "A", Server: f.addr.String()}, "mx.example.com. A NOERROR udp | mx.example.com. 60 IN A 192.0.2.1"},
	} {
		got, err := r.Query(t.Context(), c.q)
		if err != nil || text(got) != c.want || got.Server != f.addr {
			t.Errorf("%+v:\nhave %s, %v\nwant %s", c.q, text(got), err, c.want)
		}
	}
	if r.Outstanding() != 0 {
		t.Error("a question is still under way")
	}
}

func TestQueryRefuses(t *testing.T) {
	r := &Resolver{Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")}}
	defer r.Close()
	for _, q := range []Question{
		{Name: "a..b", Type: "A"}, {Name: "", Type: "A"}, {Name: strings.Repeat("a", 300), Type: "A"}, {Name: "example.com", Type: "AXFR"},
		{Name: "example.com", Type: "FROG"}, {Name: "example.com", Type: "TYPE0"}, {Name: "example.com", Type: "TYPE70000"}, {Name: "example.com", Type: "OPT"},
		{Name: "example.com", Reverse: true}, {Name: "example.com", Type: "A", Server: "no server"}, {Name: "example.com", Type: "A", Server: "127.0.0.1:0x"},
		{Name: "\x1b[2J", Type: "A"},
	} {
		var usage *UsageError
		if _, err := r.Query(t.Context(), q); !errors.As(err, &usage) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// TestQueryAsksOn: a server that is silent is passed over, one that refuses has answered.
func TestQueryAsksOn(t *testing.T) {
	silent := serve(t, func(*dns.Msg, bool) bool { return false })
	refuses := serve(t, func(m *dns.Msg, _ bool) bool { m.Rcode = dns.RcodeRefused; return true })
	r := &Resolver{Servers: []netip.AddrPort{silent.addr, refuses.addr}, Timeout: 50 * time.Millisecond}
	defer r.Close()
	got, err := r.Query(t.Context(), Question{Name: "example.com", Type: "A"})
	if err != nil || got.Status != "REFUSED" || got.Server != refuses.addr {
		t.Errorf("%+v, %v", got, err)
	}
	r2 := &Resolver{Servers: []netip.AddrPort{silent.addr}, Timeout: 50 * time.Millisecond}
	defer r2.Close()
	var bad *Error
	if _, err := r2.Query(t.Context(), Question{Name: "example.com", Type: "A"}); !errors.As(err, &bad) || bad.Kind != Timeout {
		t.Error(err)
	}
}

// TestQueryBoundsRecords: an answer that needs TCP is fetched there, and cut.
func TestQueryBoundsRecords(t *testing.T) {
	f := serve(t, func(m *dns.Msg, tcp bool) bool {
		if m.Truncated = !tcp; tcp {
			for i := range MaxRecords + 7 {
				rr, _ := dns.NewRR(fmt.Sprintf("example.com. 60 IN A 10.0.%d.%d", i/256, i%256))
				m.Answer = append(m.Answer, rr)
			}
		}
		return true
	})
	r := &Resolver{Servers: []netip.AddrPort{f.addr}}
	defer r.Close()
	got, err := r.Query(t.Context(), Question{Name: "example.com", Type: "A"})
	if err != nil || len(got.Answer) != MaxRecords || got.Omitted != 7 || got.Network != "tcp" {
		t.Errorf("%d records, %d omitted, %s, %v", len(got.Answer), got.Omitted, got.Network, err)
	}
}

func TestQueryEndsWithTheResolver(t *testing.T) {
	f := serve(t, func(*dns.Msg, bool) bool { return false })
	r := &Resolver{Servers: []netip.AddrPort{f.addr}, Timeout: time.Hour}
	done := make(chan error, 1)
	go func() {
		_, err := r.Query(t.Context(), Question{Name: "example.com", Type: "A"})
		done <- err
	}()
	for r.Outstanding() == 0 {
		select {
		case err := <-done:
			t.Fatal(err)
		default:
		}
	}
	r.Close()
	if err := <-done; err == nil {
		t.Error("it was answered")
	}
	if _, err := r.Query(t.Context(), Question{Name: "example.com", Type: "A"}); err == nil {
		t.Error("a closed resolver answers")
	}
}
