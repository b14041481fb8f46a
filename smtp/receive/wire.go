package receive

import (
	"context"
	"io"
	"net/netip"

	"postern/journal"
)

// Queue takes what was received. It is safe for concurrent use.
type Queue interface {
	// ID gives the next public id of a kind; it waits at most for a reservation to become durable.
	ID(ctx context.Context, k journal.IDKind) (uint32, error)
	// Admit tells whether a message may begin now; it is asked at MAIL. Its errors are the engine's refusals.
	Admit() error
	// Inject hands over a message. It returns nil only when the fact is durable. After an error other than the context's
	// the message is not in the queue, and its body is the caller's to delete.
	Inject(ctx context.Context, e *journal.MessageInjected) (seq uint64, err error)
	// Note hands over a fact that nobody waits for. It never blocks and keeps e.
	Note(e journal.Event)
}

// Body is a large content on its way into the store. Exactly one of Commit and Abort ends it.
type Body interface {
	io.Writer
	Commit() (journal.BodyID, error)
	Abort() error
}

// Store keeps contents, without a sync: Inject's makes them durable. It keeps nothing of the slices it is given.
type Store interface {
	PutBody(parts ...[]byte) (journal.BodyID, error)
	NewBody() Body
	DeleteBody(id journal.BodyID) error
}

// bodies is a store whose NewBody returns a concrete type.
type bodies[W Body] interface {
	PutBody(parts ...[]byte) (journal.BodyID, error)
	NewBody() W
	DeleteBody(id journal.BodyID) error
}

// StoreOf makes a Store of a *journal.Journal, or of whatever has its methods for bodies.
func StoreOf[W Body](s bodies[W]) Store { return storeOf[W]{s} }

type storeOf[W Body] struct{ bodies[W] }

func (s storeOf[W]) NewBody() Body { return s.bodies.NewBody() }

// Reverse finds the name of an address. It returns when ctx ends at the latest; verified means that the forward lookup of
// name gave the address. An unknown name is "".
type Reverse interface {
	Verified(ctx context.Context, a netip.Addr) (name string, verified bool)
}
