package tracking

import (
	"context"
	"errors"

	"postern/journal"
)

// About calls fn for the facts that may be about a message, of some kinds, from its injection to a Seq, in order: those that
// name it, and all of DeliveryForced; others come, too. It is to be used as Pick is. An index, which may be nil, spares
// reading what lies between.
func About(ctx context.Context, h History, x *Index, message, to uint64, kinds journal.KindSet, fn func(journal.Record) error) error {
	if x == nil {
		return h.Pick(ctx, message, to, kinds.Has, fn)
	}
	if err := x.proved(ctx); err != nil {
		return err
	}
	w := newWay(x, to)
	w.at = message - 1 // nothing before it is about it
	w.pass(message)
	if kinds.Has(journal.KindDeliveryForced) {
		w.visit(message, func(of uint64) bool { return of == kindTopic(journal.KindDeliveryForced) })
	}
	return w.goAlong(ctx, h, kinds, fn)
}

// Opened finds the fact that the connection began with which a DeliveryStarted names; nil: the index does not know it.
func (x *Index) Opened(started uint64) (*journal.DeliveryConnectionOpened, error) {
	at := x.opened(started)
	if at == 0 {
		return nil, nil
	}
	r, err := x.History.At(at)
	if errors.Is(err, journal.ErrNotFound) {
		return nil, nil
	}
	e, _ := r.Event.(*journal.DeliveryConnectionOpened)
	return e, err
}
