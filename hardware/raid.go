package hardware

import (
	"cmp"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxArrays bounds what is read of /proc/mdstat.
const maxArrays = 256

// member is a drive as /proc/mdstat lists it: sda1[0], sdb1[1](F).
type member struct {
	name   string
	number int
	flags  string // F faulty, S spare, W write mostly, J journal, R replacement
}

// software is an array as /proc/mdstat shows it.
type software struct {
	Array
	members []member
	slots   int  // drives that it should have: the length of [U_]
	missing int  // slots without a drive that works: the "_" of [U_]
	holds   bool // it is no array, but what others' metadata (IMSM, DDF) lie in: always inactive, its drives all spares
}

// software reads the kernel's arrays and their drives.
func softwareArrays(proc, sys fs.FS) (arrays []Array, drives []Drive) {
	for _, a := range mdstat(text(proc, "mdstat")) {
		dir := path.Join("block", a.Name, "md")
		rebuilding := a.rebuilding(sys, dir)
		a.State = a.state(word(sys, path.Join(dir, "array_state")), len(rebuilding))
		arrays = append(arrays, a.Array)
		drives = append(drives, a.drives(rebuilding)...)
	}
	return arrays, drives[:min(len(drives), maxDrives)]
}

// state judges an array as a whole. The kernel calls one broken that has lost more drives than it can do without.
func (a *software) state(said string, rebuilding int) ArrayState {
	switch {
	case a.State == ArrayFailed, said == "broken", a.missing > a.spares():
		return ArrayFailed
	case a.missing > rebuilding:
		return ArrayDegraded
	case rebuilding > 0, a.Task == "recovery", a.Task == "reshape", a.Task == "resync":
		return ArrayRebuilding
	}
	return ArrayHealthy
}

// spares is how many drives an array can do without at most: the kernel has one "active" that has lost more.
func (a *software) spares() int {
	switch a.Level {
	case "raid4", "raid5":
		return 1
	case "raid6":
		return 2
	}
	return max(0, a.slots-1)
}

// rebuilding names the drives that are being written to take the place of a missing one: those that the kernel has not in
// sync. Where it does not say, those which came last.
func (a *software) rebuilding(sys fs.FS, dir string) map[string]bool {
	out := map[string]bool{}
	if a.Task != "recovery" && a.Task != "reshape" || a.missing == 0 {
		return out
	}
	for _, m := range slices.Backward(a.members) {
		if len(out) == a.missing {
			break
		}
		if !strings.ContainsAny(m.flags, "FSJ") && !strings.Contains(word(sys, path.Join(dir, "dev-"+m.name, "state")), "in_sync") {
			out[m.name] = true
		}
	}
	return out
}

// drives has a row for each drive, and one for each place that has none.
func (a *software) drives(rebuilding map[string]bool) (out []Drive) {
	row := func(name string, status DriveStatus, problem string) {
		out = append(out, Drive{ID: a.Name + " " + name, Status: status, LastError: problem})
	}
	faulty := 0
	for _, m := range a.members {
		switch {
		case strings.Contains(m.flags, "F"):
			faulty++
			row(m.name, DriveFailure, "the kernel has taken it out as faulty")
		case a.State == ArrayFailed:
			row(m.name, DriveFailure, "the array cannot be used")
		case rebuilding[m.name]:
			row(m.name, DriveRebuild, "it is being rebuilt")
		default:
			row(m.name, DriveHealthy, noError)
		}
	}
	for i := range max(0, a.missing-len(rebuilding)-faulty) {
		row("missing drive "+strconv.Itoa(i+1), DriveFailure, "there is no drive in its place")
		out[len(out)-1].empty = true
	}
	return out
}

var (
	memberForm   = regexp.MustCompile(`^([^\[\]()\s]{1,32})\[(\d{1,6})\]((?:\([A-Z]\))*)$`)
	slotsForm    = regexp.MustCompile(`\[(\d{1,6})/(\d{1,6})\] \[([U_]+)\]`)
	progressForm = regexp.MustCompile(`\b(recovery|resync|reshape|check|repair) *= *(\d{1,3}(?:\.\d{1,3})?)%`)
	waitingForm  = regexp.MustCompile(`\b(recovery|resync|reshape|check)=(?:DELAYED|PENDING|REMOTE)`)
	holdsForm    = regexp.MustCompile(`\bsuper external:[^/\s]`) // that of an array in it is its path: external:/md127/0
)

// mdstat reads /proc/mdstat (md(4)): "md0 : active raid1 sdb1[2] sda1[0](F)", then lines that are indented: "488 blocks super
// 1.2 [2/1] [U_]" and "[==>....]  recovery = 12.6% (37043392/292945152) finish=127.5min speed=33440K/sec".
func mdstat(text string) (out []software) {
	for line := range strings.SplitSeq(text, "\n") {
		name, rest, ok := strings.Cut(line, " : ")
		words := strings.Fields(rest)
		switch {
		case ok && strings.HasPrefix(name, "md") && !strings.ContainsAny(name, " /") && len(words) > 0:
			if len(out) == maxArrays {
				return arraysOnly(out)
			}
			out = append(out, arrayLine(plain(name[:min(len(name), 32)]), words))
		case len(out) > 0 && strings.HasPrefix(line, " "):
			out[len(out)-1].detail(line)
		}
	}
	return arraysOnly(out)
}

// arraysOnly leaves out the containers of arrays.
func arraysOnly(all []software) []software {
	return slices.DeleteFunc(all, func(a software) bool { return a.holds })
}

func arrayLine(name string, words []string) software {
	a := software{Array: Array{Name: name, State: ArrayHealthy}}
	if words[0] != "active" {
		a.State = ArrayFailed
	}
	for _, w := range words[1:] {
		m := memberForm.FindStringSubmatch(w)
		switch {
		case m != nil && len(a.members) < maxDrives:
			number, _ := strconv.Atoi(m[2])
			a.members = append(a.members, member{name: plain(m[1]), number: number, flags: m[3]})
		case strings.HasPrefix(w, "raid") || w == "linear" || w == "multipath":
			a.Level = plain(w[:min(len(w), 16)])
		case strings.HasPrefix(w, "(FAIL"):
			a.State = ArrayFailed
		}
	}
	slices.SortStableFunc(a.members, func(x, y member) int { return cmp.Compare(x.number, y.number) }) // the kernel has the newest first
	return a
}

func (a *software) detail(line string) {
	a.holds = a.holds || holdsForm.MatchString(line)
	if m := slotsForm.FindStringSubmatch(line); m != nil {
		a.slots, a.missing = len(m[3]), strings.Count(m[3], "_")
	}
	if m := progressForm.FindStringSubmatch(line); m != nil {
		a.Task = m[1]
		a.Progress, _ = strconv.ParseFloat(m[2], 64)
		a.Progress = min(a.Progress, 100)
	} else if m := waitingForm.FindStringSubmatch(line); m != nil {
		a.Task = m[1]
	}
}
