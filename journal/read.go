package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// blocks iterates over the blocks from the one that begins at from, to (excluded; 0: all).
func (j *Journal) blocks(from, to uint64) (*pebble.Iterator, error) {
	upper := []byte{blockPrefix + 1}
	if to > 0 {
		upper = blockKey(to)
	}
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: blockKey(from), UpperBound: upper})
	if err != nil {
		return nil, j.readError(err)
	}
	return it, nil
}

func blockKey(first uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{blockPrefix}, first)
}

// Read returns the durable records with Seq > after, in order and without a gap, at most max, appended to into[:0]. None
// and no error means that after is the end. Where retention has shortened the history it begins with the HistoryCut that
// stands for what is gone, at the Seq before the first record that is there: what is kept of older ones is for Pick, At and
// Envelopes. The events are shared: nobody may change them. With an error come the records
// before the one that could not be read; the error is a *DamagedError or a *NewerError if it will not go away.
func (j *Journal) Read(after uint64, max int, into []Record) ([]Record, error) {
	into = into[:0]
	durable := j.Durable()
	if after >= durable || max <= 0 {
		return into, nil
	}
	if out, ok := j.ring.read(into, after, max); ok {
		return out, nil
	}
	return j.readStore(after+1, durable, max, into)
}

// At returns one durable record; ErrNotFound when there is none with that Seq, or none any more.
func (j *Journal) At(seq uint64) (Record, error) {
	if seq == 0 || seq > j.Durable() {
		return Record{}, fmt.Errorf("record %d: %w", seq, ErrNotFound)
	}
	var one [1]Record
	if out, ok := j.ring.read(one[:0], seq-1, 1); ok {
		return out[0], nil
	}
	return j.readOne(seq)
}

// readOne reads a record out of its block and copies only what belongs to it.
func (j *Journal) readOne(seq uint64) (r Record, err error) {
	found := false
	err = j.scan(seq, seq, func(first uint64, _ []byte, b *block) error {
		err := b.each(func(i int, f *frame) (bool, error) {
			if first+uint64(i) != seq {
				return true, nil
			}
			f.public, f.private = bytes.Clone(f.public), bytes.Clone(f.private)
			found = true
			var err error
			r = Record{Seq: seq, Time: b.base + Instant(f.delta)}
			r.Event, err = f.event(new(coder), seq)
			return false, err
		})
		return j.damaged(blockError(first, err))
	})
	if err == nil && !found {
		err = j.absent(seq)
	}
	if err != nil {
		return Record{}, err
	}
	j.countUnknown([]Record{r})
	return r, nil
}

// readStore reads from ≤ Seq ≤ to out of the blocks.
func (j *Journal) readStore(from, to uint64, max int, into []Record) ([]Record, error) {
	it, err := j.blocks(0, to+1)
	if err != nil {
		return into, err
	}
	defer it.Close()
	c := new(coder) // not a pooled one: it ends with slices of what was read
	start := len(into)
	want := from // the next Seq that has to come
	if cut := j.cut.Load(); cut != nil && want < cut.Before {
		r, err := j.baseline(cut)
		if err != nil {
			return into, err
		}
		into, want = append(into, r), cut.Before
	}
	for ok := it.SeekLT(blockKey(want + 1)); ok && want <= to && len(into)-start < max; ok = it.Next() {
		first := binary.BigEndian.Uint64(it.Key()[1:])
		if first > want {
			break
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return into, j.readError(err)
		}
		n := len(into)
		into, err = decodeRecords(into, bytes.Clone(value), first, want, to, max-(n-start), c)
		j.countUnknown(into[n:])
		want += uint64(len(into) - n)
		if err != nil {
			return into, j.damaged(err)
		}
		if len(into) == n {
			break
		}
	}
	if err := it.Error(); err != nil {
		return into, j.readError(err)
	}
	if want <= to && len(into)-start < max {
		return into, j.missing(want)
	}
	return into, nil
}

func (j *Journal) countUnknown(records []Record) {
	for i := range records {
		if _, ok := records[i].Event.(*Unknown); ok {
			j.unknown.Add(1)
		}
	}
}
