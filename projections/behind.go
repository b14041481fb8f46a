package projections

import "time"

// Behind tells how old the facts are that a follower has still to see, to a second or so. It belongs to one goroutine, which
// looks about once a second.
type Behind struct {
	looks [128]look
	next  int
}

// look is what was durable at a moment.
type look struct {
	at      time.Time
	durable uint64
}

// Look notes what is durable now and returns the age of the oldest fact that is not seen: the time since the first of the
// last looks at which there was one. It is no more than the looks remember, some two minutes.
func (b *Behind) Look(now time.Time, durable, seen uint64) time.Duration {
	b.looks[b.next] = look{now, durable}
	b.next = (b.next + 1) % len(b.looks)
	for i := range b.looks {
		l := &b.looks[(b.next+i)%len(b.looks)] // the oldest first
		if !l.at.IsZero() && l.durable > seen {
			return max(0, now.Sub(l.at))
		}
	}
	return 0
}
