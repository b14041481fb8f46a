package config

import (
	"net/netip"
	"testing"
)

func TestParseTarget(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		text  string
		want  Target
		print string
	}{
		{"Mail.Example.com", Target{Kind: TargetMX, Host: "mail.example.com"}, "mail.example.com"},
		{"mail.example.com:2525", Target{Kind: TargetMX, Host: "mail.example.com", Port: 2525}, "mail.example.com:2525"},
		{"localhost", Target{Kind: TargetMX, Host: "localhost"}, "localhost"},
		{"[mail.example.com]", Target{Kind: TargetHost, Host: "mail.example.com"}, "[mail.example.com]"},
		{"[mail.example.com]:26", Target{Kind: TargetHost, Host: "mail.example.com", Port: 26}, "[mail.example.com]:26"},
		{"192.0.2.1", Target{Kind: TargetAddress, Address: v4}, "192.0.2.1"},
		{"[192.0.2.1]", Target{Kind: TargetAddress, Address: v4}, "192.0.2.1"},
		{"192.0.2.1:26", Target{Kind: TargetAddress, Address: v4, Port: 26}, "192.0.2.1:26"},
		{"[192.0.2.1]:26", Target{Kind: TargetAddress, Address: v4, Port: 26}, "192.0.2.1:26"},
		{"2001:db8::1", Target{Kind: TargetAddress, Address: v6}, "2001:db8::1"},
		{"[2001:DB8::1]", Target{Kind: TargetAddress, Address: v6}, "2001:db8::1"},
		{"[2001:db8::1]:26", Target{Kind: TargetAddress, Address: v6, Port: 26}, "[2001:db8::1]:26"},
		{"::ffff:192.0.2.1", Target{Kind: TargetAddress, Address: v4}, "192.0.2.1"},
		{"usedns", Target{Kind: TargetUseDNS}, "USEDNS"},
		{"/dev/null", Target{Kind: TargetNull}, "/dev/null"},
	} {
		got, err := ParseTarget(c.text)
		if err != nil || got != c.want || got.String() != c.print {
			t.Errorf("%s: got %+v (%s), %v; want %+v (%s)", c.text, got, got, err, c.want, c.print)
		}
		if again, err := ParseTarget(got.String()); err != nil || again != got {
			t.Errorf("%s: its own form %s is read as %+v, %v", c.text, got, again, err)
		}
	}
	for _, bad := range []string{
		"", ":25", "a:", "a:x", "a:65536", "a:025", "a:+1", "a:1:2", "[a", "[]", "[a]25", "[a]:", "[a]:0", "a b", "[[a]]",
		"/dev/zero", "../x", "::", "0.0.0.0", "224.0.0.1", "a..b", "1.2.3.4.5:x", "2001:db8::1:x", "smtp:a.test", "a\x00b",
	} {
		if got, err := ParseTarget(bad); err == nil {
			t.Errorf("%q was taken as %+v", bad, got)
		}
	}
}
