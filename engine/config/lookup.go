package config

import (
	"net/netip"
	"strings"
)

const all = "ALL"

// Route is the SMTP route for a domain, in any case and without a final dot: the one for exactly this domain, else the
// one for the longest of its parent domains written .example.com, else ALL, else nil.
func (d *Document) Route(domain string) *SMTPRoute {
	i := d.routes.match(d.Routes, domain, func(r *SMTPRoute) string { return r.Domain })
	if i < 0 {
		return nil
	}
	return &d.Routes[i]
}

// InDoubt says what is done with mail for a destination whose outcome is unknown: DoubtResend, DoubtHold or DoubtAsk. The
// patterns are matched as those of routes are; where none fits, in_doubt holds.
func (d *Document) InDoubt(destination string) string {
	if i := d.doubts.match(d.Delivery.Doubts, destination, func(b *Doubt) string { return b.Domain }); i >= 0 {
		return d.Delivery.Doubts[i].Action
	}
	if d.Delivery.InDoubt == "" {
		return DoubtResend
	}
	return d.Delivery.InDoubt
}

// Accepts says whether the listener takes mail for the domain from anybody. A blackhole takes everything.
func (l *Listener) Accepts(domain string) bool {
	if l.Kind == Blackhole {
		return true
	}
	return l.accepts.match(l.AcceptDomains, domain, func(s *string) string { return *s }) >= 0
}

// MayRelay says whether a client at that address may send to any domain.
func (l *Listener) MayRelay(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("") // a prefix never contains a mapped or zoned address
	for _, p := range l.RelayFrom {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// InterfaceFor is the interface with that very address, else the one with the narrowest network that contains it, else
// the first.
func (d *Document) InterfaceFor(addr netip.Addr) *Interface {
	addr = addr.Unmap().WithZone("")
	best := -1
	for i := range d.Interfaces {
		p := d.Interfaces[i].Address
		if p.Addr() == addr {
			return &d.Interfaces[i]
		}
		if p.Contains(addr) && (best < 0 || p.Bits() > d.Interfaces[best].Address.Bits()) {
			best = i
		}
	}
	switch {
	case best >= 0:
		return &d.Interfaces[best]
	case len(d.Interfaces) > 0:
		return &d.Interfaces[0]
	}
	return nil
}

// domainIndex finds a pattern in a list without walking it. It belongs to exactly the list that it was built from; of any
// other list it knows nothing, and the list is walked.
type domainIndex[T any] struct {
	first *T
	n     int
	at    map[string]int32
}

func newDomainIndex[T any](list []T, name func(*T) string) domainIndex[T] {
	if len(list) == 0 {
		return domainIndex[T]{}
	}
	x := domainIndex[T]{first: &list[0], n: len(list), at: make(map[string]int32, len(list))}
	for i := range list {
		x.at[name(&list[i])] = int32(i)
	}
	return x
}

// match gives the place of the pattern that fits the domain best, -1 when none does.
func (x *domainIndex[T]) match(list []T, domain string, name func(*T) string) int {
	if len(list) == 0 {
		return -1
	}
	domain, err := asciiDomain(strings.TrimSuffix(domain, "."))
	if err != nil || domain == "" {
		return x.find(list, all, name)
	}
	if domain[0] == '[' {
		if literal, err := normalLiteral(domain); err == nil {
			domain = literal
		}
	}
	if i := x.find(list, domain, name); i >= 0 {
		return i
	}
	if domain[0] != '[' {
		for dot := strings.IndexByte(domain, '.'); dot >= 0; {
			if i := x.find(list, domain[dot:], name); i >= 0 {
				return i
			}
			next := strings.IndexByte(domain[dot+1:], '.')
			if next < 0 {
				break
			}
			dot += 1 + next
		}
	}
	return x.find(list, all, name)
}

func (x *domainIndex[T]) find(list []T, pattern string, name func(*T) string) int {
	if x.first == &list[0] && x.n == len(list) {
		if i, ok := x.at[pattern]; ok {
			return int(i)
		}
		return -1
	}
	for i := range list {
		if strings.EqualFold(name(&list[i]), pattern) {
			return i
		}
	}
	return -1
}
