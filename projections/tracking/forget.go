package tracking

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// Forget makes what the index says of a record and all that follow anew: its files go first, then change changes the
// history, and what it says from then on comes back as the index follows. A crash in between leaves nothing of the old. A
// segment of before the place where the history begins may still hold what retention has removed: then all go.
func (x *Index) Forget(from uint64, change func() error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.sealed) > 0 && x.sealed[0].from < x.cutAt.Before {
		from = 0
	}
	x.damages++ // a search that is under way begins anew
	var failed error
	for n := len(x.sealed); n > 0 && x.sealed[n-1].to >= from; n-- {
		failed = errors.Join(failed, os.Remove(x.sealed[n-1].path))
		x.sealed[n-1].close()
		x.sealed, x.sealFrom = slices.Clip(x.sealed[:n-1]), 0
	}
	if failed = errors.Join(failed, syncFolder(x.Dir)); failed == nil {
		failed = change()
	} else {
		failed = fmt.Errorf("index: %w", failed)
	}
	if x.active != nil {
		x.begin()
	}
	return failed
}
