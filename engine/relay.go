package engine

import (
	"context"
	"sync"
)

// relay passes an order's progress from the goroutine that carries it out to the one that ordered it, which may be slow or
// gone: nobody waits for it.
type relay struct {
	wake chan struct{} // capacity 1

	mu   sync.Mutex
	p    Progress
	over bool
	err  error
}

func newRelay() *relay { return &relay{wake: make(chan struct{}, 1)} }

func (r *relay) add(done uint64, mids []uint32) {
	r.mu.Lock()
	r.p.Done = done
	r.p.MIDs = append(r.p.MIDs, mids...)
	r.mu.Unlock()
	signal(r.wake)
}

func (r *relay) end(err error) {
	r.mu.Lock()
	r.over, r.err = true, err
	r.mu.Unlock()
	signal(r.wake)
}

func (r *relay) ended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over
}

// next waits for progress, or for the end, which comes with the last of it.
func (r *relay) next(ctx context.Context, stopped <-chan struct{}) (p Progress, over bool, err error) {
	select {
	case <-r.wake:
	case <-ctx.Done():
		return p, false, ctx.Err()
	case <-stopped:
		if !r.ended() {
			return p, false, ErrStopping
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p, r.p.MIDs = r.p, nil
	return p, r.over, r.err
}
