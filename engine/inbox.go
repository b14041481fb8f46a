package engine

import (
	"sync"

	"postern/journal"
)

// Limits of what waits for the engine's next turn. Outcomes have none: there are never more of them than attempts.
const (
	maxCommands = 20000 // beyond it a command from a wire is refused with ErrBusy
	maxNotes    = 65536 // beyond it notes are only counted, by kind, and summed up in one NotesOmitted
)

// item is one thing that waits: a note, an injection, an ended attempt, or something to do with the turn at hand.
type item struct {
	fact     journal.Prepared
	reply    chan<- answer // of an injection; has room for the answer
	attempt  Attempt
	outcomes []Outcome
	do       func(*turn)
	what     itemKind
}

type itemKind uint8

const (
	itemNote itemKind = iota
	itemInjection
	itemOutcome
	itemOrder
)

// answer is what an injection waits for: its Seq, once durable, or why it was refused.
type answer struct {
	seq uint64
	err error
}

// inbox is where wires leave what the engine is to take up. Items stay in the order in which they came, so that what a
// connection noted before it handed in a message stands before it in the journal too. Safe for many goroutines.
type inbox struct {
	wake  chan struct{} // capacity 1: something urgent waits
	notes chan struct{} // capacity 1: a note waits, which can wait a little longer

	mu       sync.Mutex
	items    []item
	commands int
	noted    int
	omitted  map[journal.Kind]int64
	closed   bool
}

func (b *inbox) init() {
	b.wake, b.notes = make(chan struct{}, 1), make(chan struct{}, 1)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// note leaves a fact that nobody waits for.
func (b *inbox) note(e journal.Event) {
	p := journal.Prepare(e)
	b.mu.Lock()
	switch {
	case b.closed:
	case b.noted >= maxNotes:
		if b.omitted == nil {
			b.omitted = make(map[journal.Kind]int64)
		}
		b.omitted[e.Kind()]++
	default:
		b.items = append(b.items, item{what: itemNote, fact: p})
		b.noted++
	}
	first := b.noted == 1
	b.mu.Unlock()
	if first {
		signal(b.notes)
	}
}

// command leaves an injection; false when there are too many already, or the engine has ended.
func (b *inbox) command(it item) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrStopping
	}
	if b.commands >= maxCommands {
		return ErrBusy
	}
	b.commands++
	b.items = append(b.items, it)
	signal(b.wake)
	return nil
}

// urgent leaves what is never refused: outcomes and the engine's own orders.
func (b *inbox) urgent(it item) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.items = append(b.items, it)
	signal(b.wake)
	return true
}

// take hands over what waits, in order; spare is an empty slice to go on with.
func (b *inbox) take(spare []item) (items []item, omitted map[journal.Kind]int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	items, b.items = b.items, spare
	omitted, b.omitted = b.omitted, nil
	b.commands, b.noted = 0, 0
	return items, omitted
}

// crowded tells whether commands are close to being refused.
func (b *inbox) crowded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.commands >= maxCommands
}

// close refuses all that comes later and returns what still waited.
func (b *inbox) close() []item {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	items := b.items
	b.items = nil
	return items
}
