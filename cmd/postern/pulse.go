package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"postern/journal"
)

// Facts are written at least once a minute, for there is a sample on every minute.
const (
	pulseEvery  = time.Second
	pulseMissed = 2*time.Minute + 10*time.Second
	faultFresh  = 2 * time.Minute // how long a failure of the store that is tried again counts
	usageFresh  = 50 * time.Millisecond
	usageWait   = 2 * time.Millisecond // the longest that anybody waits for a newer usage
)

// pulse watches that the journal goes on being written, and what it takes. Asking the store may wait for its disk, so that
// one goroutine does it, run, and everybody else reads what it has found.
type pulse struct {
	want   chan chan struct{} // asks run for a newer usage; the inner one is closed when it is there
	usage  atomic.Pointer[taken]
	asking atomic.Bool // run is asking the store

	mu      sync.Mutex // guards the rest
	seq     uint64
	wrote   time.Time // when seq was first seen
	faults  uint64
	failed  time.Time // when faults last grew
	because error
}

// taken is what the store said at a moment.
type taken struct {
	journal.Usage
	at time.Time
}

// store is the journal, as far as it is watched.
type store interface {
	Usage() journal.Usage
	Durable() uint64
}

func newPulse() *pulse { return &pulse{want: make(chan chan struct{})} }

// run looks once a second, and whenever somebody wants it, until ctx ends.
func (p *pulse) run(ctx context.Context, j store) error {
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	for {
		var told chan struct{}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case told = <-p.want:
		}
		p.asking.Store(true)
		u := j.Usage()
		now := time.Now()
		p.usage.Store(&taken{u, now})
		p.asking.Store(false)
		p.look(now, j.Durable(), u)
		if told != nil {
			close(told)
		}
	}
}

// now is what the store takes: as of now if it answers quickly, else as of a little while ago.
func (p *pulse) now() journal.Usage {
	if u := p.usage.Load(); !p.asking.Load() && (u == nil || time.Since(u.at) > usageFresh) {
		patience := time.NewTimer(usageWait)
		defer patience.Stop()
		told := make(chan struct{})
		select {
		case p.want <- told:
			select {
			case <-told:
			case <-patience.C:
			}
		case <-patience.C:
		}
	}
	if u := p.usage.Load(); u != nil {
		return u.Usage
	}
	return journal.Usage{}
}

func (p *pulse) look(now time.Time, durable uint64, u journal.Usage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beat(now, durable)
	if u.BackgroundErrors > p.faults {
		p.faults, p.failed, p.because = u.BackgroundErrors, now, u.LastError
	}
}

func (p *pulse) beat(now time.Time, durable uint64) {
	if durable != p.seq || p.wrote.IsZero() {
		p.seq, p.wrote = durable, now
	}
}

// problems tells what is wrong with the journal, in sentences.
func (p *pulse) problems(now time.Time, durable uint64) (reasons []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beat(now, durable)
	if since := now.Sub(p.wrote); since > pulseMissed {
		reasons = append(reasons, fmt.Sprintf("the journal has written nothing for %d seconds", since/time.Second))
	}
	if p.because != nil && now.Sub(p.failed) < faultFresh {
		reasons = append(reasons, fmt.Sprintf("the journal's store fails: %v", p.because))
	}
	return reasons
}
