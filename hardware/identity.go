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
