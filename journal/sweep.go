package journal

import (
	"bytes"
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
)

// sweepBatch is how many chunks are deleted in one batch.
const sweepBatch = 1000

// SweepBodies deletes the bodies that earlier runs left behind and that live does not know: transactions that a crash cut
// off between the body and its fact. It looks only at the runs since the last sweep, and may run while mail flows. It
// returns how many bodies it deleted.
func (j *Journal) SweepBodies(live func(BodyID) bool) (deleted int, err error) {
	if j.options.ReadOnly {
		return 0, errReadOnly
	}
	from, err := j.Swept()
	if err != nil {
		return 0, err
	}
	to := j.boot << bootShift
	it, err := j.bodyChunks(from, BodyID(to))
	if err != nil {
		return 0, err
	}
	defer it.Close()
	batch := j.db.NewBatch()
	defer func() { batch.Close() }()
	var last BodyID
	dead := false
	for ok := it.First(); ok; ok = it.Next() {
		id, _, valid := parseBodyKey(it.Key())
		if !valid {
			continue
		}
		if id != last {
			last, dead = id, !live(id)
			if dead {
				deleted++
			}
		}
		if !dead {
			continue
		}
		if err := batch.SingleDelete(bytes.Clone(it.Key()), nil); err != nil {
			return deleted, err
		}
		if batch.Count() >= sweepBatch {
			if err := batch.Commit(pebble.NoSync); err != nil {
				return deleted, err
			}
			batch.Close()
			batch = j.db.NewBatch()
		}
	}
	if err := it.Error(); err != nil {
		return deleted, j.readError(err)
	}
	if err := batch.Set(sweptKey, binary.BigEndian.AppendUint64(nil, to), nil); err != nil {
		return deleted, err
	}
	return deleted, batch.Commit(pebble.NoSync)
}

// Swept is the body from which on SweepBodies looks: those before it need not be known as live.
func (j *Journal) Swept() (BodyID, error) {
	n, err := j.number(sweptKey)
	return BodyID(n), err
}

// Bodies calls fn for every body in the store with the bytes of its content, without reading them.
func (j *Journal) Bodies(fn func(id BodyID, bytes int64)) error {
	it, err := j.bodyChunks(0, ^BodyID(0))
	if err != nil {
		return err
	}
	defer it.Close()
	var last BodyID
	var size int64
	for ok := it.First(); ok; ok = it.Next() {
		id, _, valid := parseBodyKey(it.Key())
		if !valid {
			continue
		}
		if id != last && last != 0 {
			fn(last, size)
			size = 0
		}
		v := it.LazyValue()
		last, size = id, size+int64(max(v.Len()-1, 0))
	}
	if last != 0 {
		fn(last, size)
	}
	return j.readError(it.Error())
}
