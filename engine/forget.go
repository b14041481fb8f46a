package engine

import (
	"time"

	"postern/journal"
)

// A destination without mail does not stay. What was learned of one that answers (its window) is worth a few minutes, and
// nobody else has folded it: it goes without a word. That one is down is a fact, which others have folded too, and so it
// goes by a fact: after as long as tophosts shows a destination without mail.
const (
	forgetIdle = 10 * time.Minute
	forgetDown = 3 * time.Hour
)

// Destinations are looked over once a minute, some with each turn, so that no turn is long however many there are.
const (
	lookOver       = time.Minute
	maxLookedOver  = 4096 // in one turn
	maxForgotten   = 1000 // with one fact
	fewHosts       = 1024 // a map of that many is not worth making anew
	shrinkFraction = 4
)

// forget drops some of the destinations that have had nothing to do for long.
func (t *turn) forget() {
	s := t.s
	if s.looking == 0 {
		if t.clock < s.lookOver || !s.loaded { // what is not loaded yet may be for any of them
			return
		}
		s.looking, s.lookOver = 1, t.clock+int64(lookOver)
	}
	var down []string
	end := min(s.looking+maxLookedOver, len(s.destinations))
	for ; s.looking < end && len(down) < maxForgotten; s.looking++ {
		d := s.destinations[s.looking]
		switch {
		case d == nil || !d.idle():
		case d.failing():
			if d.quiet <= t.clock-int64(forgetDown) {
				down = append(down, d.name)
			}
		case d.quiet <= t.clock-int64(forgetIdle):
			s.drop(uint32(s.looking))
		}
	}
	if len(down) > 0 {
		t.emit(&journal.DestinationsForgotten{Destinations: down})
	}
	if s.looking >= len(s.destinations) {
		s.looking = 0
		s.shrink()
	}
}

// idle tells whether nothing refers to a destination.
func (d *destination) idle() bool { return d.recipients == 0 && d.inHand == 0 && !d.queued }

// failing tells whether facts say that a destination did not answer the last time.
func (d *destination) failing() bool { return d.down || d.failures > 0 }

// applyForgotten drops destinations, or at least that they are down.
func (s *State) applyForgotten(e *journal.DestinationsForgotten) {
	for _, name := range e.Destinations {
		di, ok := s.byName[name]
		switch {
		case !ok:
		case s.destinations[di].idle():
			s.drop(di)
		default:
			s.setUp(di)
		}
	}
}

// drop forgets a destination that is idle.
func (s *State) drop(di uint32) {
	delete(s.byName, s.destinations[di].name)
	s.destinations[di] = nil
	s.freeDest = append(s.freeDest, di)
}

// shrink gives back the room of destinations that are gone: a map keeps what it has grown to.
func (s *State) shrink() {
	last := len(s.destinations)
	for last > 1 && s.destinations[last-1] == nil {
		last--
	}
	if last*shrinkFraction < cap(s.destinations) && cap(s.destinations) > fewHosts {
		s.destinations = append(make([]*destination, 0, last), s.destinations[:last]...)
		var free []uint32
		for _, di := range s.freeDest {
			if int(di) < last {
				free = append(free, di)
			}
		}
		s.freeDest = free
	}
	s.mostHosts = max(s.mostHosts, len(s.byName))
	if len(s.byName)*shrinkFraction >= s.mostHosts || s.mostHosts <= fewHosts {
		return
	}
	s.mostHosts = len(s.byName)
	byName := make(map[string]uint32, len(s.byName))
	for di, d := range s.destinations {
		if d != nil {
			byName[d.name] = uint32(di)
		}
	}
	s.byName = byName
}

// loadHost takes over what is known of a destination of before the start. Nothing has happened there since its probe was
// due, or some of its mail would be in the queue.
func (s *State) loadHost(h journal.LiveHost, clock int64) {
	di := s.destination(h.Destination)
	next := int64(h.Next) - s.shift
	if h.Down {
		s.setDown(di, h.Failures, next)
	} else {
		s.destinations[di].failures = h.Failures
	}
	s.destinations[di].quiet = min(next, clock)
}
