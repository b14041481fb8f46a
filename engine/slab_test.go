package engine

import "testing"

func TestSlabGivesEachIndexOnce(t *testing.T) {
	var s slab[recipient]
	defer s.unmap()
	seen := map[uint32]bool{}
	for i := range 3 * chunkSize {
		n := s.take()
		if n == 0 || seen[n] {
			t.Fatalf("index %d was given twice, or is none", n)
		}
		seen[n] = true
		s.at(n).rid = uint32(i)
	}
	for n := range seen {
		if n%2 == 0 {
			s.release(n)
		}
	}
	for range chunkSize {
		if n := s.take(); s.at(n).rid != 0 {
			t.Fatalf("index %d came back with what it held", n)
		}
	}
}
