package dns

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// message is a server's answer that has passed the checks of exchange.
type message = dns.Msg

// answer is what a question's records say; which fields are set follows from the type.
type answer struct {
	hosts []MX         // MX, by preference
	null  bool         // MX: RFC 7505
	addrs []netip.Addr // A, AAAA
	texts []string     // PTR: host names; TXT: raw
}

func (a *answer) size() int {
	n := 16*len(a.addrs) + 24*len(a.hosts) + 16*len(a.texts)
	for _, h := range a.hosts {
		n += len(h.Host)
	}
	for _, t := range a.texts {
		n += len(t)
	}
	return n
}

// chain is the way from the name asked along its aliases.
type chain struct {
	names []string      // canonical; the first is the name asked
	ttl   time.Duration // the least on the way, at most MaxTTL
}

func (c *chain) end() string { return c.names[len(c.names)-1] }

func (c *chain) limit(d time.Duration) { c.ttl = min(c.ttl, d) }

// read takes a message about the chain's end as far as it leads. It tells whether records were found there; when not
// and without an error, the new end must be asked for.
func (c *chain) read(m *message, k key) (found bool, err *Error) {
	from := len(c.names)
	for {
		if m.Rcode == dns.RcodeSuccess && c.records(m.Answer, k.qtype) {
			return true, nil
		}
		target, ttl, ok := alias(m.Answer, c.end())
		if !ok {
			break
		}
		name, ok := anyName(target)
		if !ok {
			return false, failure(k, Malformed, nil)
		}
		if len(c.names) > MaxChain || slices.Contains(c.names, name) {
			return false, failure(k, Loop, nil)
		}
		c.names = append(c.names, name)
		c.limit(ttl)
	}
	negative, proved := negativeTTL(m.Ns, c.end())
	switch {
	case m.Rcode == dns.RcodeNameError:
		c.limit(negative)
		return false, failure(k, NXDomain, nil)
	case len(c.names) > from && !proved:
		return false, nil
	}
	c.limit(negative)
	return false, failure(k, NoData, nil)
}

// records tells whether the chain's end has records of the type, and takes their TTL into account.
func (c *chain) records(answers []dns.RR, qtype uint16) bool {
	found := false
	for _, rr := range answers {
		if h := rr.Header(); isAt(h, c.end(), qtype) {
			found = true
			c.limit(lifetime(h.Ttl))
		}
	}
	return found
}

func isAt(h *dns.RR_Header, name string, qtype uint16) bool {
	return h.Rrtype == qtype && h.Class == dns.ClassINET && sameName(h.Name, name)
}

func alias(answers []dns.RR, name string) (target string, ttl time.Duration, ok bool) {
	for _, rr := range answers {
		if c, is := rr.(*dns.CNAME); is && isAt(&c.Hdr, name, dns.TypeCNAME) {
			return c.Target, lifetime(c.Hdr.Ttl), true
		}
	}
	return "", 0, false
}

// negativeTTL is how long "there is none" holds: the lesser of the SOA's TTL and its last field (RFC 2308 5). Without
// the SOA of a zone that the name lies in, nothing is proved and it holds for a moment only.
func negativeTTL(authority []dns.RR, name string) (ttl time.Duration, proved bool) {
	for _, rr := range authority {
		if soa, ok := rr.(*dns.SOA); ok && within(name, soa.Hdr.Name) {
			return min(lifetime(soa.Hdr.Ttl), lifetime(soa.Minttl), MaxNegativeTTL), true
		}
	}
	return FailureTTL, false
}

// lifetime reads a TTL: the topmost bit makes it zero (RFC 2181 8).
func lifetime(ttl uint32) time.Duration {
	if ttl > 1<<31-1 {
		return 0
	}
	return min(time.Duration(ttl)*time.Second, MaxTTL)
}

// fill takes the records of the type at name; false when none of them is usable.
func (a *answer) fill(answers []dns.RR, name string, qtype uint16) bool {
	for _, rr := range answers {
		if !isAt(rr.Header(), name, qtype) {
			continue
		}
		switch rr := rr.(type) {
		case *dns.MX:
			a.addHost(rr)
		case *dns.A:
			a.addAddr(rr.A)
		case *dns.AAAA:
			a.addAddr(rr.AAAA)
		case *dns.PTR:
			a.addName(rr.Ptr)
		case *dns.TXT:
			a.addText(rr.Txt)
		}
	}
	a.finishHosts()
	return a.null || len(a.hosts)+len(a.addrs)+len(a.texts) > 0
}

func (a *answer) addHost(rr *dns.MX) {
	if rr.Mx == "." {
		a.null = true
	} else if host, ok := hostName(rr.Mx); ok {
		a.hosts = append(a.hosts, MX{Host: host, Preference: rr.Preference})
	}
}

// finishHosts orders the hosts. A null MX beside others is none (RFC 7505 3).
func (a *answer) finishHosts() {
	if len(a.hosts) == 0 {
		return
	}
	a.null = false
	slices.SortStableFunc(a.hosts, func(x, y MX) int { return int(x.Preference) - int(y.Preference) })
	if len(a.hosts) > MaxHosts {
		a.hosts = slices.Clone(a.hosts[:MaxHosts])
	}
}

// addAddr leaves out what can never be a peer: the unspecified address would be this machine.
func (a *answer) addAddr(ip net.IP) {
	addr, ok := netip.AddrFromSlice(ip)
	if len(ip) == net.IPv6len && addr.Is4In6() || !ok || addr.IsUnspecified() || addr.IsMulticast() {
		return
	}
	if len(a.addrs) < MaxAddrs && !slices.Contains(a.addrs, addr) {
		a.addrs = append(a.addrs, addr)
	}
}

func (a *answer) addName(ptr string) {
	if name, ok := hostName(ptr); ok && len(a.texts) < MaxNames {
		a.texts = append(a.texts, name)
	}
}

// addText joins the strings of a record (RFC 7208 3.3) and undoes the library's escapes.
func (a *answer) addText(parts []string) {
	if len(a.texts) < MaxTexts {
		a.texts = append(a.texts, unescape(strings.Join(parts, "")))
	}
}

func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		if i+2 < len(s) && isDigit(s[i]) && isDigit(s[i+1]) && isDigit(s[i+2]) {
			b = append(b, (s[i]-'0')*100+(s[i+1]-'0')*10+s[i+2]-'0')
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
