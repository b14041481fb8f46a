package engine

import (
	"strings"

	"postern/journal"
)

// destination is what mail is queued for: a domain. It is what is retried when it cannot be reached; its recipients then
// wait on it without times, attempts or facts of their own.
type destination struct {
	name       string
	ready      line   // first come first served
	waiting    line   // those with a due time of their own
	round      uint16 // counts the forced deliveries that found somebody waiting
	recipients int    // live ones, in whatever phase
	inHand     int    // attempts under way
	window     int    // how many may be under way; grows with success
	successes  int    // since the window last grew
	down       bool
	failures   uint32 // in a row
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

// line is recipients of one destination, linked by before and then.
type line struct {
	head, tail uint32
	count      int
}

func (s *State) enqueue(l *line, ri uint32) {
	r := s.recipients.at(ri)
	r.before, r.then = l.tail, 0
	if l.tail != 0 {
		s.recipients.at(l.tail).then = ri
	} else {
		l.head = ri
	}
	l.tail = ri
	l.count++
}

func (s *State) dequeue(l *line, ri uint32) {
	r := s.recipients.at(ri)
	if r.before != 0 {
		s.recipients.at(r.before).then = r.then
	} else {
		l.head = r.then
	}
	if r.then != 0 {
		s.recipients.at(r.then).before = r.before
	} else {
		l.tail = r.before
	}
	r.before, r.then = 0, 0
	l.count--
}

// phase is where a recipient stands. One that waited when delivery to its destination was forced stands in the line of the
// ready ones since, untouched: forcing costs the same whatever the length of the line.
func (s *State) phase(ri uint32) phase {
	r := s.recipients.at(ri)
	if r.state == waiting && r.round != s.destinations[r.destination].round {
		return ready
	}
	return r.state
}

// makeReady puts a recipient at the end of its destination's line. One that is claimed is parked instead.
func (s *State) makeReady(ri uint32) {
	r := s.recipients.at(ri)
	if r.flags&claimed != 0 {
		r.state, r.was = parked, ready
		return
	}
	r.state = ready
	s.enqueue(&s.destinations[r.destination].ready, ri)
	s.run(r.destination)
}

// wait lets a recipient stand aside until due. One that is claimed is parked instead.
func (s *State) wait(ri uint32, due int64) {
	r := s.recipients.at(ri)
	r.due = due
	if r.flags&claimed != 0 {
		r.state, r.was = parked, waiting
		return
	}
	d := s.destinations[r.destination]
	r.state, r.round = waiting, d.round
	s.enqueue(&d.waiting, ri)
	s.due.push(dueEntry{due, ri})
}

// unlist takes a recipient out of the line it stands in, if any; the caller says where it stands then. An entry left behind
// in the heap of due times is recognised and dropped when its time comes.
func (s *State) unlist(ri uint32) {
	d := s.destinations[s.recipients.at(ri).destination]
	switch s.phase(ri) {
	case ready:
		s.dequeue(&d.ready, ri)
	case waiting:
		s.dequeue(&d.waiting, ri)
	default:
		return
	}
	s.recipients.at(ri).state = gone
}

// force makes all that waits for a destination due now, and forgets that it is down and how often it has failed: whoever
// forces has mended something, and the next failure must not put it off for an hour.
func (s *State) force(di uint32) {
	d := s.destinations[di]
	if w := d.waiting; w.count > 0 {
		if d.ready.tail != 0 {
			s.recipients.at(d.ready.tail).then = w.head
			s.recipients.at(w.head).before = d.ready.tail
		} else {
			d.ready.head = w.head
		}
		d.ready.tail = w.tail
		d.ready.count += w.count
		d.waiting = line{}
		if d.round++; d.round == 0 { // it begins anew: who was forced in an old round must not be taken for one of a new one
			for ri := d.ready.head; ri != 0; ri = s.recipients.at(ri).then {
				s.recipients.at(ri).state = ready
			}
		}
	}
	d.down, d.failures, d.next = false, 0, 0
	s.run(di)
}

// move gives a recipient that stands in no line another destination.
func (s *State) move(ri, di uint32) {
	r := s.recipients.at(ri)
	s.leave(r.destination)
	r.destination = di
	s.destinations[di].recipients++
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
	case d.ready.count == 0, s.isSuspended(d):
		return 0
	case d.down:
		if now < d.next || d.inHand > 0 {
			return 0
		}
		return 1
	}
	return d.window - d.inHand
}

// isSuspended tells whether nothing is to be delivered to a destination. Domains are suspended in lower case, which an address
// literal's name is not.
func (s *State) isSuspended(d *destination) bool {
	return len(s.suspended) > 0 && (s.suspended["*"] || s.suspended[strings.ToLower(d.name)])
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
