package deliver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"postern/engine/config"
	"postern/smtp/dns"
)

// Probe says whose TLS is tried. No mail is offered, nothing is journalled, and nobody is spoken to but the hosts that it
// names: a domain's mail exchangers, or one host.
type Probe struct {
	Domain string // that a certificate may stand for
	Host   string // to connect to: a name or an address; "": the domain's exchangers
	Port   uint16 // 0: the configured one, 25
}

// ProbeStep is what came of one step of a Probe. Its text is safe to show: peers' words in it are bounded and escaped.
type ProbeStep struct {
	Host    string         // "" in steps that are about the domain
	Address netip.AddrPort // invalid before there is one
	Step    string         // mx, address, connect, greeting, ehlo, starttls, handshake, certificate, chain, name, host, domain
	OK      bool
	Text    string
}

// The limits of a Probe.
const (
	MaxProbe     = 5 * time.Minute  // all together; beyond: it ends, saying so
	MaxProbeHost = 45 * time.Second // one address; beyond: the next
)

// probe is a Probe under way. It belongs to the goroutine that called Probe.
type probe struct {
	delivery
	Probe
	each     func(ProbeStep) error
	failed   error // of each
	hop      hop
	verified int // addresses
	refuted  int // addresses that were reached and did not pass
}

// Probe tries the TLS of a domain's hosts and tells each step as it is done. The error is that of each, or ctx's.
func (c *Client) Probe(ctx context.Context, p Probe, each func(ProbeStep) error) error {
	c.init()
	all, cancel := context.WithTimeout(ctx, MaxProbe)
	defer cancel()
	run := probe{delivery: delivery{client: c, document: c.Document()}, Probe: p, each: each}
	for _, h := range run.hosts(all) {
		run.host(all, h)
	}
	if run.failed == nil && ctx.Err() == nil && all.Err() != nil {
		run.tell("domain", false, "The verification was ended after %s.", MaxProbe)
	}
	run.conclude()
	if run.failed != nil {
		return run.failed
	}
	return ctx.Err()
}

// tell hands out a step. After the first one that nobody took all others are dropped.
func (p *probe) tell(step string, ok bool, format string, args ...any) {
	if p.failed == nil {
		p.failed = p.each(ProbeStep{Host: p.hop.host, Address: p.hop.addr, Step: step, OK: ok, Text: fmt.Sprintf(format, args...)})
	}
}

// conclude says what it comes to: every host that could be reached must have passed, and one at least.
func (p *probe) conclude() {
	p.hop = hop{}
	domain := clean([]byte(p.Domain), maxKeptLine)
	switch {
	case p.verified > 0 && p.refuted == 0:
		p.tell("domain", true, "TLS successfully verified for %s.", domain)
	case p.verified > 0:
		p.tell("domain", false, "TLS of %s is verified at some addresses and not at others.", domain)
	default:
		p.tell("domain", false, "TLS of %s could not be verified.", domain)
	}
}

// hosts are the names to connect to, in the order of a delivery.
func (p *probe) hosts(ctx context.Context) []string {
	if p.Host != "" {
		return []string{p.Host}
	}
	name := p.Domain
	if _, is := literal(name); is {
		return []string{name}
	}
	if t, err := config.ParseTarget(name); err == nil && t.Kind == config.TargetMX && t.Port == 0 {
		name = t.Host // an internationalised domain's A-labels
	}
	shown := clean([]byte(name), maxKeptLine)
	if route := p.document.Route(name); route != nil {
		p.tell("mx", true, "Note: an SMTP route sends mail for %s to %s. Its mail exchangers are verified here.", shown, strings.Join(route.To, ", "))
	}
	p.tell("mx", true, "Looking up the mail exchangers of %s.", shown)
	answer, err := p.client.Resolver.LookupMX(ctx, name)
	var e *dns.Error
	switch {
	case err == nil && answer.Null:
		p.tell("mx", false, "%s takes no mail (null MX).", shown)
		return nil
	case errors.As(err, &e) && e.Kind == dns.NoData, err == nil && len(answer.Hosts) == 0:
		p.tell("mx", true, "%s has no mail exchangers: it is its own host.", shown)
		return []string{name}
	case err != nil:
		p.tell("mx", false, "%s.", clean([]byte(err.Error()), maxKeptLine))
		return nil
	}
	var hosts []string
	for _, h := range answer.Hosts {
		p.tell("mx", true, "Mail exchanger: %d %s", h.Preference, h.Host)
		hosts = append(hosts, h.Host)
	}
	return hosts
}

// host tries all addresses of a host, as long as there are not too many altogether.
func (p *probe) host(ctx context.Context, name string) {
	if p.done(ctx) {
		return
	}
	p.hop = hop{host: name}
	if addr, is := literal(name); is {
		p.hop = hop{}
		p.address(ctx, hop{addr: netip.AddrPortFrom(addr, p.port(p.Port))})
		return
	}
	answer, err := p.client.Resolver.LookupAddr(ctx, name, dns.Both)
	if err != nil {
		p.tell("address", false, "%s.", clean([]byte(err.Error()), maxKeptLine))
		return
	}
	for _, addr := range p.client.arrange(answer.Addrs) {
		if p.done(ctx) {
			return
		}
		p.address(ctx, hop{addr: netip.AddrPortFrom(addr, p.port(p.Port)), host: name})
	}
}

// done tells whether no more address is to be tried.
func (p *probe) done(ctx context.Context) bool {
	return p.failed != nil || ctx.Err() != nil || p.tried >= MaxAddresses
}

// address takes one connection from the dial to QUIT.
func (p *probe) address(ctx context.Context, h hop) {
	p.tried++
	p.hop = h
	ctx, cancel := context.WithTimeout(ctx, MaxProbeHost)
	defer cancel()
	p.tell("connect", true, "Connecting to %s on port %d.", h.addr.Addr(), h.addr.Port())
	nc, err := p.dial(ctx, h)
	if err != nil {
		p.tell("connect", false, "The connection to %s failed: %s.", h.addr.Addr(), p.why(ctx, err))
		return
	}
	conn := newConnection(nc, h.addr)
	conn.host, conn.document = h.host, p.document
	release := conn.follow(ctx)
	ok := p.converse(ctx, conn)
	if release() && ok {
		conn.command("QUIT", MaxQuitTime)
	}
	conn.net.Close()
	if ok {
		p.verified++
		p.tell("host", true, "TLS connection to %s succeeded.", h.addr.Addr())
		return
	}
	p.refuted++
	p.tell("host", false, "TLS connection to %s failed.", h.addr.Addr())
}

// converse goes through the steps up to the certificate; true: all of them are as they should be.
func (p *probe) converse(ctx context.Context, conn *connection) bool {
	if conn.local.IsValid() {
		p.tell("connect", true, "Connected to %s from %s.", conn.peer.Addr(), conn.local)
	} else {
		p.tell("connect", true, "Connected to %s.", conn.peer.Addr())
	}
	conn.deadline(MaxProbeHost)
	if err := conn.read(); err != nil {
		p.tell("greeting", false, "The host did not greet: %s.", p.why(ctx, err))
		return false
	}
	if p.tell("greeting", conn.reply.class() == 2, "Greeting: %s", conn.reply.quote()); conn.reply.class() != 2 {
		return false
	}
	if f := p.hello(conn); f != nil {
		p.tell("ehlo", false, "EHLO failed: %s.", p.whyNot(ctx, f))
		return false
	}
	if !conn.ext.startTLS {
		p.tell("starttls", false, "The host does not offer STARTTLS.")
		return false
	}
	p.tell("starttls", true, "The host offers STARTTLS. Checking TLS connection.")
	state, err := p.handshake(ctx, conn, nil)
	if errors.Is(err, errNoTLS) {
		p.tell("handshake", false, "The host refused STARTTLS: %s.", conn.reply.quote())
		return false
	}
	if err != nil {
		p.tell("handshake", false, "TLS could not be established: %s.", p.why(ctx, err))
		return false
	}
	p.established(state)
	ok := p.certificates(state.PeerCertificates)
	if f := p.hello(conn); f != nil {
		p.tell("ehlo", false, "EHLO after STARTTLS failed: %s.", p.whyNot(ctx, f))
		return false
	}
	return ok
}

func (p *probe) whyNot(ctx context.Context, f *failure) string {
	if f.err != nil {
		return p.why(ctx, f.err)
	}
	return f.details()
}

// why words an error; that of our own deadline is the peer's slowness.
func (p *probe) why(ctx context.Context, err error) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "timeout"
	}
	return describe(err)
}
