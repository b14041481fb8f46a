package journal

import (
	"bytes"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// ReplaceBlock puts what change makes of a block's value in its place, or nothing when that is nil; for tests of what reads a
// damaged history.
func (j *Journal) ReplaceBlock(first uint64, change func([]byte) []byte) error {
	value, closer, err := j.db.Get(blockKey(first))
	if err != nil {
		return fmt.Errorf("journal: block %d: %w", first, err)
	}
	changed := change(bytes.Clone(value))
	if err := closer.Close(); err != nil {
		return err
	}
	if changed == nil {
		return j.db.Delete(blockKey(first), pebble.Sync)
	}
	return j.db.Set(blockKey(first), changed, pebble.Sync)
}
