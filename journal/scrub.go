package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// eagerFor is how long after an erasure the store rewrites every file that holds something dead.
const eagerFor = 10 * time.Minute

// ScrubDue returns from which record on the store may still hold what erasures have replaced, 0 when it holds nothing of
// it. The mark is made before the first fact is replaced and outlives a crash: then Scrub is to be called again.
func (j *Journal) ScrubDue() (from uint64, err error) { return j.number(scrubKey) }

// scrubbing is how far the scrubbing of what erasures have replaced is.
type scrubbing struct {
	mu      sync.Mutex // held while the mark is made or taken away
	marks   int        // how often it was made
	settles Instant    // when what the last one was made for is out of the store; 0: it has not been scrubbed
}

// scrubFrom makes the mark, durably, and tells how many there were until then.
func (j *Journal) scrubFrom(from uint64) (marks int, err error) {
	j.scrubbing.mu.Lock()
	defer j.scrubbing.mu.Unlock()
	due, err := j.ScrubDue()
	if err != nil {
		return 0, err
	}
	if from = max(from, 1); due != 0 {
		from = min(from, due)
	}
	j.scrubbing.marks++
	j.scrubbing.settles = 0
	return j.scrubbing.marks, j.db.Set(scrubKey, binary.BigEndian.AppendUint64(nil, from), pebble.Sync)
}

// Scrub makes the store give up what was replaced or removed, in blocks from a record on, in the rows of a table and in
// bodies, as far as it can at once; files of values that are rewritten as a whole follow within minutes.
func (j *Journal) Scrub(ctx context.Context, from uint64, rows string) error {
	j.eagerUntil.Store(math.MaxInt64)
	defer func() { j.eagerUntil.Store(int64(InstantOf(j.options.Now().Add(eagerFor)))) }()
	marks, err := j.scrubFrom(from)
	if first, unknown := j.BlockOf(from); unknown == nil {
		from = first // the block of a record is found by its first one
	}
	err = errors.Join(err, j.db.Flush())
	for _, r := range [...][2][]byte{
		{blockKey(from), blockKey(j.Durable() + 1)},
		{append([]byte{rowPrefix}, rows+"\x00"...), append([]byte{rowPrefix}, rows+"\x01"...)},
		{{bodyPrefix}, {bodyPrefix + 1}},
	} {
		if err == nil {
			err = j.db.Compact(ctx, r[0], r[1], false)
		}
	}
	if err == nil {
		j.scrubbed(marks)
	} else if !errors.Is(err, context.Canceled) {
		err = fmt.Errorf("journal %s: the store still holds what was forgotten: %w", j.dir, err)
	}
	return err
}

// scrubbed notes that the mark will have served its time, unless another erasure has begun since it was made.
func (j *Journal) scrubbed(marks int) {
	j.scrubbing.mu.Lock()
	defer j.scrubbing.mu.Unlock()
	if j.scrubbing.marks == marks {
		j.scrubbing.settles = InstantOf(j.options.Now().Add(eagerFor))
	}
}

// EndScrub takes the mark away when the store has had its time since the last Scrub of this run came to its end.
func (j *Journal) EndScrub() error {
	j.scrubbing.mu.Lock()
	defer j.scrubbing.mu.Unlock()
	if settles := j.scrubbing.settles; settles == 0 || InstantOf(j.options.Now()) < settles {
		return nil
	}
	j.scrubbing.settles = 0
	return j.db.Delete(scrubKey, pebble.Sync)
}
