package shell

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"postern/engine"
	"postern/journal"
	"postern/projections"
)

// Queue is what a person may see and order of the mail in the queue. An order that is refused has changed nothing. Once one
// is under way the gateway carries it out to its end, whether the person waits for that or not.
type Queue interface {
	// Preview counts what a selection would touch now.
	Preview(ctx context.Context, s engine.Selection) (engine.Preview, error)
	// Recipients hands out the recipients of a selection page by page, in queue order; page must not keep what it is given.
	Recipients(ctx context.Context, s engine.Selection, page func([]engine.Listed) error) error
	// Order has something done to a selection, and returns when it is done. Who asks is who orders; progress may be nil.
	Order(ctx context.Context, o engine.Order, progress func(engine.Progress)) (engine.Done, error)
	// Undo brings back what an order took, and names what cannot come back.
	Undo(ctx context.Context, id uint64, progress func(engine.Progress)) (engine.Undone, error)
	// Actions lists the last orders, the newest first, at most max; 0 is all that are remembered.
	Actions(ctx context.Context, max int) ([]Action, error)
	// RedirectTarget tells what speaks against redirecting mail to host, host:port, address or address:port. What is no such
	// thing, or is this gateway itself, is refused.
	RedirectTarget(ctx context.Context, target string) (Redirection, error)
	// ForceDelivery makes the mail for a domain due now; "" is all mail.
	ForceDelivery(ctx context.Context, domain string) error
}

// Action is an order about the queue, and until when it can be taken back.
type Action struct {
	projections.Action
	UndoUntil time.Time `json:"undo_until,omitzero"` // zero: it is none that can be undone, or is not completed
}

// Engine is what Local needs of the engine. A refusal is an *engine.RefusedError; engine.ErrLoading says that the queue is
// not known yet.
type Engine interface {
	// Preview counts a selection as of now.
	Preview(context.Context, engine.Selection) (engine.Preview, error)
	// Recipients hands out a selection in queue order, as of a Seq.
	Recipients(context.Context, engine.Selection, func(engine.Listed) error) (asOf uint64, err error)
	// Order carries an order out; progress is told after each slice.
	Order(ctx context.Context, o engine.Order, progress func(engine.Progress)) (engine.Done, error)
	// Undo brings back what an order took.
	Undo(ctx context.Context, id uint64, by string, progress func(engine.Progress)) (engine.Undone, error)
	// SuspendDelivery suspends domains, all when there are none, and returns when the attempts that run have ended or, after
	// the grace, were cut off. What is suspended already is only waited for.
	SuspendDelivery(ctx context.Context, by string, domains []string, grace time.Duration) error
	// ResumeDelivery ends the suspension of domains; without domains, every one.
	ResumeDelivery(ctx context.Context, by string, domains []string) error
	// SuspendListener writes down that a listener is suspended; its port is Ports' business.
	SuspendListener(ctx context.Context, by, listener string) error
	// ResumeListener writes down that it is not.
	ResumeListener(ctx context.Context, by, listener string) error
	// ForceDelivery makes the mail for a domain due now; "" is all mail.
	ForceDelivery(ctx context.Context, by, domain string) error
	// PauseWorkQueue stops the processing of messages that are not in the delivery queue yet.
	PauseWorkQueue(ctx context.Context, by, reason string) error
	// ResumeWorkQueue ends a pause.
	ResumeWorkQueue(ctx context.Context, by string) error
}

// QueueKeeper is what Local needs to act on the queue. Its fields are set before use.
type QueueKeeper struct {
	Engine   Engine                                                    // nil: there is none
	Ports    Ports                                                     // nil: there are none
	Stop     func(grace time.Duration, restart bool) (Stopping, error) // begins the daemon's stop, and returns; nil: it cannot be stopped
	IsOwn    func(netip.AddrPort) bool                                 // tells whether a listener of ours is there; nil: none is
	listings atomic.Int32
}

// Stopping tells how far a stop is: each channel is closed when that much is over.
type Stopping struct{ Received, Delivered <-chan struct{} }

// maxListings is how many listings of the queue are under way at once; one more is refused.
const maxListings = 16

// pageRows is how many rows a page of a listing has.
const pageRows = 500

var errNoQueue = errors.New("this gateway has no queue")

// worded turns the engine's refusals into those of the gateway, and tells what to do about a queue that is not there yet.
func worded(err error) error {
	if refused := (*engine.RefusedError)(nil); errors.As(err, &refused) {
		return &RefusedError{refused.Reason}
	}
	if errors.Is(err, engine.ErrLoading) {
		return fmt.Errorf("%w: try again in a moment", err)
	}
	return err
}

// inPages gathers rows, so that not each of them is an answer of its own.
func inPages(list func(row func(engine.Listed) error) error, page func([]engine.Listed) error) error {
	rows := make([]engine.Listed, 0, pageRows)
	err := list(func(row engine.Listed) error {
		if rows = append(rows, row); len(rows) < pageRows {
			return nil
		}
		whole := rows
		rows = rows[:0]
		return page(whole)
	})
	if err == nil && len(rows) > 0 {
		err = page(rows)
	}
	return err
}

// Preview implements Gateway.
func (l *Local) Preview(ctx context.Context, s engine.Selection) (p engine.Preview, err error) {
	if l.Queue.Engine == nil {
		return p, errNoQueue
	}
	p, err = l.Queue.Engine.Preview(ctx, s)
	return p, worded(err)
}

// Recipients implements Gateway.
func (l *Local) Recipients(ctx context.Context, s engine.Selection, page func([]engine.Listed) error) error {
	q := &l.Queue
	if q.Engine == nil {
		return errNoQueue
	}
	defer q.listings.Add(-1)
	if q.listings.Add(1) > maxListings {
		return &RefusedError{fmt.Sprintf("There are %d listings of the queue under way: end one first.", maxListings)}
	}
	return inPages(func(row func(engine.Listed) error) error {
		_, err := q.Engine.Recipients(ctx, s, row)
		return worded(err)
	}, page)
}

// Order implements Gateway.
func (l *Local) Order(ctx context.Context, o engine.Order, progress func(engine.Progress)) (engine.Done, error) {
	if l.Queue.Engine == nil {
		return engine.Done{}, errNoQueue
	}
	switch o.Action {
	case engine.ActionDelete, engine.ActionBounce, engine.ActionHold, engine.ActionRelease:
	case engine.ActionRedirect:
		t, err := l.reachable(o.Target)
		if err != nil {
			return engine.Done{}, err
		}
		o.Target = t.String()
	default:
		return engine.Done{}, &RefusedError{fmt.Sprintf("%q is nothing that can be done to mail in the queue", o.Action)}
	}
	o.By = l.by(ctx)
	done, err := l.Queue.Engine.Order(ctx, o, heard(progress))
	return done, worded(err)
}

// Undo implements Gateway.
func (l *Local) Undo(ctx context.Context, id uint64, progress func(engine.Progress)) (engine.Undone, error) {
	if l.Queue.Engine == nil {
		return engine.Undone{}, errNoQueue
	}
	done, err := l.Queue.Engine.Undo(ctx, id, l.by(ctx), heard(progress))
	return done, worded(err)
}

// heard is a progress that can be told, whether anybody listens or not.
func heard(progress func(engine.Progress)) func(engine.Progress) {
	if progress == nil {
		return func(engine.Progress) {}
	}
	return progress
}

// ForceDelivery implements Gateway.
func (l *Local) ForceDelivery(ctx context.Context, domain string) error {
	if l.Queue.Engine == nil {
		return errNoQueue
	}
	if domain != "" {
		domain = lowered([]string{domain})[0]
	}
	return worded(l.Queue.Engine.ForceDelivery(ctx, l.by(ctx), domain))
}

// Actions implements Gateway.
func (l *Local) Actions(ctx context.Context, max int) (list []Action, err error) {
	undo := time.Duration(0)
	if l.Document != nil {
		undo = time.Duration(l.Document().Queue.UndoSeconds) * time.Second
	}
	_, err = l.Follower.Look(ctx, func() { list = actionsOf(l.Figures, max, undo) })
	return list, err
}

// actionsOf lists orders; what can be undone can be so for a while after it was completed.
func actionsOf(f *projections.Figures, max int, undo time.Duration) []Action {
	list := []Action{}
	for _, a := range f.Actions(max) {
		listed := Action{Action: a}
		if canUndo(a.Action) && !a.Completed.IsZero() && undo > 0 {
			listed.UndoUntil = a.Completed.Add(undo)
			if !a.UndoEnded.IsZero() && a.UndoEnded.Before(listed.UndoUntil) { // given up early
				listed.UndoUntil = a.UndoEnded
			}
		}
		list = append(list, listed)
	}
	return list
}

// canUndo tells whether an action takes something that can be brought back.
func canUndo(action string) bool {
	switch action {
	case engine.ActionDelete, engine.ActionBounce, engine.ActionRedirect:
		return true
	}
	return false
}

// Recipients implements Gateway: it lists what the stopped store holds.
func (o *Offline) Recipients(ctx context.Context, s engine.Selection, page func([]engine.Listed) error) error {
	return o.queue(ctx, func(j *journal.Journal, rows *journal.LiveSnapshot) error {
		return inPages(func(row func(engine.Listed) error) error {
			return worded(engine.RecipientsOf(ctx, j, rows, s, time.Now(), row))
		}, page)
	})
}

// Actions implements Gateway. Nothing is undone while the gateway does not run, so nothing is said of until when.
func (o *Offline) Actions(ctx context.Context, max int) (list []Action, err error) {
	return list, o.figures(ctx, func(f *projections.Figures) { list = actionsOf(f, max, 0) })
}
