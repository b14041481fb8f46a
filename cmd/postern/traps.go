package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"postern/hardware"
	"postern/smtp/dns"
	"postern/snmp"
)

// buildTraps makes who watches levels and tells the targets of SNMP. It needs no port of its own, and follows the
// configuration in force by itself.
func (g *gateway) buildTraps() {
	before := g.journal.Durable()
	g.traps = &snmp.Watcher{
		Levels: snmp.Levels{
			Document:     g.document,
			Conservation: func() []string { return g.conservedFor(before) },
			Loads:        func() (cpu, memory int64) { return g.machine.CPUPercent(), g.machine.RAMPercent() },
			Sensors:      g.monitor.Sensors,
			Ignored:      func() hardware.Ignored { return limitsOf(g.document()).Ignore },
			Network:      g.monitor.Network,
			Keys:         g.keys,
		},
		Sender:    &snmp.Sender{Agent: g.agent, Resolve: g.addressesOf, OnTarget: g.trapTarget, OnDropped: g.trapsDropped},
		Check:     snmp.Checker{Dial: g.dialNamed},
		OnNotify:  g.trapSent,
		OnChecked: g.connectivityChecked,
	}
}

// conservedFor is why resources are conserved now. Of a degree that was taken over at the start the engine does not know;
// the facts of before do, as soon as all of them were looked at: up to that Seq.
func (g *gateway) conservedFor(before uint64) (reasons []string) {
	if g.engine.Conservation() == 0 {
		return nil
	}
	if reasons = g.engine.ConservationReasons(); reasons == nil && g.looker.Seq() >= before {
		g.looker.Peek(func() { reasons = g.figures.View(time.Now(), nil, nil).ConservationReasons })
	}
	return reasons
}

// sendTraps watches and sends until ctx ends, and then says what was sent.
func (g *gateway) sendTraps(ctx context.Context) error {
	err := g.traps.Run(ctx)
	for _, t := range g.traps.Sender.Status() {
		g.log.Info().Str("target", t.Target).Uint64("sent", t.Sent).Uint64("failed", t.Failed).Uint64("unanswered", t.Unanswered).Uint64("dropped", t.Dropped+uint64(t.Waiting)).Msg("traps")
	}
	return err
}

// trapSent writes what is told into the log; what lasts and is repeated only the first time.
func (g *gateway) trapSent(n snmp.Notification) {
	if !n.Repeated {
		g.log.Info().Str("trap", n.Name).Str("about", n.About).Msg("a trap is sent")
	}
}

func (g *gateway) trapTarget(target string, err error) {
	if err != nil {
		g.log.Error().Err(err).Str("target", target).Msg("traps do not reach their target")
		return
	}
	g.log.Info().Str("target", target).Msg("traps reach their target again")
}

func (g *gateway) trapsDropped(target string) {
	g.log.Warn().Str("target", target).Msg("more traps wait for a target than have room; the oldest are dropped")
}

func (g *gateway) connectivityChecked(url string, err error) {
	if url == "" {
		return // nothing is checked any more
	}
	if err != nil {
		g.log.Warn().Err(err).Str("url", url).Msg("the URL of the connectivity check is out of reach")
		return
	}
	g.log.Info().Str("url", url).Msg("the URL of the connectivity check is in reach again")
}

// addressesOf asks the gateway's own resolver, so that the configured servers hold.
func (g *gateway) addressesOf(ctx context.Context, host string) ([]netip.Addr, error) {
	a, err := g.resolver.LookupAddr(ctx, host, dns.Both)
	return a.Addrs, err
}

// dialNamed connects to host:port, to the first of the host's addresses that lets it.
func (g *gateway) dialNamed(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	if _, err := netip.ParseAddr(host); err == nil {
		return d.DialContext(ctx, network, address)
	}
	addrs, err := g.addressesOf(ctx, host)
	if err != nil {
		return nil, err
	}
	var failed error
	for _, a := range addrs {
		c, err := d.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
		if err == nil {
			return c, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}
