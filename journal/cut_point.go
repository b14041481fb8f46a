package journal

import (
	"encoding/binary"
	"fmt"
)

// FirstSince returns the first Seq of the earliest block that is not older than an instant, or one after the last record
// when all are older.
func (j *Journal) FirstSince(at Instant) (uint64, error) {
	return j.search(func(_ uint64, b *block) (bool, error) { return b.base >= at, nil })
}

// FirstBeyond returns the first Seq of the earliest block before which the history takes so many bytes on the disk, or one
// after the last record when it takes less. What is not yet in its place there is not counted.
func (j *Journal) FirstBeyond(bytes uint64) (uint64, error) {
	return j.search(func(first uint64, _ *block) (bool, error) {
		n, err := j.db.EstimateDiskUsage(blockKey(0), blockKey(first))
		return n >= bytes, j.readError(err)
	})
}

// HistoryBytes is what the history takes on the disk, roughly; records of the last minutes may not be in it.
func (j *Journal) HistoryBytes() (uint64, error) {
	n, err := j.db.EstimateDiskUsage(blockKey(0), []byte{blockPrefix + 1})
	return n, j.readError(err)
}

// HistoryBegins returns the first Seq above which there is no gap, and its time; 0 when there is no record.
func (j *Journal) HistoryBegins() (uint64, Instant, error) {
	seq := max(j.begins(), 1)
	if seq > j.Durable() {
		return 0, 0, nil
	}
	r, err := j.At(seq)
	return seq, r.Time, err
}

// BlockOf returns the first Seq of the block that holds a record of the history.
func (j *Journal) BlockOf(seq uint64) (first uint64, err error) {
	first, _, _, err = j.probe(seq, func(uint64, *block) (bool, error) { return true, nil })
	return first, err
}

// search finds the first block of the history that meets a condition, which once it is met is met by all that follow.
func (j *Journal) search(met func(first uint64, b *block) (bool, error)) (uint64, error) {
	lo, hi := max(j.begins(), 1), j.Durable()+1
	for lo < hi {
		first, end, ok, err := j.probe(lo+(hi-lo)/2, met)
		switch {
		case err != nil:
			return 0, err
		case ok:
			hi = first
		default:
			lo = end
		}
	}
	return lo, nil
}

// probe asks a condition of the block that holds a record.
func (j *Journal) probe(seq uint64, met func(uint64, *block) (bool, error)) (first, end uint64, ok bool, err error) {
	it, err := j.blocks(0, 0)
	if err != nil {
		return 0, 0, false, err
	}
	defer it.Close()
	if !it.SeekLT(blockKey(seq + 1)) {
		if err := it.Error(); err != nil {
			return 0, 0, false, j.readError(err)
		}
		return 0, 0, false, j.missing(seq)
	}
	first = binary.BigEndian.Uint64(it.Key()[1:])
	value, err := it.ValueAndErr()
	if err != nil {
		return 0, 0, false, j.readError(err)
	}
	var b block
	if err := b.parse(value); err != nil {
		return 0, 0, false, j.damaged(blockError(first, err))
	}
	if end = first + uint64(b.count); end <= seq {
		return 0, 0, false, fmt.Errorf("cut: %w", j.missing(seq))
	}
	ok, err = met(first, &b)
	return first, end, ok, err
}
