package tracking

import (
	"context"
	"slices"

	"postern/journal"
)

// Landmarks are facts about no message that are looked for: those of some kinds, and HostDown and HostUp of destinations.
type Landmarks struct {
	Kinds journal.KindSet
	Hosts map[string]bool
}

// kinds are all kinds that have to be looked at.
func (l *Landmarks) kinds() journal.KindSet {
	all := make(journal.KindSet)
	for k := range l.Kinds {
		all[k] = true
	}
	if len(l.Hosts) > 0 {
		all[journal.KindHostDown], all[journal.KindHostUp] = true, true
	}
	return all
}

// meant tells whether a fact of these kinds is looked for.
func (l *Landmarks) meant(r journal.Record) bool {
	switch e := r.Event.(type) {
	case *journal.HostDown:
		return l.Hosts[e.Destination]
	case *journal.HostUp:
		return l.Hosts[e.Destination]
	}
	return true
}

// topics are what an index notes them by; false: it does not.
func (l *Landmarks) topics() (topics map[uint64]bool, all bool) {
	topics = make(map[uint64]bool)
	for k := range l.Kinds {
		if !noted.Has(k) {
			return nil, false
		}
		topics[kindTopic(k)] = true
	}
	for host := range l.Hosts {
		topics[hostTopic(host)] = true
	}
	return topics, true
}

// Latest calls found for landmarks at or before a Seq, the last one first, until it says that it is enough. An index, which
// may be nil, spares reading what lies between.
func Latest(ctx context.Context, h History, x *Index, from uint64, l Landmarks, found func(journal.Record) bool) error {
	kinds := l.kinds()
	back := func(from, least uint64) (enough bool, err error) {
		return Back(ctx, h, from, least, kinds, l.meant, found)
	}
	topics, all := l.topics()
	if x == nil || !all {
		_, err := back(from, 1)
		return err
	}
	if err := x.proved(ctx); err != nil {
		return err
	}
	covered := x.Covered()
	enough, err := back(from, covered+1)
	for at := min(from, covered); at > 0 && err == nil && !enough; {
		part := x.spoken(at, func(of uint64) bool { return of >= kindTopics && topics[of] })
		if !part.known {
			enough, err = back(at, part.from)
		}
		for _, seq := range slices.Backward(part.seqs) {
			if seq > at || err != nil || enough {
				continue
			}
			enough, err = back(seq, seq)
		}
		at = part.from - 1
	}
	return err
}
