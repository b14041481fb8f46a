package deliver

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"postern/engine"
	"postern/engine/config"
	"postern/journal"
	"postern/smtp/dns"
)

// travel goes along the attempt's route, a redirect's, the document's or the MX records' (RFC 5321 5.1), and tries one
// address after the other until the message is settled or none is left. A redirect to a mere domain or address has no
// route: its destination is that name, and goes where mail for it goes.
func (d *delivery) travel(ctx context.Context) {
	if d.attempt.Route != "" {
		d.target(ctx, d.attempt.Route)
		return
	}
	if route := d.document.Route(d.attempt.Destination); route != nil {
		for _, to := range route.To {
			if d.target(ctx, to) {
				return
			}
		}
		return
	}
	d.destination(ctx, 0)
}

// target goes to one target of a route.
func (d *delivery) target(ctx context.Context, to string) (over bool) {
	t, err := config.ParseTarget(to)
	if err != nil {
		d.byRoute = true
		d.noteDNS(&dns.Error{Name: clean([]byte(to), maxKeptLine), Type: "A", Kind: dns.BadName})
		return false
	}
	switch t.Kind {
	case config.TargetNull:
		o := engine.Outcome{Result: engine.Delivered, Code: "000", Reply: []string{"/null"}}
		d.settle(d.open, o)
		return true
	case config.TargetUseDNS:
		return d.destination(ctx, t.Port)
	case config.TargetAddress:
		d.byRoute = true
		return d.address(ctx, t.Address, t.Port)
	case config.TargetHost:
		d.byRoute = true
		return d.exchangers(ctx, []dns.MX{{Host: t.Host}}, t.Port)
	}
	d.byRoute = true
	return d.domain(ctx, t.Host, t.Port)
}

// destination goes where the recipients' domain says.
func (d *delivery) destination(ctx context.Context, port uint16) (over bool) {
	name := d.attempt.Destination
	if addr, ok := literal(name); ok {
		return d.address(ctx, addr, port)
	}
	if t, err := config.ParseTarget(name); err == nil && t.Kind == config.TargetMX && t.Port == 0 {
		name = t.Host // an internationalised domain's A-labels
	}
	return d.domain(ctx, name, port)
}

// address goes to an address that has no name.
func (d *delivery) address(ctx context.Context, addr netip.Addr, port uint16) (over bool) {
	h := hop{addr: netip.AddrPortFrom(addr, d.port(port))}
	if d.client.IsOwn(h.addr) {
		d.ours = true
		return true
	}
	return d.try(ctx, h)
}

// literal reads an address literal (RFC 5321 4.1.3), or a bare address.
func literal(s string) (netip.Addr, bool) {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	if len(s) > 5 && strings.EqualFold(s[:5], "IPv6:") {
		s = s[5:]
	}
	addr, err := netip.ParseAddr(s)
	return addr.Unmap().WithZone(""), err == nil && !addr.IsUnspecified() && !addr.IsMulticast()
}

func (d *delivery) port(p uint16) uint16 {
	if p == 0 {
		p = d.document.Delivery.Port
	}
	if p == 0 {
		p = defaultPort
	}
	return p
}

// domain goes to a domain's mail exchangers, or to its own addresses when it names none.
func (d *delivery) domain(ctx context.Context, name string, port uint16) (over bool) {
	answer, err := d.client.Resolver.LookupMX(ctx, name)
	var e *dns.Error
	switch {
	case err == nil && answer.Null && d.ordered():
		d.nullMX = name
		return false
	case err == nil && answer.Null:
		o := local(engine.Permanent, "5.1.10", nullMXText(name))
		o.Class = journal.BounceDNS
		d.settle(d.open, o)
		return true
	case errors.As(err, &e) && e.Kind == dns.NoData, err == nil && len(answer.Hosts) == 0:
		return d.exchangers(ctx, []dns.MX{{Host: name}}, port)
	case err != nil:
		d.noteDNS(err)
		return ctx.Err() != nil
	}
	return d.exchangers(ctx, answer.Hosts, port)
}

func nullMXText(domain string) string {
	return "DNS Hard Error looking up " + clean([]byte(domain), maxKeptLine) + " (MX):  NullMX"
}

// exchangers tries hosts by preference, those of one preference in random order. When one of them is ourselves, it and
// all that are not better are dropped, lest the message goes round in circles (RFC 5321 5.1).
func (d *delivery) exchangers(ctx context.Context, hosts []dns.MX, port uint16) (over bool) {
	slices.SortStableFunc(hosts, func(a, b dns.MX) int { return int(a.Preference) - int(b.Preference) })
	for len(hosts) > 0 {
		n := 1
		for n < len(hosts) && hosts[n].Preference == hosts[0].Preference {
			n++
		}
		hops := d.resolve(ctx, hosts[:n], port)
		if slices.ContainsFunc(hosts[:n], d.isUs) ||
			slices.ContainsFunc(hops, func(h hop) bool { return d.client.IsOwn(h.addr) }) {
			d.ours = true
			return true
		}
		for _, h := range hops {
			if d.try(ctx, h) {
				return true
			}
		}
		if d.tried >= MaxAddresses || ctx.Err() != nil {
			return true
		}
		hosts = hosts[n:]
	}
	return false
}

func (d *delivery) isUs(h dns.MX) bool {
	return !d.byRoute && h.Host != d.attempt.Destination && d.document.Hostname != "" &&
		strings.EqualFold(h.Host, d.document.Hostname)
}

// resolve shuffles hosts of one preference and gives their addresses.
func (d *delivery) resolve(ctx context.Context, hosts []dns.MX, port uint16) (hops []hop) {
	for i := len(hosts) - 1; i > 0; i-- {
		j := d.client.Rand(i + 1)
		hosts[i], hosts[j] = hosts[j], hosts[i]
	}
	for _, host := range hosts {
		if len(hops) >= MaxAddresses || ctx.Err() != nil {
			break
		}
		answer, err := d.client.Resolver.LookupAddr(ctx, host.Host, dns.Both)
		if err != nil {
			d.noteDNS(err)
			continue
		}
		for _, addr := range d.client.arrange(answer.Addrs) {
			hops = append(hops, hop{addr: netip.AddrPortFrom(addr, d.port(port)), host: host.Host})
		}
	}
	return hops
}

// arrange takes the two families in turn, so that one that does not work cannot use up an attempt, IPv6 first
// (RFC 8305); where the machine has no IPv6 those addresses come last.
func (c *Client) arrange(addrs []netip.Addr) []netip.Addr {
	var v4, v6 []netip.Addr
	for _, a := range addrs {
		if a.Is4() || a.Is4In6() {
			v4 = append(v4, a.Unmap())
		} else {
			v6 = append(v6, a)
		}
	}
	if c.noIPv6.Load() > c.Now().UnixNano() {
		return append(v4, v6...)
	}
	out := make([]netip.Addr, 0, len(addrs))
	for i := range max(len(v4), len(v6)) {
		if i < len(v6) {
			out = append(out, v6[i])
		}
		if i < len(v4) {
			out = append(out, v4[i])
		}
	}
	return out
}

// noteDNS keeps the failure that says most: one that may pass before one that will not.
func (d *delivery) noteDNS(err error) {
	var e *dns.Error
	if !errors.As(err, &e) {
		e = &dns.Error{Name: d.attempt.Destination, Type: "MX", Kind: dns.ServFail, Err: err}
	}
	if d.dnsError == nil || !d.dnsError.Temporary() && e.Temporary() {
		d.dnsError = e
	}
}

// ordered tells whether an operator said where the message goes: by a route, or by a redirect, whose destination is not the
// recipients' domain.
func (d *delivery) ordered() bool {
	return d.byRoute || d.attempt.Route != "" ||
		!strings.EqualFold(d.envelope.Recipient(d.attempt.RIDs[0]).Domain, d.attempt.Destination)
}

// unroutable is the outcome when no address was found to try. Where a route or a redirect leads nowhere, or back to
// ourselves, that is a mistake of ours, not of the sender: the destination counts as down, and its mail waits until it is
// mended or sent elsewhere.
func (d *delivery) unroutable() engine.Outcome {
	e := d.dnsError
	switch {
	case e != nil && e.Temporary():
		o := local(engine.Temporary, "4.4.3", clean([]byte(e.Error()), maxKeptLine))
		o.Host = true
		return o
	case d.ours && d.ordered():
		o := local(engine.Temporary, "4.4.6", "the mail for "+clean([]byte(d.attempt.Destination), maxKeptLine)+" would come back to this gateway")
		o.Host = true
		return o
	case d.ours:
		return local(engine.Permanent, "5.4.6", "the best mail exchanger of "+clean([]byte(d.attempt.Destination), maxKeptLine)+" is this gateway")
	case d.ordered():
		o := local(engine.Temporary, "4.3.5", "the route leads nowhere")
		switch {
		case e != nil:
			o.Reply[0] = clean([]byte(e.Error()), maxKeptLine)
		case d.nullMX != "":
			o.Reply[0] = nullMXText(d.nullMX)
		}
		o.Host = true
		return o
	case e != nil:
		o := local(engine.Permanent, "5.1.2", clean([]byte(e.Error()), maxKeptLine))
		o.Class = journal.BounceDNS
		return o
	}
	o := local(engine.Permanent, "5.1.2", "there is no host for "+clean([]byte(d.attempt.Destination), maxKeptLine))
	o.Class = journal.BounceDNS
	return o
}
