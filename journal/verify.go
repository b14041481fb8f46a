package journal

import (
	"context"
	"encoding/binary"
	"errors"
)

var errChain = errors.New("the chain is broken: its records are not those that were written")

// VerifyChain recomputes the chain over the durable blocks from the one that holds record from to the end, and calls fn,
// unless it is nil, with the last Seq of each block that proved true. The first block that does not is a *DamagedError.
// With from ≤ 1 all of the history is proved, from the link on that the last cut has written down, what is kept of before it
// included; otherwise the link before from is taken as it stands.
func (j *Journal) VerifyChain(from uint64, fn func(last uint64) error) error {
	return j.ProveChain(context.Background(), from, j.Durable(), nil, fn)
}

// ProveChain is VerifyChain up to the block that holds record to, and beyond damage that over takes. The link of the first
// block behind one that cannot be read is taken as it stands.
func (j *Journal) ProveChain(ctx context.Context, from, to uint64, over Over, fn func(last uint64) error) error {
	if c := j.cut.Load(); c != nil && from <= c.Before {
		if err := j.verifyCut(c); err != nil {
			return err
		}
		from = c.Before
	}
	prev, err := j.linkBefore(from)
	if err != nil {
		return err
	}
	var chained []byte
	known := true // prev is the link of the block before
	blocks := 0
	passed := over
	if over != nil {
		passed = func(d Damage) error {
			known = errors.Is(d.Err, errChain)
			return over(d)
		}
	}
	return j.scanOver(from, to, passed, func(first uint64, _ []byte, b *block) error {
		if blocks++; blocks%ctxEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var got link
		got, chained, err = b.chain(chained, prev, first)
		if err != nil {
			return j.damaged(blockError(first, err))
		}
		prev = b.link
		if got != b.link && known {
			return j.damaged(&DamagedError{Dir: j.dir, Block: first, Err: errChain})
		}
		known = true
		if fn == nil {
			return nil
		}
		return fn(first + uint64(b.count) - 1)
	})
}

// linkBefore returns the link of the block before the one that holds a record.
func (j *Journal) linkBefore(seq uint64) (prev link, err error) {
	if c := j.cut.Load(); c != nil && seq == c.Before {
		return c.link, nil
	}
	it, err := j.blocks(0, 0)
	if err != nil {
		return prev, err
	}
	defer it.Close()
	if !it.SeekLT(blockKey(max(seq, 1)+1)) || !it.Prev() {
		return prev, j.readError(it.Error())
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return prev, j.readError(err)
	}
	var b block
	if err := b.parse(value); err != nil {
		return prev, j.damaged(blockError(binary.BigEndian.Uint64(it.Key()[1:]), err))
	}
	return b.link, nil
}
