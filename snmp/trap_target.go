package snmp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"postern/engine/config"
)

// target is one of whom notifications are sent to. Its goroutine alone sends, and owns peer.
type target struct {
	sender *Sender
	name   string // as the configuration has it
	to     config.TrapTarget
	wake   chan struct{}      // holds one: the queue is not empty
	cancel context.CancelFunc // ends its goroutine; nil: it has none. Under sender.mu

	mu                    sync.Mutex // guards what follows
	queue                 []waiting  // the oldest first; at most maxWaiting
	busy                  bool       // one that was in the queue is being sent
	sent, failed, dropped uint64
	unanswered            uint64 // of failed: informs without an answer
	problem               string // that was said last; "": it is well
	overflowed            bool   // that was said, too

	peer peer
}

// waiting is a notification with the agent's sysUpTime of when it was made.
type waiting struct {
	Notification
	up time.Duration
}

// add puts a notification at the queue's end. When the queue is full the oldest makes room: how things stand now is worth
// more than how they stood.
func (t *target) add(w waiting) {
	t.mu.Lock()
	full := len(t.queue) >= maxWaiting
	if full {
		t.queue = t.queue[1:]
		t.dropped++
	}
	t.queue = append(t.queue, w)
	say := full && !t.overflowed
	t.overflowed = t.overflowed || full
	t.mu.Unlock()
	if say && t.sender.OnDropped != nil {
		t.sender.OnDropped(t.name)
	}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// next takes the oldest out of the queue.
func (t *target) next() (w waiting, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy = len(t.queue) > 0; !t.busy {
		t.queue, t.overflowed = nil, false
		return w, false
	}
	w = t.queue[0]
	t.queue = t.queue[1:]
	return w, true
}

// run sends what comes until ctx ends.
func (t *target) run(ctx context.Context) {
	for {
		for w, ok := t.next(); ok && ctx.Err() == nil; w, ok = t.next() {
			t.deliver(ctx, w)
		}
		select {
		case <-t.wake:
		case <-ctx.Done():
			return
		}
	}
}

// deliver sends one, tries again when that fails, and counts what becomes of it.
func (t *target) deliver(ctx context.Context, w waiting) {
	var err error
	for try := range sendTries {
		began := time.Now()
		if err = t.try(ctx, w, try); err == nil || ctx.Err() != nil {
			break
		}
		if left := tryPatience - time.Since(began); left > 0 && try < sendTries-1 && !pause(ctx, left) {
			return
		}
	}
	if ctx.Err() != nil && err != nil {
		return // it was not given the time that others have
	}
	t.count(err)
}

// pause waits, and tells whether it could until the end.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// count says what goes wrong once, and that it does not any more.
func (t *target) count(err error) {
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	t.mu.Lock()
	if err == nil {
		t.sent++
	} else {
		t.failed++
		t.unanswered += uint64(truth(errors.Is(err, errNoAnswer)))
	}
	changed := (t.problem == "") != (err == nil)
	t.problem = problem
	t.mu.Unlock()
	if err == nil {
		t.sender.Agent.CountTrap()
	}
	if changed && t.sender.OnTarget != nil {
		t.sender.OnTarget(t.name, err)
	}
}

func (t *target) status() TargetStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := TargetStatus{Target: t.name, Sent: t.sent, Failed: t.failed, Unanswered: t.unanswered, Dropped: t.dropped, Waiting: len(t.queue), Problem: t.problem}
	if t.busy {
		s.Waiting++
	}
	return s
}

var errNoAddress = errors.New("has no address")

// try sends once, to the next of the target's addresses.
func (t *target) try(ctx context.Context, w waiting, try int) error {
	ctx, cancel := context.WithTimeout(ctx, tryPatience)
	defer cancel()
	to := t.to.Address
	if t.to.Host != "" {
		addrs, err := t.sender.resolve(ctx, t.to.Host)
		switch {
		case err != nil:
			return fmt.Errorf("its name cannot be resolved: %w", err)
		case len(addrs) == 0:
			return errNoAddress
		}
		to = addrs[try%len(addrs)]
	}
	conn, err := t.sender.dial(ctx, netip.AddrPortFrom(to.Unmap(), t.to.Port))
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	m := &message{agent: t.sender.Agent, config: &t.sender.inForce().SNMP, peer: &t.peer, to: to, conn: conn}
	if m.config.Inform {
		return m.inform(w)
	}
	return m.trap(w)
}
