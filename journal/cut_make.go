package journal

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// The bounds of what one cut keeps. They are held in memory while it is made, and its fact has all live messages.
const (
	maxKeptMessages = 100_000
	maxKeptRecords  = 500_000
	maxKeptBytes    = 128 << 20
)

// ErrKeepsTooMuch says that a cut would have to keep more of what is older than one cut may: too many messages that are
// still in the queue. An earlier cut keeps less.
var ErrKeepsTooMuch = fmt.Errorf("more than %d messages that are still in the queue, or %d records of such, are older", maxKeptMessages, maxKeptRecords)

// CutDraft is a cut that is worked out and not made. It must be closed.
type CutDraft struct {
	// Fact is what the journal itself knows of the cut. The caller adds the other baselines, all of them as of the record
	// before Before, and has it written before Make.
	Fact HistoryCut
	// System is the state that belongs to no message as of the record before Before.
	System LiveSystem

	journal *Journal
	cut     Cut
	kept    []keptBlock
}

// keptBlock is a record below a cut in a block of its own.
type keptBlock struct {
	seq   uint64
	value []byte
}

// DraftCut works out a cut at a Seq, which must be the first of a block and not above LiveSystem.OldestOrder of the rows: what
// an order has taken comes back when it is undone. What is live in the rows is kept as well as what was live at the cut. It
// folds everything that goes; rest is called again and again meanwhile, and may take its time. Until the draft is closed
// nothing else is taken out of the history.
func (j *Journal) DraftCut(ctx context.Context, before uint64, rows *LiveSnapshot, rest func()) (*CutDraft, error) {
	if j.options.ReadOnly {
		return nil, errReadOnly
	}
	j.shortened.Lock()
	d := &CutDraft{journal: j}
	if err := d.work(ctx, before, rows, rest); err != nil {
		d.Close()
		return nil, fmt.Errorf("journal %s: cut before record %d: %w", j.dir, before, err)
	}
	return d, nil
}

// Close gives the draft up, made or not.
func (d *CutDraft) Close() { d.journal.shortened.Unlock() }

func (d *CutDraft) work(ctx context.Context, before uint64, rows *LiveSnapshot, rest func()) error {
	j := d.journal
	if before <= max(j.begins(), 1) || before > j.Durable() {
		return errors.New("the history has no such place")
	}
	if err := j.beginsBlock(before); err != nil {
		return err
	}
	link, err := j.linkBefore(before)
	if err != nil {
		return err
	}
	f, err := j.foldBefore(ctx, before, rest)
	if err != nil {
		return err
	}
	if len(f.messages) > maxKeptMessages {
		return ErrKeepsTooMuch
	}
	d.System = f.state.LiveSystem.clone()
	d.Fact = HistoryCut{Before: before, Boots: f.state.Boots, LastReset: f.state.LastReset, Revision: f.state.Revision,
		SuspendedHosts: d.System.DeliverySuspended, Suspended: d.System.ListenersSuspended, WorkQueuePause: f.state.WorkQueuePauseReason,
		Link: hex.EncodeToString(link[:]), Live: f.baseline()}
	for _, id := range [...]IDKind{MID, ICID, DCID} {
		d.Fact.NextIDs = append(d.Fact.NextIDs, NamedValue{Name: id.String(), Value: int64(*f.state.next(id))})
	}
	k := keeper{draft: d, rest: rest, outbound: make(map[uint32][]keptBlock), used: make(map[uint32]bool)}
	if err := k.choose(ctx, f, rows); err != nil {
		return err
	}
	if err := j.scan(1, before-1, func(first uint64, _ []byte, b *block) error { return k.block(ctx, first, b) }); err != nil {
		return err
	}
	slices.SortFunc(d.kept, func(a, b keptBlock) int { return cmp.Compare(a.seq, b.seq) })
	sum, err := hashKept(d.kept)
	if err != nil {
		return err
	}
	d.Fact.Kept, d.Fact.KeptHash = uint64(len(d.kept)), hex.EncodeToString(sum[:])
	d.cut = Cut{Before: before, Kept: uint64(len(d.kept)), link: link}
	return nil
}

// beginsBlock fails unless a block begins with a Seq.
func (j *Journal) beginsBlock(seq uint64) error {
	_, closer, err := j.db.Get(blockKey(seq))
	if errors.Is(err, pebble.ErrNotFound) {
		return errors.New("no block begins there")
	}
	if err != nil {
		return j.readError(err)
	}
	return closer.Close()
}

// foldBefore replays everything below a Seq.
func (j *Journal) foldBefore(ctx context.Context, before uint64, rest func()) (*liveFold, error) {
	f := newLiveFold()
	var records []Record
	for f.at < before-1 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var err error
		if records, err = j.Read(f.at, liveReadRecords, records); err != nil {
			return nil, err
		}
		for _, r := range records {
			if r.Seq < before {
				f.replay(r)
			}
		}
		rest()
	}
	return f, nil
}

// Make takes away what the draft does not keep, in one batch that is durable when it returns: after a crash the history
// is the old one or the new one. seq is that of the fact, which must be durable.
func (d *CutDraft) Make(seq uint64) error {
	j := d.journal
	r, err := j.At(seq)
	if err != nil {
		return err
	}
	if e, ok := r.Event.(*HistoryCut); !ok || e.Before != d.cut.Before || e.KeptHash != d.Fact.KeptHash {
		return fmt.Errorf("journal %s: record %d is not the cut that was drafted", j.dir, seq)
	}
	d.cut.Seq, d.cut.Time = seq, r.Time
	b := j.db.NewBatch()
	defer b.Close()
	err = b.DeleteRange(blockKey(0), blockKey(d.cut.Before), nil)
	for i := 0; i < len(d.kept) && err == nil; i++ {
		err = b.Set(blockKey(d.kept[i].seq), d.kept[i].value, nil)
	}
	if err == nil {
		err = b.Set(cutKey, d.cut.encode(), nil)
	}
	if err != nil {
		return fmt.Errorf("journal %s: cut: %w", j.dir, err)
	}
	cut := d.cut
	j.cut.Store(&cut) // first: who finds a gap has to know why
	if err := b.Commit(pebble.Sync); err != nil {
		j.options.Fatal(fmt.Errorf("journal %s: cut before record %d: %w", j.dir, cut.Before, err))
		select {}
	}
	j.ring.drop(cut.Before)
	return nil
}

// hashKept is the SHA-256 over kept records: for each its Seq and what the chain has of a record.
func hashKept(kept []keptBlock) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	var b block
	for i := range kept {
		if err := b.parse(kept[i].value); err != nil {
			return sum, blockError(kept[i].seq, err)
		}
		part := binary.BigEndian.AppendUint64(nil, kept[i].seq)
		err := b.each(func(i int, f *frame) (bool, error) {
			part = appendChained(part, f.kind, b.base+Instant(f.delta), f.public)
			if f.flags&frameHasPrivate == 0 {
				return true, nil
			}
			sum, err := b.hashOf(i, f)
			part = append(part, sum[:]...)
			return true, err
		})
		if err != nil {
			return sum, blockError(kept[i].seq, err)
		}
		h.Write(part)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// verifyCut proves that what is kept below a cut is what was kept then, and that the chain goes on from where it ended.
func (j *Journal) verifyCut(c *Cut) error {
	base, err := j.baseline(c)
	if err != nil {
		return err
	}
	e := base.Event.(*HistoryCut)
	var kept []keptBlock
	err = j.scan(1, c.Before-1, func(first uint64, value []byte, _ *block) error {
		kept = append(kept, keptBlock{first, slices.Clone(value)})
		return nil
	})
	if err != nil {
		return err
	}
	sum, err := hashKept(kept)
	if err != nil {
		return j.damaged(err)
	}
	if hex.EncodeToString(sum[:]) != e.KeptHash || hex.EncodeToString(c.link[:]) != e.Link {
		return j.damaged(&DamagedError{Dir: j.dir, Block: c.Before, Err: errKept})
	}
	return nil
}

var errKept = errors.New("what is kept of the records before it is not what was kept")

// ownBlock puts a record into a block of its own.
func (b *block) ownBlock(i int, f *frame) ([]byte, error) {
	out := []byte{blockVersion, 0, 0, 0, 0, b.flags &^ blockHasSecret}
	out = binary.AppendUvarint(out, 1)
	out = binary.BigEndian.AppendUint64(out, uint64(b.base+Instant(f.delta)))
	out = append(out, make([]byte, sha256.Size)...) // the chain does not go through it
	alone := *f
	alone.delta = 0
	out, err := b.appendFrame(out, i, &alone)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(out[1:], crc32.Checksum(out[5:], castagnoli))
	return out, nil
}
