package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"
)

// Block is what one turn writes: its facts, and the bodies that end with them.
type Block struct {
	Time   Instant // of all records; 0: now
	Events []Prepared
	Free   []BodyID // deleted in the same batch
}

var errTooManyRecords = fmt.Errorf("journal: more than %d records in a block", maxBlockRecords)
var errReadOnly = errors.New("journal: opened for reading only")

// Append writes a block with one batch and one sync and returns when it is durable. Its records have the Seqs first,
// first+1, ... A block without events only frees bodies, unsynced, and returns the Seq that comes next. When the write is
// lost, Options.Fatal is called and Append does not return.
func (j *Journal) Append(b *Block) (first uint64, err error) {
	if j.options.ReadOnly {
		return 0, errReadOnly
	}
	if len(b.Events) > maxBlockRecords {
		return 0, errTooManyRecords
	}
	for i := range b.Events {
		if b.Events[i].frame == nil {
			b.Events[i] = Prepare(b.Events[i].Event)
		}
	}
	j.appending.Lock()
	defer j.appending.Unlock()
	first = j.next
	t := b.Time
	if t == 0 {
		t = InstantOf(j.options.Now())
	}
	batch := j.db.NewBatch()
	defer batch.Close()
	next, err := j.fill(batch, b, first, t)
	if err != nil {
		return 0, err
	}
	if len(b.Events) == 0 {
		return first, batch.Commit(pebble.NoSync)
	}
	if err := batch.Commit(pebble.Sync); err != nil {
		j.options.Fatal(fmt.Errorf("journal %s: append at %d: %w", j.dir, first, err))
		select {}
	}
	j.link, j.next = next, first+uint64(len(b.Events))
	j.ring.add(first, t, b.Events)
	j.durable.Store(j.next - 1)
	j.waiters.wake()
	return first, nil
}

// fill puts the block and the ends of bodies into a batch.
func (j *Journal) fill(batch *pebble.Batch, b *Block, first uint64, t Instant) (next link, err error) {
	if len(b.Events) > 0 {
		var secret [secretSize]byte
		if _, err := io.ReadFull(j.options.Random, secret[:]); err != nil {
			return next, fmt.Errorf("journal: secret: %w", err)
		}
		var value []byte
		value, next = j.writer.write(j.link, first, t, &secret, b.Events)
		j.keyBuf = binary.BigEndian.AppendUint64(append(j.keyBuf[:0], blockPrefix), first)
		op := batch.SetDeferred(len(j.keyBuf), len(value))
		copy(op.Key, j.keyBuf)
		copy(op.Value, value)
		if err := op.Finish(); err != nil {
			return next, err
		}
	}
	for _, id := range b.Free {
		if err := j.deleteBody(batch, id); err != nil {
			return next, err
		}
	}
	return next, nil
}

// AppendEvents appends events that need no preparation; for tests and tools. A zero t is now.
func (j *Journal) AppendEvents(t Instant, ev ...Event) (first uint64, err error) {
	b := Block{Time: t, Events: make([]Prepared, len(ev))}
	for i, e := range ev {
		b.Events[i] = Prepare(e)
	}
	return j.Append(&b)
}

// Durable returns the Seq of the last durable record, 0 when there is none.
func (j *Journal) Durable() uint64 { return j.durable.Load() }

// DurableNow is Durable once the Append that is under way has ended: whoever has looked into the store before the call has seen
// nothing beyond it.
func (j *Journal) DurableNow() uint64 {
	j.appending.Lock()
	defer j.appending.Unlock()
	return j.Durable()
}
