package web

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of connections; one more is closed at once.
const (
	maxConnections = 64
	maxOfClient    = 16               // from one address, of IPv6 one network of 64 bits
	maxVain        = 20               // that came to nothing, from one address within vainTime: handshakes are dear
	vainTime       = 10 * time.Second //
	maxVainClients = 10_000           // remembered
)

// door is a listener that lets in no more connections than there is room for, and none of those who keep coming for
// nothing. It is safe for concurrent use.
type door struct {
	net.Listener
	now     func() time.Time
	refused atomic.Uint64

	mu    sync.Mutex // guards the rest
	open  int
	by    map[netip.Prefix]int  // open
	vain  map[netip.Prefix]vain // of late
	swept time.Time             // when vain was last cleared of what is over
}

// vain counts the connections of a client on which nothing was answered to anybody who may ask.
type vain struct {
	n     int
	until time.Time // then they are forgotten
}

func newDoor(ln net.Listener, now func() time.Time) *door {
	return &door{Listener: ln, now: now, by: make(map[netip.Prefix]int), vain: make(map[netip.Prefix]vain)}
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if from := clientNetwork(c.RemoteAddr()); d.enter(from) {
			return &guest{Conn: c, door: d, from: from}, nil
		}
		d.refused.Add(1)
		c.Close()
	}
}

func (d *door) enter(from netip.Prefix) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v := d.vain[from]; v.n >= maxVain && d.now().Before(v.until) {
		return false
	}
	if d.open >= maxConnections || d.by[from] >= maxOfClient {
		return false
	}
	d.open++
	d.by[from]++
	return true
}

func (d *door) left(from netip.Prefix, served bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	if d.by[from]--; d.by[from] == 0 {
		delete(d.by, from)
	}
	if !served {
		d.blame(from)
	}
}

func (d *door) blame(from netip.Prefix) {
	now := d.now()
	v, known := d.vain[from]
	if !now.Before(v.until) {
		v = vain{until: now.Add(vainTime)}
	}
	v.n++
	if !known && len(d.vain) >= maxVainClients && now.Sub(d.swept).Abs() >= time.Second {
		d.swept = now
		maps.DeleteFunc(d.vain, func(_ netip.Prefix, v vain) bool { return !now.Before(v.until) })
	}
	if known || len(d.vain) < maxVainClients {
		d.vain[from] = v
	}
}

// guest is a connection that tells the door when it is closed, and whether it was good for anything.
type guest struct {
	net.Conn
	door   *door
	from   netip.Prefix
	served atomic.Bool // somebody who may ask was answered
	closed sync.Once
}

// Close implements net.Conn.
func (g *guest) Close() error {
	defer g.closed.Do(func() { g.door.left(g.from, g.served.Load()) })
	return g.Conn.Close()
}

type guestKey struct{}

// withGuest lets requests know their connection.
func withGuest(ctx context.Context, c net.Conn) context.Context {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	return context.WithValue(ctx, guestKey{}, c)
}

// served notes that the request's connection is good for something.
func served(r *http.Request) {
	if g, ok := r.Context().Value(guestKey{}).(*guest); ok {
		g.served.Store(true)
	}
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
