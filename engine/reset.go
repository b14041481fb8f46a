package engine

import (
	"context"

	"postern/journal"
)

// ResetCounters starts the Reset column of all counters anew. sample, what is counted outside the journal, becomes a fact
// just before, so that the two can be told apart. It returns the reset's record when it is durable, ErrStopping when it
// never will be; when ctx ends first it may still happen.
func (e *Engine) ResetCounters(ctx context.Context, sample *journal.Sampled, reset *journal.CountersReset) (journal.Record, error) {
	var r journal.Record
	err := e.decide(ctx, func(t *turn) {
		t.emit(sample)
		r = journal.Record{Seq: t.emit(reset), Time: t.now, Event: reset}
	})
	if err != nil {
		return journal.Record{}, err
	}
	return r, nil
}
