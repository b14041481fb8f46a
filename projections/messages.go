package projections

import (
	"slices"
	"sort"
)

// message is one live message. 32 bytes, no pointers: a gateway may hold millions.
type message struct {
	seq         uint64
	mid         uint32
	second      uint32 // of its injection, on the clock without jumps
	size        uint32 // bytes; 4 GiB and more count as 4 GiB
	rids        uint32 // how many RIDs it began with
	recipients  uint32 // one RID: its word; several: their place in words
	dues        uint16 // facts that its sender has yet to be told of
	quarantines uint8  // how many it is in
	flags       uint8
}

const (
	flagAlive       = 1 << iota // the place is taken; a message that has ended keeps its seq, for the search
	flagWorkQueue               // not yet through the work queue
	flagQuarantined             // it is or was in a quarantine
)

// waiting tells whether a message's recipients do not wait for delivery yet.
func (m *message) waiting() bool { return m.flags&flagWorkQueue != 0 || m.quarantines > 0 }

const chunkSize = 256

// chunk holds messages in the order of their Seqs.
type chunk struct {
	n, live int
	m       [chunkSize]message
}

// messages holds the live messages in the order of their Seqs, which is the order in which they come, in chunks: a new
// one is appended to the last, and two binary searches find one. A chunk that has become sparse loses its dead and is
// merged with a neighbour, so that memory follows the live messages and not the history. No chunk is without live ones.
type messages struct {
	chunks []*chunk
	firsts []uint64 // the first Seq of each chunk
	spare  *chunk
	live   int
}

// place is where a message stands; it is valid until the next add or remove.
type place struct{ chunk, index int }

// find looks a live message up.
func (s *messages) find(seq uint64) (*message, place, bool) {
	c := s.chunkOf(seq)
	if c < 0 {
		return nil, place{}, false
	}
	i := s.chunks[c].search(seq)
	if i >= s.chunks[c].n {
		return nil, place{}, false
	}
	m := &s.chunks[c].m[i]
	return m, place{c, i}, m.seq == seq && m.flags&flagAlive != 0
}

// chunkOf is the chunk that a Seq belongs into, −1 when it comes before all.
func (s *messages) chunkOf(seq uint64) int {
	last := len(s.firsts) - 1
	if last >= 0 && s.firsts[last] <= seq {
		return last
	}
	return sort.Search(len(s.firsts), func(i int) bool { return s.firsts[i] > seq }) - 1
}

// search returns the first index whose Seq is not below seq.
func (c *chunk) search(seq uint64) int {
	lo, hi := 0, c.n
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if c.m[mid].seq < seq {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// add puts a message in; one of its Seq must not be alive.
func (s *messages) add(m message) *message {
	m.flags |= flagAlive
	s.live++
	last := len(s.chunks) - 1
	if last < 0 || s.chunks[last].m[s.chunks[last].n-1].seq < m.seq {
		return s.append(m)
	}
	return s.insert(m)
}

func (s *messages) append(m message) *message {
	last := len(s.chunks) - 1
	if last >= 0 && s.chunks[last].n == chunkSize && s.chunks[last].live <= chunkSize/2 {
		s.compact(last)
	}
	if last < 0 || s.chunks[last].n == chunkSize {
		c := s.spare
		if s.spare = nil; c == nil {
			c = new(chunk)
		}
		s.chunks, s.firsts = append(s.chunks, c), append(s.firsts, m.seq)
		last++
	}
	c := s.chunks[last]
	c.m[c.n] = m
	c.n++
	c.live++
	return &c.m[c.n-1]
}

// insert puts a message that came back between others.
func (s *messages) insert(m message) *message {
	ci := max(s.chunkOf(m.seq), 0)
	c := s.chunks[ci]
	if i := c.search(m.seq); i < c.n && c.m[i].seq == m.seq { // its own dead place
		c.m[i] = m
		c.live++
		return &c.m[i]
	}
	if c.n == chunkSize {
		s.compact(ci)
	}
	if c.n == chunkSize {
		half := new(chunk)
		half.n = copy(half.m[:], c.m[chunkSize/2:])
		half.live, c.n, c.live = half.n, chunkSize/2, chunkSize/2
		s.chunks = slices.Insert(s.chunks, ci+1, half)
		s.firsts = slices.Insert(s.firsts, ci+1, half.m[0].seq)
		if half.m[0].seq < m.seq {
			ci++
		}
		c = s.chunks[ci]
	}
	i := c.search(m.seq)
	copy(c.m[i+1:c.n+1], c.m[i:c.n])
	c.m[i] = m
	c.n++
	c.live++
	s.firsts[ci] = c.m[0].seq
	return &c.m[i]
}

// remove ends a message.
func (s *messages) remove(p place) {
	c := s.chunks[p.chunk]
	c.m[p.index].flags = 0
	c.live--
	s.live--
	switch {
	case c.live == 0:
		s.drop(p.chunk)
	case c.live == chunkSize/4 && p.chunk < len(s.chunks)-1:
		s.compact(p.chunk)
		s.merge(p.chunk)
	}
}

// compact takes the dead out of a chunk.
func (s *messages) compact(ci int) {
	c := s.chunks[ci]
	n := 0
	for i := range c.n {
		if c.m[i].flags&flagAlive != 0 {
			c.m[n] = c.m[i]
			n++
		}
	}
	c.n = n
	if n > 0 {
		s.firsts[ci] = c.m[0].seq
	}
}

// merge joins a sparse chunk with a neighbour that has room. The last chunk is left alone: it is still growing.
func (s *messages) merge(ci int) {
	const room = chunkSize * 3 / 4
	switch {
	case ci > 0 && s.chunks[ci-1].live+s.chunks[ci].live <= room:
		ci--
	case ci+2 < len(s.chunks) && s.chunks[ci+1].live+s.chunks[ci].live <= room:
	default:
		return
	}
	s.compact(ci)
	s.compact(ci + 1)
	a, b := s.chunks[ci], s.chunks[ci+1]
	copy(a.m[a.n:], b.m[:b.n])
	a.n += b.n
	a.live += b.live
	s.firsts[ci] = a.m[0].seq
	s.drop(ci + 1)
}

func (s *messages) drop(ci int) {
	c := s.chunks[ci]
	c.n, c.live = 0, 0
	s.spare = c
	s.chunks = slices.Delete(s.chunks, ci, ci+1)
	s.firsts = slices.Delete(s.firsts, ci, ci+1)
}

// each calls fn for the live messages, oldest first, until it returns false.
func (s *messages) each(fn func(m *message) bool) {
	for _, c := range s.chunks {
		for i := range c.n {
			if m := &c.m[i]; m.flags&flagAlive != 0 && !fn(m) {
				return
			}
		}
	}
}
