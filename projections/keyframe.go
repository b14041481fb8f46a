package projections

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"postern/journal"
)

// KeyframeRows is the name of the journal's rows that hold the keyframes.
const KeyframeRows = "keyframes"

// The defaults of Keyframes.
const (
	KeyframeEvery   = 15 * time.Minute
	KeyframeRecords = 500_000
	keyframesKept   = 8   // the newest, whatever else
	keyframeHours   = 26  // all of the last hours, so that a look at any moment of a day has little to replay
	keyframeHourly  = 72  // hours; before them the first of each hour
	keyframeDays    = 30  // before them the first of each day
	keyframesMost   = 256 // beyond it those go first that spare the fewest records
	keyframesBytes  = 512 << 20
)

// Keyframes keeps figures as of some Seqs, so that a start, or a look at the past, replays from the nearest one instead of
// from the first record. They are a cache: what cannot be read is skipped, and without any everything is replayed.
//
//	rows: "i" seq → index entry {parts, length, crc32c, time}; "d" seq part → 256 KiB of the encoding
//
// The index entry comes last, so that a keyframe that was cut short is none; Sweep deletes what is left of it. Save has one
// caller at a time.
type Keyframes struct {
	Rows    *journal.Rows
	Every   time.Duration // 0: KeyframeEvery
	Records uint64        // 0: KeyframeRecords

	savedSeq uint64
	savedAt  time.Time
}

const (
	keyframePart  = 256 << 10
	keyframeBatch = 1 << 20
	maxKeyframe   = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// keyframeIndex is the index entry of one keyframe.
type keyframeIndex struct {
	seq         uint64
	parts, size uint32
	sum         uint32
	at          journal.Instant
}

func indexKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte{'i'}, seq) }

func partKey(seq uint64, part uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64([]byte{'d'}, seq), part)
}

// Save writes a keyframe when enough time or records have passed since the last one; with now, if anything has.
func (k *Keyframes) Save(f *Figures, at time.Time, now bool) error {
	if !k.due(f.seq, at, now) {
		return nil
	}
	return k.draft(f, journal.InstantOf(at)).write(func() {})
}

// due tells whether it is time for a keyframe of a Seq, and takes it for saved: when that fails, the next period tries again.
func (k *Keyframes) due(seq uint64, at time.Time, now bool) bool {
	every, records := k.Every, k.Records
	if every == 0 {
		every = KeyframeEvery
	}
	if records == 0 {
		records = KeyframeRecords
	}
	if k.savedAt.IsZero() {
		k.savedAt = at
	}
	if seq == k.savedSeq || !now && seq-k.savedSeq < records && at.Sub(k.savedAt) < every {
		return false
	}
	k.savedSeq, k.savedAt = seq, at
	return true
}

// keyframeDraft is a keyframe that has not been written yet. It owns its data: the figures may go on.
type keyframeDraft struct {
	keyframes *Keyframes
	index     keyframeIndex
	data      []byte
}

func (k *Keyframes) draft(f *Figures, at journal.Instant) *keyframeDraft {
	return &keyframeDraft{keyframes: k, index: keyframeIndex{seq: f.seq, at: at}, data: f.encode(nil)}
}

// write writes the keyframe and drops those that have become too many; rest is called between its batches.
func (d *keyframeDraft) write(rest func()) error {
	if err := d.writeRows(rest); err != nil {
		return fmt.Errorf("projections: keyframe at record %d: %w", d.index.seq, err)
	}
	return nil
}

func (d *keyframeDraft) writeRows(rest func()) error {
	k, x, data := d.keyframes, d.index, d.data
	if len(data) > maxKeyframe {
		return fmt.Errorf("%d bytes are too many", len(data))
	}
	x.size, x.sum = uint32(len(data)), crc32.Checksum(data, castagnoli)
	mark, err := k.Rows.Mark()
	if err != nil {
		return err
	}
	for ; len(data) > 0; rest() {
		err := k.Rows.Write(mark, func(b *journal.RowBatch) error {
			for room := keyframeBatch; room > 0 && len(data) > 0; room -= keyframePart {
				n := min(keyframePart, len(data))
				b.Set(partKey(x.seq, x.parts), data[:n])
				data = data[n:]
				x.parts++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	have, err := k.list()
	if err != nil {
		return err
	}
	return k.Rows.Write(x.seq, func(b *journal.RowBatch) error {
		b.Set(indexKey(x.seq), x.encode())
		for _, old := range surplus(withNewest(have, x), x.at) {
			old.delete(b)
		}
		return nil
	})
}

// withNewest is the list once one more has come; what was saved at the same Seq before is replaced by it.
func withNewest(have []keyframeIndex, x keyframeIndex) []keyframeIndex {
	return append(slices.DeleteFunc(have, func(old keyframeIndex) bool { return old.seq == x.seq }), x)
}

func (x keyframeIndex) encode() []byte {
	b := binary.AppendUvarint(nil, uint64(x.parts))
	b = binary.AppendUvarint(b, uint64(x.size))
	b = binary.BigEndian.AppendUint32(b, x.sum)
	return binary.AppendVarint(b, int64(x.at))
}

func (x keyframeIndex) delete(b *journal.RowBatch) {
	b.Delete(indexKey(x.seq))
	for part := range x.parts {
		b.Delete(partKey(x.seq, part))
	}
}

// list returns the index entries, oldest first. What is malformed is left out.
func (k *Keyframes) list() (out []keyframeIndex, err error) {
	err = k.Rows.Scan([]byte{'i'}, []byte{'i' + 1}, func(key, v []byte) error {
		if len(key) != 9 {
			return nil
		}
		d := decoder{b: v}
		x := keyframeIndex{seq: binary.BigEndian.Uint64(key[1:])}
		x.parts, x.size = d.uint32(), d.uint32()
		if len(d.b) < 4 {
			return nil
		}
		x.sum = binary.BigEndian.Uint32(d.b)
		d.b = d.b[4:]
		x.at = journal.Instant(d.int())
		if d.err == nil && x.size <= maxKeyframe && x.parts <= maxKeyframe/keyframePart {
			out = append(out, x)
		}
		return nil
	})
	return out, err
}

// surplus chooses what goes when the last of them has come: what its age lets go, and what the bounds on number and bytes do.
func surplus(have []keyframeIndex, now journal.Instant) (out []keyframeIndex) {
	kept := make([]keyframeIndex, 0, len(have))
	before := journal.Instant(-1) << 62
	for i, x := range have {
		if i >= len(have)-keyframesKept || x.outlives(before, now) {
			kept = append(kept, x)
		} else {
			out = append(out, x)
		}
		before = x.at
	}
	bytes := 0
	for _, x := range kept {
		bytes += int(x.size)
	}
	for len(kept) > keyframesKept && (len(kept) > keyframesMost || bytes > keyframesBytes) {
		i := leastSpared(kept[:len(kept)-keyframesKept+1])
		bytes -= int(kept[i].size)
		out = append(out, kept[i])
		kept = slices.Delete(kept, i, i+1)
	}
	return out
}

// outlives tells whether a keyframe is kept at its age; before is when the one before it was made.
func (x keyframeIndex) outlives(before, now journal.Instant) bool {
	const hour = int64(time.Hour)
	first := func(span int64) bool { return int64(x.at)/span != int64(before)/span }
	switch age := int64(now) - int64(x.at); {
	case age < keyframeHours*hour:
		return true
	case age < keyframeHourly*hour:
		return first(hour)
	case age < keyframeDays*24*hour:
		return first(24 * hour)
	}
	return false
}

// leastSpared is the one without which the fewest records have to be replayed more; the last of them stays.
func leastSpared(list []keyframeIndex) (least int) {
	before, fewest := uint64(0), uint64(1<<64-1)
	for i := range len(list) - 1 {
		if gap := list[i+1].seq - before; gap < fewest {
			least, fewest = i, gap
		}
		before = list[i].seq
	}
	return least
}

// Load returns the figures of the newest keyframe at or before upTo that can be read, or those before the first record.
func (k *Keyframes) Load(upTo uint64, maxHosts int) (*Figures, error) {
	have, err := k.list()
	if err != nil {
		return nil, fmt.Errorf("projections: keyframes: %w", err)
	}
	for i := len(have) - 1; i >= 0; i-- {
		if have[i].seq > upTo {
			continue
		}
		data, err := k.read(have[i])
		if err != nil {
			return nil, fmt.Errorf("projections: keyframe at record %d: %w", have[i].seq, err)
		}
		if data == nil {
			continue
		}
		if f, err := decodeFigures(data, maxHosts); err == nil && f.seq == have[i].seq {
			k.savedSeq = f.seq
			return f, nil
		}
	}
	return NewFigures(maxHosts), nil
}

// read returns the bytes of a keyframe, nil when they are not what was written.
func (k *Keyframes) read(x keyframeIndex) ([]byte, error) {
	data := make([]byte, 0, x.size)
	for part := range x.parts {
		v, ok, err := k.Rows.Get(partKey(x.seq, part))
		if err != nil {
			return nil, err
		}
		if !ok || len(data)+len(v) > int(x.size) {
			return nil, nil
		}
		data = append(data, v...)
	}
	if len(data) != int(x.size) || crc32.Checksum(data, castagnoli) != x.sum {
		return nil, nil
	}
	return data, nil
}

// AsOf builds the figures as they stood at a Seq, from the nearest keyframe (k may be nil) and the records after it.
func AsOf(ctx context.Context, source Source, k *Keyframes, seq uint64, maxHosts int) (*Figures, error) {
	f := NewFigures(maxHosts)
	if k != nil {
		var err error
		if f, err = k.Load(seq, maxHosts); err != nil {
			return nil, err
		}
	}
	return f, f.advance(ctx, source, seq, new(journal.Pace))
}

var errGone = errors.New("retention has removed it: the history begins")

var errNotYet = errors.New("it has not been written yet")
