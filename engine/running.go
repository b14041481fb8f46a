package engine

import (
	"context"
	"errors"
)

// The causes for which an attempt is called off. A Deliverer ends what is not past its final dot at once, as Temporary;
// with ErrRecalled it awaits the reply to the final dot, with ErrCutOff it does not: that outcome is Unknown.
var (
	ErrRecalled = errors.New("called off by an operator's order")
	ErrCutOff   = errors.New("cut off: deliveries are suspended")
)

// attemptKey names an attempt under way: there is one at a time of a message to a destination.
type attemptKey struct {
	message     uint64
	destination string
}

// running is an attempt under way. Owned by Run.
type running struct {
	cancel   context.CancelCauseFunc
	recalled bool
}

// launch runs one attempt in a goroutine of its own, which ends when the Deliverer returns.
func (e *Engine) launch(a Attempt) {
	ctx, cancel := context.WithCancelCause(e.attempts)
	e.running[attemptKey{a.Message, a.Destination}] = &running{cancel: cancel}
	e.deliveries.Add(1)
	go func() {
		defer e.deliveries.Done()
		e.inbox.urgent(item{what: itemOutcome, attempt: a, outcomes: e.deliver(ctx, a)})
		cancel(nil)
	}()
}

// recall asks for the end of an attempt.
func (e *Engine) recall(message uint64, destination string) {
	if r := e.running[attemptKey{message, destination}]; r != nil && !r.recalled {
		r.recalled = true
		r.cancel(ErrRecalled)
	}
}

// ended forgets an attempt that has come back, and tells whether it had been recalled.
func (e *Engine) ended(a Attempt) (recalled bool) {
	key := attemptKey{a.Message, a.Destination}
	if r := e.running[key]; r != nil {
		recalled = r.recalled
		delete(e.running, key)
	}
	return recalled
}

// calledOff sorts the outcomes of a recalled attempt: those that say nothing but that it was called off end here. Claimed
// recipients belong to the order; the others, which were only on the way with them, are due at once.
func (t *turn) calledOff(a Attempt, outcomes []Outcome) (rest []Outcome) {
	mi, ok := t.s.bySeq[a.Message]
	if !ok {
		return nil
	}
	var ours, others []uint32
	for _, o := range outcomes {
		ri := t.s.recipientOf(mi, o.RID)
		switch {
		case !o.calledOff() && (o.Result != Temporary || o.Code != "000" || o.Host):
			rest = append(rest, o)
		case ri == 0 || t.s.recipients.at(ri).state != trying:
		case t.s.recipients.at(ri).flags&claimed != 0:
			ours = append(ours, o.RID)
		default:
			others = append(others, o.RID)
		}
	}
	t.s.callOff(mi, ours)
	if len(others) > 0 {
		t.giveBack(mi, a.Destination, a.Number, others)
	}
	return rest
}
