package snmp

import (
	"net/netip"
	"sync"
	"time"
)

// The limits of what is looked at, and what happens beyond them: the datagram is dropped and counted.
const (
	sourceRate  = 4_000  // datagrams of one source in a second; a walk on the same machine makes some thousands
	overallRate = 20_000 // of all together, since sources can be forged
	maxSources  = 1_024  // that are told apart; the others share one allowance
)

// limiter counts datagrams for each source. The zero value is ready; many goroutines may use it.
type limiter struct {
	mu      sync.Mutex // held for some operations on the table
	sources map[netip.Addr]bucket
	rest    bucket
	overall bucket
	sweptAt time.Time
}

// bucket is an allowance that fills with time, up to that of two seconds.
type bucket struct {
	left float64
	at   time.Time
}

func (b *bucket) take(now time.Time, rate float64) bool {
	if b.at.IsZero() {
		b.left = 2 * rate
	} else if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.left = min(2*rate, b.left+passed*rate)
	}
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// admit tells whether a datagram of that source is looked at.
func (l *limiter) admit(from netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	from = source(from)
	b, known := l.sources[from]
	if !known && len(l.sources) >= maxSources {
		l.sweep(now)
	}
	if !known && len(l.sources) >= maxSources {
		return l.rest.take(now, sourceRate) && l.overall.take(now, overallRate)
	}
	if l.sources == nil {
		l.sources = make(map[netip.Addr]bucket)
	}
	ok := b.take(now, sourceRate) && l.overall.take(now, overallRate)
	l.sources[from] = b
	return ok
}

// sweep forgets who was silent long enough to have all of its allowance again. It does so once a second at most.
func (l *limiter) sweep(now time.Time) {
	if age := now.Sub(l.sweptAt); age >= 0 && age < time.Second {
		return
	}
	l.sweptAt = now
	for from, b := range l.sources {
		if now.Sub(b.at) >= 2*time.Second {
			delete(l.sources, from)
		}
	}
}

// source is who counts as one: an IPv4 address, or the network of an IPv6 one, of which everybody has enough.
func source(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}
