package dns

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// aliases is a server that knows records and follows aliases only when told to.
func aliases(t *testing.T, text string, follow bool) *fakeServer {
	records := parse(t, text)
	return serve(t, func(m *dns.Msg, _ bool) bool {
		q := m.Question[0]
		name := q.Name
		for range 20 {
			next := ""
			for _, rr := range records {
				switch h := rr.Header(); {
				case !strings.EqualFold(h.Name, name):
				case h.Rrtype == q.Qtype:
					m.Answer = append(m.Answer, rr)
				case h.Rrtype == dns.TypeCNAME:
					m.Answer = append(m.Answer, rr)
					next = rr.(*dns.CNAME).Target
				}
			}
			if next == "" || !follow {
				break
			}
			name = next
		}
		if len(m.Answer) == 0 {
			m.Rcode = dns.RcodeNameError
		}
		return true
	})
}

func TestAliases(t *testing.T) {
	const text = `
		a.example. 100 IN CNAME b.example.
		b.example. 50 IN CNAME C.example.
		c.example. 200 IN MX 10 mx.example.
		half.example. 60 IN CNAME nowhere.example.
		slash.example. 60 IN CNAME 1.0/25.example.
		1.0/25.example. 60 IN MX 10 mx.example.
		evil.example. 60 IN CNAME a\010b.example.
		loop1.example. 60 IN CNAME loop2.example.
		loop2.example. 60 IN CNAME loop1.example.
		self.example. 60 IN CNAME self.example.`
	for _, follow := range []bool{true, false} {
		s := aliases(t, text, follow)
		r := resolver(t, newClock(), s)
		a, err := r.LookupMX(t.Context(), "a.example")
		if err != nil || len(a.Hosts) != 1 || !a.Expires.Equal(at(50*time.Second)) {
			t.Errorf("follow %v: %+v, %v", follow, a, err)
		}
		if want := map[bool]int64{true: 1, false: 3}[follow]; s.queries.Load() != want {
			t.Errorf("follow %v: %d queries, want %d", follow, s.queries.Load(), want)
		}
		if c := r.Counters(); c.Requests != 1 || c.Misses != 1 {
			t.Errorf("follow %v: steps are counted as requests: %+v", follow, c)
		}
		if _, err := r.LookupMX(t.Context(), "slash.example"); err != nil {
			t.Errorf("follow %v: %v", follow, err)
		}
		for name, kind := range map[string]Kind{"loop1.example": Loop, "self.example": Loop, "evil.example": Malformed} {
			_, err := r.LookupMX(t.Context(), name)
			failsWith(t, err, kind, "")
		}
		if !follow {
			_, err := r.LookupMX(t.Context(), "half.example")
			failsWith(t, err, NXDomain, "DNS Hard Error looking up half.example (MX):  NXDomain")
		}
	}
}

func TestAliasUsesWhatTheCacheKnows(t *testing.T) {
	s := aliases(t, `
		a.example. 100 IN CNAME b.example.
		b.example. 60 IN MX 10 mx.example.`, false)
	r := resolver(t, newClock(), s)
	r.LookupMX(t.Context(), "b.example")
	a, err := r.LookupMX(t.Context(), "a.example")
	if err != nil || len(a.Hosts) != 1 || !a.Expires.Equal(at(60*time.Second)) {
		t.Errorf("%+v, %v", a, err)
	}
	counts(t, r, Counters{Requests: 2, NetworkRequests: 2, Misses: 2})
}

func TestLongChains(t *testing.T) {
	for _, n := range []int{MaxChain, MaxChain + 1} {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "n%d.example. 60 IN CNAME n%d.example.\n", i, i+1)
		}
		fmt.Fprintf(&text, "n%d.example. 60 IN MX 10 mx.example.\n", n)
		_, err := resolver(t, newClock(), aliases(t, text.String(), true)).LookupMX(t.Context(), "n0.example")
		if n == MaxChain && err != nil {
			t.Errorf("%d aliases: %v", n, err)
		}
		if n > MaxChain {
			failsWith(t, err, Loop, "")
		}
	}
}

// What the additional section says, and what is said of names that were not asked for, is not believed.
func TestForeignRecordsAreNotBelieved(t *testing.T) {
	s := serve(t, func(m *dns.Msg, _ bool) bool {
		switch q := m.Question[0]; {
		case q.Name == "example.com." && q.Qtype == dns.TypeMX:
			m.Answer = parse(t, "example.com. 60 IN MX 10 mx.bank.example.\nbank.example. 60 IN MX 10 thief.example.")
			m.Extra = parse(t, "mx.bank.example. 60 IN A 203.0.113.66")
		case q.Qtype == dns.TypeA:
			m.Answer = parse(t, "mx.bank.example. 60 IN A 192.0.2.1")
		default:
			m.Rcode = dns.RcodeNameError
		}
		return true
	})
	r := resolver(t, newClock(), s)
	if a, err := r.LookupMX(t.Context(), "example.com"); err != nil || len(a.Hosts) != 1 {
		t.Errorf("%v, %v", a, err)
	}
	if a, err := r.LookupAddr(t.Context(), "mx.bank.example", V4); err != nil || a.Addrs[0].String() != "192.0.2.1" {
		t.Errorf("%v, %v", a, err)
	}
	_, err := r.LookupMX(t.Context(), "bank.example")
	failsWith(t, err, NXDomain, "")
}
