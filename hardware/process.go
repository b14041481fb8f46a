package hardware

import (
	"io/fs"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pageSize is what a disk operation counts as: the kernel tells bytes and no operations of a process.
const pageSize = 4096

// transferred counts the pages that this process has caused to be read from disks and written to them; sockets and what was
// found in memory are left out. A process that has changed its user may not read that file of its own: then the kernel's
// other account of it is asked.
func transferred(proc fs.FS) int64 {
	if io := fields(proc, "self/io"); len(io) > 0 {
		return (io["read_bytes"] + io["write_bytes"]) / pageSize
	}
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return (u.Inblock + u.Oublock) * 512 / pageSize // Linux counts both in sectors of 512 bytes
}

// processTime is the processor time that this process has spent.
func processTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// openFiles counts this process's file descriptors.
func openFiles(proc fs.FS) int64 {
	entries, err := fs.ReadDir(proc, "self/fd")
	if err != nil {
		return 0
	}
	return int64(len(entries))
}

// processors is what the machine's processors have done since it started, in ticks.
type processors struct {
	count      int
	busy, time int64
}

// readProcessors reads /proc/stat (proc(5)): "cpu user nice system idle iowait irq softirq steal guest guest_nice", where the
// guests' time is in user and nice already; then a line for each processor.
func readProcessors(proc fs.FS) (p processors) {
	for _, line := range strings.Split(text(proc, "stat"), "\n") {
		words := strings.Fields(line)
		if len(words) < 2 || !strings.HasPrefix(words[0], "cpu") {
			continue
		}
		if words[0] != "cpu" {
			p.count++
			continue
		}
		for i, w := range words[1:min(len(words), 9)] {
			n, _ := strconv.ParseInt(w, 10, 64)
			p.time += n
			if i != 3 && i != 4 {
				p.busy += n
			}
		}
	}
	return p
}
