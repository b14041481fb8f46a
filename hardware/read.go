package hardware

import (
	"cmp"
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

// maxWord is more than the kernel puts into a file that holds one value.
const maxWord = 256

// word reads a file that holds one value, as printable ASCII of at most maxWord bytes; "" when it cannot be read.
func word(fsys fs.FS, name string) string {
	f, err := fsys.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	var b [maxWord]byte
	n, err := io.ReadFull(f, b[:])
	if err != nil && err != io.ErrUnexpectedEOF {
		return ""
	}
	line, _, _ := strings.Cut(string(b[:n]), "\n")
	return plain(line)
}

// plain makes what firmware, drivers and programs say fit for SNMP's DisplayString and for a terminal.
func plain(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.Trim(s, "\x00")))
}

// integer reads a file that holds a number.
func integer(fsys fs.FS, name string) (int64, bool) {
	n, err := strconv.ParseInt(word(fsys, name), 10, 64)
	return n, err == nil
}

// names lists at most limit of the entries of a directory, those that end in a number by the number.
func names(fsys fs.FS, dir string, limit int) []string {
	f, err := fsys.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil
	}
	entries, _ := d.ReadDir(limit)
	out := make([]string, 0, len(entries))
	for _, e := range entries {
		out = append(out, e.Name())
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return out
}

// exists tells whether there is such a file or directory.
func exists(fsys fs.FS, name string) bool {
	_, err := fs.Stat(fsys, name)
	return err == nil
}
