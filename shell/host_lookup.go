package shell

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"postern/engine/config"
)

// Cache is what the gateway's resolver remembers, looked at without asking anybody.
type Cache interface {
	// MX gives the mail exchangers of a domain by preference, and when they expire. None at all: it is known to have none,
	// so that mail goes to the domain itself, unless null says that it takes no mail (RFC 7505).
	MX(domain string) (hosts []MXRecord, null bool, expires time.Time, ok bool)
	// Addresses gives the addresses of a host, and when the first of them expires.
	Addresses(host string) (addrs []netip.Addr, expires time.Time, ok bool)
	// Name gives the name of an address, if it has that address in turn.
	Name(addr netip.Addr) (name string, ok bool)
	// Flush empties it.
	Flush()
}

// maxOrdered bounds the addresses of a report.
const maxOrdered = 256

// lookUp fills in where mail for the host goes, as far as the document and the resolver's cache tell.
func (r *HostReport) lookUp(d *config.Document, c Cache) {
	route := d.Route(r.Host)
	if route == nil {
		r.lookUpDestination(c)
		return
	}
	r.Routes = slices.Clone(route.To)
	for i, to := range route.To {
		t, err := config.ParseTarget(to)
		switch {
		case err != nil:
		case t.Kind == config.TargetUseDNS:
			r.lookUpDestination(c)
		case t.Kind == config.TargetAddress:
			r.addAddress(uint16(i+1), t.Address)
		case t.Kind == config.TargetHost:
			r.lookUpHost(c, uint16(i+1), t.Host)
		case t.Kind == config.TargetMX:
			r.lookUpDomain(c, t.Host)
		}
	}
}

// lookUpDestination goes by what the host is called: an address literal, or a domain.
func (r *HostReport) lookUpDestination(c Cache) {
	name := r.Host
	literal := strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if addr, err := netip.ParseAddr(strings.TrimPrefix(literal, "ipv6:")); err == nil {
		r.addAddress(0, addr.Unmap())
		return
	}
	if t, err := config.ParseTarget(name); err == nil && t.Kind == config.TargetMX && t.Port == 0 {
		name = t.Host
	}
	r.lookUpDomain(c, name)
}

func (r *HostReport) lookUpDomain(c Cache, domain string) {
	hosts, null, expires, ok := c.MX(domain)
	if ok && len(hosts) == 0 && !null {
		r.lookUpHost(c, 0, domain)
	}
	for _, h := range hosts {
		h.TTL = int64(expires.Sub(r.Timestamp) / time.Second)
		r.MX = append(r.MX, h)
		r.lookUpHost(c, h.Preference, h.Host)
	}
}

func (r *HostReport) lookUpHost(c Cache, preference uint16, host string) {
	addrs, expires, ok := c.Addresses(host)
	if !ok {
		return
	}
	for _, a := range addrs {
		r.addAddress(preference, a.Unmap())
	}
	if r.Expires.IsZero() || expires.Before(r.Expires) {
		r.Expires = expires
	}
}

// addAddress lists an address once: at the preference at which it is tried first.
func (r *HostReport) addAddress(preference uint16, addr netip.Addr) {
	if len(r.Addresses) < maxOrdered && !slices.ContainsFunc(r.Addresses, func(a OrderedAddress) bool { return a.IP == addr }) {
		r.Addresses = append(r.Addresses, OrderedAddress{preference, addr})
	}
}

// looks remembers the figures of hosts as somebody last saw them, so that the first row of hostrate can tell what has
// changed since. Many goroutines may use it.
type looks struct {
	mu     sync.Mutex
	byHost map[string]HostReading
}

// maxLooks is how many hosts are remembered; beyond it the one that was looked at longest ago is forgotten.
const maxLooks = 1000

// note remembers a reading, and returns it with the one before it.
func (s *looks) note(r HostReading) HostReading {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, known := s.byHost[r.Host]
	if s.byHost == nil {
		s.byHost = make(map[string]HostReading)
	}
	if !known && len(s.byHost) >= maxLooks {
		oldest := ""
		for name, other := range s.byHost {
			if oldest == "" || other.Timestamp.Before(s.byHost[oldest].Timestamp) {
				oldest = name
			}
		}
		delete(s.byHost, oldest)
	}
	s.byHost[r.Host] = r
	if known {
		r.Before = &before
	}
	return r
}
