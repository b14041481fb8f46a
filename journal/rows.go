package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// Rows is a table of a follower: a cache of a fold over the records, with the Seq at which the fold stands. Rows and mark
// are written in one batch without a sync; after a crash both are those of an earlier moment, and never ahead of the
// records. One goroutine writes; many may read.
type Rows struct {
	j      *Journal
	prefix []byte // of the rows' keys
	mark   []byte // the key of the mark
}

// Rows returns the table of that name, which must not be empty or hold a zero byte. It need not exist.
func (j *Journal) Rows(name string) *Rows {
	if name == "" || strings.IndexByte(name, 0) >= 0 {
		panic("journal: bad name of rows: " + name)
	}
	return &Rows{
		j:      j,
		prefix: append([]byte{rowPrefix}, name+"\x00r"...),
		mark:   append([]byte{rowPrefix}, name+"\x00m"...),
	}
}

// RowNames lists the tables that there are, of those whose names begin so.
func (j *Journal) RowNames(prefix string) (names []string, err error) {
	first := append([]byte{rowPrefix}, prefix...)
	it, err := j.db.NewIter(&pebble.IterOptions{LowerBound: first, UpperBound: []byte{rowPrefix + 1}})
	if err != nil {
		return nil, j.readError(err)
	}
	defer it.Close()
	for ok := it.First(); ok && bytes.HasPrefix(it.Key(), first); {
		name, _, _ := bytes.Cut(it.Key()[1:], []byte{0})
		names = append(names, string(name))
		ok = it.SeekGE(append([]byte{rowPrefix}, names[len(names)-1]+"\x01"...))
	}
	return names, j.readError(it.Error())
}

// Mark returns the Seq at which the rows stand, 0 when there are none.
func (r *Rows) Mark() (uint64, error) { return r.j.number(r.mark) }

// RowBatch collects the changes of one Write.
type RowBatch struct {
	batch  *pebble.Batch
	prefix []byte
	err    error
}

// Set puts a row.
func (b *RowBatch) Set(k, v []byte) {
	if b.err != nil {
		return
	}
	op := b.batch.SetDeferred(len(b.prefix)+len(k), len(v))
	copy(op.Key[copy(op.Key, b.prefix):], k)
	copy(op.Value, v)
	b.err = op.Finish()
}

// Delete removes a row; it need not exist.
func (b *RowBatch) Delete(k []byte) {
	if b.err != nil {
		return
	}
	op := b.batch.DeleteDeferred(len(b.prefix) + len(k))
	copy(op.Key[copy(op.Key, b.prefix):], k)
	b.err = op.Finish()
}

// Write applies what fn does to the batch, and the mark, together and without a sync. An error of fn leaves all as it was.
func (r *Rows) Write(mark uint64, fn func(*RowBatch) error) error {
	if r.j.options.ReadOnly {
		return errReadOnly
	}
	batch := r.j.db.NewBatch()
	defer batch.Close()
	b := &RowBatch{batch: batch, prefix: r.prefix}
	if err := fn(b); err != nil {
		return err
	}
	if b.err == nil {
		b.err = batch.Set(r.mark, binary.BigEndian.AppendUint64(nil, mark), nil)
	}
	if b.err != nil {
		return fmt.Errorf("journal: rows: %w", b.err)
	}
	return batch.Commit(pebble.NoSync)
}

// Get returns a copy of a row and whether there is one.
func (r *Rows) Get(k []byte) ([]byte, bool, error) {
	v, closer, err := r.j.db.Get(append(r.prefix[:len(r.prefix):len(r.prefix)], k...))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, r.j.readError(err)
	}
	defer closer.Close()
	return bytes.Clone(v), true, nil
}

// Scan calls fn for the rows with from ≤ key < to in the order of their keys, as they stand when it begins; a nil from or
// to has no bound. Key and value are valid only during the call. An error of fn ends the scan and is returned.
func (r *Rows) Scan(from, to []byte, fn func(k, v []byte) error) error {
	lower := append(bytes.Clone(r.prefix), from...)
	upper := bytes.Clone(r.prefix)
	if to != nil {
		upper = append(upper, to...)
	} else {
		upper[len(upper)-1]++
	}
	it, err := r.j.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return r.j.readError(err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return r.j.readError(err)
		}
		if err := fn(it.Key()[len(r.prefix):], v); err != nil {
			return err
		}
	}
	return r.j.readError(it.Error())
}

// Clear removes all rows and the mark.
func (r *Rows) Clear() error {
	if r.j.options.ReadOnly {
		return errReadOnly
	}
	batch := r.j.db.NewBatch()
	defer batch.Close()
	end := bytes.Clone(r.prefix)
	end[len(end)-1]++
	if err := batch.DeleteRange(r.prefix, end, nil); err != nil {
		return err
	}
	if err := batch.Delete(r.mark, nil); err != nil {
		return err
	}
	return batch.Commit(pebble.NoSync)
}
