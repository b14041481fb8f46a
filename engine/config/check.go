package config

import (
	"errors"
	"net/netip"
	"strings"
)

// check finds what the form of single values does not show, and puts names of domains into their normal form.
func (r *reader) check(d *Document) {
	r.hostname(&d.Hostname, "hostname")
	r.interfaces(d)
	r.listeners(d)
	r.smtpRoutes(d)
	r.dnsServers(d)
	r.delivery(d)
	r.alerts(d)
	r.subscriptions(d)
	if m := d.Conserve.MemoryMegabytes; m > 0 && m < minMemory {
		r.fail("conservation.memory_megabytes", "%d is less than the gateway needs with an empty queue; allowed are 0 and %d or more", m, minMemory)
	}
	r.http(d)
	r.snmp(d)
	r.hardware(d)
	if d.Retry.MaxSeconds < d.Retry.InitialSeconds {
		r.fail("retry.max_seconds", "%d is less than initial_seconds, which is %d", d.Retry.MaxSeconds, d.Retry.InitialSeconds)
	}
	if int64(d.Journal.KeepDays)*86_400 <= int64(d.Retry.MaxQueueSeconds) {
		r.fail("journal.keep_days", "%d days are not longer than the longest time in queue: retry.max_queue_seconds is %d; at least %d days are allowed",
			d.Journal.KeepDays, d.Retry.MaxQueueSeconds, d.Retry.MaxQueueSeconds/86_400+1)
	}
	r.account(d.Admin.Group, "admin.group")
	r.account(d.Daemon.User, "daemon.user")
	r.account(d.Daemon.Group, "daemon.group")
}

func (r *reader) hostname(s *string, path string) {
	if name, err := normalDomain(*s); err != nil {
		r.fail(path, "%s %v", quoted(*s), err)
	} else {
		*s = name
	}
}

func (r *reader) interfaces(d *Document) {
	if len(d.Interfaces) == 0 {
		r.fail("interface", "is empty; at least one interface is needed")
	}
	names := map[string]bool{}
	addresses := map[netip.Addr]string{}
	for i := range d.Interfaces {
		in, path := &d.Interfaces[i], element("interface", i)
		r.objectName(in.Name, path, names)
		if in.Hostname == "" {
			in.Hostname = d.Hostname
		} else {
			r.hostname(&in.Hostname, path+".hostname")
		}
		r.interfaceAddress(in, path, addresses)
	}
}

func (r *reader) interfaceAddress(in *Interface, path string, addresses map[netip.Addr]string) {
	addr := in.Address.Addr()
	switch other, busy := addresses[addr]; {
	case r.failed[path+".address"]:
	case !in.Address.IsValid():
		r.fail(path+".address", `is missing; needed is an address with its network, such as "192.0.2.1/24"`)
	case addr.IsUnspecified() || addr.IsMulticast():
		r.fail(path+".address", "%s is not the address of an interface", addr)
	case busy:
		r.fail(path+".address", "%s is the address of interface %s already", addr, other)
	default:
		addresses[addr] = in.Name
	}
}

// maxListeners is more than any machine has ports to spare for.
const maxListeners = 64

func (r *reader) listeners(d *Document) {
	if len(d.Listeners) > maxListeners {
		r.fail("listener", "there are %d listeners; at most %d are allowed", len(d.Listeners), maxListeners)
		return
	}
	names := map[string]bool{}
	for i := range d.Listeners {
		l, path := &d.Listeners[i], element("listener", i)
		r.objectName(l.Name, path, names)
		if l.Kind == "" {
			r.fail(path+".kind", "is missing; allowed are public, private, blackhole")
		}
		r.listenerAddress(d.Listeners[:i], l, path)
		r.relays(l, path)
		r.patterns(l.AcceptDomains, path+".accept_domains")
		r.pair(l.Certificate, l.Key, path)
		if l.MaxConnectionsPerClient > l.MaxConnections && r.given(path+".max_connections_per_client") {
			r.fail(path+".max_connections_per_client", "%d is more than max_connections, which is %d", l.MaxConnectionsPerClient, l.MaxConnections)
		}
		l.MaxConnectionsPerClient = min(l.MaxConnectionsPerClient, l.MaxConnections)
	}
}

func (r *reader) given(path string) bool {
	_, ok := r.places().values[path]
	return ok
}

func (r *reader) listenerAddress(before []Listener, l *Listener, path string) {
	if r.failed[path+".address"] {
		return
	}
	if !l.Address.IsValid() {
		r.fail(path+".address", `is missing; needed is an address with a port, such as "192.0.2.1:25" or "[2001:db8::1]:25"`)
		return
	}
	if l.Address.Addr().IsMulticast() {
		r.fail(path+".address", "%s is a multicast address; nobody can listen there", l.Address.Addr())
		return
	}
	for i := range before {
		if Collide(before[i].Address, l.Address) {
			r.fail(path+".address", "%s is busy: listener %s is on %s", l.Address, printable(before[i].Name), before[i].Address)
			return
		}
	}
}

// Collide says whether two sockets cannot be bound at once. A socket on 0.0.0.0 or :: takes the port on every address, of
// both families.
func Collide(a, b netip.AddrPort) bool {
	if !a.IsValid() || a.Port() != b.Port() || a.Port() == 0 {
		return false
	}
	return a.Addr().Unmap() == b.Addr().Unmap() || a.Addr().IsUnspecified() || b.Addr().IsUnspecified()
}

func (r *reader) relays(l *Listener, path string) {
	for i, p := range l.RelayFrom {
		if !p.IsValid() {
			continue // its fault is known
		}
		l.RelayFrom[i] = p.Masked()
		if l.Kind == Public && p.Bits() == 0 {
			r.fail(element(path+".relay_from", i), "%s lets the whole world relay through a public listener; name the networks of your own hosts", p)
		}
	}
}

// patterns brings the patterns of a list into their normal form.
func (r *reader) patterns(list []string, path string) {
	seen := map[string]bool{}
	for i, s := range list {
		at := element(path, i)
		normal, err := normalPattern(s)
		switch {
		case r.failed[at]:
		case err != nil:
			r.fail(at, "%s %v; .example.com stands for its sub-domains, ALL for every domain", quoted(s), err)
		case seen[normal]:
			r.fail(at, "%s stands here twice", normal)
		default:
			seen[normal] = true
			list[i] = normal
		}
	}
}

func (r *reader) smtpRoutes(d *Document) {
	seen := map[string]bool{}
	for i := range d.Routes {
		route, path := &d.Routes[i], element("smtp_route", i)
		r.pattern(&route.Domain, path+".domain", seen, "has a route already")
		r.targets(route.To, path+".to")
	}
}

// pattern brings the pattern that names an entry of a list into its normal form; twice says what is wrong with a second one.
func (r *reader) pattern(domain *string, at string, seen map[string]bool, twice string) {
	normal, err := normalPattern(*domain)
	switch {
	case r.failed[at]:
	case *domain == "":
		r.fail(at, "is missing; needed is a domain, .domain for its sub-domains, or ALL")
	case err != nil:
		r.fail(at, "%s %v; .example.com stands for its sub-domains, ALL for every domain", quoted(*domain), err)
	case seen[normal]:
		r.fail(at, "%s %s", normal, twice)
	default:
		seen[normal] = true
		*domain = normal
	}
}

// maxTargets bounds what one attempt may have to try.
const maxTargets = 100

func (r *reader) targets(to []string, path string) {
	switch {
	case len(to) == 0:
		r.fail(path, "is empty; needed is at least one of %s", targetForm)
	case len(to) > maxTargets:
		r.fail(path, "has %d targets; at most %d are allowed", len(to), maxTargets)
	}
	for i, s := range to {
		t, err := ParseTarget(s)
		switch at := element(path, i); {
		case r.failed[at]:
		case err != nil:
			r.fail(at, "%s %v", quoted(s), err)
		case t.Kind == TargetNull && len(to) > 1:
			r.fail(at, "/dev/null takes everything; no other target may stand beside it")
		default:
			to[i] = t.String()
		}
	}
}

func (r *reader) dnsServers(d *Document) {
	for i, s := range d.DNS.Servers {
		if s.IsValid() && (s.Port() == 0 || s.Addr().IsUnspecified() || s.Addr().IsMulticast()) {
			r.fail(element("dns.servers", i), "%s cannot be asked; allowed is an address with a port from 1 to 65535", s)
		}
	}
}

func (r *reader) delivery(d *Document) {
	r.doubts(d.Delivery.Doubts)
	if d.Delivery.Interface == "" {
		return
	}
	names := make([]string, len(d.Interfaces))
	for i := range d.Interfaces {
		names[i] = d.Interfaces[i].Name
		if names[i] == d.Delivery.Interface {
			return
		}
	}
	r.fail("delivery.interface", "%s is not an interface; allowed are %s", quoted(d.Delivery.Interface), printable(strings.Join(names, ", ")))
}

func (r *reader) doubts(list []Doubt) {
	seen := map[string]bool{}
	for i := range list {
		b, path := &list[i], element("delivery.doubt", i)
		r.pattern(&b.Domain, path+".domain", seen, "stands here twice")
		if b.Action == "" && !r.failed[path+".action"] {
			r.fail(path+".action", "is missing; allowed are resend, hold, ask")
		}
	}
}

var errName = errors.New("is not a name; allowed are letters, digits, hyphens, dots and underscores, at most 40, the first a letter")

// objectName checks the name of an interface or listener, which logs print without quotes.
func (r *reader) objectName(name, path string, seen map[string]bool) {
	at, folded := path+".name", strings.ToLower(name)
	switch {
	case r.failed[at]:
	case name == "":
		r.fail(at, "is missing; needed is a text in quotes")
	case !isObjectName(name):
		r.fail(at, "%s %v", quoted(name), errName)
	case seen[folded]:
		r.fail(at, "%s stands here twice; names must differ in more than case", quoted(name))
	default:
		seen[folded] = true
	}
}

func isObjectName(s string) bool {
	letter := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
	for i := range len(s) {
		c := s[i]
		if !letter(c) && !(c >= '0' && c <= '9') && !strings.ContainsRune("-._", rune(c)) {
			return false
		}
	}
	return s != "" && len(s) <= 40 && letter(s[0])
}

// account checks the name of a user or group of the system (as useradd does).
func (r *reader) account(name, path string) {
	ok := len(name) <= 32
	for i := range len(name) {
		c := name[i]
		first := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		ok = ok && (first || i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '.' || c == '$' && i == len(name)-1))
	}
	if !ok {
		r.fail(path, "%s is not the name of a user or group of the system", quoted(name))
	}
}
