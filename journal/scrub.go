package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// eagerFor is how long after an erasure the store rewrites every file that holds something dead.
const eagerFor = 10 * time.Minute

// ScrubDue returns from which record on the store may still hold what erasures have replaced, 0 when it holds nothing of
// it. The mark is made before the first fact is replaced and outlives a crash: then Scrub is to be called again.
func (j *Journal) ScrubDue() (from uint64, err error) { return j.number(scrubKey) }

// scrubFrom makes the mark, durably.
func (j *Journal) scrubFrom(from uint64) error {
	due, err := j.ScrubDue()
	if err != nil {
		return err
	}
	if from = max(from, 1); due != 0 {
		from = min(from, due)
	}
	return j.db.Set(scrubKey, binary.BigEndian.AppendUint64(nil, from), pebble.Sync)
}

// Scrub makes the store give up what was replaced or removed, in blocks from a record on, in the rows of a table and in
// bodies, as far as it can at once; files of values that are rewritten as a whole follow within minutes.
func (j *Journal) Scrub(ctx context.Context, from uint64, rows string) error {
	j.eagerUntil.Store(int64(InstantOf(j.options.Now().Add(eagerFor))))
	err := errors.Join(j.scrubFrom(from), j.db.Flush())
	for _, r := range [...][2][]byte{
		{blockKey(from), blockKey(j.Durable() + 1)},
		{append([]byte{rowPrefix}, rows+"\x00"...), append([]byte{rowPrefix}, rows+"\x01"...)},
		{{bodyPrefix}, {bodyPrefix + 1}},
	} {
		if err == nil {
			err = j.db.Compact(ctx, r[0], r[1], false)
		}
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		err = fmt.Errorf("journal %s: the store still holds what was forgotten: %w", j.dir, err)
	}
	return err
}

// EndScrub takes the mark away when the store has had its time since the last Scrub of this run.
func (j *Journal) EndScrub() error {
	until := j.eagerUntil.Load()
	if until == 0 || int64(InstantOf(j.options.Now())) < until {
		return nil
	}
	j.eagerUntil.Store(0)
	return j.db.Delete(scrubKey, pebble.Sync)
}
