package projections

import "time"

// Down gives the destinations that are down and have that many active recipients or more, those with the most first, at
// most n.
func (f *Figures) Down(n int, atLeast uint64, now time.Time) []HostStatus {
	best := f.top(n, ByActive, now, func(h *host) bool { return h.state == HostStateDown && uint64(h.active()) >= atLeast })
	out := make([]HostStatus, len(best))
	for i, c := range best {
		out[i] = f.hostStatus(f.hosts.at(c.host), now.UnixNano()-f.shift)
	}
	return out
}
