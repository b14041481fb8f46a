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
	asked   int    // times that spokenOf was
	read    *notes // of the segment that it was asked about last; nil: it has not been asked often
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

// late tells whether something is so far behind where it began that the index has noted it.
func (w *way) late(began, seq uint64) bool {
	return w.index != nil && seq <= w.covered && seq-began > w.index.sizes.near
}

// pass leads the way past what a message or a connection that began at a Seq has left in the history.
func (w *way) pass(seq uint64) {
	if w.index == nil || seq > w.covered {
		w.add(span{seq, w.end})
		return
	}
	w.add(span{seq, seq + w.index.sizes.near})
	w.visit(seq, func(of uint64) bool { return of == seq })
}

// visit leads the way past the places from a Seq on at which something is spoken of. What the index does not know is read.
func (w *way) visit(from uint64, is func(of uint64) bool) {
	var spans []span
	for at := from; at <= w.covered; {
		p := w.index.spoken(at, is)
		for _, seq := range p.seqs {
			if seq >= from {
				spans = append(spans, span{seq, seq})
			}
		}
		if !p.known {
			spans = append(spans, span{at, min(p.to, w.covered)})
		}
		if at = p.to + 1; at == 0 {
			break
		}
	}
	w.add(spans...)
}

func (w *way) add(spans ...span) {
	for _, s := range spans {
		if s.to = min(s.to, w.end); s.from <= s.to {
			w.spans = append(w.spans, s)
		}
	}
	slices.SortFunc(w.spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
}

// besides is how many records that nobody asked for are read rather than to begin anew behind them.
const besides = 256

// goAlong reads what lies on the way.
func (w *way) goAlong(ctx context.Context, h History, kinds journal.KindSet, look func(journal.Record) error) error {
	for len(w.spans) > 0 {
		s := w.next()
		if s.from = max(s.from, w.at+1); s.from > s.to {
			continue
		}
		if s.from > w.at+1 {
			w.since = s.from
		}
		// A part at a time: what is met may lead elsewhere, and lies ahead.
		to := min(s.to, s.from+nearby)
		if err := h.Pick(ctx, s.from, to, kinds.Has, look); err != nil {
			return err
		}
		if w.at = to; to < s.to {
			w.add(span{to + 1, s.to})
		}
	}
	return nil
}

// next takes the first span, together with those that it all but reaches.
func (w *way) next() span {
	s, n := w.spans[0], 1
	for ; n < len(w.spans) && w.spans[n].from <= s.to+besides; n++ {
		s.to = max(s.to, w.spans[n].to)
	}
	w.spans = w.spans[n:]
	return s
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

// mentions are the places in one segment at which something is spoken of, ascending.
type mentions struct {
	from, to uint64 // the records of the segment
	known    bool   // false: there is no segment for these, or it cannot be read
	seqs     []uint64
}

// within looks into the segment that holds a Seq, if there is one.
func (x *Index) within(at uint64, look func(*segment)) (m mentions) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	m.from, m.to = 1, 1<<64-1
	for _, s := range x.all() {
		switch {
		case s.to < at:
			m.from = s.to + 1
			continue
		case s.from > at:
			m.to = s.from - 1
			return m
		}
		m.from, m.to = s.from, s.to
		m.known = guarded(func() error {
			look(s)
			return nil
		}) == nil
		return m
	}
	return m
}

// spoken looks for the places in the segment that holds a Seq.
func (x *Index) spoken(at uint64, is func(of uint64) bool) mentions {
	var seqs []uint64
	m := x.within(at, func(s *segment) {
		s.mentions(is, func(_, seq uint64) { seqs = append(seqs, seq) })
	})
	if m.known {
		slices.Sort(seqs)
		m.seqs = seqs
	}
	return m
}

// opened is where the connection was opened that a DeliveryStarted names; 0: it is not known here.
func (x *Index) opened(started uint64) uint64 {
	return x.spoken(started, func(of uint64) bool { return of == started }).only()
}

// only is the one place that there is, else 0.
func (m mentions) only() uint64 {
	if len(m.seqs) != 1 {
		return 0
	}
	return m.seqs[0]
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
