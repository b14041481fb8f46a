package projections

import (
	"bytes"
	"fmt"

	"postern/journal"
)

// Cut removes the keyframes of before the place where the history begins: nobody could say any more whether they are true.
func (k *Keyframes) Cut(before uint64) error {
	have, err := k.list()
	if err != nil {
		return fmt.Errorf("projections: keyframes: %w", err)
	}
	mark, err := k.Rows.Mark()
	if err != nil {
		return err
	}
	return k.Rows.Write(mark, func(b *journal.RowBatch) error {
		for _, x := range have {
			if x.seq+1 < before {
				x.delete(b)
			}
		}
		return nil
	})
}

// Sweep deletes what belongs to no keyframe: the parts of one that the end of the gateway came upon while it was written. Who
// forgets a person would not look there. It is for the start, when nobody writes keyframes yet.
func (k *Keyframes) Sweep() error {
	strays, err := k.strays()
	if err == nil && len(strays) > 0 {
		var mark uint64
		if mark, err = k.Rows.Mark(); err == nil {
			err = k.Rows.Write(mark, func(b *journal.RowBatch) error {
				for _, key := range strays {
					b.Delete(key)
				}
				return nil
			})
		}
	}
	if err != nil {
		return fmt.Errorf("projections: keyframes that were cut short: %w", err)
	}
	return nil
}

// strays lists the parts that no keyframe has. Those of keyframes, which may be large, are not read.
func (k *Keyframes) strays() (keys [][]byte, err error) {
	have, err := k.list()
	if err != nil {
		return nil, err
	}
	from := []byte{'d'}
	look := func(to []byte) error {
		return k.Rows.Scan(from, to, func(key, _ []byte) error {
			keys = append(keys, bytes.Clone(key))
			return nil
		})
	}
	for _, x := range have {
		if err := look(partKey(x.seq, 0)); err != nil {
			return nil, err
		}
		from = partKey(x.seq, x.parts)
	}
	return keys, look([]byte{'d' + 1})
}

// Cut removes the keyframes of before a cut, when none of them is being written any more.
func (f *Follower) Cut(before uint64) error {
	f.saving.Lock()
	defer f.saving.Unlock()
	return f.Keyframes.Cut(before)
}

// CutBaselines gives a cut what the figures, as of the record before it, have to say.
func CutBaselines(cut *journal.HistoryCut, f *Figures) error {
	if f.Seq()+1 != cut.Before {
		return fmt.Errorf("projections: figures at record %d are no baseline of a cut before record %d", f.Seq(), cut.Before)
	}
	cut.Counters, cut.ResetCounters = f.counters.Baselines()
	cut.Figures = f.Baseline()
	return nil
}
