package freeport

import (
	"net"
	"net/netip"
	"testing"
)

func TestPick(t *testing.T) {
	seen := map[netip.AddrPort]bool{}
	for _, network := range []string{"tcp", "udp"} {
		for range 200 {
			at, err := Pick(network)
			if err != nil {
				t.Fatal(err)
			}
			if seen[at] || at.Port() < first || at.Port() >= last || !at.Addr().IsLoopback() {
				t.Errorf("%s %s", network, at)
			}
			seen[at] = true
		}
	}
}

// A port that somebody has is not free.
func TestFree(t *testing.T) {
	at, err := Pick("tcp")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if free("tcp", at) {
		t.Error(at)
	}
	u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if free("udp", at) {
		t.Error(at)
	}
}
