package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"postern/journal"
)

// blockOfIDs is how many public ids are reserved with one fact.
const blockOfIDs = 1024

// stock holds the public ids of one kind that are reserved and not yet given. Wires take from it; the engine fills it,
// once the reservation is durable. Safe for many goroutines.
type stock struct {
	low func() // asks the engine for more; called without the lock

	mu      sync.Mutex
	ranges  []idRange
	asked   bool
	arrived chan struct{} // closed when ids arrive, for those who wait; nil when nobody does
	ended   bool
}

type idRange struct {
	next, to uint32
	skip     []uint32
}

// take gives the next id; it waits when the stock is empty.
func (s *stock) take(ctx context.Context) (uint32, error) {
	for {
		s.mu.Lock()
		id, ok := s.first()
		ask := len(s.ranges) < 2 && !s.asked && !s.ended
		s.asked = s.asked || ask
		ended := s.ended
		if !ok && s.arrived == nil {
			s.arrived = make(chan struct{})
		}
		arrived := s.arrived
		s.mu.Unlock()
		if ask {
			s.low()
		}
		if ok {
			return id, nil
		}
		if ended {
			return 0, ErrStopping
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for an id: %w", ctx.Err())
		}
	}
}

func (s *stock) first() (uint32, bool) {
	for len(s.ranges) > 0 {
		r := &s.ranges[0]
		for r.next < r.to {
			id := r.next
			r.next++
			if !slices.Contains(r.skip, id) {
				return id, true
			}
		}
		s.ranges = s.ranges[1:]
	}
	return 0, false
}

// add puts a durable reservation into the stock.
func (s *stock) add(e *journal.IDsReserved) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ranges = append(s.ranges, idRange{next: e.From, to: e.To, skip: e.Skip})
	s.asked = false
	s.wakeLocked()
}

func (s *stock) wakeLocked() {
	if s.arrived != nil {
		close(s.arrived)
		s.arrived = nil
	}
}

// end gives nothing any more and returns the id that would have come next, 0 when none is left.
func (s *stock) end() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.first()
	s.ranges, s.ended = nil, true
	s.wakeLocked()
	if !ok {
		return 0
	}
	return id
}

// reserveIDs decides the next block of a kind. It never reaches beyond the limit, at which the ids begin anew at 1; MIDs
// of messages that still live from the round before are left out.
func (t *turn) reserveIDs(ctx context.Context, e *Engine, k journal.IDKind) (*journal.IDsReserved, error) {
	from := t.s.nextID[k]
	if from == 0 || from >= journal.IDLimit {
		from = 1
	}
	r := &journal.IDsReserved{ID: k, From: from, To: min(from+blockOfIDs, journal.IDLimit)}
	if k == journal.MID && (t.s.wrapped[k] || from < t.s.nextID[k]) {
		var err error
		if r.Skip, err = e.liveMIDs(ctx, r.From, r.To); err != nil {
			return nil, fmt.Errorf("engine: the MIDs of live messages: %w", err)
		}
	}
	t.emit(r)
	return r, nil
}

// liveMIDs lists the MIDs in a range that live messages bear, ascending. What is not loaded yet is asked of the rows.
func (e *Engine) liveMIDs(ctx context.Context, from, to uint32) ([]uint32, error) {
	in := e.state.liveMIDs(from, to)
	if !e.state.loaded {
		rows, err := e.options.Rows.MIDs(ctx, from, to)
		if err != nil {
			return nil, err
		}
		in = append(in, rows...)
	}
	slices.Sort(in)
	return slices.Compact(in), nil
}

// liveMIDs lists the MIDs in a range that live messages bear.
func (s *State) liveMIDs(from, to uint32) []uint32 {
	var in []uint32
	for i := s.oldest; i != 0; i = s.messages.at(i).newer {
		if m := s.messages.at(i); m.mid >= from && m.mid < to {
			in = append(in, m.mid)
		}
	}
	return in
}
