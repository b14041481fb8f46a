package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"
)

// Backup writes a copy of the open journal, as of now, into dir, which must not exist. The copy bears a mark: who opens it
// finds Restored true, because mail may have gone out since and must not go twice without a person's say.
func (j *Journal) Backup(dir string) error {
	disk := j.options.Disk.vfs()
	if _, err := disk.Stat(dir); err == nil {
		return fmt.Errorf("backup to %s: %w", dir, fs.ErrExist)
	}
	var opts []pebble.CheckpointOption
	if !j.options.ReadOnly {
		opts = append(opts, pebble.WithFlushedWAL())
	}
	if err := j.db.Checkpoint(dir, opts...); err != nil {
		return fmt.Errorf("backup to %s: %w", dir, err)
	}
	copied := &Journal{dir: dir, options: j.options}
	copied.options.ReadOnly = false
	if err := copied.markRestored(); err != nil {
		return fmt.Errorf("backup to %s: mark the copy: %w", dir, err)
	}
	return nil
}

func (j *Journal) markRestored() error {
	db, err := pebble.Open(j.dir, j.storeOptions())
	if err != nil {
		return err
	}
	err = db.Set(restoredKey, binary.BigEndian.AppendUint64(nil, 1), pebble.Sync)
	return errors.Join(err, db.Close())
}

// Restored tells whether this store is a backup that nobody has answered for yet.
func (j *Journal) Restored() (bool, error) {
	n, err := j.number(restoredKey)
	return n != 0, err
}

// ClearRestored takes the mark of a backup away, durably.
func (j *Journal) ClearRestored() error {
	if j.options.ReadOnly {
		return errReadOnly
	}
	return j.db.Delete(restoredKey, pebble.Sync)
}
