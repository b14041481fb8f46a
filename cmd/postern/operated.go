package main

import (
	"net/netip"
	"path/filepath"
	"time"

	"postern/projections"
	"postern/shell"
	"postern/smtp/dns"
)

// operated connects what operators look at and order with the parts that know and do it.
func (g *gateway) operated(l *shell.Local) *shell.Local {
	l.Document = g.document
	l.Committer = g
	l.Cache = resolverCache{g.resolver}
	l.Outbound = g.client.Destination
	l.Inbound = g.inbound
	l.Reset = g.engine.ResetCounters
	l.Queue.Engine, l.Queue.Ports, l.Queue.Stop, l.Queue.IsOwn = g.engine, listeners{g.receiver}, g.Stop, g.isOwn
	l.Index = g.index
	l.Proving, l.Whole = g.damage.proving, &g.retention.whole
	l.Messages.Journal, l.Messages.Rows, l.Messages.Remover = g.journal, g.rows, g.engine
	l.Doubts = g.engine
	l.Forgetter = &forgetter{g: g}
	l.Messages.Dir = filepath.Join(g.data, "configuration")
	return l
}

// inbound lists who is connected, also those who have not said anything yet.
func (g *gateway) inbound() (list []projections.InboundClient) {
	for _, c := range g.receiver.Clients() {
		list = append(list, projections.InboundClient{Remote: c.Address, Listener: c.Listener, Connections: c.Count})
	}
	return list
}

// resolverCache shows the resolver's cache in the shell's words.
type resolverCache struct{ r *dns.Resolver }

// MX implements shell.Cache.
func (c resolverCache) MX(domain string) (hosts []shell.MXRecord, null bool, expires time.Time, ok bool) {
	a, _, ok := c.r.CachedMX(domain)
	for _, h := range a.Hosts {
		hosts = append(hosts, shell.MXRecord{Preference: h.Preference, Host: h.Host})
	}
	return hosts, a.Null, a.Expires, ok
}

// Addresses implements shell.Cache.
func (c resolverCache) Addresses(host string) (addrs []netip.Addr, expires time.Time, ok bool) {
	a, _, ok := c.r.CachedAddrs(host)
	return a.Addrs, a.Expires, ok
}

// Name implements shell.Cache.
func (c resolverCache) Name(addr netip.Addr) (string, bool) { return c.r.CachedName(addr) }

// Flush implements shell.Cache.
func (c resolverCache) Flush() { c.r.Flush() }

// sampleLast writes down how far things are that are counted outside the journal, as a run ends.
func (g *gateway) sampleLast() {
	g.looker.Peek(func() { g.engine.Note(g.figures.Sample(time.Now(), &g.gauges)) })
}
