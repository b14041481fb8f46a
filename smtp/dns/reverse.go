package dns

import (
	"context"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

// LookupPTR gives the names that an address claims, at most MaxNames, those left out that no host can have. They are
// the claim of whoever owns the address: see Verified. The error is an *Error.
func (r *Resolver) LookupPTR(ctx context.Context, addr netip.Addr) ([]string, error) {
	names, err := r.claims(ctx, addr)
	return slices.Clone(names), err
}

// claims is LookupPTR with the cache's own slice.
func (r *Resolver) claims(ctx context.Context, addr netip.Addr) ([]string, error) {
	reverse, err := dns.ReverseAddr(addr.Unmap().WithZone("").String())
	if err != nil {
		return nil, failure(key{addr.String(), dns.TypePTR}, BadName, nil)
	}
	k, bad := question(reverse, dns.TypePTR, anyName)
	if bad != nil {
		return nil, bad
	}
	e, failed := r.ask(ctx, k)
	if failed != nil {
		return nil, failed
	}
	return e.texts, nil
}

// Verified gives the name of an address and whether that name has the address in turn. Of several names the first one
// that has is given, else the first with false; "" when there is none or the lookup fails.
func (r *Resolver) Verified(ctx context.Context, addr netip.Addr) (name string, verified bool) {
	addr = addr.Unmap().WithZone("")
	names, err := r.claims(ctx, addr)
	if err != nil || len(names) == 0 {
		return "", false
	}
	want := V4
	if addr.Is6() {
		want = V6
	}
	for _, name := range names {
		a, err := r.LookupAddr(ctx, name, want)
		if err == nil && slices.Contains(a.Addrs, addr) {
			return name, true
		}
		if ctx.Err() != nil {
			break
		}
	}
	return names[0], false
}

// CachedName is Verified as far as the cache can tell, without asking anybody or counting: "" when it does not know.
func (r *Resolver) CachedName(addr netip.Addr) (name string, verified bool) {
	addr = addr.Unmap().WithZone("")
	reverse, err := dns.ReverseAddr(addr.String())
	if err != nil {
		return "", false
	}
	e, _ := r.cached(reverse, dns.TypePTR)
	if e == nil || e.err != nil || len(e.texts) == 0 {
		return "", false
	}
	for _, name := range e.texts {
		if a, _, ok := r.CachedAddrs(name); ok && slices.Contains(a.Addrs, addr) {
			return name, true
		}
	}
	return e.texts[0], false
}
