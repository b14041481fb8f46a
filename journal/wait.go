package journal

import (
	"context"
	"errors"
	"sync"
)

// ErrClosed says that the journal was closed while somebody waited.
var ErrClosed = errors.New("journal: closed")

// waiters are those who wait for the next durable record.
type waiters struct {
	mu     sync.Mutex
	next   chan struct{} // closed by the next append; nil when nobody waits
	closed bool
}

func (w *waiters) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next != nil {
		close(w.next)
		w.next = nil
	}
}

func (w *waiters) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.wake()
}

func (w *waiters) channel() (<-chan struct{}, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, false
	}
	if w.next == nil {
		w.next = make(chan struct{})
	}
	return w.next, true
}

// Wait returns nil as soon as Durable() > after, the context's error when it ends first, ErrClosed after Close.
func (j *Journal) Wait(ctx context.Context, after uint64) error {
	for j.Durable() <= after {
		next, open := j.waiters.channel()
		if !open {
			return ErrClosed
		}
		if j.Durable() > after {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
