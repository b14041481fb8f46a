package journal

import (
	"fmt"
	"path"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// logGuard is the disk as the store's write-ahead log sees it: the first write or sync of the log that fails ends the
// process. The store itself notices only when somebody waits for a sync; before that it may panic with its locks held, for
// a body say, and whoever recovers lives on in a process in which every write waits for ever.
type logGuard struct {
	vfs.FS
	j *Journal
}

func (g *logGuard) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := g.FS.Create(name, c)
	return g.guarded(name, f, err)
}

func (g *logGuard) ReuseForWrite(from, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := g.FS.ReuseForWrite(from, name, c)
	return g.guarded(name, f, err)
}

func (g *logGuard) guarded(name string, f vfs.File, err error) (vfs.File, error) {
	if !strings.HasSuffix(name, ".log") {
		return f, err
	}
	name = path.Base(name)
	if err := g.judge(name, err); err != nil {
		return nil, err
	}
	return &guardedLog{File: f, guard: g, name: name}, nil
}

// judge hands an error on only while the journal is being opened or closed, when somebody is there to hear of it.
func (g *logGuard) judge(name string, err error) error {
	if err != nil && g.j.open.Load() {
		g.j.options.Fatal(fmt.Errorf("journal %s: write of the log %s: %w", g.j.dir, name, err))
		select {}
	}
	return err
}

// guardedLog is a file of the write-ahead log.
type guardedLog struct {
	vfs.File
	guard *logGuard
	name  string
}

func (f *guardedLog) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	return n, f.guard.judge(f.name, err)
}

func (f *guardedLog) WriteAt(b []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(b, at)
	return n, f.guard.judge(f.name, err)
}

func (f *guardedLog) Sync() error     { return f.guard.judge(f.name, f.File.Sync()) }
func (f *guardedLog) SyncData() error { return f.guard.judge(f.name, f.File.SyncData()) }

func (f *guardedLog) SyncTo(length int64) (full bool, err error) {
	full, err = f.File.SyncTo(length)
	return full, f.guard.judge(f.name, err)
}
