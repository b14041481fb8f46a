package receive

import (
	"net/netip"
	"strings"
	"time"

	"postern/engine/config"
)

// policy is a listener's part of one configuration document, made ready. It is never changed.
type policy struct {
	document *config.Document
	config.Listener
	everything  bool                // accept_domains names ALL
	domains     map[string]struct{} // accepted ones
	subdomains  []string            // with their leading dot
	certificate *certificate        // nil: no STARTTLS
}

// The defaults of what a document leaves out; the configuration's own defaults come first.
const (
	defaultMaxMessageSize    = 100 << 20
	defaultMaxRecipients     = 1000
	defaultMaxMessages       = 1000
	defaultMaxConnections    = 1000
	defaultMaxErrors         = 20
	defaultMaxHops           = 100
	defaultCommandTimeout    = 5 * time.Minute
	defaultDataTimeout       = 3 * time.Minute
	defaultConnectionTimeout = 15 * time.Minute
)

// newPolicy prepares listener l of document.
func newPolicy(document *config.Document, l config.Listener) *policy {
	p := &policy{document: document, Listener: l, domains: make(map[string]struct{})}
	p.MaxMessageSize = orElse(l.MaxMessageSize, defaultMaxMessageSize)
	p.MaxRecipients = orElse(l.MaxRecipients, defaultMaxRecipients)
	p.MaxMessages = orElse(l.MaxMessages, defaultMaxMessages)
	p.MaxConnections = orElse(l.MaxConnections, defaultMaxConnections)
	p.MaxErrors = orElse(l.MaxErrors, defaultMaxErrors)
	p.MaxHops = orElse(l.MaxHops, defaultMaxHops)
	p.CommandTimeout.Duration = orElse(l.CommandTimeout.Duration, defaultCommandTimeout)
	p.DataTimeout.Duration = orElse(l.DataTimeout.Duration, defaultDataTimeout)
	p.ConnectionTimeout.Duration = orElse(l.ConnectionTimeout.Duration, defaultConnectionTimeout)
	if l.Kind == config.Private && len(l.RelayFrom) == 0 {
		p.RelayFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	for _, d := range l.AcceptDomains {
		switch d = strings.ToLower(d); {
		case d == "all":
			p.everything = true
		case strings.HasPrefix(d, "."):
			p.subdomains = append(p.subdomains, d)
		default:
			p.domains[d] = struct{}{}
		}
	}
	return p
}

func orElse[T int | int64 | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// access is what a client may do here, and why.
type access struct {
	action string // ACCEPT, RELAY, REJECT
	match  string // ALL or the network
}

// admits judges a client by its address (asyncos HAT: the first match wins).
func (p *policy) admits(client netip.Addr) access {
	for _, n := range p.RelayFrom {
		if n.Contains(client) {
			return access{"RELAY", n.String()}
		}
	}
	if p.Kind == config.Private {
		return access{"REJECT", "ALL"}
	}
	return access{"ACCEPT", "ALL"}
}

// accepts tells whether mail for a domain is taken from everybody.
func (p *policy) accepts(domain string) bool {
	if p.everything || p.Kind == config.Blackhole {
		return true
	}
	if _, ok := p.domains[domain]; ok {
		return true
	}
	for _, s := range p.subdomains {
		if strings.HasSuffix(domain, s) && len(domain) > len(s) {
			return true
		}
	}
	return false
}

// stands names the interface that an address of the machine belongs to, and the host name to go by on it.
func (p *policy) stands(local netip.Addr) (name, host string) {
	host = p.document.Hostname
	best := -1
	for _, i := range p.document.Interfaces {
		bits := i.Address.Bits()
		if i.Address.Addr() == local {
			bits = 129
		} else if !i.Address.Masked().Contains(local) {
			continue
		}
		if bits > best {
			best, name = bits, i.Name
			host = p.document.Hostname
			if i.Hostname != "" {
				host = i.Hostname
			}
		}
	}
	return name, host
}
