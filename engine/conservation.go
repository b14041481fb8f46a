package engine

import (
	"slices"
	"time"

	"postern/journal"
)

// Resource conservation (asyncos 5.5): when memory, queue space or disk run short, replies to senders are held back in
// degrees from 1 to 60; from 90 % of a limit on nothing is accepted, until delivery has made room.
const (
	Slowest  = 60  // the highest degree at which mail is accepted
	Refusing = 999 // nothing is

	slowFrom   = 0.60
	slowUntil  = 0.58 // a degree that is in force is given up only below
	slowestAt  = 0.85 // Refusing is given up below, too
	refuseFrom = 0.90
)

// A change is a fact, so changes must be few: one upwards is at least degreeStep or comes degreeHold after the last, one
// downwards comes degreeHold after the last, and one of less than degreeJitter is none. Refusing begins at once.
const (
	degreeStep   = 5
	degreeJitter = 3
	degreeHold   = 10 * time.Second
)

// The reasons of resource conservation, as facts, SNMP and people name them.
const (
	ReasonMemory     = "memoryShortage"
	ReasonQueue      = "queueSpaceShortage"
	ReasonQueueFull  = "queueFull" // of the queue there is so little left that nothing is accepted
	ReasonFollowers  = "followers" // those who write logs and count are behind
	ReasonWriteStall = "writeStalls"
)

// conservation is what State knows of it.
type conservation struct {
	degree uint32
	since  int64 // State's clock
}

// want is the degree that one thing asks for.
type want struct {
	degree uint32
	reason string
}

// degreeOf turns how much of a limit is in use into a degree; have is the one in force.
func degreeOf(share float64, have uint32) uint32 {
	switch {
	case share >= refuseFrom, have >= Refusing && share >= slowestAt:
		return Refusing
	case share >= slowestAt:
		return Slowest
	case share >= slowFrom:
		return 1 + uint32((share-slowFrom)/(slowestAt-slowFrom)*(Slowest-1))
	case have > 0 && share >= slowUntil:
		return 1
	}
	return 0
}

// wants lists what asks for conservation, the most urgent first. A store or followers that cannot keep pace only slow mail:
// they get their time by it.
func (p *pressure) wants(bodyBytes int64, have uint32) (out []want) {
	add := func(degree uint32, reason string) {
		if degree > 0 {
			out = append(out, want{degree, reason})
		}
	}
	queue := want{degreeOf(p.queueShare(bodyBytes), have), ReasonQueue}
	if queue.degree >= Refusing {
		queue.reason = ReasonQueueFull
	}
	add(queue.degree, queue.reason)
	add(degreeOf(p.memory, have), ReasonMemory)
	add(degreeOf(min(p.stalls, slowestAt), min(have, Slowest)), ReasonWriteStall)
	add(degreeOf(min(p.followers, slowestAt), min(have, Slowest)), ReasonFollowers)
	slices.SortStableFunc(out, func(a, b want) int { return int(b.degree) - int(a.degree) })
	return out
}

// conserve decides the degree from the watcher's last reading and from the queue as it stands.
func (t *turn) conserve(e *Engine) {
	p, c := e.pressure.Load(), t.s.conserved
	if p == nil {
		return
	}
	wants := p.wants(t.s.bodyBytes, c.degree)
	degree := uint32(0)
	if len(wants) > 0 {
		degree = wants[0].degree
	}
	if !c.mayBecome(degree, t.clock-c.since >= int64(degreeHold)) || degree < c.degree && !t.s.loaded { // what is not loaded takes its place, too
		return
	}
	changed := &journal.ResourceConservationChanged{Degree: degree}
	for _, w := range wants {
		changed.Reasons = append(changed.Reasons, w.reason)
	}
	t.emit(changed)
	t.after = append(t.after, func() {
		e.admission.degree.Store(degree)
		e.admission.reasons.Store(&changed.Reasons)
	})
}

// mayBecome tells whether a degree is worth a fact; held: the one before had its time.
func (c conservation) mayBecome(degree uint32, held bool) bool {
	switch change := int(degree) - int(c.degree); {
	case change >= degreeStep:
		return true
	case !held || change == 0:
		return false
	case degree == 0 || c.degree == 0 || degree >= Slowest:
		return true
	default:
		return max(change, -change) >= degreeJitter
	}
}

// Conservation is the degree of resource conservation in force: 0 none, 1 to 60 slowed, 999 nothing is accepted.
func (e *Engine) Conservation() int { return int(e.admission.degree.Load()) }

// ConservationReasons are the reasons of the degree in force, the main one first; none when it was taken over at the start.
func (e *Engine) ConservationReasons() []string {
	if r := e.admission.reasons.Load(); r != nil {
		return *r
	}
	return nil
}
