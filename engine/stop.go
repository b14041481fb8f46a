package engine

import (
	"context"
	"fmt"
	"time"

	"postern/journal"
)

// stopPatience is how long attempts that were told to give up are awaited. A Deliverer returns soon when it is told to, but
// one that does not must not keep the gateway from ending.
const stopPatience = 30 * time.Second

// Stop ends the engine in order: nothing new is begun, running attempts are awaited until ctx ends and then told to give
// up, and Stopped is the last fact. It returns when Run has, at the latest a little more than stopPatience after ctx ends:
// attempts that are still under way then are left behind, and count as unknown at the next start.
func (e *Engine) Stop(ctx context.Context) {
	e.admission.stopping.Store(true)
	e.order(func(*turn) { e.stopping = true })
	select {
	case <-e.stopped:
		return
	case <-ctx.Done():
	}
	e.abort()
	patience := time.NewTimer(stopPatience)
	defer patience.Stop()
	select {
	case <-e.stopped:
		return
	case <-patience.C:
	}
	e.order(func(*turn) { e.abandoning = true })
	<-e.stopped
}

// awaitDeliveries waits for the attempts that are under way, which have been told to give up, but no longer than a stop
// has patience.
func (e *Engine) awaitDeliveries() {
	over := make(chan struct{})
	go func() { // ends with the last of them
		e.deliveries.Wait()
		close(over)
	}()
	patience := time.NewTimer(stopPatience)
	defer patience.Stop()
	if e.abandoning {
		patience.Reset(0)
	}
	select {
	case <-over:
		return
	case <-patience.C:
	}
	e.options.Problem(fmt.Errorf("engine: %d attempts have not ended %v after they were told to; they are left behind, and their outcome counts as unknown at the next start",
		e.state.inHand, stopPatience))
}

// finish is the last turn.
func (e *Engine) finish() error {
	e.options.Drained()
	rest := e.inbox.close()
	t, _ := e.newTurn()
	var refused []item
	for _, it := range rest {
		switch it.what {
		case itemNote:
			t.emitPrepared(it.fact)
		case itemOutcome:
			t.ended(e, &it)
		case itemInjection:
			refused = append(refused, it)
		}
	}
	next := func(k journal.IDKind) uint32 {
		if id := e.ids[k].end(); id != 0 {
			return id
		}
		return e.state.nextID[k]
	}
	if e.carrying.Load() != nil { // an attempt that was called off for an order is none that is in doubt
		for mi := t.s.oldest; mi != 0; mi = t.s.messages.at(mi).newer {
			t.unclaim(mi, t.s.ridsOf(mi))
		}
	}
	t.emit(&journal.Stopped{NextMID: next(journal.MID), NextICID: next(journal.ICID), NextDCID: next(journal.DCID)})
	err := e.commit(t)
	for _, it := range refused {
		it.reply <- answer{err: ErrStopping}
	}
	return err
}
