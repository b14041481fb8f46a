package tracking

import (
	"os"
	"slices"
)

// Forget makes what the index says of a record and all that follow anew: its files go first, then change changes the
// history, and what it says from then on comes back as the index follows. A crash in between leaves nothing of the old.
func (x *Index) Forget(from uint64, change func() error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for n := len(x.sealed); n > 0 && x.sealed[n-1].to >= from; n-- {
		os.Remove(x.sealed[n-1].path)
		x.sealed[n-1].close()
		x.sealed, x.sealFrom = slices.Clip(x.sealed[:n-1]), 0
	}
	err := change()
	if x.active != nil {
		x.begin()
	}
	return err
}
