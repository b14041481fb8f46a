package journal

import "sync"

// ringBytes is roughly how many bytes of encoded records the ring holds at most.
const ringBytes = 64 << 20

// ring keeps the last durable records as they were handed in, so that followers near the end decode nothing.
type ring struct {
	mu      sync.RWMutex
	records []Record // the record with a Seq stands at Seq modulo length
	sizes   []uint32
	bytes   int
	first   uint64 // first Seq held
	end     uint64 // Seq after the last one held; equal to first when empty
}

func (r *ring) init(n int) {
	size := 1
	for size < n {
		size <<= 1
	}
	r.records = make([]Record, size)
	r.sizes = make([]uint32, size)
}

// add puts durable records at the end.
func (r *ring) add(first uint64, t Instant, events []Prepared) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end != first {
		r.first, r.end = first, first
	}
	mask := uint64(len(r.records) - 1)
	for i := range events {
		if r.end-r.first == uint64(len(r.records)) {
			r.dropFirst(mask)
		}
		at := r.end & mask
		r.records[at] = Record{Seq: r.end, Time: t, Event: events[i].Event}
		r.sizes[at] = uint32(len(events[i].frame))
		r.bytes += len(events[i].frame)
		r.end++
	}
	for r.bytes > ringBytes && r.end-r.first > 1 {
		r.dropFirst(mask)
	}
}

func (r *ring) dropFirst(mask uint64) {
	at := r.first & mask
	r.bytes -= int(r.sizes[at])
	r.records[at] = Record{}
	r.first++
}

// drop forgets the records below a Seq.
func (r *ring) drop(below uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	mask := uint64(len(r.records) - 1)
	for r.first < min(below, r.end) {
		r.dropFirst(mask)
	}
}

// read appends the records after a Seq, at most max; ok is false when the ring does not reach back so far.
func (r *ring) read(into []Record, after uint64, max int) (out []Record, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if after+1 < r.first || after+1 >= r.end {
		return into, false
	}
	mask := uint64(len(r.records) - 1)
	last := min(r.end, after+1+uint64(max))
	for seq := after + 1; seq < last; seq++ {
		into = append(into, r.records[seq&mask])
	}
	return into, true
}
