package main

import (
	"path/filepath"
	"syscall"

	"postern/engine"
	"postern/engine/config"
)

// roomIn is what a gateway that were started on a data directory would say of Kilobytes Free, in bytes: what the file
// system has above the watermark, and no more than the configuration lets the queue have.
func roomIn(data string, used uint64) int64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(data, &s); err != nil {
		return 0
	}
	var limit config.Queue
	if doc, err := config.Load(filepath.Join(data, configName)); err == nil { // what is wrong with it is the next start's business
		limit = doc.Queue
	}
	return engine.Space{Free: int64(s.Bavail) * s.Bsize, Total: int64(s.Blocks) * s.Bsize}.Room(int64(used), limit)
}
