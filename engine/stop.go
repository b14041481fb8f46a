package engine

import (
	"context"

	"postern/journal"
)

// Stop ends the engine in order: nothing new is begun, running attempts are awaited until ctx ends and then told to give
// up, and Stopped is the last fact. It returns when Run has.
func (e *Engine) Stop(ctx context.Context) {
	e.admission.stopping.Store(true)
	e.order(func(*turn) { e.stopping = true })
	select {
	case <-e.stopped:
		return
	case <-ctx.Done():
	}
	e.abort()
	<-e.stopped
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
	t.emit(&journal.Stopped{NextMID: next(journal.MID), NextICID: next(journal.ICID), NextDCID: next(journal.DCID)})
	err := e.commit(t)
	for _, it := range refused {
		it.reply <- answer{err: ErrStopping}
	}
	return err
}
