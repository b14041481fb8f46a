package engine

import (
	"context"

	"postern/journal"
)

// CommitConfiguration writes a commit down. It returns the commit's record when it is durable, ErrStopping when it never
// will be; when ctx ends first it may still happen. The configuration is taken up by whoever has Document: the engine asks
// for it in every turn.
func (e *Engine) CommitConfiguration(ctx context.Context, c *journal.ConfigurationCommitted) (journal.Record, error) {
	var r journal.Record
	err := e.decide(ctx, func(t *turn) {
		r = journal.Record{Seq: t.emit(c), Time: t.now, Event: c}
	})
	if err != nil {
		return journal.Record{}, err
	}
	return r, nil
}
