// Package freeport picks ports of the loopback address for servers that have to be told one: other programs, and a gateway
// that is started more than once. What the kernel chooses for port 0 lies where it takes the ports of connections from too,
// so that any connection of the machine may get it before the server does. These lie below that range.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
)

// first and last bound the ports: above those of well-known services, below Linux's ip_local_port_range.
const first, last = 12000, 32000

// attempts is how many ports are tried before the machine counts as having none.
const attempts = 1000

// given are the ports that this process had already: the first to ask may not listen yet when the second does.
var given sync.Map

// Pick is a loopback address that nobody listens at for "tcp" or "udp". Two processes may pick the same port at the same
// moment, one time in some thousands.
func Pick(network string) (netip.AddrPort, error) {
	for range attempts {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(first+rand.IntN(last-first)))
		if _, had := given.LoadOrStore(at, true); !had && free(network, at) {
			return at, nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("no free %s port from %d to %d", network, first, last)
}

func free(network string, at netip.AddrPort) bool {
	if network == "udp" {
		c, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
		return err == nil && c.Close() == nil
	}
	l, err := net.ListenTCP(network, net.TCPAddrFromAddrPort(at))
	return err == nil && l.Close() == nil
}
