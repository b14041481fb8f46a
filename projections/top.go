package projections

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"postern/journal"
)

// HostOrder is what tophosts sorts by.
type HostOrder uint8

// The orders, in that of the menu of tophosts.
const (
	ByActive HostOrder = iota
	ByConnections
	ByDelivered
	BySoftBounced
	ByHardBounced
)

// HostStatus is what hoststatus and tophosts show of a destination; counters run since the last reset.
type HostStatus struct {
	Host          string        `json:"host"`
	State         HostState     `json:"state"`
	InMemory      bool          `json:"in_memory"`
	SoftBounced   uint64        `json:"soft_bounced_evts"`
	Completed     uint64        `json:"completed_recips"`
	HardBounced   uint64        `json:"hard_bounced_recips"`
	DNS           uint64        `json:"dns_hard_bounced_recips"`
	FiveXX        uint64        `json:"5xx_hard_bounced_recips"`
	Filter        uint64        `json:"filter_hard_bounced_recips"`
	Expired       uint64        `json:"expired_hard_bounced_recips"`
	Other         uint64        `json:"other_hard_bounced_recips"`
	Delivered     uint64        `json:"delivered_recips"`
	Deleted       uint64        `json:"deleted_recips"`
	Active        uint64        `json:"active_recips"`
	Unattempted   uint64        `json:"unattempted_recips"`
	Attempted     uint64        `json:"attempted_recips"`
	Connections   uint64        `json:"conn_out"`
	LastActivity  time.Time     `json:"last_activity,omitzero"` // zero: never
	Oldest        OldestMessage `json:"oldest_message"`         // by Host only
	Last5XX       *Last5XX      `json:"last_5xx_error,omitempty"`
	LastTLS       *LastTLS      `json:"last_tls_error,omitempty"`
	DownReason    string        `json:"down_reason,omitempty"`
	DownFailures  uint32        `json:"down_failures,omitempty"` // in a row
	DownNextProbe time.Time     `json:"down_next_probe,omitzero"`
}

// Last5XX is the last answer by which a destination refused a recipient for good. Its text is bounded and safe to print.
type Last5XX struct {
	Text string     `json:"text"`
	Time time.Time  `json:"time"`
	IP   netip.Addr `json:"ip"`
}

// LastTLS is the last time that a connection to a destination could not be secured. Its texts are bounded and safe to print.
type LastTLS struct {
	Level string     `json:"level"` // what was asked of TLS: Preferred, Required - Verify
	Text  string     `json:"text"`
	Time  time.Time  `json:"time"`
	IP    netip.Addr `json:"ip"`
}

// MarshalText gives the word of hoststatus.
func (s HostState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads it.
func (s *HostState) UnmarshalText(text []byte) error {
	switch string(text) {
	case "up":
		*s = HostStateUp
	case "down":
		*s = HostStateDown
	default:
		*s = HostUnknown
	}
	return nil
}

// sortKey is what a host is ordered by.
func (h *host) sortKey(order HostOrder) uint64 {
	switch order {
	case ByConnections:
		return uint64(h.connections)
	case ByDelivered:
		return h.delivered
	case BySoftBounced:
		return h.soft
	case ByHardBounced:
		return h.hardBounced()
	}
	return uint64(h.active())
}

// candidate is a host that may be among the first.
type candidate struct {
	key, first uint64
	host       uint32
}

// Top returns the first n destinations in memory in that order, descending, those of the same figure by name. It looks at
// each destination once and sorts only what it keeps.
func (f *Figures) Top(n int, order HostOrder, now time.Time) []HostStatus {
	best := f.top(n, order, now, nil)
	out := make([]HostStatus, len(best))
	for i, c := range best {
		out[i] = f.hostStatus(f.hosts.at(c.host), now.UnixNano()-f.shift)
	}
	return out
}

// top chooses among the hosts that fit, among all when fits is nil.
func (f *Figures) top(n int, order HostOrder, now time.Time, fits func(*host) bool) []candidate {
	if n <= 0 {
		return nil
	}
	clock := now.UnixNano() - f.shift
	before := func(a, b candidate) int {
		switch {
		case a.key != b.key:
			return cmp.Compare(b.key, a.key)
		case a.first != b.first:
			return cmp.Compare(a.first, b.first)
		}
		return cmp.Compare(f.hosts.at(a.host).name, f.hosts.at(b.host).name)
	}
	best := make([]candidate, 0, min(2*n, len(f.hosts.byName))+1)
	var least candidate // the last of a full list
	f.hosts.each(func(number uint32, h *host) {
		c := candidate{h.sortKey(order), h.first, number}
		if c.key < least.key || !h.remembers(clock) || fits != nil && !fits(h) || least.host != 0 && before(least, c) < 0 {
			return
		}
		best = append(best, c)
		if len(best) >= 2*n {
			slices.SortFunc(best, before)
			best = best[:n]
			least = best[n-1]
		}
	})
	slices.SortFunc(best, before)
	return best[:min(n, len(best))]
}

// Host returns what is known of a destination, without regard to case; false: nothing since the last reset.
func (f *Figures) Host(name string, now time.Time) (HostStatus, bool) {
	s, known := f.HostCounts(name, now)
	if s.Active > 0 {
		s.Oldest = f.oldestAt(f.hosts.lookup(s.Host), now.UnixNano()-f.shift)
	}
	return s, known
}

// DeliverySuspended tells whether an operator suspended delivery to a destination, or to all.
func (f *Figures) DeliverySuspended(name string) bool {
	suspended := f.system.deliverySuspended
	return slices.Contains(suspended, "*") || slices.Contains(suspended, strings.ToLower(name))
}

// HostCounts is Host without the oldest message, which takes a search.
func (f *Figures) HostCounts(name string, now time.Time) (HostStatus, bool) {
	name = strings.ToLower(name)
	n := f.hosts.lookup(name)
	if n == 0 {
		return HostStatus{Host: name}, false
	}
	return f.hostStatus(f.hosts.at(n), now.UnixNano()-f.shift), true
}

// HostNames returns at most n names of destinations in memory that begin with prefix, without regard to case: those with
// the most active recipients first.
func (f *Figures) HostNames(prefix string, n int, now time.Time) []string {
	prefix = strings.ToLower(prefix)
	var names []string
	for _, c := range f.top(n, ByActive, now, func(h *host) bool { return strings.HasPrefix(h.name, prefix) }) {
		names = append(names, f.hosts.at(c.host).name)
	}
	return names
}

func (f *Figures) hostStatus(h *host, clock int64) HostStatus {
	s := HostStatus{
		Host: h.name, State: h.state, InMemory: h.remembers(clock), SoftBounced: h.soft, Completed: h.completed(),
		HardBounced: h.hardBounced(), DNS: h.hard[1], FiveXX: h.hard[2], Expired: h.hard[3], Filter: h.hard[4], Other: h.hard[5],
		Delivered: h.delivered, Deleted: h.deleted, Active: uint64(h.active()), Unattempted: uint64(h.unattempted),
		Attempted: uint64(h.attempted), Connections: uint64(h.connections), LastActivity: h.lastActivity.Time(),
	}
	if !s.InMemory {
		s.State = HostUnknown
	} else if h.down != nil {
		s.DownReason, s.DownFailures, s.DownNextProbe = h.down.reason, h.down.failures, h.down.next.Time()
	}
	if h.error5XX != nil {
		s.Last5XX = &Last5XX{Text: h.error5XX.text, Time: h.error5XX.at.Time(), IP: h.error5XX.ip}
	}
	if x := h.errorTLS; x != nil {
		s.LastTLS = &LastTLS{Level: x.level, Text: x.text, Time: x.at.Time(), IP: x.ip}
	}
	return s
}

// tlsErrorOf is what is kept of a connection that could not be secured.
func tlsErrorOf(at journal.Instant, e *journal.DeliveryConnectionSecured) *hostError {
	level := "Preferred"
	if e.Level != "" {
		level = printable(e.Level)
	}
	return &hostError{text: printable(e.Failure), at: at, ip: e.Address, level: level}
}
