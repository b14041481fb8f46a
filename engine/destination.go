package engine

import (
	"strings"

	"postern/journal"
)

// destination is what mail is queued for: a domain. It is what is retried when it cannot be reached; its recipients then
// wait on it without times, attempts or facts of their own.
type destination struct {
	name       string
	head, tail uint32 // ready recipients, first come first served
	ready      int    // how many
	recipients int    // live ones, in whatever phase
	inHand     int    // attempts under way
	window     int    // how many may be under way; grows with success
	successes  int    // since the window last grew
	down       bool
	failures   uint32 // in a row; may stand without down once an operator has forced a delivery
	next       int64  // of the probe, when down; State's clock
	quiet      int64  // last time that something happened; State's clock
	queued     bool   // stands in State.runnable
}

// destination finds or makes the destination of that name.
func (s *State) destination(name string) uint32 {
	if i, ok := s.byName[name]; ok {
		return i
	}
	d := &destination{name: strings.Clone(name), window: s.initialWin, quiet: s.now}
	var i uint32
	if n := len(s.freeDest); n > 0 {
		i = s.freeDest[n-1]
		s.freeDest = s.freeDest[:n-1]
		s.destinations[i] = d
	} else {
		i = uint32(len(s.destinations))
		s.destinations = append(s.destinations, d)
	}
	s.byName[d.name] = i
	return i
}

// makeReady puts a recipient at the end of its destination's list.
func (s *State) makeReady(ri uint32) {
	r := s.recipients.at(ri)
	d := s.destinations[r.destination]
	r.state, r.due, r.before, r.then = ready, 0, d.tail, 0
	if d.tail != 0 {
		s.recipients.at(d.tail).then = ri
	} else {
		d.head = ri
	}
	d.tail = ri
	d.ready++
	s.run(r.destination)
}

// wait lets a recipient stand aside until due.
func (s *State) wait(ri uint32, due int64) {
	r := s.recipients.at(ri)
	r.state, r.due = waiting, due
	s.due.push(dueEntry{due, ri})
}

// unlist takes a recipient out of the list it stands in, if any. An entry left behind in the heap of due times is
// recognised and dropped when its time comes.
func (s *State) unlist(ri uint32) {
	r := s.recipients.at(ri)
	if r.state != ready {
		return
	}
	d := s.destinations[r.destination]
	if r.before != 0 {
		s.recipients.at(r.before).then = r.then
	} else {
		d.head = r.then
	}
	if r.then != 0 {
		s.recipients.at(r.then).before = r.before
	} else {
		d.tail = r.before
	}
	r.before, r.then = 0, 0
	d.ready--
}

// run notes that a destination may have something to start.
func (s *State) run(di uint32) {
	d := s.destinations[di]
	if !d.queued {
		d.queued = true
		s.runnable = append(s.runnable, di)
	}
}

// room is how many attempts may be started for a destination at a moment.
func (s *State) room(d *destination, now int64) int {
	switch {
	case d.ready == 0, s.suspended["*"], len(s.suspended) > 0 && s.suspended[d.name]:
		return 0
	case d.down:
		if now < d.next || d.inHand > 0 {
			return 0
		}
		return 1
	}
	return d.window - d.inHand
}

func (s *State) setDown(di uint32, failures uint32, next int64) {
	d := s.destinations[di]
	d.down, d.failures, d.next = true, failures, next
	d.window, d.successes = s.initialWin, 0
	s.probes.push(dueEntry{next, di})
}

func (s *State) setUp(di uint32) {
	d := s.destinations[di]
	d.down, d.failures, d.next = false, 0, 0
	s.run(di)
}

func (s *State) applyHostDown(e *journal.HostDown) {
	di := s.destination(e.Destination)
	s.destinations[di].quiet = s.now
	s.setDown(di, e.Failures, int64(e.Next)-s.shift)
}
