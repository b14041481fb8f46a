package hardware

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// groups lists the limited control groups around this process, of either version, as far as they can be seen.
func groups(proc, sys fs.FS) (out []scope) {
	for _, line := range strings.Split(text(proc, "self/cgroup"), "\n") {
		number, rest, _ := strings.Cut(line, ":")
		controllers, at, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case number == "0" && controllers == "":
			out = around(out, sys, mount(proc, "cgroup2", ""), at, unified)
		case slices.Contains(strings.Split(controllers, ","), "memory"):
			out = around(out, sys, mount(proc, "cgroup", "memory"), at, legacy)
		}
	}
	return out
}

// mounted is a control group file system: the group that is its root, and the place of that below /sys.
type mounted struct{ root, at string }

// mount finds a control group file system in /proc/self/mountinfo (proc(5)): "id parent major:minor ROOT PLACE options
// fields... - TYPE source OPTIONS".
func mount(proc fs.FS, kind, controller string) mounted {
	for _, line := range strings.Split(text(proc, "self/mountinfo"), "\n") {
		before, after, _ := strings.Cut(line, " - ")
		place, is := strings.Fields(before), strings.Fields(after)
		if len(place) < 5 || len(is) < 3 || is[0] != kind {
			continue
		}
		if controller != "" && !slices.Contains(strings.Split(is[2], ","), controller) {
			continue
		}
		if at, ok := strings.CutPrefix(place[4], "/sys/"); ok {
			return mounted{place[3], at}
		}
	}
	return mounted{}
}

// around adds the limits of a group and of all that it lies in, up to the root of the mount: each of them holds.
func around(out []scope, sys fs.FS, m mounted, group string, read func(fs.FS, string) (scope, bool)) []scope {
	if m.at == "" {
		return out
	}
	relative, ok := strings.CutPrefix(path.Clean(group), strings.TrimSuffix(m.root, "/"))
	if !ok || strings.HasPrefix(relative, "/..") { // seen from within a container: its own group is the root
		relative = ""
	}
	for at := path.Join("/", relative); ; at = path.Dir(at) {
		if s, ok := read(sys, path.Join(m.at, at)); ok {
			out = append(out, s)
		}
		if at == "/" {
			return out
		}
	}
}

// unified reads a group of version 2. Beyond memory.high a group is throttled until it hardly moves: that is a limit, too.
func unified(sys fs.FS, dir string) (scope, bool) {
	limit := int64(0)
	for _, name := range []string{"memory.max", "memory.high"} {
		if n, err := strconv.ParseInt(strings.TrimSpace(text(sys, path.Join(dir, name))), 10, 64); err == nil && n > 0 { // or "max"
			if limit == 0 || n < limit {
				limit = n
			}
		}
	}
	if limit == 0 {
		return scope{}, false
	}
	used, _ := strconv.ParseInt(strings.TrimSpace(text(sys, path.Join(dir, "memory.current"))), 10, 64)
	files := numbers(sys, path.Join(dir, "memory.stat"), "inactive_file", "active_file", "slab_reclaimable")
	return scope{limit, max(0, used-files["inactive_file"]-files["active_file"]-files["slab_reclaimable"])}, true
}

// unlimited is more memory than any machine has: version 1 shows "no limit" as the greatest number of pages.
const unlimited = 1 << 60

// legacy reads a group of version 1, which knows the limits around it as well.
func legacy(sys fs.FS, dir string) (scope, bool) {
	limit, err := strconv.ParseInt(strings.TrimSpace(text(sys, path.Join(dir, "memory.limit_in_bytes"))), 10, 64)
	stat := numbers(sys, path.Join(dir, "memory.stat"), "hierarchical_memory_limit", "total_inactive_file", "total_active_file")
	if h := stat["hierarchical_memory_limit"]; h > 0 && (err != nil || h < limit) {
		limit, err = h, nil
	}
	if err != nil || limit <= 0 || limit >= unlimited {
		return scope{}, false
	}
	used, _ := strconv.ParseInt(strings.TrimSpace(text(sys, path.Join(dir, "memory.usage_in_bytes"))), 10, 64)
	return scope{limit, max(0, used-stat["total_inactive_file"]-stat["total_active_file"])}, true
}
