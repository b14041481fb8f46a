package hardware

import (
	"io/fs"
	"path"
)

// supplies reads the kernel's own power supplies: /sys/class/power_supply (Documentation/ABI/testing/sysfs-class-power).
// Batteries of a mouse are none of the machine's, and a USB port that could take power is no supply that fails.
func supplies(sys fs.FS) (out []PowerSupply) {
	for _, name := range names(sys, "class/power_supply", maxFiles) {
		dir := path.Join("class/power_supply", name)
		if word(sys, path.Join(dir, "scope")) == "Device" || len(out) == maxPowerSupplies {
			continue
		}
		p := PowerSupply{Name: plain(name), Charge: -1}
		switch word(sys, path.Join(dir, "type")) {
		case "Mains":
			p.Status = mains(sys, dir)
		case "Battery", "UPS":
			p.Status = battery(sys, dir)
			if n, ok := integer(sys, path.Join(dir, "capacity")); ok && n >= 0 && n <= 100 {
				p.Charge = int(n)
			}
		default:
			continue
		}
		out = append(out, p)
	}
	return out
}

func mains(sys fs.FS, dir string) Supply {
	if online, ok := integer(sys, path.Join(dir, "online")); ok && online == 0 {
		return SupplyNoAC
	}
	return SupplyHealthy
}

func battery(sys fs.FS, dir string) Supply {
	if present, ok := integer(sys, path.Join(dir, "present")); ok && present == 0 {
		return SupplyNotInstalled
	}
	switch word(sys, path.Join(dir, "health")) {
	case "Dead", "Over voltage", "Unspecified failure", "Overheat", "Over current":
		return SupplyFaulty
	}
	return SupplyHealthy
}

// redundancy says of each power supply whether others could take over, where nobody has said it: what had another and has
// it no more has lost it.
func redundancy(all []PowerSupply) {
	installed, good := 0, 0
	for _, p := range all {
		if p.Status != SupplyNotInstalled || p.pulled {
			installed++
		}
		if p.Status == SupplyHealthy {
			good++
		}
	}
	for i := range all {
		if all[i].Redundancy == 0 {
			all[i].Redundancy = RedundancyOK
			if installed > 1 && good < 2 {
				all[i].Redundancy = RedundancyLost
			}
		}
	}
}
