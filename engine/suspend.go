package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/journal"
)

// maxSuspended is how many domains may be suspended one by one.
const maxSuspended = 10_000

// suspendLook is how often a suspension looks whether attempts are still under way.
const suspendLook = 20 * time.Millisecond

// SuspendDelivery stops delivery to the domains, to all when there are none. The suspension is durable and survives a
// restart. It returns when no attempt there is under way any more: those that are get the grace, then they are cut off, and
// what was past its final dot is unknown.
func (e *Engine) SuspendDelivery(ctx context.Context, by string, domains []string, grace time.Duration) error {
	tooMany := false
	if err := e.decide(ctx, func(t *turn) {
		switch {
		case t.s.allSuspended(domains):
		case len(domains) > 0 && len(t.s.suspended)+len(domains) > maxSuspended:
			tooMany = true
		default:
			t.emit(&journal.DeliverySuspended{By: by, Domains: domains})
		}
	}); err != nil {
		return err
	}
	if tooMany {
		return &RefusedError{fmt.Sprintf("delivery is suspended to %d domains one by one at most: resume some, or suspend all", maxSuspended)}
	}
	for cut, end := false, time.Now().Add(grace); ; {
		left := 0
		err := e.decide(ctx, func(*turn) {
			for key, r := range e.running {
				if !suspends(domains, key.destination) {
					continue
				}
				if left++; cut {
					r.cancel(ErrCutOff)
				}
			}
		})
		switch {
		case err != nil, left == 0:
			return err
		case cut && time.Now().After(end):
			return fmt.Errorf("deliveries are suspended, but %d attempts have not ended %v after they were cut off", left, stopPatience)
		case !cut && time.Now().After(end):
			cut, end = true, time.Now().Add(stopPatience)
			continue
		}
		if err := pause(ctx, suspendLook); err != nil {
			return err
		}
	}
}

// allSuspended tells whether delivery to all of the domains is suspended already.
func (s *State) allSuspended(domains []string) bool {
	return s.suspended["*"] || len(domains) > 0 && !slices.ContainsFunc(domains, func(d string) bool { return !s.suspended[strings.ToLower(d)] })
}

// suspends tells whether a suspension of the domains is one of a destination.
func suspends(domains []string, destination string) bool {
	return len(domains) == 0 || slices.ContainsFunc(domains, func(d string) bool { return strings.EqualFold(d, destination) })
}

// ResumeDelivery ends the suspension of the domains, without domains every one.
func (e *Engine) ResumeDelivery(ctx context.Context, by string, domains []string) error {
	return e.decide(ctx, func(t *turn) { t.emit(&journal.DeliveryResumed{By: by, Domains: domains}) })
}

// ForceDelivery makes what waits for a domain due now, with "" all that waits, and clears down marks.
func (e *Engine) ForceDelivery(ctx context.Context, by, domain string) error {
	if err := e.loaded(); err != nil {
		return err
	}
	return e.decide(ctx, func(t *turn) { t.emit(&journal.DeliveryForced{By: by, Domain: strings.ToLower(domain)}) })
}

// SuspendListener writes down that a listener takes no mail; whoever owns the port closes it then.
func (e *Engine) SuspendListener(ctx context.Context, by, listener string) error {
	return e.decide(ctx, func(t *turn) { t.emit(&journal.ListenerSuspended{By: by, Listener: listener}) })
}

// ResumeListener writes down that a listener takes mail again.
func (e *Engine) ResumeListener(ctx context.Context, by, listener string) error {
	return e.decide(ctx, func(t *turn) { t.emit(&journal.ListenerResumed{By: by, Listener: listener}) })
}

// PauseWorkQueue stops what has not been processed: it stays in the work queue, where new mail comes to it.
func (e *Engine) PauseWorkQueue(ctx context.Context, by, reason string) error {
	return e.decide(ctx, func(t *turn) {
		e.paused.Store(true)
		t.emit(&journal.WorkQueuePaused{Reason: reason, By: by, Messages: t.s.unprocessed})
	})
}

// ResumeWorkQueue lets the work queue go on.
func (e *Engine) ResumeWorkQueue(ctx context.Context, by string) error {
	return e.decide(ctx, func(t *turn) {
		e.paused.Store(false)
		t.emit(&journal.WorkQueueResumed{By: by, Messages: t.s.unprocessed})
	})
}
