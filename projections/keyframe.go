package projections

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"postern/journal"
)

// KeyframeRows is the name of the journal's rows that hold the keyframes.
const KeyframeRows = "keyframes"

// The defaults of Keyframes.
const (
	KeyframeEvery   = 15 * time.Minute
	KeyframeRecords = 500_000
	keyframesKept   = 8  // the newest
	keyframeDays    = 30 // and of those before them the first of each day
)

// Keyframes keeps figures as of some Seqs, so that a start, or a look at the past, replays from the nearest one instead of
// from the first record. They are a cache: what cannot be read is skipped, and without any everything is replayed.
//
//	rows: "i" seq → index entry {parts, length, crc32c, time}; "d" seq part → 256 KiB of the encoding
//
// The index entry comes last, so that a keyframe that was cut short is none. Save has one caller at a time.
type Keyframes struct {
	Rows    *journal.Rows
	Every   time.Duration // 0: KeyframeEvery
	Records uint64        // 0: KeyframeRecords

	savedSeq uint64
	savedAt  time.Time
}

const (
	keyframePart  = 256 << 10
	keyframeBatch = 4 << 20
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
	if f.seq == k.savedSeq || !now && f.seq-k.savedSeq < records && at.Sub(k.savedAt) < every {
		return nil
	}
	k.savedSeq, k.savedAt = f.seq, at // also when it fails: the next period tries again
	if err := k.write(f, journal.InstantOf(at)); err != nil {
		return fmt.Errorf("projections: keyframe at record %d: %w", f.seq, err)
	}
	return nil
}

func (k *Keyframes) write(f *Figures, at journal.Instant) error {
	data := f.encode(nil)
	if len(data) > maxKeyframe {
		return fmt.Errorf("%d bytes are too many", len(data))
	}
	x := keyframeIndex{seq: f.seq, size: uint32(len(data)), sum: crc32.Checksum(data, castagnoli), at: at}
	mark, err := k.Rows.Mark()
	if err != nil {
		return err
	}
	for len(data) > 0 {
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
		for _, old := range surplus(have, at) {
			if old.seq != x.seq {
				old.delete(b)
			}
		}
		return nil
	})
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

// surplus chooses what goes when one more comes: all but the newest and the first of each of the last days.
func surplus(have []keyframeIndex, now journal.Instant) (out []keyframeIndex) {
	const day = int64(24 * time.Hour)
	lastDay := int64(-1) << 62
	for i, x := range have {
		first := int64(x.at)/day != lastDay
		lastDay = int64(x.at) / day
		if i >= len(have)-(keyframesKept-1) || first && int64(now)-int64(x.at) < keyframeDays*day {
			continue
		}
		out = append(out, x)
	}
	return out
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
	var records []journal.Record
	for f.seq < seq {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var err error
		records, err = source.Read(f.seq, int(min(seq-f.seq, followBatch)), records)
		for i := range records {
			if cut, ok := records[i].Event.(*journal.HistoryCut); ok && cut.Baseline(records[i].Seq) && records[i].Seq > seq {
				return nil, fmt.Errorf("projections: record %d: %w with record %d", seq, errGone, cut.Before)
			}
			if records[i].Seq > seq {
				return f, nil
			}
			f.Apply(records[i])
		}
		if err != nil {
			return nil, fmt.Errorf("projections: after record %d: %w", f.seq, err)
		}
		if len(records) == 0 {
			return nil, fmt.Errorf("projections: record %d: %w", seq, errNotYet)
		}
	}
	return f, nil
}

var errGone = errors.New("retention has removed it: the history begins")

var errNotYet = errors.New("it has not been written yet")
