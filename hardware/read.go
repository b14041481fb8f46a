package hardware

import (
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// maxText is more than any file that is read here has; /proc/stat of a large machine is the longest.
const maxText = 1 << 20

// text reads a small file; "" when it cannot be read.
func text(fsys fs.FS, name string) string {
	f, err := fsys.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxText))
	if err != nil {
		return ""
	}
	return string(b)
}

// fields reads a file of lines "Name: number ...".
func fields(fsys fs.FS, name string) map[string]int64 {
	out := map[string]int64{}
	for _, line := range strings.Split(text(fsys, name), "\n") {
		key, rest, ok := strings.Cut(line, ":")
		if words := strings.Fields(rest); ok && len(words) > 0 {
			if n, err := strconv.ParseInt(words[0], 10, 64); err == nil {
				out[key] = n
			}
		}
	}
	return out
}

// numbers reads some lines of a file of lines "name number".
func numbers(fsys fs.FS, name string, wanted ...string) map[string]int64 {
	out := map[string]int64{}
	for _, line := range strings.Split(text(fsys, name), "\n") {
		key, value, _ := strings.Cut(line, " ")
		if !slices.Contains(wanted, key) {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
			out[key] = n
		}
	}
	return out
}
