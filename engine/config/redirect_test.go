package config

import (
	"strings"
	"testing"
)

func TestCanonicalTarget(t *testing.T) {
	for _, c := range []struct{ typed, destination, route string }{
		{"example2.com", "example2.com", ""},
		{"  Example2.COM. ", "example2.com", ""},
		{"localhost", "localhost", ""},
		{"bücher.example", "xn--bcher-kva.example", ""},
		{"example2.com:2526", "example2.com:2526", "example2.com:2526"},
		{"Example2.com:25", "example2.com:25", "example2.com:25"},
		{"[mail.Example2.com]", "[mail.example2.com]", "[mail.example2.com]"},
		{"[mail.example2.com]:2526", "[mail.example2.com]:2526", "[mail.example2.com]:2526"},
		{"192.0.2.1", "[192.0.2.1]", ""},
		{"[192.0.2.1]", "[192.0.2.1]", ""},
		{"::ffff:192.0.2.1", "[192.0.2.1]", ""},
		{"192.0.2.1:2526", "192.0.2.1:2526", "192.0.2.1:2526"},
		{"[192.0.2.1]:2526", "192.0.2.1:2526", "192.0.2.1:2526"},
		{"2001:DB8::1", "[IPv6:2001:db8::1]", ""},
		{"[2001:db8:0::1]", "[IPv6:2001:db8::1]", ""},
		{"[ipv6:2001:db8::1]", "[IPv6:2001:db8::1]", ""},
		{"[2001:db8::1]:2526", "[2001:db8::1]:2526", "[2001:db8::1]:2526"},
		{"[IPv6:2001:db8::1]:2526", "[2001:db8::1]:2526", "[2001:db8::1]:2526"},
	} {
		got, err := CanonicalTarget(c.typed)
		if err != nil || got != c.destination || TargetRoute(got) != c.route {
			t.Errorf("%s: destination %q, route %q, %v; want %q and %q", c.typed, got, TargetRoute(got), err, c.destination, c.route)
		}
		if again, err := CanonicalTarget(got); err != nil || again != got {
			t.Errorf("%s: its canonical form %s becomes %q, %v", c.typed, got, again, err)
		}
	}
}

func TestNoTargetOfRedirect(t *testing.T) {
	for typed, says := range map[string]string{
		"": "missing", " ": "missing", "/dev/null": "deleted", "USEDNS": "smtp_route", "usedns": "smtp_route", "ALL": "smtp_route",
		"user@example.com": "host only", strings.Repeat("a.", 150): "300 characters", "192.0.2": "allowed are", "1.2.3.400": "allowed are",
		"example.com:0": "allowed are", "example.com:99999": "allowed are", "example.com:smtp": "allowed are", ".example.com": "allowed are",
		"http://example.com": "allowed are", "a b": "allowed are", "a\x1b[2J": `a?[2J`, "[IPv6:192.0.2.1]": "allowed are",
		"[IPv6:example.com]": "allowed are", "fe80::1%eth0": "allowed are", "0.0.0.0": "allowed are", "224.0.0.1:25": "allowed are", "[::]": "allowed are",
	} {
		got, err := CanonicalTarget(typed)
		if err == nil || got != "" || !strings.Contains(err.Error(), says) || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
			t.Errorf("%q: %q, %v; want %q in it", typed, got, err, says)
		}
	}
}

// What recipients' domains are called never reads as a redirect's target with a route of its own.
func TestNoRouteForDomains(t *testing.T) {
	for _, destination := range []string{"", "example.com", "usedns", "[192.0.2.1]", "[IPv6:2001:db8::1]", "[ipv6:2001:db8::1]", "xn--bcher-kva.example"} {
		if route := TargetRoute(destination); route != "" {
			t.Errorf("%s: route %q", destination, route)
		}
	}
}

func FuzzCanonicalTarget(f *testing.F) {
	for _, s := range []string{"example.com:25", "[IPv6:::1]", "[a]:1", "::1", "1.2.3.4:5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := CanonicalTarget(s)
		if err != nil {
			return
		}
		if again, err := CanonicalTarget(got); err != nil || again != got {
			t.Errorf("%q becomes %q, and that %q, %v", s, got, again, err)
		}
		if route := TargetRoute(got); route != "" {
			if _, err := ParseTarget(route); err != nil {
				t.Errorf("%q: the route %q is none: %v", s, route, err)
			}
		}
	})
}
