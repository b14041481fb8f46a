package dns

import (
	"context"
	"fmt"
)

// flight is one question on its way to the servers. It belongs to the Resolver; any number of askers wait for done.
type flight struct {
	key
	done  chan struct{}
	entry *entry // set before done is closed
}

// ask answers a question that an asker of the package has.
func (r *Resolver) ask(ctx context.Context, k key) (*entry, *Error) {
	e, f := r.begin(k)
	return r.wait(ctx, k, e, f)
}

// begin looks the question up and, when the cache does not know, joins or starts its flight. Exactly one of the
// results is set.
func (r *Resolver) begin(k key) (*entry, *flight) {
	r.once.Do(r.start)
	r.requests.Add(1)
	now := r.Now()
	s := r.cache.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[k]
	switch {
	case e == nil:
		r.misses.Add(1)
	case !now.Before(e.expires):
		r.expired.Add(1)
		s.remove(e)
	default:
		s.touch(e)
		if e.err != nil {
			r.negative.Add(1)
		} else {
			r.hits.Add(1)
		}
		return e, nil
	}
	if f := s.flights[k]; f != nil {
		return nil, f
	}
	return r.launch(s, k)
}

// launch starts a flight, with the shard's lock held.
func (r *Resolver) launch(s *shard, k key) (*entry, *flight) {
	r.closing.RLock()
	defer r.closing.RUnlock()
	if r.closed {
		return &entry{key: k, err: failure(k, Canceled, context.Canceled)}, nil
	}
	if r.flights.Add(1) > MaxFlights {
		r.flights.Add(-1)
		return &entry{key: k, err: failure(k, Busy, nil)}, nil
	}
	f := &flight{key: k, done: make(chan struct{})}
	s.flights[k] = f
	r.running.Add(1)
	go r.fly(f)
	return nil, f
}

// wait gives what begin found or will find.
func (r *Resolver) wait(ctx context.Context, k key, e *entry, f *flight) (*entry, *Error) {
	if f != nil {
		select {
		case <-f.done:
			e = f.entry
		case <-ctx.Done():
			return nil, failure(k, Canceled, ctx.Err())
		}
	}
	return e, e.err
}

// fly runs a flight to its end, at most MaxLookup, the wait for its turn included.
func (r *Resolver) fly(f *flight) {
	defer r.running.Done()
	defer r.flights.Add(-1)
	defer close(f.done)
	f.entry = r.find(f.key)
	r.cache.land(f, f.entry, r.Now())
}

// find asks the servers. A panic over a packet is that packet's failure, not the gateway's.
func (r *Resolver) find(k key) (e *entry) {
	defer func() {
		if p := recover(); p != nil {
			e = r.failed(k, failure(k, FormErr, fmt.Errorf("panic: %v", p)))
		}
	}()
	ctx, cancel := context.WithTimeout(r.ctx, MaxLookup)
	defer cancel()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return r.failed(k, failure(k, Busy, ctx.Err()))
	}
	return r.resolve(ctx, k)
}

// resolve follows the question through its aliases. Steps look into the cache and never join flights: two names that
// are each other's alias would wait for each other.
func (r *Resolver) resolve(ctx context.Context, k key) *entry {
	c := chain{names: []string{k.name}, ttl: MaxTTL}
	for {
		step := key{c.end(), k.qtype}
		if len(c.names) > 1 {
			if e := r.cache.peek(step, r.Now()); e != nil {
				return r.inherit(k, c, e)
			}
		}
		m, err := r.exchange(ctx, step)
		if err != nil {
			return r.failed(k, failure(k, err.Kind, err.Err))
		}
		found, err := c.read(m, k)
		switch {
		case err != nil && err.Temporary():
			return r.failed(k, err)
		case err != nil:
			return &entry{key: k, err: err, expires: r.Now().Add(c.ttl)}
		case found:
			return r.build(m, k, c)
		}
	}
}

// build makes the entry of an answer that has records at the chain's end.
func (r *Resolver) build(m *message, k key, c chain) *entry {
	e := &entry{key: k, expires: r.Now().Add(c.ttl)}
	if !e.fill(m.Answer, c.end(), k.qtype) {
		e.err = failure(k, Malformed, nil)
	}
	return e
}

// inherit makes the entry of an alias whose end the cache knows.
func (r *Resolver) inherit(k key, c chain, end *entry) *entry {
	e := &entry{key: k, answer: end.answer, expires: r.Now().Add(c.ttl)}
	if end.expires.Before(e.expires) {
		e.expires = end.expires
	}
	if end.err != nil {
		e.err = failure(k, end.err.Kind, end.err.Err)
	}
	return e
}

// failed makes the entry of a failure: kept for a moment, so that a dead server is not asked for every message, but
// not when the reason lies with us.
func (r *Resolver) failed(k key, err *Error) *entry {
	e := &entry{key: k, err: err}
	if err.Kind != Canceled && err.Kind != Busy {
		e.expires = r.Now().Add(FailureTTL)
	}
	return e
}
