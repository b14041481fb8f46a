package hardware

import (
	"fmt"
	"syscall"
)

// DiskUsed tells how full the file system of a directory is for us, in per cent, and what it has left, in words: 148G. What
// is kept for the system's own needs is neither used nor left, as with df.
func DiskUsed(dir string) (percentUsed int64, available string) {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return 0, inWords(0)
	}
	used, left := int64(s.Blocks-s.Bfree), int64(s.Bavail)
	return percent(used, used+left), inWords(left * s.Bsize)
}

// inWords writes a size as whole units, the largest of which there is at least one.
func inWords(bytes int64) string {
	n, units := bytes>>10, "KMGTP"
	for len(units) > 1 && n >= 1024 {
		n, units = n>>10, units[1:]
	}
	return fmt.Sprintf("%d%c", n, units[0])
}
