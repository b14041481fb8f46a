package dns

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestMXAreOrderedAndCached(t *testing.T) {
	s := serve(t, zone(t, `
		Example.COM. 300 IN MX 20 Backup.Example.com.
		example.com. 200 IN MX 10 mx.example.com.`))
	c := newClock()
	r := resolver(t, c, s)
	for _, name := range []string{"example.com", "EXAMPLE.com."} {
		a, err := r.LookupMX(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if want := []MX{{"mx.example.com", 10}, {"backup.example.com", 20}}; !slices.Equal(a.Hosts, want) {
			t.Errorf("%s: hosts are %v, want %v", name, a.Hosts, want)
		}
		if !a.Expires.Equal(at(200 * time.Second)) {
			t.Errorf("%s: expires at %v, want after the lesser TTL", name, a.Expires)
		}
		a.Hosts[0], a.Hosts[1] = a.Hosts[1], a.Hosts[0] // what a caller does to its copy is nobody else's matter
	}
	if n := s.queries.Load(); n != 1 {
		t.Errorf("the server was asked %d times, want once", n)
	}
	counts(t, r, Counters{Requests: 2, NetworkRequests: 1, Hits: 1, Misses: 1})
}

func TestExpiredEntriesAreAskedAgainAndCounted(t *testing.T) {
	s := serve(t, zone(t, `example.com. 60 IN MX 10 mx.example.com.`))
	c := newClock()
	r := resolver(t, c, s)
	look := func() { r.LookupMX(t.Context(), "example.com") }
	look()
	c.advance(59 * time.Second)
	if _, remaining, ok := r.CachedMX("example.com"); !ok || remaining != time.Second {
		t.Errorf("cached for %v (%v), want 1s", remaining, ok)
	}
	look()
	c.advance(time.Second)
	if _, _, ok := r.CachedMX("example.com"); ok {
		t.Error("an expired entry is shown as cached")
	}
	look()
	look()
	counts(t, r, Counters{Requests: 4, NetworkRequests: 2, Hits: 2, Misses: 1, Expired: 1})
}

func TestFlushForgetsWithoutCounting(t *testing.T) {
	s := serve(t, zone(t, `example.com. 60 IN MX 10 mx.example.com.`))
	r := resolver(t, newClock(), s)
	r.LookupMX(t.Context(), "example.com")
	r.Flush()
	r.LookupMX(t.Context(), "example.com")
	counts(t, r, Counters{Requests: 2, NetworkRequests: 2, Misses: 2})
}

func TestTTLs(t *testing.T) {
	s := serve(t, zone(t, `
		zero.example. 0 IN MX 10 mx.example.
		long.example. 9999999 IN MX 10 mx.example.
		negative.example. 4294967295 IN MX 10 mx.example.`))
	r := resolver(t, newClock(), s)
	for name, want := range map[string]time.Duration{"zero.example": 0, "long.example": MaxTTL, "negative.example": 0} {
		a, err := r.LookupMX(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if !a.Expires.Equal(at(want)) {
			t.Errorf("%s expires at %v, want after %v", name, a.Expires, want)
		}
		if _, _, ok := r.CachedMX(name); ok != (want > 0) {
			t.Errorf("%s is cached: %v", name, ok)
		}
	}
}

func TestNegativeAnswers(t *testing.T) {
	soa := parse(t, `example.com. 900 IN SOA ns.example.com. root.example.com. 1 2 3 4 300`)
	tests := []struct {
		name, text string
		rcode      int
		ns         []dns.RR
		kind       Kind
		kept       time.Duration
	}{
		{"nx.example.com", "DNS Hard Error looking up nx.example.com (MX):  NXDomain", dns.RcodeNameError, soa, NXDomain, 300 * time.Second},
		{"no.example.com", "DNS Hard Error looking up no.example.com (MX):  NoData", dns.RcodeSuccess, soa, NoData, 300 * time.Second},
		{"elsewhere.example.net", "", dns.RcodeNameError, soa, NXDomain, FailureTTL},
		{"bare.example.com", "", dns.RcodeSuccess, nil, NoData, FailureTTL},
		{"sick.example.com", "DNS Temporary Failure sick.example.com MX - ServFail", dns.RcodeServerFailure, nil, ServFail, FailureTTL},
		{"refused.example.com", "DNS Temporary Failure refused.example.com MX - Refused", dns.RcodeRefused, nil, Refused, FailureTTL},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, func(m *dns.Msg, _ bool) bool {
				m.Rcode, m.Ns = test.rcode, test.ns
				return true
			})
			c := newClock()
			r := resolver(t, c, s)
			look := func() error { _, err := r.LookupMX(t.Context(), test.name); return err }
			failsWith(t, look(), test.kind, test.text)
			if a, _, ok := r.CachedMX(test.name); ok != (test.kind == NoData) || len(a.Hosts) > 0 || a.Null {
				t.Errorf("cached: %v, %+v", ok, a)
			}
			c.advance(test.kept - 1)
			failsWith(t, look(), test.kind, test.text)
			counts(t, r, Counters{Requests: 2, NetworkRequests: 1, Misses: 1, Exceptions: 1})
			c.advance(1)
			look()
			counts(t, r, Counters{Requests: 3, NetworkRequests: 2, Misses: 1, Exceptions: 1, Expired: 1})
			if temporary := test.kind == ServFail || test.kind == Refused; look().(*Error).Temporary() != temporary {
				t.Errorf("temporary is %v, want %v", !temporary, temporary)
			}
		})
	}
}

func TestNullMX(t *testing.T) {
	s := serve(t, zone(t, `
		none.example. 60 IN MX 0 .
		mixed.example. 60 IN MX 0 .
		mixed.example. 60 IN MX 10 mx.example.`))
	r := resolver(t, newClock(), s)
	if a, err := r.LookupMX(t.Context(), "none.example"); err != nil || !a.Null || len(a.Hosts) != 0 {
		t.Errorf("none: %+v, %v", a, err)
	}
	if a, err := r.LookupMX(t.Context(), "mixed.example"); err != nil || a.Null || len(a.Hosts) != 1 {
		t.Errorf("mixed: %+v, %v", a, err)
	}
}

func TestManyMX(t *testing.T) {
	for _, n := range []int{60, 150} {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "big.example. 60 IN MX %d a-rather-long-host-name-%d.mail.example.\n", n-i, i)
		}
		answer := zone(t, text.String())
		s := serve(t, func(m *dns.Msg, tcp bool) bool {
			answer(m, tcp)
			if !tcp {
				m.Truncate(udpSize)
			}
			return true
		})
		r := resolver(t, newClock(), s)
		a, err := r.LookupMX(t.Context(), "big.example")
		if err != nil {
			t.Fatal(err)
		}
		if want := min(n, MaxHosts); len(a.Hosts) != want {
			t.Errorf("%d hosts of %d, want %d", len(a.Hosts), n, want)
		}
		if a.Hosts[0].Preference != 1 {
			t.Errorf("the best of %d has preference %d", n, a.Hosts[0].Preference)
		}
		if s.tcp.Load() != 1 {
			t.Errorf("%d MX: TCP was asked %d times, want once", n, s.tcp.Load())
		}
		counts(t, r, Counters{Requests: 1, NetworkRequests: 2, Misses: 1})
	}
}

func TestHostileNamesAreLeftOut(t *testing.T) {
	s := serve(t, zone(t, `
		half.example. 60 IN MX 10 evil\010log\032line.example.
		half.example. 60 IN MX 20 good.example.
		all.example. 60 IN MX 10 evil\027[2J.example.`))
	r := resolver(t, newClock(), s)
	a, err := r.LookupMX(t.Context(), "half.example")
	if err != nil || len(a.Hosts) != 1 || a.Hosts[0].Host != "good.example" {
		t.Errorf("half: %+v, %v", a, err)
	}
	_, err = r.LookupMX(t.Context(), "all.example")
	failsWith(t, err, Malformed, "")
}

func TestImpossibleNamesAreNotAsked(t *testing.T) {
	s := serve(t, func(*dns.Msg, bool) bool { return true })
	r := resolver(t, newClock(), s)
	long := strings.Repeat("a", 64)
	for _, name := range []string{"", ".", "a..b", ".a", "a b", "a\nb", "a\\010b", "\xff\xfe", long + ".example",
		strings.Repeat("abcdefg.", 32), "日本語\x00.example", "[127.0.0.1]"} {
		_, err := r.LookupMX(t.Context(), name)
		failsWith(t, err, BadName, "")
		if err.(*Error).Temporary() {
			t.Errorf("%q is said to be temporary", name)
		}
		if strings.ContainsFunc(err.Error(), func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("the error about %q is not printable: %q", name, err)
		}
	}
	if s.queries.Load() != 0 {
		t.Errorf("%d questions reached the server", s.queries.Load())
	}
}

func TestInternationalNamesAreConverted(t *testing.T) {
	s := serve(t, zone(t, `xn--bcher-kva.example. 60 IN MX 10 mx.example.`))
	r := resolver(t, newClock(), s)
	for _, name := range []string{"bücher.example", "BÜCHER.example", "xn--bcher-kva.example"} {
		if _, err := r.LookupMX(t.Context(), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	counts(t, r, Counters{Requests: 3, NetworkRequests: 1, Misses: 1, Hits: 2})
}

func TestAddresses(t *testing.T) {
	s := serve(t, zone(t, `
		both.example. 60 IN A 192.0.2.1
		both.example. 50 IN A 192.0.2.2
		both.example. 40 IN AAAA 2001:db8::1
		six.example. 60 IN AAAA 2001:db8::6
		bad.example. 60 IN A 0.0.0.0
		bad.example. 60 IN A 224.0.0.1
		bad.example. 60 IN AAAA ::
		bad.example. 60 IN AAAA ::ffff:10.0.0.1`))
	r := resolver(t, newClock(), s)
	look := func(name string, want Want) string {
		a, err := r.LookupAddr(t.Context(), name, want)
		if err != nil {
			return err.(*Error).Kind.String()
		}
		return fmt.Sprint(a.Addrs, a.Expires.Sub(noon))
	}
	for _, test := range []struct {
		name string
		want Want
		text string
	}{
		{"both.example", Both, "[192.0.2.1 192.0.2.2 2001:db8::1] 40s"},
		{"both.example", 0, "[192.0.2.1 192.0.2.2 2001:db8::1] 40s"},
		{"both.example", V4, "[192.0.2.1 192.0.2.2] 50s"},
		{"both.example", V6, "[2001:db8::1] 40s"},
		{"six.example", Both, "[2001:db8::6] 1m0s"},
		{"bad.example", Both, "Malformed"},
		{"none.example", Both, "NXDomain"},
	} {
		if got := look(test.name, test.want); got != test.text {
			t.Errorf("%s %d: %s, want %s", test.name, test.want, got, test.text)
		}
	}
	if a, remaining, ok := r.CachedAddrs("both.example"); !ok || len(a.Addrs) != 3 || remaining != 40*time.Second {
		t.Errorf("cached: %v, %v, %v", a, remaining, ok)
	}
	if _, _, ok := r.CachedAddrs("none.example"); ok {
		t.Error("a host without addresses is shown as cached")
	}
}

func TestOneFamilyFailing(t *testing.T) {
	fail := func(rcode4, rcode6 int) Kind {
		s := serve(t, func(m *dns.Msg, _ bool) bool {
			m.Rcode = rcode4
			if m.Question[0].Qtype == dns.TypeAAAA {
				m.Rcode = rcode6
			}
			return true
		})
		_, err := resolver(t, newClock(), s).LookupAddr(t.Context(), "x.example", Both)
		return err.(*Error).Kind
	}
	for _, test := range []struct {
		four, six int
		want      Kind
	}{
		{dns.RcodeServerFailure, dns.RcodeSuccess, ServFail}, {dns.RcodeSuccess, dns.RcodeServerFailure, ServFail},
		{dns.RcodeNameError, dns.RcodeServerFailure, NXDomain}, {dns.RcodeSuccess, dns.RcodeSuccess, NoData},
	} {
		if got := fail(test.four, test.six); got != test.want {
			t.Errorf("A %d, AAAA %d: %v, want %v", test.four, test.six, got, test.want)
		}
	}
}

func TestTooManyAddresses(t *testing.T) {
	var text strings.Builder
	for i := range 150 {
		fmt.Fprintf(&text, "many.example. 60 IN A 10.0.0.%d\n", i)
	}
	answer := zone(t, text.String())
	s := serve(t, func(m *dns.Msg, tcp bool) bool {
		answer(m, tcp)
		m.Truncated = !tcp
		return true
	})
	a, err := resolver(t, newClock(), s).LookupAddr(t.Context(), "many.example", V4)
	if err != nil || len(a.Addrs) != MaxAddrs {
		t.Errorf("%d addresses (%v), want %d", len(a.Addrs), err, MaxAddrs)
	}
}

func TestTexts(t *testing.T) {
	s := serve(t, zone(t, `_spf.example. 60 IN TXT "v=spf1 ip4:192.0.2.0/24" " -all" "\"\\\007\255"`))
	got, err := resolver(t, newClock(), s).LookupTXT(t.Context(), "_spf.example")
	if want := []string{"v=spf1 ip4:192.0.2.0/24 -all\"\\\x07\xff"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestVerified(t *testing.T) {
	s := serve(t, zone(t, `
		1.2.0.192.in-addr.arpa. 60 IN PTR liar.example.
		1.2.0.192.in-addr.arpa. 60 IN PTR Mail.Example.
		2.2.0.192.in-addr.arpa. 60 IN PTR liar.example.
		3.2.0.192.in-addr.arpa. 60 IN PTR a\010b.example.
		1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 60 IN PTR mail.example.
		mail.example. 60 IN A 192.0.2.1
		mail.example. 60 IN AAAA 2001:db8::1
		liar.example. 60 IN A 198.51.100.1`))
	r := resolver(t, newClock(), s)
	for _, test := range []struct {
		addr, name string
		verified   bool
	}{
		{"192.0.2.1", "mail.example", true},
		{"::ffff:192.0.2.1", "mail.example", true},
		{"2001:db8::1", "mail.example", true},
		{"192.0.2.2", "liar.example", false},
		{"192.0.2.3", "", false},
		{"192.0.2.4", "", false},
	} {
		addr := netip.MustParseAddr(test.addr)
		name, verified := r.Verified(t.Context(), addr)
		if name != test.name || verified != test.verified {
			t.Errorf("%s is %q, verified %v; want %q, %v", test.addr, name, verified, test.name, test.verified)
		}
		before := r.Counters()
		if name, verified := r.CachedName(addr); name != test.name || verified != test.verified || r.Counters() != before {
			t.Errorf("the cache says that %s is %q, verified %v", test.addr, name, verified)
		}
	}
	if name, _ := r.CachedName(netip.MustParseAddr("192.0.2.77")); name != "" {
		t.Errorf("nobody asked for its name, it is %q", name)
	}
	names, err := r.LookupPTR(t.Context(), netip.MustParseAddr("192.0.2.1"))
	if want := []string{"liar.example", "mail.example"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("names are %v (%v), want %v", names, err, want)
	}
	if _, err := r.LookupPTR(t.Context(), netip.Addr{}); err == nil {
		t.Error("no address has names")
	}
}

func TestCacheHitIsCheap(t *testing.T) {
	s := serve(t, zone(t, `
		example.com. 60 IN MX 10 mx.example.com.
		mx.example.com. 60 IN A 192.0.2.1
		mx.example.com. 60 IN AAAA 2001:db8::1`))
	r := resolver(t, newClock(), s)
	ctx := context.Background()
	look := func() {
		if _, err := r.LookupMX(ctx, "example.com"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.LookupAddr(ctx, "mx.example.com", Both); err != nil {
			t.Fatal(err)
		}
	}
	look()
	if n := testing.AllocsPerRun(100, look); n > 5 {
		t.Errorf("%v allocations for an MX and its addresses out of the cache", n)
	}
}
