package shell

import (
	"context"
	"sync"
	"time"
)

// turnPatience is how long who reads a long history waits for the one before.
const turnPatience = 10 * time.Second

// takeTurn takes the lock of a kind of heavy reading, of which one is enough at a time on a machine that moves mail; whoever
// got it unlocks it. It fails with busy when the one before does not end for long, and when ctx ends.
func takeTurn(ctx context.Context, turn *sync.Mutex, busy error) error {
	tick, late := time.NewTicker(20*time.Millisecond), time.NewTimer(turnPatience)
	defer tick.Stop()
	defer late.Stop()
	for !turn.TryLock() {
		select {
		case <-tick.C:
		case <-late.C:
			return busy
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
