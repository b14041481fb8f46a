package journal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Envelopes reads the injections of messages. Asked at ascending Seqs it decodes of each block no more than what is asked
// for, and each block's frames once; any other order is slower and as right. Between calls it keeps a copy of the last
// block, and until Close an iterator. One goroutine uses it.
type Envelopes struct {
	journal *Journal
	it      *pebble.Iterator // nil: none is open
	bound   uint64           // what was durable when it was opened: it sees no more

	value []byte // the block at hand; used again
	block block
	first uint64 // its first Seq; 0: there is none
	next  int    // the frame that comes next
	rest  []byte // the frames from there on

	one   [1]Record // scratch
	coder coder     // scratch
}

// Envelopes returns a reader that has read nothing yet.
func (j *Journal) Envelopes() *Envelopes { return &Envelopes{journal: j} }

// Close lets go of the store; a later At takes hold of it again. An iterator that is held keeps files that are due for
// deletion, so close it before waiting for anybody.
func (e *Envelopes) Close() error {
	if e.it == nil {
		return nil
	}
	it := e.it
	e.it = nil
	return e.journal.readError(it.Close())
}

// At returns the injection at a Seq, in memory of its own or shared: nobody may change it. The error is ErrNotFound when
// no record of that Seq is durable, or none is there any more, and a *DamagedError or a *NewerError when it cannot be read.
func (e *Envelopes) At(seq uint64) (*MessageInjected, error) {
	if seq == 0 || seq > e.journal.Durable() {
		return nil, fmt.Errorf("record %d: %w", seq, ErrNotFound)
	}
	if out, ok := e.journal.ring.read(e.one[:0], seq-1, 1); ok {
		r := out[0]
		clear(e.one[:])
		return injection(r)
	}
	if !e.holds(seq) {
		if err := e.find(seq); err != nil {
			return nil, err
		}
	}
	r, err := e.decode(seq)
	if err != nil {
		return nil, e.journal.damaged(blockError(e.first, err))
	}
	return injection(r)
}

var errNoInjection = errors.New("is no injection")

func injection(r Record) (*MessageInjected, error) {
	m, ok := r.Event.(*MessageInjected)
	if !ok {
		return nil, fmt.Errorf("record %d %w", r.Seq, errNoInjection)
	}
	return m, nil
}

// holds tells whether the block at hand has the record.
func (e *Envelopes) holds(seq uint64) bool {
	return e.first != 0 && seq >= e.first && seq-e.first < uint64(e.block.count)
}

// find takes the block with the record in hand.
func (e *Envelopes) find(seq uint64) error {
	if e.it != nil && seq > e.bound {
		if err := e.Close(); err != nil {
			return err
		}
	}
	if e.it == nil {
		bound := e.journal.Durable()
		it, err := e.journal.blocks(0, bound+1)
		if err != nil {
			return err
		}
		e.it, e.bound = it, bound
	}
	if end := e.first + uint64(e.block.count); e.first != 0 && seq-end < uint64(e.block.count) && e.it.Valid() && e.it.Next() {
		// Where little has left the queue it is mostly the next block.
		if err := e.take(); err != nil || e.holds(seq) {
			return err
		}
	}
	if !e.it.SeekLT(blockKey(seq + 1)) {
		if err := e.it.Error(); err != nil {
			return e.journal.readError(err)
		}
		return e.journal.absent(seq)
	}
	if err := e.take(); err != nil {
		return err
	}
	if !e.holds(seq) {
		return e.journal.absent(seq)
	}
	return nil
}

// take copies the block at which the iterator stands.
func (e *Envelopes) take() error {
	e.first = 0
	value, err := e.it.ValueAndErr()
	if err != nil {
		return e.journal.readError(err)
	}
	first := binary.BigEndian.Uint64(e.it.Key()[1:])
	e.value = append(e.value[:0], value...)
	if err := e.block.parse(e.value); err != nil {
		return e.journal.damaged(blockError(first, err))
	}
	e.first, e.next, e.rest = first, 0, e.block.frames
	return nil
}

// decode reads one record out of the block at hand. What it returns does not alias the block.
func (e *Envelopes) decode(seq uint64) (r Record, err error) {
	want := int(seq - e.first)
	if want < e.next {
		e.next, e.rest = 0, e.block.frames
	}
	var f frame
	for e.next <= want {
		if e.rest, err = f.next(e.rest); err != nil {
			e.first = 0
			return r, err
		}
		e.next++
	}
	own := append(make([]byte, 0, len(f.public)+len(f.private)), f.public...)
	own = append(own, f.private...)
	f.public, f.private = own[:len(f.public):len(f.public)], own[len(f.public):]
	r = Record{Seq: seq, Time: e.block.base + Instant(f.delta)}
	r.Event, err = f.event(&e.coder, seq)
	return r, err
}
