package tracking

import (
	"cmp"
	"context"
	"slices"

	"postern/journal"
)

// way is which records a trace reads: all from where it begins, or only those near the places that an index names. It grows
// while it is read, and never backwards.
type way struct {
	index   *Index
	end     uint64
	covered uint64 // by the index
	at      uint64 // what was read last
	since   uint64 // from here to there nothing was left out
	spans   []span // ahead, ascending by from; they may overlap
}

// span is the records from ≤ Seq ≤ to.
type span struct{ from, to uint64 }

func newWay(x *Index, end uint64) *way {
	w := &way{index: x, end: end}
	if x != nil {
		w.covered = x.Covered()
		w.add(span{w.covered + 1, end})
	}
	return w
}

// connection is where the connection that brought a message was accepted, 0 if none is known; false: the index does not know
// the message.
func (w *way) connection(message uint64) (accepted uint64, known bool) {
	if w.index == nil || message > w.covered {
		return 0, false
	}
	return w.index.accepted(message)
}

// pass leads the way past what a message or a connection that began at a Seq has left in the history.
func (w *way) pass(seq uint64) {
	if w.index == nil || seq > w.covered {
		w.add(span{seq, w.end})
		return
	}
	w.add(span{seq, seq + w.index.sizes.near})
	for _, late := range w.index.late(seq) {
		w.add(span{late, late + w.index.sizes.near}) // a connection that it went over is closed soon after
	}
}

func (w *way) add(s span) {
	s.to = min(s.to, w.end)
	i, _ := slices.BinarySearchFunc(w.spans, s, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	w.spans = slices.Insert(w.spans, i, s)
}

// read goes along.
func (w *way) read(ctx context.Context, h History, look func(journal.Record) error) error {
	for len(w.spans) > 0 {
		s := w.spans[0]
		w.spans = w.spans[1:]
		if s.from = max(s.from, w.at+1); s.from > s.to {
			continue
		}
		if s.from > w.at+1 {
			w.since = s.from
		}
		// A part at a time: what is met may lead elsewhere, and lies ahead.
		to := min(s.to, s.from+nearby)
		if err := h.Pick(ctx, s.from, to, tracedKinds.Has, look); err != nil {
			return err
		}
		if w.at = to; to < s.to {
			w.add(span{to + 1, s.to})
		}
	}
	return nil
}

// accepted is where the connection that brought a message was accepted; false: it is not known here.
func (x *Index) accepted(message uint64) (seq uint64, known bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, s := range x.all() {
		if message < s.from || message > s.to {
			continue
		}
		if guarded(func() error {
			if i := s.row(message); i >= 0 && s.sound() {
				seq, known = s.conn(i), true
			}
			return nil
		}) != nil {
			return 0, false
		}
	}
	return seq, known
}

// late lists where a message or a connection is spoken of long after it began, ascending.
func (x *Index) late(of uint64) (seqs []uint64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, s := range x.all() {
		if s.to >= of {
			_ = guarded(func() error {
				s.mentions(of, func(seq uint64) { seqs = append(seqs, seq) })
				return nil
			})
		}
	}
	return seqs
}

// proved catches up, and sees to it that what a trace asks is what was written.
func (x *Index) proved(ctx context.Context) error {
	for {
		if err := x.CatchUp(ctx); err != nil {
			return err
		}
		damaged := x.unsound()
		if damaged == nil {
			return nil
		}
		x.discard(damaged)
	}
}

func (x *Index) unsound() *segment {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, s := range x.all() {
		if guarded(func() error {
			if !s.sound() {
				return errSegment
			}
			return nil
		}) != nil {
			return s
		}
	}
	return nil
}
