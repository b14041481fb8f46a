package engine

import (
	"context"
	"time"
)

// pressure is one reading of what may run short. A share is how much of a limit is in use: 1 is all of it.
type pressure struct {
	queueLimit int64 // bytes that the queue may have in all
	diskFull   bool
	memory     float64
	stalls     float64
	followers  float64
}

// queueShare is how much of its limit a queue of that many bytes has.
func (p *pressure) queueShare(used int64) float64 {
	switch {
	case p.diskFull:
		return 1
	case p.queueLimit <= 0:
		return 0
	}
	return float64(used) / float64(p.queueLimit)
}

// stallWindow is how far back stalls count.
const stallWindow = 10 * time.Second

// Followers that are as far behind as that ask for the first degree, and for the highest.
const (
	behindFrom = 10 * time.Second
	behindMost = time.Minute
)

// watcher reads once a second what may run short. It belongs to one goroutine.
type watcher struct {
	e      *Engine
	stalls [stallWindow / time.Second]time.Duration // what Stalled said at each of the last readings
	next   int
}

// watchResources takes a first reading at once, and goes on until ctx ends.
func (e *Engine) watchResources(ctx context.Context) {
	w := &watcher{e: e}
	stalled := e.options.Stalled()
	for i := range w.stalls {
		w.stalls[i] = stalled
	}
	w.look(e.state.bodyBytes)
	e.workers.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.look(e.bodyBytes.Load())
			case <-ctx.Done():
				return
			}
		}
	})
}

// look takes one reading; used is what the queue holds, in bytes.
func (w *watcher) look(used int64) {
	o, doc := &w.e.options, w.e.options.Document()
	space := o.Space()
	w.e.admission.judgeSpace(space, used, doc.Queue)
	p := &pressure{diskFull: w.e.admission.diskFull.Load()}
	if free := w.e.admission.free.Load(); free > 0 || used > 0 {
		p.queueLimit = max(1, used+free)
	}
	if o.Memory != nil {
		p.memory = o.Memory()
	}
	if o.Behind != nil {
		p.followers = between(slowFrom, slowestAt, o.Behind(), behindFrom, behindMost)
	}
	stalled := o.Stalled()
	p.stalls = between(slowFrom, slowestAt, stalled-w.stalls[w.next], stallWindow/100, stallWindow)
	w.stalls[w.next] = stalled
	w.next = (w.next + 1) % len(w.stalls)
	w.e.pressure.Store(p)
	if have := w.e.admission.degree.Load(); have > 0 || len(p.wants(used, have)) > 0 {
		signal(w.e.inbox.wake)
	}
}

// between maps d on its way from least to most to a share on its way from low to high; below least it is 0.
func between(low, high float64, d, least, most time.Duration) float64 {
	if d < least {
		return 0
	}
	return low + (high-low)*min(1, float64(d-least)/float64(most-least))
}
