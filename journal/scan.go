package journal

import (
	"encoding/binary"
	"fmt"
)

// scanSlice is how many blocks a scan reads with one iterator: one held longer would keep files that are due for deletion.
const scanSlice = 4096

// scan calls fn for each durable block that holds a record with from ≤ Seq ≤ to, in order. The value is valid only during
// the call. A gap between blocks is a *DamagedError, unless it lies before the place where the history begins.
func (j *Journal) scan(from, to uint64, fn func(first uint64, value []byte, b *block) error) error {
	to = min(to, j.Durable())
	from = max(from, 1)
	for from <= to {
		next, err := j.scanSome(from, to, fn)
		if err != nil {
			return err
		}
		from = next
	}
	return nil
}

func (j *Journal) scanSome(from, to uint64, fn func(uint64, []byte, *block) error) (next uint64, err error) {
	it, err := j.blocks(0, to+1)
	if err != nil {
		return 0, err
	}
	defer it.Close()
	want, begins := from, j.begins()
	ok := it.SeekLT(blockKey(from + 1))
	if !ok && from < begins {
		ok = it.First()
	}
	var b block
	for n := 0; ok && n < scanSlice; n, ok = n+1, it.Next() {
		first := binary.BigEndian.Uint64(it.Key()[1:])
		if first > want && first <= begins {
			want = first // what stood before it is gone
		}
		if first > want || n > 0 && first != want {
			break
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return 0, j.readError(err)
		}
		if err := b.parse(value); err != nil {
			return 0, j.damaged(blockError(first, err))
		}
		end := first + uint64(b.count)
		if end <= want && want < begins {
			continue // kept, before a gap
		}
		if end <= want {
			break
		}
		if err := fn(first, value, &b); err != nil {
			return 0, err
		}
		want = end
	}
	if err := it.Error(); err != nil {
		return 0, j.readError(err)
	}
	switch {
	case want > from:
		return want, nil
	case to < begins:
		return to + 1, nil // all of it is gone
	}
	return 0, j.missing(want)
}

// absent says why a single record is not there.
func (j *Journal) absent(seq uint64) error {
	if begins := j.begins(); seq < begins {
		return fmt.Errorf("record %d was removed with the history before record %d: %w", seq, begins, ErrNotFound)
	}
	return j.missing(seq)
}

func (j *Journal) missing(seq uint64) error {
	err := &DamagedError{Dir: j.dir, Block: seq, Err: fmt.Errorf("the block is missing")}
	if seq < j.begins() { // the history was cut under a reader
		return err
	}
	return j.damaged(err)
}
