package journal

import (
	"errors"
	"fmt"
	"path"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The ballast is a file that holds nothing but space. When the disk is full it is given up, so that the write which found
// no room succeeds at its second try: a failed write of the log would end the process. It is made again at the first start
// with room to spare.
const (
	ballastName  = "ballast"
	ballastBytes = 64 << 20
	// ballastRoom is what must be free before a ballast is made.
	ballastRoom = 4 << 30
)

// fs is the disk as the store sees it, which gives up the ballast when it is full and does not survive a log that cannot be
// written.
func (j *Journal) fs() vfs.FS {
	disk := j.options.Disk.vfs()
	if j.options.ReadOnly {
		return disk
	}
	return &logGuard{j: j, FS: vfs.OnDiskFull(disk, func() {
		name := path.Join(j.dir, ballastName)
		if _, err := disk.Stat(name); err != nil {
			return // given up before
		}
		if disk.Remove(name) == nil {
			j.options.Warn(fmt.Errorf("journal %s: the disk is full: the ballast of %d MiB was given up", j.dir, ballastBytes>>20))
		}
	})}
}

// makeBallast is called at the start. That there is none is no reason not to run.
func (j *Journal) makeBallast() {
	disk, name := j.options.Disk.vfs(), path.Join(j.dir, ballastName)
	if _, err := disk.Stat(name); err == nil {
		return
	}
	if free, _, err := j.options.Disk.Space(j.dir); err != nil || free < ballastRoom {
		return
	}
	f, err := disk.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return
	}
	if err := errors.Join(f.Preallocate(0, ballastBytes), f.Sync(), f.Close()); err != nil {
		disk.Remove(name)
	}
}
