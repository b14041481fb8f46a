package projections

import (
	"net/netip"
	"strings"
	"time"

	"postern/journal"
)

// Limits of the hosts that are remembered.
const (
	HostLife        = 3 * time.Hour // a destination stays in memory that long after its last recipient
	DefaultMaxHosts = 200_000       // destinations kept; beyond it the longest idle are forgotten, never those with mail
	maxErrorText    = 512           // bytes of a peer's answer that are kept
	silentFraction  = 20            // of those kept, one in so many may be out of memory and have never taken a recipient
)

// HostState is what the last contact with a destination said of it.
type HostState uint8

// The states of a destination.
const (
	HostUnknown   HostState = iota // not tried yet, or not in memory
	HostStateUp                    // it answers
	HostStateDown                  // none of its hosts could be reached
)

// String is the word of hoststatus.
func (s HostState) String() string {
	switch s {
	case HostStateUp:
		return "up"
	case HostStateDown:
		return "down"
	}
	return "unknown"
}

// hostError is the last answer that ended a recipient, or the last failure of TLS.
type hostError struct {
	text  string
	at    journal.Instant
	ip    netip.Addr
	level string // of TLS: what was asked of it
}

// hostDown is what is known of a destination that is down.
type hostDown struct {
	reason   string
	failures uint32
	next     journal.Instant
}

// host is one destination. Counters run since the last reset. What Top looks at in each of them comes first: with many
// hosts, fetching them from memory is all that it costs.
type host struct {
	name  string
	first uint64 // of its name, by firstBytes
	state HostState
	list  uint8 // which list it is in

	unattempted, attempted uint32 // active
	connections            uint32 // outbound

	soft      uint64
	delivered uint64
	hard      [6]uint64 // by journal.BounceClass; other classes at BounceOther
	deleted   uint64

	// The books: every recipient that came or went, each on its own. opening is what was here at the last reset.
	opening, injected, movedIn, reinstated, strays uint64
	dropped, movedOut                              uint64

	waiting uint32 // in the work queue or in quarantine

	lastActivity journal.Instant
	idleSince    int64 // nanoseconds on the clock without jumps; when live is 0
	error5XX     *hostError
	errorTLS     *hostError
	down         *hostDown

	prev, next uint32 // in its list
}

func (h *host) live() uint32   { return h.unattempted + h.attempted + h.waiting }
func (h *host) active() uint32 { return h.unattempted + h.attempted }

func (h *host) hardBounced() (n uint64) {
	for _, c := range h.hard {
		n += c
	}
	return n
}

func (h *host) completed() uint64 { return h.hardBounced() + h.delivered + h.deleted }

// The lists that hosts without recipients are in, each in the order in which the hosts came.
const (
	listNone    = iota // it has recipients, or the place is free
	listIdle           // still in memory
	listRetired        // out of memory: only its counters are kept
	listSilent         // the same, and it took no recipient since the last reset: forged names are many
	numLists
)

const (
	hostPageBits = 8
	hostPageSize = 1 << hostPageBits
)

// hostPage holds hosts of successive numbers.
type hostPage struct {
	live int // of its numbers in use, 0 included
	host [hostPageSize]host
}

// hosts are the destinations by name. Numbers stay the same as long as a host is remembered; 0 is none.
type hosts struct {
	pages     []*hostPage // nil: no host of it is left
	used      uint32      // numbers ever given, 0 included
	free      []uint32
	byName    map[string]uint32
	most      int // in byName since it was last made
	head      [numLists]uint32
	tail      [numLists]uint32
	length    [numLists]int
	max       int
	forgotten uint64 // hosts that had to make room
}

func newHosts(limit int) hosts {
	if limit <= 0 {
		limit = DefaultMaxHosts
	}
	return hosts{used: 1, pages: []*hostPage{{live: 1}}, byName: make(map[string]uint32), max: limit}
}

// at returns a host that is remembered, by its number.
func (s *hosts) at(n uint32) *host { return &s.pages[n>>hostPageBits].host[n&(hostPageSize-1)] }

// lookup finds a destination, 0 when it is not known.
func (s *hosts) lookup(name string) uint32 { return s.byName[name] }

// number returns a destination's number, a new one if need be.
func (s *hosts) number(name string, clock int64) uint32 {
	if n, ok := s.byName[name]; ok {
		return n
	}
	if len(s.byName) >= s.max {
		s.makeRoom()
	}
	n := s.take()
	name = strings.Clone(name)
	*s.at(n) = host{name: name, first: firstBytes(name), idleSince: clock}
	s.byName[name] = n
	s.most = max(s.most, len(s.byName))
	s.push(listIdle, n)
	return n
}

// firstBytes holds the first eight bytes of a name so that names mostly compare as they do, without being looked at.
func firstBytes(name string) (v uint64) {
	for i := range 8 {
		v <<= 8
		if i < len(name) {
			v |= uint64(name[i])
		}
	}
	return v
}

func (s *hosts) push(list uint8, n uint32) {
	h := s.at(n)
	h.list, h.prev, h.next = list, s.tail[list], 0
	if s.tail[list] != 0 {
		s.at(s.tail[list]).next = n
	} else {
		s.head[list] = n
	}
	s.tail[list] = n
	s.length[list]++
}

func (s *hosts) unlink(n uint32) {
	h := s.at(n)
	if h.list == listNone {
		return
	}
	if h.prev != 0 {
		s.at(h.prev).next = h.next
	} else {
		s.head[h.list] = h.next
	}
	if h.next != 0 {
		s.at(h.next).prev = h.prev
	} else {
		s.tail[h.list] = h.prev
	}
	s.length[h.list]--
	h.list, h.prev, h.next = listNone, 0, 0
}

// settled puts a host into the list that its recipients say.
func (s *hosts) settled(n uint32, clock int64) {
	h := s.at(n)
	switch {
	case n == 0:
	case h.live() > 0:
		s.unlink(n)
	case h.list == listNone:
		h.idleSince = clock
		s.push(listIdle, n)
	}
}

// touched is called when something happens to a host that may be out of memory.
func (s *hosts) touched(n uint32, clock int64) {
	if h := s.at(n); h.list == listRetired || h.list == listSilent {
		s.unlink(n)
		h.idleSince = clock
		s.push(listIdle, n)
	}
}

// inMemory counts the destinations in memory as of a moment that no record may have reached yet.
func (s *hosts) inMemory(clock int64) int {
	over := 0
	for n := s.head[listIdle]; n != 0 && clock-s.at(n).idleSince >= int64(HostLife); n = s.at(n).next {
		over++
	}
	return len(s.byName) - s.length[listRetired] - s.length[listSilent] - over
}

// remembers tells whether a host is in memory as of a moment.
func (h *host) remembers(clock int64) bool {
	return h.list == listNone || h.list == listIdle && clock-h.idleSince < int64(HostLife)
}

// each calls fn for every host, in the order of the numbers.
func (s *hosts) each(fn func(n uint32, h *host)) {
	for i, page := range s.pages {
		if page == nil {
			continue
		}
		for k := range page.host {
			n := uint32(i<<hostPageBits | k)
			if h := &page.host[k]; h.name != "" || n != 0 && s.byName[""] == n {
				fn(n, h)
			}
		}
	}
}

// reset starts the counters anew; what is here opens the new books.
func (s *hosts) reset() {
	s.each(func(_ uint32, h *host) {
		h.soft, h.hard, h.delivered, h.deleted = 0, [6]uint64{}, 0, 0
		h.opening, h.injected, h.movedIn, h.reinstated, h.strays = uint64(h.live()), 0, 0, 0, 0
		h.dropped, h.movedOut = 0, 0
	})
}

// closeConnections forgets all outbound connections.
func (s *hosts) closeConnections() {
	s.each(func(_ uint32, h *host) { h.connections = 0 })
}

// printable bounds a peer's text and replaces what a terminal would obey.
func printable(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		if part == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		for _, r := range part {
			if b.Len() >= maxErrorText {
				return b.String()
			}
			if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffd || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				r = '?'
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}
