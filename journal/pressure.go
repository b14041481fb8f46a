package journal

import (
	"sync"
	"time"
)

// pressure tells writers of large bodies when memtables wait for the disk, so that they are slowed before everybody is.
type pressure struct {
	mu      sync.Mutex
	stalled bool          // all writers stand still
	since   time.Time     // that long, when stalled
	total   time.Duration // of the stalls before
	eased   chan struct{} // closed when a flush has ended; nil when nobody waits
	checked time.Time
	waiting bool // too much of it, as of checked
}

// largeBodyPatience is how long a writer of a large body is held back for each chunk at most.
const largeBodyPatience = 2 * time.Second

// pressureFresh is how long a count of memtables is believed.
const pressureFresh = 20 * time.Millisecond

func (p *pressure) stall(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); on && !p.stalled {
		p.since = now
	} else if !on && p.stalled {
		p.total += now.Sub(p.since)
	}
	p.stalled = on
	if !on {
		p.wakeLocked()
	}
}

func (p *pressure) ease() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checked = time.Time{}
	p.wakeLocked()
}

func (p *pressure) wakeLocked() {
	if p.eased != nil {
		close(p.eased)
		p.eased = nil
	}
}

// Stalled is for how long all writers have stood still since the journal was opened, because the disk could not take up what
// was in memory.
func (j *Journal) Stalled() time.Duration {
	p := &j.pressure
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled {
		return p.total + time.Since(p.since)
	}
	return p.total
}

// slowLargeBody holds the caller back while the memtables hold more than half of what stops everybody.
func (j *Journal) slowLargeBody() {
	var timeout *time.Timer
	for {
		eased, wait := j.underPressure()
		if !wait {
			return
		}
		if timeout == nil {
			timeout = time.NewTimer(largeBodyPatience)
			defer timeout.Stop()
		}
		select {
		case <-eased:
		case <-timeout.C:
			return
		}
	}
}

func (j *Journal) underPressure() (eased <-chan struct{}, wait bool) {
	p := &j.pressure
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := j.options.Now(); now.Sub(p.checked).Abs() > pressureFresh {
		p.mu.Unlock()
		waiting := j.db.Metrics().MemTable.Size > j.memtable*(memtablesWaiting+1)/2
		p.mu.Lock()
		p.waiting, p.checked = waiting, now
	}
	if !p.stalled && !p.waiting {
		return nil, false
	}
	if p.eased == nil {
		p.eased = make(chan struct{})
	}
	return p.eased, true
}
