package engine

// chunkSize is how many elements a slab takes from the heap at a time. Chunks never move, so that a queue which grows to
// millions copies nothing, and their elements hold no pointers, so that the collector does not read them.
const chunkSize = 4096

// slab hands out elements by index. Index 0 is never given: it means "none". An element is zeroed when it is taken.
// Only its owner may use it.
type slab[T any] struct {
	chunks []*[chunkSize]T
	next   uint32   // the first index never given
	free   []uint32 // given back
}

func (s *slab[T]) take() uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i
	}
	if s.next == 0 {
		s.next = 1
	}
	i := s.next
	s.next++
	if int(i/chunkSize) == len(s.chunks) {
		s.chunks = append(s.chunks, new([chunkSize]T))
	}
	return i
}

func (s *slab[T]) at(i uint32) *T { return &s.chunks[i/chunkSize][i%chunkSize] }

func (s *slab[T]) release(i uint32) {
	var zero T
	*s.at(i) = zero
	s.free = append(s.free, i)
}

// live is how many elements are out.
func (s *slab[T]) live() int {
	if s.next == 0 {
		return 0
	}
	return int(s.next) - 1 - len(s.free)
}
