package dns

import (
	"container/heap"
	"hash/maphash"
	"sync"
	"time"
)

const (
	cacheShards   = 16
	shardedFrom   = 1024 // a smaller cache has one shard, so that its bound is exact
	bytesPerEntry = 1024 // a longer answer counts as several entries
)

// key is a question: a canonical name and a type.
type key struct {
	name  string
	qtype uint16
}

// entry is what is known about a question. Everything but the links is fixed once it is shared.
type entry struct {
	key
	answer
	err     *Error // instead of an answer
	expires time.Time
	weight  int

	newer, older *entry // the shard's order of use, under its lock
	place        int    // in the shard's order of expiry, under its lock
}

// cache holds entries and flights by question. A full shard first drops what has expired, then what was not used for
// the longest time.
type cache struct {
	seed   maphash.Seed
	shards []shard
}

// shard is a part of the cache under one lock, which is held for some map and pointer steps only.
type shard struct {
	mu      sync.Mutex
	entries map[key]*entry
	flights map[key]*flight
	use     entry  // ring: use.newer is the oldest, use.older the newest
	expiry  expiry // least first
	weight  int
	limit   int
}

func (c *cache) init(size int) {
	n := cacheShards
	if size < shardedFrom {
		n = 1
	}
	c.seed = maphash.MakeSeed()
	c.shards = make([]shard, n)
	for i := range c.shards {
		s := &c.shards[i]
		s.limit = size / n
		s.flights = make(map[key]*flight)
		s.clear()
	}
}

// resize changes how much each shard may hold.
func (c *cache) resize(size int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.limit = max(1, size/len(c.shards))
		s.mu.Unlock()
	}
}

func (c *cache) shard(k key) *shard {
	if len(c.shards) == 1 {
		return &c.shards[0]
	}
	return &c.shards[maphash.String(c.seed, k.name)%uint64(len(c.shards))]
}

// flush forgets entries, and flights too: what they bring was asked before the flush.
func (c *cache) flush() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.clear()
		clear(s.flights)
		s.mu.Unlock()
	}
}

// peek finds an entry that has not expired, without any trace of having looked.
func (c *cache) peek(k key, now time.Time) *entry {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[k]; e != nil && now.Before(e.expires) {
		return e
	}
	return nil
}

// land ends a flight: it leaves the list and its answer enters the cache, unless a flush came between.
func (c *cache) land(f *flight, e *entry, now time.Time) {
	s := c.shard(f.key)
	s.mu.Lock()
	if s.flights[f.key] == f {
		delete(s.flights, f.key)
		if now.Before(e.expires) {
			s.put(e, now)
		}
	}
	s.mu.Unlock()
}

func (s *shard) clear() {
	s.entries = make(map[key]*entry)
	s.use.newer, s.use.older = &s.use, &s.use
	s.expiry = nil
	s.weight = 0
}

// put stores an entry and makes room for it; one that is larger than the shard is not kept.
func (s *shard) put(e *entry, now time.Time) {
	if old := s.entries[e.key]; old != nil {
		s.remove(old)
	}
	e.weight = 1 + e.size()/bytesPerEntry
	s.entries[e.key] = e
	s.weight += e.weight
	s.link(e)
	heap.Push(&s.expiry, e)
	for s.weight > s.limit {
		if first := s.expiry[0]; !now.Before(first.expires) {
			s.remove(first)
		} else {
			s.remove(s.use.newer)
		}
	}
}

func (s *shard) remove(e *entry) {
	delete(s.entries, e.key)
	s.unlink(e)
	heap.Remove(&s.expiry, e.place)
	s.weight -= e.weight
}

// touch makes an entry the last one used.
func (s *shard) touch(e *entry) {
	if s.use.older != e {
		s.unlink(e)
		s.link(e)
	}
}

func (s *shard) link(e *entry) {
	e.older, e.newer = s.use.older, &s.use
	e.older.newer, e.newer.older = e, e
}

func (s *shard) unlink(e *entry) {
	e.older.newer, e.newer.older = e.newer, e.older
}

// expiry is a heap of entries by the time they expire.
type expiry []*entry

func (h expiry) Len() int           { return len(h) }
func (h expiry) Less(i, j int) bool { return h[i].expires.Before(h[j].expires) }

func (h expiry) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *expiry) Push(x any) {
	e := x.(*entry)
	e.place = len(*h)
	*h = append(*h, e)
}

func (h *expiry) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
