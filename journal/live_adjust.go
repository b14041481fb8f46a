package journal

import "strings"

// A clock jump moves the times of every message, and DeliveryForced makes a whole domain due. Neither rewrites a row: each
// row bears a stamp that says which of these adjustments its times have in them, and the rest is made up for when the row
// is read.

// liveStamp says up to where a row's times are adjusted.
type liveStamp struct {
	shift  int64  // ClockShift when it was written
	forces uint64 // how many DeliveryForced there were before it was written
}

// liveForce is the last DeliveryForced of a domain.
type liveForce struct {
	number uint64 // 1 for the first of the journal
	at     Instant
	shift  int64 // ClockShift at the time
}

// liveAdjust holds the adjustments so far.
type liveAdjust struct {
	liveStamp
	forced map[string]liveForce // by domain; "" is all, and supersedes the domains before it
}

// shifted moves a time; none stays none.
func shifted(i Instant, delta int64) Instant {
	if i == 0 {
		return 0
	}
	return i + Instant(delta)
}

// forcedSince returns when a destination was last made due by an operator, if that was after the stamp.
func (a *liveAdjust) forcedSince(s liveStamp, destination string) (Instant, bool) {
	last := a.forced[""]
	if f := a.forced[strings.ToLower(destination)]; f.number > last.number {
		last = f
	}
	if last.number <= s.forces {
		return 0, false
	}
	return shifted(last.at, a.shift-last.shift), true
}

// message brings a message from its stamp up to now.
func (a *liveAdjust) message(m *LiveMessage, s *liveStamp) {
	if *s == a.liveStamp {
		return
	}
	delta := a.shift - s.shift
	m.Injected = shifted(m.Injected, delta)
	for i := range m.Recipients {
		r := &m.Recipients[i]
		r.Next = shifted(r.Next, delta)
		if s.forces == a.forces || r.Next == 0 || r.Attempting {
			continue
		}
		if at, ok := a.forcedSince(*s, r.Target()); ok {
			r.Next = at
		}
	}
	*s = a.liveStamp
}

// host brings a destination from its stamp up to now.
func (a *liveAdjust) host(h *LiveHost, s *liveStamp) {
	if *s == a.liveStamp {
		return
	}
	h.Next = shifted(h.Next, a.shift-s.shift)
	if at, ok := a.forcedSince(*s, h.Destination); ok {
		h.Down, h.Failures, h.Next = false, 0, at
	}
	*s = a.liveStamp
}
