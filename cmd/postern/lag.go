package main

import (
	"context"
	"sync/atomic"
	"time"

	"postern/projections"
)

// lags watches how far behind those are who follow the journal: they must never slow mail by themselves, so somebody has to
// say when mail is to be slowed for them. Its followers are given before run, which alone writes; anybody may read.
type lags struct {
	durable   func() uint64
	followers []*lagging
	worst     atomic.Int64 // nanoseconds, of those that work
}

// lagging is one follower.
type lagging struct {
	name   string
	seen   func() uint64
	broken atomic.Bool // it cannot write: mail that waits does not help it, somebody has to be told
	age    atomic.Int64
	behind projections.Behind // owned by run
}

// watch adds a follower.
func (l *lags) watch(name string, seen func() uint64) *lagging {
	f := &lagging{name: name, seen: seen}
	l.followers = append(l.followers, f)
	return f
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
	worst := time.Duration(0)
	for _, f := range l.followers {
		age := f.behind.Look(now, l.durable(), f.seen())
		f.age.Store(int64(age))
		if !f.broken.Load() {
			worst = max(worst, age)
		}
	}
	l.worst.Store(int64(worst))
}

// Behind is the age of the oldest fact that a follower which works has still to see.
func (l *lags) Behind() time.Duration { return time.Duration(l.worst.Load()) }
