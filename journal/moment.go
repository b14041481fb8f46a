package journal

import (
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// LastBefore returns the last record whose time is not after t, in the order of Seqs: where the clock was set back and a
// time came twice, the one that came later. back holds, ascending, the Seqs of records whose time lies before that of the
// one before them. Zeros: every record is later than t. Its cost is that of a few blocks.
func (j *Journal) LastBefore(t Instant, back []uint64) (seq uint64, at Instant, err error) {
	end := j.Durable()
	if end == 0 {
		return 0, 0, nil
	}
	it, err := j.blocks(0, end+1)
	if err != nil {
		return 0, 0, err
	}
	defer it.Close()
	s := momentSearch{journal: j, it: it, t: t, to: end}
	for _, b := range slices.Backward(back) {
		if b > s.to || b == 0 {
			continue
		}
		if seq, at, err = s.within(b); seq > 0 || err != nil {
			return seq, at, err
		}
	}
	return s.within(1)
}

// momentSearch looks for a moment in one stretch after the other, the latest first.
type momentSearch struct {
	journal *Journal
	it      *pebble.Iterator
	t       Instant
	to      uint64 // the end of the stretch
}

// block reads the block with a Seq, or the last one before it; none: there is none.
func (s *momentSearch) block(seq uint64) (first, end uint64, at Instant, err error) {
	if !s.it.SeekLT(blockKey(seq + 1)) {
		return 0, 0, 0, s.journal.readError(s.it.Error())
	}
	value, err := s.it.ValueAndErr()
	if err != nil {
		return 0, 0, 0, s.journal.readError(err)
	}
	first = binary.BigEndian.Uint64(s.it.Key()[1:])
	var b block
	if err := b.parse(value); err != nil {
		return 0, 0, 0, s.journal.damaged(blockError(first, err))
	}
	return first, first + uint64(b.count) - 1, b.base, nil
}

// within searches the stretch that begins with the block of from, in which times never go back, and leaves the one before
// it. All records of a block have its time.
func (s *momentSearch) within(from uint64) (seq uint64, at Instant, err error) {
	lo, hi := from, s.to // what is not after t ends in lo−1 … hi
	if first, end, _, err := s.block(from); err != nil {
		return 0, 0, err
	} else if first > 0 && end >= from {
		lo = first
	}
	s.to = lo - 1
	for lo <= hi {
		middle := lo + (hi-lo)/2
		first, end, when, err := s.block(middle)
		switch {
		case err != nil:
			return 0, 0, err
		case first < lo: // nothing is left of lo … middle
			lo = middle + 1
		case when <= s.t:
			seq, at, lo = min(end, hi), when, max(end, middle)+1
		default:
			hi = first - 1
		}
	}
	return seq, at, nil
}

// First returns the first record that is kept, and when it was written; zeros: there is none.
func (j *Journal) First() (seq uint64, at Instant, err error) {
	it, err := j.blocks(0, j.Durable()+1)
	if err != nil {
		return 0, 0, err
	}
	defer it.Close()
	if !it.First() {
		return 0, 0, j.readError(it.Error())
	}
	s := momentSearch{journal: j, it: it}
	seq, _, at, err = s.block(binary.BigEndian.Uint64(it.Key()[1:]))
	return seq, at, err
}
