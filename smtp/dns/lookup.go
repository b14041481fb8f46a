package dns

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// MX is a mail exchanger (RFC 5321 5.1).
type MX struct {
	Host       string // lower case, without the final dot
	Preference uint16 // the lesser is tried first
}

// MXAnswer is the mail exchangers of a domain.
type MXAnswer struct {
	Hosts   []MX      // by preference, at most MaxHosts; those of one preference in the server's order
	Null    bool      // the domain takes no mail (RFC 7505); Hosts is empty
	Expires time.Time // when the cache will ask again
}

// AddrAnswer is the addresses of a host.
type AddrAnswer struct {
	Addrs   []netip.Addr // IPv4 first, then IPv6, each in the server's order and at most MaxAddrs
	Expires time.Time    // when the first of them expires
}

// Want is which addresses are looked up; zero means both families.
type Want uint8

// The families, and both.
const (
	V4   Want = 1 << iota // A
	V6                    // AAAA
	Both = V4 | V6
)

// LookupMX gives the mail exchangers of a domain. The error is an *Error; NoData means that the domain itself, if it
// has an address, is the exchanger (RFC 5321 5.1), which is for the caller to find out.
func (r *Resolver) LookupMX(ctx context.Context, domain string) (MXAnswer, error) {
	k, bad := question(domain, dns.TypeMX, hostName)
	if bad != nil {
		return MXAnswer{}, bad
	}
	e, err := r.ask(ctx, k)
	if err != nil {
		return MXAnswer{}, err
	}
	return e.mx(), nil
}

// LookupAddr gives the addresses of a host, asking for both families at once. One family is enough for an answer; with
// none the error, an *Error, is temporary if either may still have some.
func (r *Resolver) LookupAddr(ctx context.Context, host string, want Want) (AddrAnswer, error) {
	if want == 0 {
		want = Both
	}
	var asked [2]pending
	n := 0
	for _, family := range families {
		if want&family.want == 0 {
			continue
		}
		k, bad := question(host, family.qtype, hostName)
		if bad != nil {
			return AddrAnswer{}, bad
		}
		p := &asked[n]
		p.key = k
		p.entry, p.flight = r.begin(k)
		n++
	}
	var a AddrAnswer
	var worst *Error
	for i := range asked[:n] {
		p := &asked[i]
		e, err := r.wait(ctx, p.key, p.entry, p.flight)
		if err != nil {
			worst = graver(worst, err)
			continue
		}
		a.add(e)
	}
	if len(a.Addrs) == 0 && worst != nil {
		return AddrAnswer{}, worst
	}
	return a, nil
}

var families = [2]struct {
	want  Want
	qtype uint16
}{{V4, dns.TypeA}, {V6, dns.TypeAAAA}}

// pending is a question of which the answer is there or on its way.
type pending struct {
	key    key
	entry  *entry
	flight *flight
}

// graver chooses what is said of a host whose two questions both failed: that it does not exist (true of all types),
// else what may pass, else that it has none.
func graver(a, b *Error) *Error {
	switch {
	case a == nil || b.Kind == NXDomain:
		return b
	case a.Kind != NXDomain && b.Temporary():
		return b
	}
	return a
}

// LookupTXT gives the TXT records of a name, the strings of each joined, at most MaxTexts. They are raw: any byte may
// occur in them. The error is an *Error.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	k, bad := question(name, dns.TypeTXT, anyName)
	if bad != nil {
		return nil, bad
	}
	e, err := r.ask(ctx, k)
	if err != nil {
		return nil, err
	}
	return slices.Clone(e.texts), nil
}

// CachedMX gives what the cache holds for a domain and for how long still, without asking anybody or counting. No hosts,
// and not Null: the domain is known to have no exchanger but itself.
func (r *Resolver) CachedMX(domain string) (a MXAnswer, remaining time.Duration, ok bool) {
	e, now := r.cached(domain, dns.TypeMX)
	if e == nil || e.err != nil && e.err.Kind != NoData {
		return MXAnswer{}, 0, false
	}
	return e.mx(), e.expires.Sub(now), true
}

// CachedAddrs gives what the cache holds of a host's addresses of both families and for how long still, without asking
// anybody or counting.
func (r *Resolver) CachedAddrs(host string) (a AddrAnswer, remaining time.Duration, ok bool) {
	for _, family := range families {
		e, now := r.cached(host, family.qtype)
		if e == nil || e.err != nil {
			continue
		}
		a.add(e)
		remaining, ok = a.Expires.Sub(now), true
	}
	return a, remaining, ok
}

func (r *Resolver) cached(name string, qtype uint16) (*entry, time.Time) {
	r.once.Do(r.start)
	now := r.Now()
	k, bad := question(name, qtype, hostName)
	if bad != nil {
		return nil, now
	}
	return r.cache.peek(k, now), now
}

// question checks a name that is to be asked for, an internationalised one in the form that the DNS has of it.
func question(name string, qtype uint16, check func(string) (string, bool)) (key, *Error) {
	ascii, ok := check(name)
	if !ok {
		ascii, ok = check(aLabels(name))
	}
	if !ok {
		return key{}, failure(key{name, qtype}, BadName, nil)
	}
	return key{ascii, qtype}, nil
}

// mx hands out a copy: callers shuffle it.
func (e *entry) mx() MXAnswer {
	return MXAnswer{Hosts: slices.Clone(e.hosts), Null: e.null, Expires: e.expires}
}

func (a *AddrAnswer) add(e *entry) {
	if a.Expires.IsZero() || e.expires.Before(a.Expires) {
		a.Expires = e.expires
	}
	a.Addrs = append(a.Addrs, e.addrs...)
}
