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
)

// pulse watches that the journal goes on being written, and what it takes. Asking the store may wait for its disk, so that
// one goroutine does it and everybody else reads what it has found.
type pulse struct {
	usage atomic.Pointer[journal.Usage]

	mu      sync.Mutex // guards the rest
	seq     uint64
	wrote   time.Time // when seq was first seen
	faults  uint64
	failed  time.Time // when faults last grew
	because error
}

// run looks once a second until ctx ends.
func (p *pulse) run(ctx context.Context, j *journal.Journal) error {
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	for {
		u := j.Usage()
		p.usage.Store(&u)
		p.look(time.Now(), j.Durable(), u)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
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

// bytes is what the journal takes on the disk.
func (p *pulse) bytes() int64 {
	if u := p.usage.Load(); u != nil {
		return int64(u.DiskBytes)
	}
	return 0
}
