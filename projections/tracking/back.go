package tracking

import (
	"context"
	"slices"

	"postern/journal"
)

// firstWindow and lastWindow are how many records are read at once on the way back. The windows grow, since what has not come
// soon may be far.
const (
	firstWindow = 1000
	lastWindow  = 1 << 20
)

// Back calls found for the facts that are meant among those of some kinds with least ≤ Seq ≤ from, the last one first, until
// it says that it is enough. meant is asked while they are read, as Pick does.
func Back(ctx context.Context, h History, from, least uint64, kinds journal.KindSet, meant, found func(journal.Record) bool) (enough bool, err error) {
	least = max(least, 1)
	for to, size := from, uint64(firstWindow); to >= least; size = min(2*size, lastWindow) {
		begin := max(least, to-min(to-1, size-1))
		var hits []uint64
		err := h.Pick(ctx, begin, to, kinds.Has, func(r journal.Record) error {
			if meant(r) {
				hits = append(hits, r.Seq)
			}
			return nil
		})
		if err != nil {
			return false, err
		}
		for _, seq := range slices.Backward(hits) {
			r, err := h.At(seq)
			if err != nil {
				return false, err
			}
			if found(r) {
				return true, nil
			}
		}
		to = begin - 1
	}
	return false, nil
}
