package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"postern/projections"
)

// lags watches how far behind those are who follow the journal: they must never slow mail by themselves, so somebody has to
// say when mail is to be slowed for them. run alone writes how far they are; anybody may read.
type lags struct {
	durable func() uint64
	mu      sync.Mutex
	watched []*lagging   // under mu
	worst   atomic.Int64 // nanoseconds, of those that work
}

// lagging is one follower.
type lagging struct {
	name   string
	seen   func() uint64
	broken atomic.Bool // it cannot write: mail that waits does not help it, somebody has to be told
	age    atomic.Int64
	behind projections.Behind // under mu of lags

	elsewhere bool // it sends to another host: mail is not slowed for that one
}

// watch adds a follower.
func (l *lags) watch(name string, seen func() uint64) *lagging {
	return l.add(&lagging{name: name, seen: seen})
}

func (l *lags) add(f *lagging) *lagging {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watched = append(l.watched, f)
	return f
}

// unwatch forgets a follower that is no more.
func (l *lags) unwatch(f *lagging) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watched = slices.DeleteFunc(l.watched, func(other *lagging) bool { return other == f })
}

// succeed has a follower take the place of another one, which it goes on from.
func (l *lags) succeed(next, before *lagging) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next.behind = before.behind
	next.age.Store(before.age.Load())
}

// followers lists them.
func (l *lags) followers() []*lagging {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.watched)
}

// run looks once a second until ctx ends.
func (l *lags) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			l.look(now)
		}
	}
}

func (l *lags) look(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	worst := time.Duration(0)
	for _, f := range l.watched {
		age := f.behind.Look(now, l.durable(), f.seen())
		f.age.Store(int64(age))
		if !f.broken.Load() && !f.elsewhere {
			worst = max(worst, age)
		}
	}
	l.worst.Store(int64(worst))
}

// Behind is the age of the oldest fact that a follower which works has still to see.
func (l *lags) Behind() time.Duration { return time.Duration(l.worst.Load()) }
