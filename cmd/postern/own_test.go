package main

import (
	"net/netip"
	"testing"

	"postern/engine/config"
)

// Mail that would be sent to ourselves is recognised whatever name our listener has for the address.
func TestOwnListeners(t *testing.T) {
	for _, c := range []struct {
		listener, to string
		own          bool
	}{
		{"192.0.2.1:25", "192.0.2.1:25", true},
		{"192.0.2.1:25", "[::ffff:192.0.2.1]:25", true},
		{"192.0.2.1:25", "192.0.2.1:26", false},
		{"0.0.0.0:25", "127.0.0.1:25", true},
		{"0.0.0.0:25", "127.0.0.1:26", false},
		{"0.0.0.0:25", "0.0.0.0:25", true},
		{"[::]:25", "127.0.0.1:25", true},
		{"0.0.0.0:25", "198.51.100.77:25", false},
	} {
		g := new(gateway)
		g.inForce.Store(&config.Document{Listeners: []config.Listener{{Address: netip.MustParseAddrPort(c.listener)}}})
		if got := g.isOwn(netip.MustParseAddrPort(c.to)); got != c.own {
			t.Errorf("listener %s, to %s: own is %v", c.listener, c.to, got)
		}
	}
}
