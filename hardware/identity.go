package hardware

import (
	"io/fs"
	"slices"
	"strings"
)

// Identity is what the machine says of itself; "" is what it does not say.
type Identity struct {
	Model string // maker and product, else what processors it has
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
	if i.Model == "" {
		i.Model = bare(text(proc, "cpuinfo"))
	}
	i.RAID = strings.Join(arrays(text(proc, "mdstat")), ", ")
	return i
}

// bare names a machine that has no name of its own, as some virtual ones have none, by its processors; "" where those have
// none either.
func bare(cpuinfo string) string {
	model, virtual := "", false
	for line := range strings.Lines(cpuinfo) {
		key, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "model name":
			model = joined(value)
		case "flags":
			virtual = virtual || slices.Contains(strings.Fields(value), "hypervisor")
		}
	}
	if model == "" {
		return ""
	}
	kind := "machine"
	if virtual {
		kind = "virtual machine"
	}
	return kind + " (" + model + ")"
}

func joined(words ...string) string {
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// arrays names the software arrays and their state.
func arrays(text string) (out []string) {
	for _, a := range mdstat(text) {
		state, degraded := "active", ""
		if a.State == ArrayFailed {
			state = "inactive"
		}
		if a.missing > 0 {
			degraded = "degraded"
		}
		out = append(out, joined(a.Name, a.Level, state, degraded))
	}
	return out
}
