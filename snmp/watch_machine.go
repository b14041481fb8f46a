package snmp

import (
	"slices"
	"time"
)

// law is when a condition is told.
type law int

const (
	whenWorse  law = iota + 1 // once, when it becomes worse than what was told; unknown counts as good
	atChange                  // each change of its state; the first is told only when it is bad
	whileItIs                 // again with each look, as long as it is bad
	whenFailed                // once, when what had succeeded has failed, or has never succeeded
)

// laws has all notifications that are ever sent.
var laws = map[string]law{
	trapConservation: whenWorse, trapConnectivity: whenWorse, trapKey: whenWorse, trapCPU: whenWorse, trapMemory: whenWorse,
	trapPowerSupply: atChange, trapRAID: atChange, trapLink: atChange,
	trapTemperature: whileItIs, trapFan: whileItIs,
	trapUpdate: whenFailed,
}

// What keeps levels that flap from being told without end. How a thing stands in the end is always told: what is bad again
// too soon belongs to what was told, and a change that has to wait is told when its time has come, if it still holds.
const (
	settled     = time.Minute                // a condition is better only when it was better for so long without a break
	changeBurst = 4                          // changes of one thing that are told at once, before
	changeEvery = time.Minute                // is how often one more is
	repeatEvery = watchEvery - time.Second/2 // at most so often one that lasts is repeated; the rest is for a look that is early
	absentFor   = time.Hour                  // what is not there any more is forgotten
	maxStanding = 4096                       // conditions that are remembered; of more nobody is told
	maxAtOnce   = maxWaiting / 2             // notifications of one look; the others come with the next ones
)

// machine turns how things stand, look by look, into what is told of them. It is pure: its time is that of the looks. What
// was bad before its first look is told once, because nobody knows whether it was told before.
type machine struct {
	known map[conditionKey]*standing
}

type conditionKey struct{ trap, object string }

// standing is what a machine knows of a condition.
type standing struct {
	told   int       // the rank or state that was told, or that needed no telling
	better time.Time // since when it has been better than told; zero: it is not
	last   time.Time // when it was told
	seen   time.Time // when it was there
	credit float64   // changes that may be told
	filled time.Time // when credit was
	failed uint64    // updates that have
	done   uint64    // and those that have not
	isBad  bool      // of updates: the last one failed
}

// next is one look. enabled names what is sent; of the rest nothing is remembered, so that what is enabled again is new.
func (m *machine) next(now time.Time, enabled []string, list []condition) (out []Notification) {
	if m.known == nil {
		m.known = make(map[conditionKey]*standing)
	}
	for i := range list {
		c := &list[i]
		name := c.tell.Name
		if !slices.Contains(enabled, name) || len(out) >= maxAtOnce && m.known[conditionKey{name, c.object}] == nil {
			continue
		}
		s, fresh := m.standing(conditionKey{name, c.object})
		if s == nil {
			continue
		}
		s.seen = now
		if repeated, due := s.due(laws[name], now, c, fresh, len(out) < maxAtOnce); due {
			n := c.tell
			n.Repeated = repeated
			out = append(out, n)
			s.last = now
		}
	}
	m.forget(now, enabled)
	return out
}

// judgeAnew forgets what was told of some notifications: what it was measured by has changed, so that it says nothing of how
// things stand now, and what is bad is told with the next look.
func (m *machine) judgeAnew(names []string) {
	for key := range m.known {
		if slices.Contains(names, key.trap) {
			delete(m.known, key)
		}
	}
}

// standing finds what is known of a condition; nil: there is no room for one more.
func (m *machine) standing(key conditionKey) (s *standing, fresh bool) {
	if s = m.known[key]; s == nil && len(m.known) < maxStanding {
		s, fresh = &standing{}, true
		m.known[key] = s
	}
	return s, fresh
}

// due tells whether a condition is to be told now, for the first time or again. Without room nothing is, and nothing counts
// as told.
func (s *standing) due(l law, now time.Time, c *condition, fresh, room bool) (repeated, due bool) {
	switch l {
	case whenWorse:
		return false, s.worse(now, c.rank, room)
	case atChange:
		return false, s.changed(now, c, fresh, room)
	case whenFailed:
		return false, s.worse(now, s.outcome(c), room)
	case whileItIs:
		if c.rank == 0 {
			s.told = 0
			return false, false
		}
		if !room || now.Sub(s.last) < repeatEvery {
			return false, false
		}
		repeated = s.told != 0
		s.told = c.rank
		return repeated, true
	}
	return false, false
}

// worse takes a rank.
func (s *standing) worse(now time.Time, rank int, room bool) bool {
	switch {
	case rank > s.told:
		s.better = time.Time{}
		if room {
			s.told = rank
		}
		return room
	case rank == s.told:
		s.better = time.Time{}
	case s.better.IsZero():
		s.better = now
	case now.Sub(s.better) >= settled:
		s.told, s.better = rank, time.Time{}
	}
	return false
}

// changed takes a state.
func (s *standing) changed(now time.Time, c *condition, fresh, room bool) bool {
	if fresh {
		s.credit, s.filled = changeBurst, now
		if c.rank == 0 {
			s.told = c.state
		}
	}
	s.credit = min(s.credit+now.Sub(s.filled).Seconds()/changeEvery.Seconds(), changeBurst)
	s.filled = now
	if c.state == s.told || s.credit < 1 || !room {
		return false
	}
	s.credit--
	s.told = c.state
	return true
}

// outcome is the rank of a service whose updates are counted.
func (s *standing) outcome(c *condition) int {
	switch {
	case c.done != s.done:
		s.isBad = false
	case c.failed > s.failed:
		s.isBad = true
	}
	s.done, s.failed = c.done, c.failed
	return truth(s.isBad)
}

// forget takes what is not there for better, and drops it in the end.
func (m *machine) forget(now time.Time, enabled []string) {
	for key, s := range m.known {
		gone := now.Sub(s.seen)
		switch l := laws[key.trap]; {
		case !slices.Contains(enabled, key.trap), gone >= absentFor, l == whileItIs && gone > 0, l == whenWorse && gone >= settled:
			delete(m.known, key)
		}
	}
}
