package tracking

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"postern/journal"
)

// maxTraced is how many records the trace of one message may have; the rest is left out.
const maxTraced = 100_000

// ErrTraceCut says that a message has more records than are shown.
var ErrTraceCut = fmt.Errorf("the message has more than %d records: only the first are shown", maxTraced)

// Trace calls each for the records that tell of a message, in order: those of the connection that brought it, its own, those
// of the messages that were made from it (notifications, splits, copies, rewritten ones), and those of the connections that
// they were delivered over. Facts about many messages come with what they say of these alone. An index, which may be nil,
// spares reading what lies between.
func Trace(ctx context.Context, h History, x *Index, seq uint64, each func(journal.Record) error) error {
	first, err := h.At(seq)
	if err != nil {
		return err
	}
	m, ok := first.Event.(*journal.MessageInjected)
	if !ok {
		return fmt.Errorf("record %d is no message", seq)
	}
	if x != nil {
		if err := x.proved(ctx); err != nil {
			return err
		}
	}
	t := &trace{ctx: ctx, history: h, way: newWay(x, h.Durable()), head: seq, icid: m.ICID, inbound: m.ICID != 0, family: map[uint64]*relative{},
		outbound: map[uint32]bool{}, opened: map[uint32][]uint64{}, undo: map[uint64]bool{}}
	if t.inbound {
		accepted, err := t.accepted(seq)
		if err != nil {
			return err
		}
		t.way.pass(accepted)
	}
	t.way.pass(seq)
	if err := t.way.goAlong(ctx, h, tracedKinds, t.look); err != nil && !errors.Is(err, errTraced) {
		return err
	}
	slices.Sort(t.seqs)
	for _, seq := range slices.Compact(t.seqs) {
		r, err := h.At(seq)
		if err != nil {
			return err
		}
		r.Event = about(r.Event, t.family)
		if err := each(r); err != nil {
			return err
		}
	}
	if t.cut {
		return ErrTraceCut
	}
	return nil
}

// errTraced ends the reading: nothing more can come.
var errTraced = errors.New("nothing more can come")

// tracedKinds are the facts that a trace looks at. AttemptStarted prints nothing and says nothing that others do not.
var tracedKinds = func() journal.KindSet {
	s := make(journal.KindSet)
	for _, k := range journal.Kinds() {
		s[k] = true
	}
	for _, e := range []journal.Event{&journal.AttemptStarted{}, &journal.Sampled{}, &journal.IDsReserved{}, &journal.HostDown{}, &journal.HostUp{},
		&journal.DestinationsForgotten{}, &journal.ConnectionRefused{}, &journal.NotesOmitted{}} {
		delete(s, e.Kind())
	}
	return s
}()

// trace follows a message through the history. One goroutine uses it.
type trace struct {
	ctx     context.Context
	history History
	way     *way
	head    uint64
	icid    uint32
	inbound bool // the connection that brought it is open

	family   map[uint64]*relative
	outbound map[uint32]bool     // connections that the family was delivered over → still open
	opened   map[uint32][]uint64 // facts of delivery connections that are open: by DCID
	undo     map[uint64]bool     // orders that took recipients and can be undone
	seqs     []uint64
	cut      bool
}

// relative is the message, or one that was made from it.
type relative struct {
	left int             // recipients
	dues map[uint64]bool // facts that its sender has yet to be told of
	null bool
}

func (t *trace) add(seq uint64) {
	if len(t.seqs) >= maxTraced {
		t.cut = true
		return
	}
	t.seqs = append(t.seqs, seq)
}

// look takes one record.
func (t *trace) look(r journal.Record) error {
	if r.Seq < t.head {
		if t.ofInbound(r.Event) {
			t.add(r.Seq)
		}
		t.noteDelivery(r)
		return nil
	}
	if err := t.lookAt(r); err != nil {
		return err
	}
	if t.over() || t.cut {
		return errTraced
	}
	return nil
}

func (t *trace) lookAt(r journal.Record) error {
	switch e := r.Event.(type) {
	case *journal.Started:
		t.inbound = false
		clear(t.opened)
		for dcid := range t.outbound {
			t.outbound[dcid] = false
		}
		return nil
	case *journal.MessageInjected:
		t.injected(r.Seq, e)
		return nil
	case *journal.UndoEnded:
		delete(t.undo, e.Action)
		return nil
	case *journal.DeliveryStarted:
		if t.family[e.Message] == nil {
			return nil
		}
		t.add(r.Seq)
		return t.follow(r.Seq, e)
	}
	if t.ofInbound(r.Event) {
		t.add(r.Seq)
	}
	t.noteDelivery(r)
	if names(r.Event, t.family) {
		t.add(r.Seq)
		t.book(r)
	}
	return nil
}

func (t *trace) injected(seq uint64, e *journal.MessageInjected) {
	parent := t.family[e.Parent]
	if seq != t.head && (e.Parent == 0 || parent == nil) {
		return
	}
	if parent != nil {
		for _, fact := range e.Reports {
			delete(parent.dues, fact)
		}
	}
	if seq != t.head {
		t.way.pass(seq)
	}
	t.family[seq] = &relative{left: len(e.Recipients), dues: map[uint64]bool{}, null: e.Sender == ""}
	t.add(seq)
}

// over tells whether nothing more can come: nobody is left, nobody waits to be told, nothing can be brought back, and the
// connections are closed.
func (t *trace) over() bool {
	if t.inbound || len(t.undo) > 0 || len(t.family) == 0 {
		return false
	}
	for _, m := range t.family {
		if m.left > 0 || len(m.dues) > 0 {
			return false
		}
	}
	for _, open := range t.outbound {
		if open {
			return false
		}
	}
	return true
}
