package projections

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"postern/journal"
)

// maxInbound bounds the inbound connections that are told apart; the listeners' limits lie far below.
const maxInbound = 1 << 20

// client is who connects to which listener: a row of topin.
type client struct {
	remote   netip.Addr
	listener string
}

// clientInfo counts the open connections of a client.
type clientInfo struct {
	client
	count    int
	reverse  string // the name of the newest connection
	verified bool
}

// connections are those that are open, from the facts that open and close them.
type connections struct {
	inbound  map[uint32]*clientInfo // by ICID
	clients  map[client]*clientInfo
	outbound map[uint32]uint32 // DCID → host
	inexact  bool              // facts of connections were omitted in this run: the figures may be too high
}

func newConnections() connections {
	return connections{inbound: make(map[uint32]*clientInfo), clients: make(map[client]*clientInfo), outbound: make(map[uint32]uint32)}
}

func (c *connections) accepted(e *journal.ConnectionAccepted) {
	c.closed(e.ICID)
	if len(c.inbound) >= maxInbound {
		c.inexact = true
		return
	}
	k := client{e.Remote, e.Listener}
	info := c.clients[k]
	if info == nil {
		k.listener = strings.Clone(k.listener)
		info = &clientInfo{client: k}
		c.clients[k] = info
	}
	info.count++
	if info.reverse != e.ReverseDNS {
		info.reverse = strings.Clone(e.ReverseDNS)
	}
	info.verified = e.Verified
	c.inbound[e.ICID] = info
}

func (c *connections) closed(icid uint32) {
	info, ok := c.inbound[icid]
	if !ok {
		return
	}
	delete(c.inbound, icid)
	if info.count--; info.count == 0 {
		delete(c.clients, info.client)
	}
}

// opened notes an outbound connection; a DCID that comes again closes the older one.
func (c *connections) opened(hs *hosts, dcid, host uint32) {
	c.ended(hs, dcid)
	c.outbound[dcid] = host
	hs.at(host).connections++
}

func (c *connections) ended(hs *hosts, dcid uint32) {
	if n, ok := c.outbound[dcid]; ok {
		delete(c.outbound, dcid)
		hs.at(n).connections--
	}
}

// omitted notes that facts found no room.
func (c *connections) omitted(e *journal.NotesOmitted) {
	for _, v := range e.Counts {
		switch v.Name {
		case journal.KindConnectionAccepted.String(), journal.KindConnectionClosed.String(),
			journal.KindDeliveryConnectionOpened.String(), journal.KindDeliveryConnectionClosed.String():
			c.inexact = c.inexact || v.Value > 0
		}
	}
}

// reset forgets everything: a new run begins.
func (c *connections) reset(hs *hosts) {
	if len(c.outbound) > 0 {
		hs.closeConnections()
	}
	*c = newConnections()
}

// Disconnect forgets all connections: nobody has one with a gateway that does not run.
func (f *Figures) Disconnect() { f.connections.reset(&f.hosts) }

// InboundClient is a row of topin: the open connections of one address to one listener.
type InboundClient struct {
	Hostname    string     `json:"hostname"` // the verified reverse name, else the address
	Remote      netip.Addr `json:"remote"`
	Listener    string     `json:"listener"`
	Verified    bool       `json:"verified"`
	Connections int        `json:"conn_in"`
}

// TopInbound returns at most n clients with open connections: most connections first, then by numeric address, then by
// listener. n ≤ 0 returns all.
func (f *Figures) TopInbound(n int) []InboundClient {
	out := make([]InboundClient, 0, len(f.connections.clients))
	for k, info := range f.connections.clients {
		row := InboundClient{Remote: k.remote, Listener: k.listener, Verified: info.verified, Connections: info.count}
		if row.Hostname = k.remote.String(); info.verified && info.reverse != "" {
			row.Hostname = printable(info.reverse)
		}
		out = append(out, row)
	}
	return FirstInbound(out, n)
}

// FirstInbound orders clients as topin does and leaves at most n of them, all when n ≤ 0.
func FirstInbound(list []InboundClient, n int) []InboundClient {
	slices.SortFunc(list, func(a, b InboundClient) int {
		return cmp.Or(cmp.Compare(b.Connections, a.Connections), a.Remote.Compare(b.Remote), cmp.Compare(a.Listener, b.Listener))
	})
	if n > 0 && len(list) > n {
		list = list[:n]
	}
	if list == nil {
		return []InboundClient{} // programs are given a list, if an empty one
	}
	return list
}
