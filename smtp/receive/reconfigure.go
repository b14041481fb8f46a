package receive

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"postern/engine/config"
)

// Change is another configuration that the server is ready for: its new ports are bound, nobody is let in at them yet. Until
// Make or Undo no listener is suspended or resumed. One goroutine uses it.
type Change struct {
	server   *Server
	document *config.Document
	added    []*listener
	removed  []*listener
	moved    map[*listener]net.Listener // to another port; nil: they are suspended
	vacated  []*listener                // whose ports were closed because they stood in the way of new ones
}

// Prepare makes the server ready for the listeners of another document. What stays as it is, and whoever is connected, is not
// touched; a port that a new one needs is closed in between. suspended names the listeners whose ports are to stay closed,
// of those that are new. An error names what cannot be bound, and leaves everything as it was.
func (s *Server) Prepare(document *config.Document, suspended []string) (*Change, error) {
	s.ordering.Lock()
	c := &Change{server: s, document: document, moved: make(map[*listener]net.Listener)}
	if s.isStopping() {
		s.ordering.Unlock()
		return nil, errStopping
	}
	for _, l := range s.all() {
		if c.section(l.name) == nil {
			c.removed = append(c.removed, l)
		}
	}
	for i := range document.Listeners {
		if err := c.prepare(document.Listeners[i], suspended); err != nil {
			c.Undo()
			return nil, err
		}
	}
	return c, nil
}

// section is a listener's in the new document; nil: it is in it no more.
func (c *Change) section(name string) *config.Listener {
	i := slices.IndexFunc(c.document.Listeners, func(l config.Listener) bool { return l.Name == name })
	if i < 0 {
		return nil
	}
	return &c.document.Listeners[i]
}

// prepare binds what a listener of the new document needs that is not bound.
func (c *Change) prepare(section config.Listener, suspended []string) error {
	l := c.server.find(section.Name)
	switch {
	case l == nil:
		l = c.server.newListener(section.Name)
		if slices.Contains(suspended, l.name) {
			close(l.suspended)
		}
		c.added = append(c.added, l)
		if err := l.prepare(c.document, section); err != nil {
			return err
		}
		if l.isSuspended() {
			return nil
		}
		port, err := c.bind(l, section.Address)
		l.bound = port
		return err
	case l.policy.Load().Address == section.Address:
		return nil
	case l.isSuspended():
		c.moved[l] = nil
		return nil
	}
	port, err := c.bind(l, section.Address)
	if err == nil {
		c.moved[l] = port
	}
	return err
}

// bind takes a port, after those of listeners that go away or move and stand in its way.
func (c *Change) bind(l *listener, address netip.AddrPort) (net.Listener, error) {
	for _, other := range c.server.all() {
		at := other.policy.Load().Address
		if other.port() == nil || !config.Collide(at, address) {
			continue
		}
		if to := c.section(other.name); to != nil && to.Address == at {
			continue // the document does not have both, but the machine may
		}
		other.mu.Lock()
		bound := other.bound
		other.bound = nil
		other.mu.Unlock()
		_ = bound.Close() // nothing is lost with it
		c.vacated = append(c.vacated, other)
	}
	port, err := c.server.Announce(c.server.ctx, "tcp", address.String())
	if err != nil {
		return nil, fmt.Errorf("listener %q cannot listen on %s: %w", l.name, address, err)
	}
	return port, nil
}

// Undo lets go of what was prepared; ports that were closed for it are bound again.
func (c *Change) Undo() {
	defer c.server.ordering.Unlock()
	for _, l := range c.added {
		if l.bound != nil {
			_ = l.bound.Close() // nobody was let in
		}
	}
	for _, port := range c.moved {
		if port != nil {
			_ = port.Close() // nobody was let in
		}
	}
	for _, l := range c.vacated {
		if err := l.bind(); err != nil {
			c.server.problem(l.name, err) // run tries again
		}
		l.wake()
	}
}

// Make lets clients in at the new ports and closes those that are gone, once the server's Document is the new one. Clients of
// a listener that is gone get 421 4.3.2 when their transaction is over; all others go on as they came.
func (c *Change) Make() {
	defer c.server.ordering.Unlock()
	s := c.server
	s.mu.Lock()
	s.listeners = slices.DeleteFunc(slices.Clone(s.listeners), func(l *listener) bool { return slices.Contains(c.removed, l) })
	s.listeners = append(s.listeners, c.added...)
	for _, l := range c.added {
		if s.serving && !s.stopping {
			s.group.Go(l.run)
		}
	}
	s.mu.Unlock()
	for _, section := range c.document.Listeners {
		l := s.find(section.Name)
		if err := l.prepare(c.document, section); err != nil {
			s.problem(l.name, err)
		}
		if port := c.moved[l]; port != nil {
			l.move(port)
		}
	}
	for _, l := range c.removed {
		l.close()
	}
	s.each(func(open *conversation) {
		if slices.Contains(c.removed, open.listener) {
			open.finishSoon()
		}
	})
	if s.isStopping() { // a stop that began meanwhile did not see the new ports
		s.closeListeners()
	}
}

// move goes on with another port.
func (l *listener) move(port net.Listener) {
	l.mu.Lock()
	old := l.bound
	if l.bound = port; l.closed {
		l.bound = nil
	}
	closed := l.closed
	l.mu.Unlock()
	if closed {
		old = port // a stop has begun meanwhile
	}
	if old != nil {
		_ = old.Close() // who was let in stays
	}
	l.wake()
}
