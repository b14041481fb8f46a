package hardware

import (
	"io/fs"
	"strings"
)

// Identity is what the machine says of itself; "" is what it does not say.
type Identity struct {
	Model string // maker and product
	BIOS  string // maker, version and date
	RAID  string // software arrays and their state: "md0 raid1 active, degraded"
}

// Identify reads what firmware and kernel say. Arrays that a controller hides from the kernel are not seen.
func Identify(proc, sys fs.FS) Identity {
	dmi := func(name string) string {
		return strings.TrimSpace(text(sys, "class/dmi/id/"+name))
	}
	i := Identity{
		Model: joined(dmi("sys_vendor"), dmi("product_name")),
		BIOS:  joined(dmi("bios_vendor"), dmi("bios_version"), dmi("bios_date")),
	}
	if i.Model == "" { // boards without such firmware have a device tree
		i.Model = strings.Trim(text(sys, "firmware/devicetree/base/model"), "\x00 \n")
	}
	i.RAID = strings.Join(arrays(text(proc, "mdstat")), ", ")
	return i
}

func joined(words ...string) string {
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// arrays reads /proc/mdstat: "md0 : active raid1 sdb1[1] sda1[0]", and on the next line "... [2/1] [_U]", where "_" is a
// disk that is missing.
func arrays(mdstat string) (out []string) {
	for _, line := range strings.Split(mdstat, "\n") {
		name, rest, ok := strings.Cut(line, " : ")
		words := strings.Fields(rest)
		switch {
		case ok && strings.HasPrefix(name, "md") && len(words) > 0:
			state, level := words[0], ""
			for _, w := range words[1:] {
				if strings.HasPrefix(w, "raid") || w == "linear" {
					level = w
				}
			}
			out = append(out, joined(name, level, state))
		case len(out) > 0 && strings.HasPrefix(line, " ") && missing(line):
			if !strings.HasSuffix(out[len(out)-1], " degraded") {
				out[len(out)-1] += " degraded"
			}
		}
	}
	return out
}

// missing tells whether a line ends in the disks of an array, and one of them is not there.
func missing(line string) bool {
	words := strings.Fields(line)
	if len(words) == 0 {
		return false
	}
	disks := words[len(words)-1]
	return len(disks) > 2 && strings.Trim(disks, "[]U_") == "" && strings.Contains(disks, "_")
}
