package config

import (
	"fmt"
	"net/netip"
	"testing"
)

func routes(domains ...string) *Document {
	d := Default()
	for _, s := range domains {
		d.Routes = append(d.Routes, SMTPRoute{s, []string{"192.0.2.1"}})
	}
	return d
}

func TestRoute(t *testing.T) {
	plain := routes("ALL", ".example.com", ".b.example.com", "a.example.com", "xn--bcher-kva.example", "[192.0.2.1]", "[ipv6:2001:db8::1]")
	indexed, err := Parse(Encode(plain), "c.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ domain, want string }{
		{"a.example.com", "a.example.com"},
		{"A.Example.COM", "a.example.com"},
		{"a.example.com.", "a.example.com"},
		{"x.a.example.com", ".example.com"},
		{"c.b.example.com", ".b.example.com"},
		{"d.c.b.example.com", ".b.example.com"},
		{"b.example.com", ".example.com"},
		{"example.com", "ALL"},
		{"notexample.com", "ALL"},
		{"com", "ALL"},
		{"bücher.example", "xn--bcher-kva.example"},
		{"BÜCHER.example", "xn--bcher-kva.example"},
		{"xn--BCHER-kva.example", "xn--bcher-kva.example"},
		{"[192.0.2.1]", "[192.0.2.1]"},
		{"[192.0.2.2]", "ALL"},
		{"[IPv6:2001:DB8:0::1]", "[ipv6:2001:db8::1]"},
		{"", "ALL"},
		{"\xff.example.com", "ALL"},
		{"..", "ALL"},
	} {
		for name, d := range map[string]*Document{"plain": plain, "indexed": indexed} {
			if got := d.Route(c.domain); got == nil || got.Domain != c.want {
				t.Errorf("%s: %q goes by %v, want %s", name, c.domain, got, c.want)
			}
		}
	}
	if got := routes("a.test").Route("b.test"); got != nil {
		t.Errorf("without ALL there is a route %v", got)
	}
	if got := Default().Route("b.test"); got != nil {
		t.Errorf("without routes there is %v", got)
	}
}

// A copy with other routes must not be looked up in the index of the first.
func TestRouteOfChangedCopy(t *testing.T) {
	d, err := Parse([]byte(pinned), "c.toml")
	if err != nil {
		t.Fatal(err)
	}
	c := *d
	c.Routes = append([]SMTPRoute{{"a.test", []string{"USEDNS"}}}, d.Routes...)
	if got := c.Route("a.test"); got == nil || got.Domain != "a.test" {
		t.Errorf("got %v", got)
	}
	if got := d.Route("a.test"); got == nil || got.Domain != "ALL" {
		t.Errorf("the original gives %v", got)
	}
}

func TestRouteDoesNotAllocate(t *testing.T) {
	d, err := Parse(Encode(routes("ALL", ".example.com")), "c.toml")
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { d.Route("a.b.c.example.com"); d.Listeners[0].Accepts("example.org") }); n != 0 {
		t.Errorf("a lookup allocates %v times", n)
	}
}

func TestAccepts(t *testing.T) {
	l := Listener{Kind: Public, AcceptDomains: []string{"example.com", ".example.com"}}
	for domain, want := range map[string]bool{
		"example.com": true, "EXAMPLE.com": true, "a.b.example.com": true, "example.org": false, "badexample.com": false, "": false,
	} {
		if l.Accepts(domain) != want {
			t.Errorf("%q is accepted: %t", domain, !want)
		}
	}
	everything := Listener{Kind: Public, AcceptDomains: []string{"ALL"}}
	blackhole := Listener{Kind: Blackhole}
	if !everything.Accepts("x.test") || !blackhole.Accepts("x.test") {
		t.Error("ALL and blackhole do not take everything")
	}
	if (&Listener{Kind: Public}).Accepts("x.test") || (&Listener{Kind: Private}).Accepts("x.test") {
		t.Error("a listener without domains takes one")
	}
}

func TestMayRelay(t *testing.T) {
	l := Listener{RelayFrom: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fe80::/10")}}
	for addr, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "fe80::1%eth0": true, "11.0.0.1": false, "::1": false, "2001:db8::a00:1": false,
	} {
		if l.MayRelay(netip.MustParseAddr(addr)) != want {
			t.Errorf("%s may relay: %t", addr, !want)
		}
	}
	if l.MayRelay(netip.Addr{}) {
		t.Error("no address may relay")
	}
}

func TestInterfaceFor(t *testing.T) {
	d := &Document{}
	if d.InterfaceFor(netip.MustParseAddr("192.0.2.1")) != nil {
		t.Error("there is an interface where there is none")
	}
	for i, p := range []string{"127.0.0.1/8", "10.0.0.1/8", "10.1.0.1/16", "10.1.0.2/32"} {
		d.Interfaces = append(d.Interfaces, Interface{Name: fmt.Sprint(i), Address: netip.MustParsePrefix(p)})
	}
	for addr, want := range map[string]string{
		"10.1.0.2": "3", "10.1.0.1": "2", "10.1.9.9": "2", "10.2.0.1": "1", "127.0.0.5": "0", "::ffff:10.2.0.1": "1", "192.0.2.1": "0", "::1": "0",
	} {
		if got := d.InterfaceFor(netip.MustParseAddr(addr)); got.Name != want {
			t.Errorf("%s is on %s, want %s", addr, got.Name, want)
		}
	}
}

// TestInDoubt finds what is done with mail in doubt: for the domain, for a domain above it, or in general.
func TestInDoubt(t *testing.T) {
	d, err := Parse([]byte("[delivery]\nin_doubt = \"ask\"\n"+doubt("a.test", "hold")+doubt(".a.test", "resend")+doubt("[192.0.2.1]", "hold")), "c.toml")
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(Encode(d), "c.toml")
	if err != nil {
		t.Fatal(err)
	}
	for domain, want := range map[string]string{"A.test": "hold", "b.a.test": "resend", "b.test": "ask", "[192.0.2.1]": "hold", "mx.b.test:26": "ask", "": "ask"} {
		for _, d := range []*Document{d, again} {
			if got := d.InDoubt(domain); got != want {
				t.Errorf("%s: %s, want %s", domain, got, want)
			}
		}
	}
	if got := Default().InDoubt("a.test"); got != DoubtResend {
		t.Errorf("by default %s", got)
	}
}
