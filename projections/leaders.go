package projections

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Leaders are the destinations that matter most: those with the most active recipients, then with the most delivered
// ones. Who they are is found a part at a time, so that asking often costs the same however many destinations there are;
// Top is for people, who want it exact. Its owner calls its methods one at a time, within a look at the Figures.
type Leaders struct {
	Max int // how many are kept; 1 or more

	page  int      // where the pass goes on
	best  []leader // of the pass so far, at most twice Max, unordered
	full  bool     // as many as are wanted have been seen
	least leader   // then the last of them: nobody behind it is among the first
	names []string // found by the last whole pass
}

// leader is a destination with the figures that it is ordered by.
type leader struct {
	name              string
	active, delivered uint64
}

func (a leader) compare(b leader) int {
	return cmp.Or(cmp.Compare(b.active, a.active), cmp.Compare(b.delivered, a.delivered), strings.Compare(a.name, b.name))
}

// Step looks at the next of the destinations, a page of them, and tells whether that ended a pass over all.
func (l *Leaders) Step(f *Figures, now time.Time) (ended bool) {
	clock := now.UnixNano() - f.shift
	if l.page < len(f.hosts.pages) {
		if page := f.hosts.pages[l.page]; page != nil {
			l.look(page, clock)
		}
		l.page++
	}
	if l.page < len(f.hosts.pages) {
		return false
	}
	l.sort()
	l.names = l.names[:0]
	for _, x := range l.best {
		l.names = append(l.names, x.name)
	}
	l.page, l.best, l.full = 0, l.best[:0], false
	return true
}

func (l *Leaders) look(page *hostPage, clock int64) {
	for i := range page.host {
		h := &page.host[i]
		if h.name == "" || !h.remembers(clock) {
			continue
		}
		x := leader{h.name, uint64(h.active()), h.delivered}
		if l.full && l.least.compare(x) < 0 {
			continue
		}
		if l.best = append(l.best, x); len(l.best) >= 2*l.Max {
			l.sort()
			l.full, l.least = true, l.best[len(l.best)-1]
		}
	}
}

func (l *Leaders) sort() {
	slices.SortFunc(l.best, leader.compare)
	l.best = l.best[:min(l.Max, len(l.best))]
}

// View gives what the last whole pass found, in order, with the figures of now; the oldest message is left out. One that
// was forgotten since is left out, too.
func (l *Leaders) View(f *Figures, now time.Time) []HostStatus {
	clock := now.UnixNano() - f.shift
	out := make([]HostStatus, 0, len(l.names))
	for _, name := range l.names {
		if n := f.hosts.lookup(name); n != 0 {
			out = append(out, f.hostStatus(f.hosts.at(n), clock))
		}
	}
	return out
}
