package tracking

import "slices"

// notes are all that a segment notes, by what it is about, for a trace that asks again and again.
type notes struct {
	mentions // with no seqs
	of       map[uint64][]uint64
}

// often is from which question on all notes of a segment are taken up at once: that costs as much as some questions.
const often = 16

// spokenOf finds the places in the segment that holds a Seq at which one thing is spoken of.
func (w *way) spokenOf(at, of uint64) mentions {
	if w.asked++; w.asked < often {
		return w.index.spoken(at, func(o uint64) bool { return o == of })
	}
	if w.read == nil || at < w.read.from || at > w.read.to || !w.read.known {
		n := &notes{of: make(map[uint64][]uint64)}
		n.mentions = w.index.within(at, func(s *segment) {
			s.mentions(func(uint64) bool { return true }, func(of, seq uint64) { n.of[of] = append(n.of[of], seq) })
		})
		w.read = n
	}
	m := w.read.mentions
	if m.known {
		m.seqs = slices.Sorted(slices.Values(w.read.of[of]))
	}
	return m
}
