package deliver

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"postern/engine"
	"postern/engine/config"
	"postern/journal"
	"postern/smtp/dns"
)

func TestRouting(t *testing.T) {
	mx := func(hosts ...string) (out []dns.MX) {
		for i, h := range hosts {
			out = append(out, dns.MX{Host: h, Preference: uint16(10 * (i + 1))})
		}
		return out
	}
	const refused = `temporary host 000 4.4.0 "[Errno 111] Connection refused"`
	cases := []struct {
		name   string
		set    func(w *world, a *engine.Attempt)
		want   string
		dialed string
	}{
		{"nxdomain", func(w *world, a *engine.Attempt) { w.mx["example.com"] = dns.NXDomain },
			`permanent 000 5.1.2 "DNS Hard Error looking up example.com (MX):  NXDomain"`, ""},
		{"null MX", func(w *world, a *engine.Attempt) { w.mx["example.com"] = "null" },
			`permanent 000 5.1.10 "DNS Hard Error looking up example.com (MX):  NullMX"`, ""},
		{"servfail", func(w *world, a *engine.Attempt) { w.mx["example.com"] = dns.ServFail },
			`temporary host 000 4.4.3 "DNS Temporary Failure example.com MX - ServFail"`, ""},
		{"no MX, address", func(w *world, a *engine.Attempt) {
			w.mx["example.com"] = dns.NoData
			w.hosts["example.com"] = "192.0.2.5"
		}, refused, "192.0.2.5:25"},
		{"no MX, no address", func(w *world, a *engine.Attempt) {
			w.mx["example.com"], w.hosts["example.com"] = dns.NoData, dns.NoData
		}, `permanent 000 5.1.2 "DNS Hard Error looking up example.com (A):  NoData"`, ""},
		{"by preference", func(w *world, a *engine.Attempt) {
			w.mx["example.com"] = []dns.MX{{Host: "b", Preference: 20}, {Host: "a", Preference: 10}}
			w.hosts["a"], w.hosts["b"] = "192.0.2.1 2001:db8::1", "192.0.2.2"
		}, refused, "[2001:db8::1]:25 192.0.2.1:25 192.0.2.2:25"},
		{"one exchanger unknown for now", func(w *world, a *engine.Attempt) {
			w.mx["example.com"] = mx("a", "b")
			w.hosts["a"], w.hosts["b"] = dns.NXDomain, dns.Timeout
		}, `temporary host 000 4.4.3 "DNS Temporary Failure b A - Timeout"`, ""},
		{"best is us", func(w *world, a *engine.Attempt) {
			w.mx["example.com"] = mx("us", "b")
			w.hosts["us"], w.hosts["b"] = "192.0.2.77", "192.0.2.2"
		}, `permanent 000 5.4.6 "the best mail exchanger of example.com is this gateway"`, ""},
		{"equal to us and worse are dropped", func(w *world, a *engine.Attempt) {
			w.mx["example.com"] = []dns.MX{{Host: "a", Preference: 1}, {Host: "b", Preference: 2}, {Host: "us", Preference: 2}, {Host: "c", Preference: 3}}
			w.hosts["a"], w.hosts["b"], w.hosts["us"], w.hosts["c"] = "192.0.2.1", "192.0.2.2", "192.0.2.77", "192.0.2.3"
		}, refused, "192.0.2.1:25"},
		{"us by name", func(w *world, a *engine.Attempt) {
			w.mx["example.com"] = mx("mail3.example.net")
			w.hosts["mail3.example.net"] = "192.0.2.5"
		}, `permanent 000 5.4.6 "the best mail exchanger of example.com is this gateway"`, ""},
		{"at most ten addresses", func(w *world, a *engine.Attempt) {
			w.hosts["mx.example.com"] = strings.Repeat("192.0.2.1 ", 20)
		}, refused, strings.TrimSpace(strings.Repeat("192.0.2.1:25 ", 10))},
		{"address literal", func(w *world, a *engine.Attempt) { a.Destination = "[192.0.2.4]" }, refused, "192.0.2.4:25"},
		{"IPv6 literal", func(w *world, a *engine.Attempt) { a.Destination = "[ipv6:2001:db8::4]" }, refused, "[2001:db8::4]:25"},
		{"own literal", func(w *world, a *engine.Attempt) { w.to(a, "[192.0.2.77]") },
			`permanent 000 5.4.6 "the best mail exchanger of [192.0.2.77] is this gateway"`, ""},
		{"internationalized", func(w *world, a *engine.Attempt) {
			a.Destination = "bücher.example"
			w.mx["xn--bcher-kva.example"] = mx("a")
			w.hosts["a"] = "192.0.2.1"
		}, refused, "192.0.2.1:25"},
		{"route to null", func(w *world, a *engine.Attempt) { w.route("/dev/null") }, `delivered 000  "/null"`, ""},
		{"route to us", func(w *world, a *engine.Attempt) { w.route("192.0.2.77") },
			`temporary host 000 4.4.6 "the mail for example.com would come back to this gateway"`, ""},
		{"route to a domain without mail", func(w *world, a *engine.Attempt) { w.route("example.org"); w.mx["example.org"] = "null" },
			`temporary host 000 4.3.5 "DNS Hard Error looking up example.org (MX):  NullMX"`, ""},
		{"redirect to null", func(w *world, a *engine.Attempt) { a.Route = "/dev/null" }, `delivered 000  "/null"`, ""},
		{"route to addresses", func(w *world, a *engine.Attempt) { w.route("127.0.0.1:2526", "[::1]:26") }, refused, "127.0.0.1:2526 [::1]:26"},
		{"route to hosts", func(w *world, a *engine.Attempt) {
			w.route("[h]", "example.com:99")
			w.hosts["h"] = "192.0.2.8"
		}, refused, "192.0.2.8:25 192.0.2.1:99"},
		{"route by DNS", func(w *world, a *engine.Attempt) { w.route("USEDNS") }, refused, "192.0.2.1:25"},
		{"route nowhere is our mistake", func(w *world, a *engine.Attempt) { w.route("nowhere") },
			`temporary host 000 4.3.5 "DNS Hard Error looking up nowhere (MX):  NXDomain"`, ""},
		{"redirect before route", func(w *world, a *engine.Attempt) { w.route("/dev/null"); a.Route = "[192.0.2.6]:27" }, refused, "192.0.2.6:27"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.client.IsOwn = func(a netip.AddrPort) bool { return a.Addr().String() == "192.0.2.77" }
			a := w.attempt()
			c.set(w, &a)
			out := w.client.Deliver(t.Context(), a)
			w.end()
			w.want(out[0], c.want)
			if got := strings.Join(w.dialed, " "); got != c.dialed {
				t.Errorf("dialled %s, want %s", got, c.dialed)
			}
			if out[0].Result == engine.Permanent && out[0].Status == "5.1.2" && out[0].Class != journal.BounceDNS {
				t.Errorf("class %d, want DNS", out[0].Class)
			}
		})
	}
}

// to makes the message one for that domain.
func (w *world) to(a *engine.Attempt, domain string) {
	a.Destination = domain
	w.message.Recipients[0].Domain = domain
}

func (w *world) route(to ...string) {
	w.document.Routes = []config.SMTPRoute{{Domain: "ALL", To: to}}
}

func TestShuffleWithinPreference(t *testing.T) {
	firsts := map[string]bool{}
	for pick := range 3 {
		w := newWorld(t)
		w.client.Rand = func(n int) int { return pick % n }
		w.mx["example.com"] = []dns.MX{{Host: "a", Preference: 5}, {Host: "b", Preference: 5}, {Host: "c", Preference: 5}, {Host: "d", Preference: 6}}
		for i, h := range []string{"a", "b", "c", "d"} {
			w.hosts[h] = "192.0.2." + string(rune('1'+i))
		}
		w.deliver()
		w.end()
		if len(w.dialed) != 4 || w.dialed[3] != "192.0.2.4:25" {
			t.Fatalf("dialled %v: each once, the worse last", w.dialed)
		}
		firsts[w.dialed[0]] = true
		sorted := slices.Sorted(slices.Values(w.dialed))
		if len(slices.Compact(sorted)) != 4 {
			t.Fatalf("dialled %v", w.dialed)
		}
	}
	if len(firsts) < 2 {
		t.Errorf("always the same first: %v", firsts)
	}
}

// Where the machine has no IPv6, the next attempts begin with IPv4.
func TestNoIPv6(t *testing.T) {
	w := newWorld(t)
	w.hosts["mx.example.com"] = "192.0.2.1 2001:db8::1"
	inner := w.client.Dial
	w.client.Dial = func(ctx context.Context, n string, l netip.Addr, r netip.AddrPort) (net.Conn, error) {
		nc, err := inner(ctx, n, l, r)
		if r.Addr().Is6() {
			err = &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
		}
		return nc, err
	}
	w.deliver()
	w.deliver()
	w.end()
	const want = "[2001:db8::1]:25 192.0.2.1:25 192.0.2.1:25 [2001:db8::1]:25"
	if got := strings.Join(w.dialed, " "); got != want {
		t.Errorf("dialled %s, want %s", got, want)
	}
}

var _ Resolver = (*dns.Resolver)(nil)

func TestMissingEnvelopeIsTemporary(t *testing.T) {
	w := newWorld(t)
	a := w.attempt()
	a.Message = 9
	w.want(w.client.Deliver(t.Context(), a)[0], `temporary 000 4.3.0 "message 9: envelope: not found"`)
	a = w.attempt()
	a.RIDs = []uint32{0, 5}
	out := w.client.Deliver(t.Context(), a)
	if len(out) != 2 || out[1].RID != 5 || out[1].Result != engine.Temporary {
		t.Errorf("%+v", out)
	}
	w.end()
}
