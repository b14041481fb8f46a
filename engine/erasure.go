package engine

import (
	"context"
	"fmt"
	"math"
	"time"

	"postern/journal"
)

// EndUndo gives up what orders keep for their undo, and returns when that is durable. Orders that are not there are left
// out. The error is a *RefusedError when one is under way or being undone.
func (e *Engine) EndUndo(ctx context.Context, orders []uint64) error {
	if err := e.loaded(); err != nil {
		return err
	}
	for {
		left := false
		var busy uint64
		err := e.decide(ctx, func(t *turn) {
			for _, order := range orders {
				u := t.s.undoOf(order)
				if u == nil {
					continue
				}
				if u.completed == 0 || u.order == e.undoing {
					busy = order
					continue
				}
				u.ending, left = undoErased, true
			}
			if left {
				t.endUndos(e, time.Duration(math.MaxInt64))
			}
		})
		if err != nil || !left && busy == 0 {
			return err
		}
		if !left {
			return &RefusedError{fmt.Sprintf("order %d is under way: try again when it is done", busy)}
		}
	}
}

// Forgotten writes down that a person's data were erased from facts, and returns when that is durable.
func (e *Engine) Forgotten(ctx context.Context, by string, records uint64) error {
	return e.decide(ctx, func(t *turn) { t.emit(&journal.Forgotten{Records: records, By: by}) })
}
