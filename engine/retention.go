package engine

import (
	"context"
	"errors"
	"fmt"

	"postern/journal"
)

// ErrCutTooLate says that an order which could be undone took recipients before the place where the history would begin.
var ErrCutTooLate = errors.New("an order is under way, or can be undone, that is older")

// CutHistory writes down that the history begins anew, with all that was known of what is before it, and returns the Seq of
// the fact when it is durable. Only then may the journal remove anything.
func (e *Engine) CutHistory(ctx context.Context, cut *journal.HistoryCut) (seq uint64, err error) {
	system := e.options.Rows.System()
	if system.OldestOrder() < cut.Before {
		return 0, fmt.Errorf("cut before record %d: %w", cut.Before, ErrCutTooLate)
	}
	fact := journal.Prepare(cut) // it can be megabytes: not within the turn
	err = e.decide(ctx, func(t *turn) { seq = t.emitPrepared(fact) })
	return seq, err
}
