package journal

import "context"

// Pick calls fn for the durable records with from ≤ Seq ≤ to (0: the end) whose kind is wanted, in order. The others are not
// decoded, which makes a search through a long history some times faster than reading it. The event is valid only during the
// call: what is kept of it is cloned, or read again with At. An error of fn ends it and is returned.
func (j *Journal) Pick(ctx context.Context, from, to uint64, wanted func(Kind) bool, fn func(Record) error) error {
	return j.pick(ctx, from, to, nil, wanted, fn)
}

// Beyond is a journal that is searched beyond damage, of which Over is told.
type Beyond struct {
	*Journal
	Over Over
}

// Pick is that of the journal, but for damage that Over takes.
func (b Beyond) Pick(ctx context.Context, from, to uint64, wanted func(Kind) bool, fn func(Record) error) error {
	return b.pick(ctx, from, to, b.Over, wanted, fn)
}

func (j *Journal) pick(ctx context.Context, from, to uint64, over Over, wanted func(Kind) bool, fn func(Record) error) error {
	if to == 0 {
		to = j.Durable()
	}
	var c coder
	blocks := 0
	return j.scanOver(from, to, over, func(first uint64, _ []byte, b *block) error {
		if blocks++; blocks%ctxEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var failed error
		err := b.each(func(i int, f *frame) (bool, error) {
			seq := first + uint64(i)
			if seq < from || seq > to || !wanted(f.kind) {
				return seq <= to, nil
			}
			e, err := f.event(&c, seq)
			if err != nil {
				return false, err
			}
			failed = fn(Record{Seq: seq, Time: b.base + Instant(f.delta), Event: e})
			return failed == nil, nil
		})
		if failed != nil {
			return failed
		}
		return j.damaged(blockError(first, err))
	})
}

// KindSet is a set of kinds.
type KindSet map[Kind]bool

// KindsOf makes a set of the kinds of events.
func KindsOf(events ...Event) KindSet {
	s := make(KindSet, len(events))
	for _, e := range events {
		s[e.Kind()] = true
	}
	return s
}

// Has tells whether a kind is in the set.
func (s KindSet) Has(k Kind) bool { return s[k] }
