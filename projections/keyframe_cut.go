package projections

import (
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
