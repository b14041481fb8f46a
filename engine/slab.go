package engine

import (
	"syscall"
	"unsafe"
)

// chunkSize is how many elements a slab takes from the heap at a time. Chunks never move, so that a queue which grows to
// millions copies nothing, and their elements hold no pointers, so that the collector does not read them.
const chunkSize = 4096

// slab hands out elements by index. Index 0 is never given: it means "none". An element is zeroed when it is taken.
// Only its owner may use it.
type slab[T any] struct {
	chunks []*[chunkSize]T
	next   uint32   // the first index never given
	free   []uint32 // given back
	mapped [][]byte // the memory of all chunks but the first
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
		s.chunks = append(s.chunks, s.newChunk())
	}
	return i
}

// newChunk takes the first chunk from the heap and the others from the system: what the collector does not know it does
// not count either, and so a queue of millions does not make it keep as much again free. All of it will be used at once
// where it matters, at a start, and one call for its pages costs less than a fault for each.
func (s *slab[T]) newChunk() *[chunkSize]T {
	var chunk [chunkSize]T
	if len(s.chunks) == 0 {
		return new([chunkSize]T)
	}
	b, err := syscall.Mmap(-1, 0, int(unsafe.Sizeof(chunk)), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_POPULATE)
	if err != nil {
		return new([chunkSize]T)
	}
	s.mapped = append(s.mapped, b)
	return (*[chunkSize]T)(unsafe.Pointer(&b[0]))
}

// unmap gives the chunks back to the system; the slab must not be used afterwards.
func (s *slab[T]) unmap() {
	for _, b := range s.mapped {
		syscall.Munmap(b)
	}
	s.mapped, s.chunks = nil, nil
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
