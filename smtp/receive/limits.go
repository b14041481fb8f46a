package receive

import (
	"net/netip"
	"sync"
)

// client is a peer's address on a listener.
type client struct {
	listener string
	address  netip.Addr
}

// limits counts open connections. It is safe for concurrent use.
type limits struct {
	mu        sync.Mutex
	total     int
	listeners map[string]int
	clients   map[client]int
}

// enter counts a connection, or returns the reply and the reason of its refusal.
func (l *limits) enter(c client, p *policy) (reply, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listeners == nil {
		l.listeners, l.clients = make(map[string]int), make(map[client]int)
	}
	if l.listeners[c.listener] >= p.MaxConnections {
		return replyTooMany, "Connection limit exceeded"
	}
	if p.MaxConnectionsPerClient > 0 && l.clients[c] >= p.MaxConnectionsPerClient {
		return replyTooManyFromHost, "Connection limit of client exceeded"
	}
	l.total++
	l.listeners[c.listener]++
	l.clients[c]++
	return "", ""
}

// leave undoes enter.
func (l *limits) leave(c client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	l.listeners[c.listener]--
	if l.clients[c]--; l.clients[c] == 0 {
		delete(l.clients, c)
	}
}

// ClientConnections counts the open connections of a client on a listener.
type ClientConnections struct {
	Listener string
	Address  netip.Addr
	Count    int
}

// Connections is the number of open inbound connections.
func (s *Server) Connections() int {
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	return s.limits.total
}

// Clients lists the open inbound connections by client and listener, in no order.
func (s *Server) Clients() []ClientConnections {
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	list := make([]ClientConnections, 0, len(s.limits.clients))
	for c, n := range s.limits.clients {
		list = append(list, ClientConnections{c.listener, c.address, n})
	}
	return list
}
