package deliver

import (
	"strings"
	"sync"
	"time"

	"postern/engine"
	"postern/engine/config"
)

// pool keeps connections that wait for their next message, and counts all of them. Its lock is held for map and slice
// steps only.
type pool struct {
	mu       sync.Mutex
	sites    map[string]*site // by keyOf its destination; without an open or dialled connection there is none
	idle     int
	open     int // in use, idle and retiring
	dialling int
	working  map[*connection]struct{} // those that an attempt uses
	retiring []*connection            // their QUIT is not yet said; the janitor's
	closed   bool
	isCut    bool          // whatever is used is interrupted
	wake     chan struct{} // for the janitor: there is something to do
}

// site is a destination's share of the pool, under the pool's lock.
type site struct {
	idle           []*connection // the longest idle first
	open, dialling int
}

func (p *pool) init() {
	p.sites, p.working = make(map[string]*site), make(map[*connection]struct{})
	p.wake = make(chan struct{}, 1)
}

// keyOf is what a destination is found by: operators may write an address literal in lower case.
func keyOf(destination string) string { return strings.ToLower(destination) }

func (p *pool) site(destination string) *site {
	key := keyOf(destination)
	s := p.sites[key]
	if s == nil {
		s = new(site)
		p.sites[key] = s
	}
	return s
}

func (p *pool) tidy(destination string, s *site) {
	if s.open == 0 && s.dialling == 0 {
		delete(p.sites, keyOf(destination))
	}
}

// take gives the connection that was used last among those of the destination and route, under the same document: a
// commit makes new connections.
func (p *pool) take(destination, route string, document *config.Document) *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sites[keyOf(destination)]
	if s == nil {
		return nil
	}
	for i := len(s.idle) - 1; i >= 0; i-- {
		c := s.idle[i]
		if c.route == route && c.document == document {
			copy(s.idle[i:], s.idle[i+1:])
			s.idle[len(s.idle)-1] = nil
			s.idle = s.idle[:len(s.idle)-1]
			p.idle--
			p.use(c)
			return c
		}
	}
	return nil
}

// put keeps a connection for the next message; false when it is not wanted.
func (p *pool) put(c *connection, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.idle >= MaxIdle || !c.usable() {
		return false
	}
	c.idleSince = now
	delete(p.working, c)
	s := p.site(c.destination)
	s.idle = append(s.idle, c)
	if p.idle++; p.idle == 1 {
		p.signal()
	}
	return true
}

// retire hands a connection to the janitor, who says QUIT; false when there are too many already or nobody will.
func (p *pool) retire(c *connection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.retiring) >= MaxRetiring {
		return false
	}
	delete(p.working, c)
	p.retiring = append(p.retiring, c)
	p.signal()
	return true
}

func (p *pool) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// expired takes out what is to be closed: the retiring, and those idle for as long as their document allows. It tells
// whether others are still idle.
func (p *pool) expired(now time.Time) (out []*connection, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out, p.retiring = p.retiring, nil
	for _, s := range p.sites {
		n := 0
		for n < len(s.idle) && s.idle[n].expired(now) {
			n++
		}
		out = append(out, s.idle[:n]...)
		left := copy(s.idle, s.idle[n:])
		clear(s.idle[left:])
		s.idle = s.idle[:left]
		p.idle -= n
	}
	return out, p.idle > 0
}

// drain takes everything out and keeps nothing from now on.
func (p *pool) drain() (out []*connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	out, p.retiring = p.retiring, nil
	for _, s := range p.sites {
		out = append(out, s.idle...)
		s.idle = nil
	}
	p.idle = 0
	return out
}

func (p *pool) dialStarted(destination string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialling++
	p.site(destination).dialling++
}

// dialEnded ends a dialStarted; opened is the connection that came of it, nil when none did.
func (p *pool) dialEnded(destination string, opened *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.site(destination)
	p.dialling--
	s.dialling--
	if opened != nil {
		p.open++
		s.open++
		p.use(opened)
	}
	p.tidy(destination, s)
}

func (p *pool) hasClosed(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.site(c.destination)
	p.open--
	s.open--
	delete(p.working, c)
	p.tidy(c.destination, s)
}

// use notes that an attempt uses the connection.
func (p *pool) use(c *connection) {
	p.working[c] = struct{}{}
	if p.isCut {
		c.interrupt(engine.ErrCutOff)
	}
}

// cutOff interrupts the connections that attempts use, and those that they will.
func (p *pool) cutOff() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isCut = true
	for c := range p.working {
		c.interrupt(engine.ErrCutOff)
	}
}

func (p *pool) counts() (open, dialling int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open, p.dialling
}

func (p *pool) countsOf(destination string) (open, dialling int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.sites[keyOf(destination)]; s != nil {
		return s.open, s.dialling
	}
	return 0, 0
}
