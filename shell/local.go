package shell

import (
	"context"
	"errors"
	"sync"
	"time"

	"postern/engine/config"
	"postern/journal"
	"postern/projections"
	"postern/projections/tracking"
)

// Local answers inside the daemon. Its fields are set before use.
type Local struct {
	Follower *projections.Follower
	Figures  *projections.Figures // one of the follower's
	Gauges   *projections.Gauges
	Self     Identity
	Shells   *Sessions
	Now      func() time.Time // nil: time.Now

	Document func() *config.Document                                                                 // the one in force; nil: there is none
	Cache    Cache                                                                                   // the resolver's; nil: there is none
	Outbound func(destination string) (connections, dialling int)                                    // of the delivery client; nil: as the facts say
	Inbound  func() []projections.InboundClient                                                      // who is connected, without names; nil: as the facts say
	Reset    func(context.Context, *journal.Sampled, *journal.CountersReset) (journal.Record, error) // the engine's ResetCounters
	looks    looks

	Note func(journal.Event) // leaves a fact with the engine that nobody waits for; nil: nothing is written down
	Logs LogKeeper

	Queue    QueueKeeper
	Messages MessageKeeper
	Doubts   DoubtAnswerer // nil: nobody takes answers

	Forgetter Forgetting // nil: nobody is forgotten
	Committer Committer  // nil: the configuration cannot be changed

	Index      *tracking.Index // of the journal; nil: searches read all of it
	searching  sync.Mutex      // held by the search that is under way
	explaining sync.Mutex      // held by the explanation that is under way
	proving    sync.Mutex      // held by the proof that is under way

	// Proving is told that a proof begins; what it returns is told, when all was looked at, of the first that is wrong, "" if
	// nothing is. nil: nobody hears of it.
	Proving func() (proved func(wrong string))
	// Whole is held while a proof reads all of the history, of which nothing is removed meanwhile. nil: nobody removes any.
	Whole sync.Locker

	Program Program // that this is
	Prober  Prober
}

func (l *Local) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}

func (l *Local) note(e journal.Event) {
	if l.Note != nil {
		l.Note(e)
	}
}

// Status implements Gateway.
func (l *Local) Status(ctx context.Context) (s projections.Status, err error) {
	_, err = l.Follower.Look(ctx, func() { s = l.Figures.View(l.now(), l.Gauges, l.self().Listeners) })
	if l.Committer != nil {
		s.Hostname = l.self().Hostname // the facts know that of the start
	}
	return s, err
}

// self is Self as the configuration in force has it.
func (l *Local) self() Identity {
	id := l.Self
	if l.Committer == nil || l.Document == nil {
		return id // nothing of it can have changed
	}
	d := l.Document()
	id.Hostname, id.Listeners = d.Hostname, make([]string, len(d.Listeners))
	for i := range d.Listeners {
		id.Listeners[i] = d.Listeners[i].Name
	}
	return id
}

// Identity implements Gateway.
func (l *Local) Identity(context.Context) (Identity, error) { return l.self(), nil }

// WhoAmI implements Gateway.
func (l *Local) WhoAmI(ctx context.Context) (Operator, error) {
	if o := OperatorOf(ctx); o != nil {
		return *o, nil
	}
	return Operator{}, errors.New("the system does not say who you are")
}
