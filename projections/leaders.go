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
	Max   int  // how many are kept; 1 or more
	AsTop bool // those of the same figure are in the order that Top has for them, and not by what was delivered

	page  int      // where the pass goes on
	best  []leader // of the pass so far, at most twice Max, unordered
	full  bool     // as many as are wanted have been seen
	least leader   // then the last of them: nobody behind it is among the first
	names []string // found by the last whole pass
}

// leader is a destination with the figures that it is ordered by.
type leader struct {
	name                     string
	active, delivered, first uint64
}

func leaderOf(h *host) leader { return leader{h.name, uint64(h.active()), h.delivered, h.first} }

func (l *Leaders) compare(a, b leader) int {
	if l.AsTop {
		return cmp.Or(cmp.Compare(b.active, a.active), cmp.Compare(a.first, b.first), strings.Compare(a.name, b.name))
	}
	return cmp.Or(cmp.Compare(b.active, a.active), cmp.Compare(b.delivered, a.delivered), strings.Compare(a.name, b.name))
}

// pagesAtOnce is how many steps are made within one look, so that the figures do not stand still for long.
const pagesAtOnce = 8

// Search goes on with the pass for about as long as limit, a few steps within each look, and stops where it ends.
func (l *Leaders) Search(follower *Follower, f *Figures, now func() time.Time, limit time.Duration) {
	for began, ended := time.Now(), false; !ended && time.Since(began) < limit; {
		follower.Peek(func() {
			for i := 0; i < pagesAtOnce && !ended; i++ {
				ended = l.Step(f, now())
			}
		})
	}
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
		x := leaderOf(h)
		if l.full && l.compare(l.least, x) < 0 {
			continue
		}
		if l.best = append(l.best, x); len(l.best) >= 2*l.Max {
			l.sort()
			l.full, l.least = true, l.best[len(l.best)-1]
		}
	}
}

func (l *Leaders) sort() {
	slices.SortFunc(l.best, l.compare)
	l.best = l.best[:min(l.Max, len(l.best))]
}

// View gives what the last whole pass found, with the figures of now; the oldest message is left out. One that was
// forgotten since is left out, too. The order is that of the pass; AsTop, it is that of now.
func (l *Leaders) View(f *Figures, now time.Time) []HostStatus {
	clock := now.UnixNano() - f.shift
	found := make([]*host, 0, len(l.names))
	for _, name := range l.names {
		if n := f.hosts.lookup(name); n != 0 && (!l.AsTop || f.hosts.at(n).remembers(clock)) {
			found = append(found, f.hosts.at(n))
		}
	}
	if l.AsTop {
		slices.SortFunc(found, func(a, b *host) int { return l.compare(leaderOf(a), leaderOf(b)) })
	}
	out := make([]HostStatus, len(found))
	for i, h := range found {
		out[i] = f.hostStatus(h, clock)
	}
	return out
}
