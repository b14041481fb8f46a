package shell

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"postern/projections"
)

// Hosts is what a person may ask about the hosts that mail goes to, and about those that it comes from.
type Hosts interface {
	// Host gives all that is known of a destination. One that nobody has heard of is zeros and unknown.
	Host(ctx context.Context, name string) (HostReport, error)
	// HostReading gives the few figures of hostrate.
	HostReading(ctx context.Context, name string) (HostReading, error)
	// TopHosts gives at most n destinations in memory, the first of an order.
	TopHosts(ctx context.Context, order projections.HostOrder, n int) (TopHosts, error)
	// HostNames gives at most n names of destinations in memory that begin so, those with the most recipients first.
	HostNames(ctx context.Context, prefix string, n int) ([]string, error)
	// TopInbound gives at most n clients with open connections, those with the most first.
	TopInbound(ctx context.Context, n int) (TopInbound, error)
}

// HostReport is what hoststatus shows. Its counters run since the last reset; what only a daemon knows (connections being
// dialled, addresses, MX records, routes) is left out when none runs.
type HostReport struct {
	projections.HostStatus
	Known     bool                `json:"known"` // false: the figures have never heard of it, or nothing is left of what they had
	Timestamp time.Time           `json:"timestamp"`
	Suspended bool                `json:"delivery_suspended,omitempty"` // by an operator, to this host or to all
	Pending   uint64              `json:"conn_out_pending"`             // connections that have not reached the greeting
	Addresses []OrderedAddress    `json:"ordered_addresses,omitempty"`
	Expires   time.Time           `json:"addresses_expire,omitzero"` // the first of them; zero: none ever does
	MX        []MXRecord          `json:"mx_records,omitempty"`
	Routes    []string            `json:"smtp_routes,omitempty"` // in the order in which they are tried
	Gateways  []VirtualGateway    `json:"virtual_gateways,omitempty"`
	Past      *projections.Moment `json:"past,omitempty"` // nil: it is of the present
}

// OrderedAddress is an address that mail for a host is sent to.
type OrderedAddress struct {
	Preference uint16     `json:"preference"`
	IP         netip.Addr `json:"ip"`
}

// MXRecord is a mail exchanger as the resolver's cache has it.
type MXRecord struct {
	Preference uint16 `json:"preference"`
	TTL        int64  `json:"ttl"` // seconds that are left of it
	Host       string `json:"hostname"`
}

// VirtualGateway is what became of a host's mail that leaves by one of several interfaces.
type VirtualGateway struct {
	Hostname     string                `json:"hostname"` // of the interface
	Interface    string                `json:"interface"`
	State        projections.HostState `json:"state"`
	LastActivity time.Time             `json:"last_activity,omitzero"` // zero: never
	Recipients   uint64                `json:"recipients"`
	Last5XX      *projections.Last5XX  `json:"last_5xx_error,omitempty"`
}

// HostReading is what hostrate reads of a host each time.
type HostReading struct {
	Timestamp   time.Time             `json:"timestamp"`
	Host        string                `json:"host"`
	State       projections.HostState `json:"state"`
	Connections uint64                `json:"conn_out"`
	Active      uint64                `json:"active_recips"`
	Delivered   uint64                `json:"delivered_recips"`
	HardBounced uint64                `json:"hard_bounced_recips"`
	SoftBounced uint64                `json:"soft_bounced_evts"`
	Before      *HostReading          `json:"before,omitempty"` // when somebody last looked at this host; nil: nobody has
}

// TopHosts is what tophosts shows.
type TopHosts struct {
	Timestamp time.Time                `json:"timestamp"`
	Hosts     []projections.HostStatus `json:"hosts"`
	Past      *projections.Moment      `json:"past,omitempty"`
}

// TopInbound is what topin shows.
type TopInbound struct {
	Timestamp time.Time                   `json:"timestamp"`
	Clients   []projections.InboundClient `json:"clients"`
	Past      *projections.Moment         `json:"past,omitempty"`
}

// The most that an answer holds, whatever was asked for.
const (
	maxTopHosts   = 1000
	maxTopInbound = 10000
	maxHostNames  = 100
)

// Host implements Gateway.
func (l *Local) Host(ctx context.Context, name string) (HostReport, error) {
	if err := checkHost(name); err != nil {
		return HostReport{}, &RefusedError{sentence(err.Error())}
	}
	r := HostReport{Timestamp: l.now().UTC()}
	if _, err := l.Follower.Look(ctx, func() { r.fold(l.Figures, name) }); err != nil {
		return HostReport{}, err
	}
	r.Host = strings.ToLower(r.Host)
	if l.Outbound != nil {
		open, dialling := l.Outbound(r.Host)
		r.Connections, r.Pending = uint64(open), uint64(dialling)
	}
	if l.Document != nil && l.Cache != nil {
		r.lookUp(l.Document(), l.Cache)
	}
	l.looks.note(r.reading())
	return r, nil
}

// fold takes what the figures tell of a host.
func (r *HostReport) fold(f *projections.Figures, name string) {
	r.HostStatus, r.Known = f.Host(name, r.Timestamp)
	r.Suspended = f.DeliverySuspended(name)
}

// reading is what of a report hostrate shows.
func (r *HostReport) reading() HostReading {
	return HostReading{Timestamp: r.Timestamp, Host: r.Host, State: r.State, Connections: r.Connections, Active: r.Active,
		Delivered: r.Delivered, HardBounced: r.HardBounced, SoftBounced: r.SoftBounced}
}

// HostReading implements Gateway.
func (l *Local) HostReading(ctx context.Context, name string) (HostReading, error) {
	if err := checkHost(name); err != nil {
		return HostReading{}, &RefusedError{sentence(err.Error())}
	}
	r := HostReport{Timestamp: l.now().UTC()}
	if _, err := l.Follower.Look(ctx, func() { r.HostStatus, _ = l.Figures.HostCounts(name, r.Timestamp) }); err != nil {
		return HostReading{}, err
	}
	r.Host = strings.ToLower(r.Host)
	if l.Outbound != nil {
		open, _ := l.Outbound(r.Host)
		r.Connections = uint64(open)
	}
	return l.looks.note(r.reading()), nil
}

// TopHosts implements Gateway.
func (l *Local) TopHosts(ctx context.Context, order projections.HostOrder, n int) (t TopHosts, err error) {
	t.Timestamp = l.now().UTC()
	_, err = l.Follower.Look(ctx, func() { t.Hosts = l.Figures.Top(min(n, maxTopHosts), order, t.Timestamp) })
	return t, err
}

// HostNames implements Gateway. Whoever completes a word would rather have yesterday's names than wait.
func (l *Local) HostNames(_ context.Context, prefix string, n int) (names []string, err error) {
	l.Follower.Peek(func() { names = l.Figures.HostNames(prefix, min(n, maxHostNames), l.now()) })
	return names, nil
}

// TopInbound implements Gateway. The facts tell of a client when it begins to send; one that only holds its connections
// open is found among the receiver's, and has the name that its reverse lookup left in the cache.
func (l *Local) TopInbound(ctx context.Context, n int) (t TopInbound, err error) {
	t.Timestamp = l.now().UTC()
	n = min(max(n, 1), maxTopInbound)
	var told []projections.InboundClient
	if _, err := l.Follower.Look(ctx, func() { told = l.Figures.TopInbound(0) }); err != nil || l.Inbound == nil {
		t.Clients = projections.FirstInbound(told, n)
		return t, err
	}
	names := make(map[netip.Addr]string, len(told))
	for _, c := range told {
		if c.Verified {
			names[c.Remote] = c.Hostname
		}
	}
	t.Clients = projections.FirstInbound(l.Inbound(), n)
	for i := range t.Clients {
		c := &t.Clients[i]
		if c.Hostname, c.Verified = names[c.Remote]; !c.Verified && l.Cache != nil {
			c.Hostname, c.Verified = l.Cache.Name(c.Remote)
		}
		if !c.Verified {
			c.Hostname = c.Remote.String()
		}
	}
	return t, nil
}

// Host implements Gateway.
func (o *Offline) Host(ctx context.Context, name string) (r HostReport, err error) {
	if err := checkHost(name); err != nil {
		return r, &RefusedError{sentence(err.Error())}
	}
	r.Timestamp = time.Now().UTC()
	err = o.figures(ctx, func(f *projections.Figures) { r.fold(f, name) })
	r.Host = strings.ToLower(r.Host)
	return r, err
}

// HostReading implements Gateway.
func (o *Offline) HostReading(ctx context.Context, name string) (HostReading, error) {
	r, err := o.Host(ctx, name)
	return r.reading(), err
}

// TopHosts implements Gateway.
func (o *Offline) TopHosts(ctx context.Context, order projections.HostOrder, n int) (t TopHosts, err error) {
	t.Timestamp = time.Now().UTC()
	err = o.figures(ctx, func(f *projections.Figures) { t.Hosts = f.Top(min(n, maxTopHosts), order, t.Timestamp) })
	return t, err
}

// TopInbound implements Gateway: nobody is connected to a gateway that does not run.
func (o *Offline) TopInbound(ctx context.Context, n int) (t TopInbound, err error) {
	t.Timestamp = time.Now().UTC()
	err = o.figures(ctx, func(f *projections.Figures) { t.Clients = f.TopInbound(n) })
	return t, err
}

func (notRunning) Host(context.Context, string) (r HostReport, err error) { return r, ErrNotRunning }

func (notRunning) HostReading(context.Context, string) (r HostReading, err error) {
	return r, ErrNotRunning
}

func (notRunning) TopHosts(context.Context, projections.HostOrder, int) (t TopHosts, err error) {
	return t, ErrNotRunning
}

func (notRunning) HostNames(context.Context, string, int) ([]string, error) {
	return nil, ErrNotRunning
}

func (notRunning) TopInbound(context.Context, int) (t TopInbound, err error) {
	return t, ErrNotRunning
}

// Host implements Gateway.
func (r *Remote) Host(ctx context.Context, name string) (h HostReport, err error) {
	return h, r.get(ctx, "/v1/host", url.Values{"host": {name}}, &h)
}

// HostReading implements Gateway.
func (r *Remote) HostReading(ctx context.Context, name string) (h HostReading, err error) {
	return h, r.get(ctx, "/v1/host/reading", url.Values{"host": {name}}, &h)
}

// TopHosts implements Gateway.
func (r *Remote) TopHosts(ctx context.Context, order projections.HostOrder, n int) (t TopHosts, err error) {
	q := url.Values{"order": {strconv.Itoa(int(order))}, "n": {strconv.Itoa(n)}}
	return t, r.get(ctx, "/v1/hosts", q, &t)
}

// HostNames implements Gateway.
func (r *Remote) HostNames(ctx context.Context, prefix string, n int) (names []string, err error) {
	return names, r.get(ctx, "/v1/hosts/names", url.Values{"prefix": {prefix}, "n": {strconv.Itoa(n)}}, &names)
}

// TopInbound implements Gateway.
func (r *Remote) TopInbound(ctx context.Context, n int) (t TopInbound, err error) {
	return t, r.get(ctx, "/v1/clients", url.Values{"n": {strconv.Itoa(n)}}, &t)
}

func hostsRoutes(mux *http.ServeMux, g Gateway) {
	get(mux, "/v1/host", func(ctx context.Context, q url.Values) (any, error) { return g.Host(ctx, q.Get("host")) })
	get(mux, "/v1/host/reading", func(ctx context.Context, q url.Values) (any, error) { return g.HostReading(ctx, q.Get("host")) })
	get(mux, "/v1/hosts", func(ctx context.Context, q url.Values) (any, error) {
		order, err := strconv.ParseUint(q.Get("order"), 10, 8)
		if err != nil {
			return nil, &RefusedError{"The order is a number."}
		}
		return g.TopHosts(ctx, projections.HostOrder(order), number(q, "n"))
	})
	get(mux, "/v1/hosts/names", func(ctx context.Context, q url.Values) (any, error) {
		return g.HostNames(ctx, q.Get("prefix"), number(q, "n"))
	})
	get(mux, "/v1/clients", func(ctx context.Context, q url.Values) (any, error) { return g.TopInbound(ctx, number(q, "n")) })
}

// number reads a number of a question, 0 when it is none.
func number(q url.Values, name string) int {
	n, _ := strconv.Atoi(q.Get(name))
	return n
}
