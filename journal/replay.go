package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// Damage is a stretch of the history that is not what was written: the records from First to Last.
type Damage struct {
	First, Last uint64
	Err         error
}

func (d Damage) String() string {
	if d.First == d.Last {
		return fmt.Sprintf("the block of record %d: %v", d.First, d.Err)
	}
	return fmt.Sprintf("the block of records %d to %d: %v", d.First, d.Last, d.Err)
}

// Over is told of damage. Without one, or when it returns an error, the reading ends there.
type Over func(Damage) error

// Replay calls fn for the durable records with from ≤ Seq ≤ to in order, as Read gives them but for one thing: the event's
// struct is used again for the next one of its kind, so fn keeps no more than strings and slices of it. Damage is a
// *DamagedError unless over takes it; then the records after it come next.
func (j *Journal) Replay(ctx context.Context, from, to uint64, over Over, fn func(Record) error) error {
	var c coder
	var events [len(kinds)]Event
	blocks := 0
	if cut := j.cut.Load(); cut != nil && from < cut.Before && to+1 >= cut.Before {
		r, err := j.baseline(cut)
		if err == nil {
			err = fn(r)
		}
		if err != nil {
			return err
		}
		from = cut.Before
	}
	return j.scanOver(from, to, over, func(first uint64, value []byte, _ *block) error {
		if blocks++; blocks%ctxEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var b block
		if err := b.parse(bytes.Clone(value)); err != nil { // strings of events stay good
			return j.damaged(blockError(first, err))
		}
		var failed error
		err := b.each(func(i int, f *frame) (bool, error) {
			seq := first + uint64(i)
			if seq < from || seq > to {
				return seq < from, nil
			}
			e, err := f.eventInto(&c, seq, &events)
			if err != nil {
				return false, err
			}
			failed = fn(Record{Seq: seq, Time: b.base + Instant(f.delta), Event: e})
			return failed == nil, nil
		})
		if failed != nil {
			return failed
		}
		return j.damaged(blockError(first, err))
	})
}

// eventInto decodes the frame's fact into the struct that is kept for its kind.
func (f *frame) eventInto(c *coder, seq uint64, events *[len(kinds)]Event) (Event, error) {
	info := f.kind.info()
	if info == nil {
		return f.event(c, seq)
	}
	e := events[f.kind]
	if e == nil {
		e = info.make()
		events[f.kind] = e
	}
	return e, f.decode(c, e, seq)
}

// scanOver is scan, but for damage that over takes.
func (j *Journal) scanOver(from, to uint64, over Over, fn func(first uint64, value []byte, b *block) error) error {
	to = min(to, j.Durable())
	for from = max(from, 1); ; {
		err := j.scan(from, to, func(first uint64, value []byte, b *block) error {
			from = first
			err := fn(first, value, b)
			if err == nil {
				from = first + uint64(b.count)
			}
			return err
		})
		why := damageOf(err)
		if over == nil || why == nil {
			return err
		}
		next, err := j.blockAfter(from)
		if err != nil {
			return err
		}
		next = min(next, to+1)
		if err := over(Damage{First: from, Last: next - 1, Err: why}); err != nil {
			return err
		}
		from = next
	}
}

// damageOf tells what is wrong with a block, nil when err is about something else. A form that is unknown is as good as damage
// to whoever looks beyond it.
func damageOf(err error) error {
	var damaged *DamagedError
	var newer *NewerError
	switch {
	case errors.As(err, &damaged):
		return damaged.Err
	case errors.As(err, &newer):
		return newer
	}
	return nil
}

// blockAfter returns the first Seq of the first block behind a record that can be found, the next one to be written when
// there is none. Where the store itself cannot be read it looks farther and farther.
func (j *Journal) blockAfter(seq uint64) (uint64, error) {
	it, err := j.blocks(0, 0)
	if err != nil {
		return 0, err
	}
	defer func() { it.Close() }() // its error is that of the place that was passed over
	end := j.Durable() + 1
	for step := uint64(1); seq+step < end; step *= 2 {
		if it.SeekGE(blockKey(seq + step)) {
			return min(binary.BigEndian.Uint64(it.Key()[1:]), end), nil
		}
		if it.Error() == nil {
			break
		}
		it.Close()
		if it, err = j.blocks(0, 0); err != nil {
			return 0, err
		}
	}
	return end, nil
}
