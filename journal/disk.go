package journal

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// Disk is where a journal lies: the operating system's files, or memory whose power can be cut. It can be told to fail,
// for the tests of whoever stands on the journal. A nil *Disk is the operating system's.
type Disk struct {
	fs  vfs.FS
	mem *vfs.MemFS // nil for the operating system's

	mu          sync.Mutex
	faults      []*Fault // guarded by mu
	free, total uint64   // guarded by mu; what Space reports, total 0 = ask the file system
}

// Operation is what a Fault strikes.
type Operation uint8

// The operations that can be made to fail.
const (
	WriteOperation Operation = 1 // of data into a file
	SyncOperation  Operation = 2 // of a file
)

// Fault makes operations fail: After of them pass, the next Times fail (0: all that follow). Name, when given, is a part
// of the file's name, such as ".log" for the write-ahead log or ".sst".
type Fault struct {
	Operation Operation
	After     int
	Times     int
	Name      string
	Err       error

	struck int
}

// The errors of disks, as the system gives them.
var (
	ErrNoSpace = syscall.ENOSPC
	ErrIO      = syscall.EIO
)

// NewMemoryDisk returns an empty disk in memory, which keeps what was synced apart from what was only written.
func NewMemoryDisk() *Disk { return newDisk(vfs.NewCrashableMem()) }

// NewSystemDisk returns the operating system's disk with a hold on its faults.
func NewSystemDisk() *Disk {
	d := &Disk{}
	d.fs = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(d.inject))
	return d
}

func newDisk(mem *vfs.MemFS) *Disk {
	d := &Disk{mem: mem}
	d.fs = errorfs.Wrap(mem, errorfs.InjectorFunc(d.inject))
	return d
}

// PowerCut returns what is left of a memory disk after the power went at this instant: all that was synced, and of the
// rest a share and a choice that follow from seed. The disk itself goes on, for those who still hold it.
func (d *Disk) PowerCut(seed uint64) *Disk {
	rng := rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15))
	cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng}
	left := newDisk(d.mem.CrashClone(cfg))
	d.mu.Lock()
	left.free, left.total = d.free, d.total
	d.mu.Unlock()
	return left
}

// Fail adds a fault.
func (d *Disk) Fail(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, &f)
}

// Heal removes all faults.
func (d *Disk) Heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = nil
}

// SetSpace makes Space report these figures, in bytes.
func (d *Disk) SetSpace(free, total uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free, d.total = free, total
}

// Space returns the bytes free for us and in all of the file system that holds dir.
func (d *Disk) Space(dir string) (free, total uint64, err error) {
	if d != nil {
		d.mu.Lock()
		free, total = d.free, d.total
		d.mu.Unlock()
		if total != 0 {
			return free, total, nil
		}
	}
	u, err := d.vfs().GetDiskUsage(dir)
	return u.AvailBytes, u.TotalBytes, err
}

// ReadFile and WriteFile let tests damage what lies on a memory disk.
func (d *Disk) ReadFile(name string) ([]byte, error) {
	f, err := d.vfs().Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, info.Size())
	if len(b) > 0 {
		_, err = f.ReadAt(b, 0)
	}
	return b, err
}

// WriteFile replaces a file, synced.
func (d *Disk) WriteFile(name string, b []byte) error {
	f, err := d.vfs().Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// List returns the names in a directory.
func (d *Disk) List(dir string) ([]string, error) { return d.vfs().List(dir) }

func (d *Disk) vfs() vfs.FS {
	if d == nil {
		return vfs.Default
	}
	return d.fs
}

// inject is asked before every operation.
func (d *Disk) inject(op errorfs.Op) error {
	var kind Operation
	switch op.Kind {
	case errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFilePreallocate:
		kind = WriteOperation
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		kind = SyncOperation
	default:
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.faults {
		if f.Operation != kind || !strings.Contains(filepath.Base(op.Path), f.Name) {
			continue
		}
		f.struck++
		if f.struck > f.After && (f.Times == 0 || f.struck <= f.After+f.Times) {
			return f.Err
		}
	}
	return nil
}
