package web

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Limits of connections; one more is closed at once.
const (
	maxConnections = 64
	maxOfClient    = 16 // from one address, of IPv6 one network of 64 bits
)

// door is a listener that lets in no more connections than there is room for. It is safe for concurrent use.
type door struct {
	net.Listener
	refused atomic.Uint64

	mu   sync.Mutex // guards open and by
	open int
	by   map[netip.Prefix]int
}

func newDoor(ln net.Listener) *door { return &door{Listener: ln, by: make(map[netip.Prefix]int)} }

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := clientNetwork(c.RemoteAddr())
		if d.enter(from) {
			return &guest{Conn: c, leave: sync.OnceFunc(func() { d.left(from) })}, nil
		}
		d.refused.Add(1)
		c.Close()
	}
}

func (d *door) enter(from netip.Prefix) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open >= maxConnections || d.by[from] >= maxOfClient {
		return false
	}
	d.open++
	d.by[from]++
	return true
}

func (d *door) left(from netip.Prefix) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	if d.by[from]--; d.by[from] == 0 {
		delete(d.by, from)
	}
}

// guest is a connection that tells the door when it is closed.
type guest struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (g *guest) Close() error {
	defer g.leave()
	return g.Conn.Close()
}

// clientNetwork is whom connections are counted for: an address, or a network of IPv6 that one customer has.
func clientNetwork(a net.Addr) netip.Prefix {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Prefix{}
	}
	return networkOf(at.Addr())
}

func networkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
