package projections

import (
	"slices"

	"postern/journal"
)

// Figures are all numbers that status and its like show: counters, rates, the queue, hosts and connections at one Seq.
// One goroutine, its Follower's, owns all of it; others look inside Follower.Look or Follower.Peek.
type Figures struct {
	seq   uint64
	time  journal.Instant // of the last record
	clock int64           // the same on the clock without jumps
	shift int64           // sum of the clock's jumps

	counters    Counters
	rates       Rates
	queue       queue
	hosts       hosts
	connections connections
	system      system
	logins      logins
	alerts      alerts
	actions     actions
	setBacks    []uint64 // Seqs of records whose time lies before that of the one before them, ascending
}

// maxSetBacks bounds how many times a clock may be set back until the oldest are forgotten: a moment of before them may then
// be looked for a little beside its place.
const maxSetBacks = 1024

// system is what the facts say of the gateway as a whole.
type system struct {
	hostname, version string
	boot              uint64
	started           journal.Instant
	installed         journal.Instant // of the first start; -1: it lies before what the history has kept
	running           bool
	lastReset         journal.Instant
	ids               [4]lastID // by journal.IDKind
	deliverySuspended []string  // domains, ascending; "*" is all
	listenerSuspended []string  // ascending
	workQueuePaused   bool
	pauseReason       string
	pausedBy          string
	workQueueIn       uint64 // messages that ever came into the work queue
	conservation      uint32
	conservationWhy   []string
	revision          uint64
}

// lastID is the id of a kind that was given last.
type lastID struct {
	id    uint32
	anew  bool   // ids go on from somewhere else: the next one seen is the last given, whatever it is
	first uint32 // the first one that could be given in this run; 0: none could yet
}

// NewFigures returns the figures before the first record; maxHosts bounds the destinations that are remembered,
// 0 is DefaultMaxHosts.
func NewFigures(maxHosts int) *Figures {
	return &Figures{hosts: newHosts(maxHosts), connections: newConnections()}
}

// SetBacks returns, ascending, the Seqs of the records before which the wall clock was set back.
func (f *Figures) SetBacks() []uint64 { return slices.Clone(f.setBacks) }

// Seq is that of the last record applied.
func (f *Figures) Seq() uint64 { return f.seq }

// Apply folds one record. It is total.
func (f *Figures) Apply(r journal.Record) {
	if r.Seq <= f.seq {
		return
	}
	f.seq = r.Seq
	if r.Time < f.time {
		f.setBacks = append(f.setBacks[max(0, len(f.setBacks)-maxSetBacks+1):], r.Seq)
	}
	f.time = r.Time
	if e, ok := r.Event.(*journal.ClockJumped); ok {
		f.shift += e.Delta
		return
	}
	if e, ok := r.Event.(*journal.HistoryCut); ok {
		if e.Baseline(r.Seq) {
			f.adopt(r, e)
		}
		return
	}
	f.clock = int64(r.Time) - f.shift
	f.hosts.expire(f.clock)
	var before [numRates]uint64
	for i, k := range rateCounters {
		before[i] = f.counters.lifetime[k]
	}
	if f.applyMessage(r) {
		f.rates.note(seconds(f.clock), &before, &f.counters)
		return
	}
	if !f.applyConnection(r) && !f.applyOrder(r) {
		f.applySystem(r)
	}
	f.rates.note(seconds(f.clock), &before, &f.counters)
}
