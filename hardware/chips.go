package hardware

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// What a temperature can be. Inputs without a sensor say 0, 255 or worse.
const (
	coldest = -60
	hottest = 200

	openInput = 127 // and a fraction: what chips say of an input to which nothing is attached
)

// maxChips and maxFiles bound what is looked at below /sys.
const (
	maxChips = 128
	maxFiles = 1024
)

// chips reads the kernel's drivers of sensors: /sys/class/hwmon (Documentation/hwmon/sysfs-interface), where temperatures are
// in thousandths of a degree and fans in turns a minute.
func chips(sys fs.FS) (temperatures []Temperature, fans []Fan) {
	for _, entry := range names(sys, "class/hwmon", maxChips) {
		dir := path.Join("class/hwmon", entry)
		chip := word(sys, path.Join(dir, "name"))
		if chip == "" { // before Linux 3.15 some drivers had their files with the device
			dir = path.Join(dir, "device")
			chip = word(sys, path.Join(dir, "name"))
		}
		if chip == "" {
			chip = entry
		}
		inputs := names(sys, dir, maxFiles)
		temperatures = append(temperatures, chipTemperatures(sys, dir, chip, inputs)...)
		fans = append(fans, chipFans(sys, dir, chip, inputs)...)
	}
	return temperatures, fans
}

func chipTemperatures(sys fs.FS, dir, chip string, inputs []string) (out []Temperature) {
	at := path.Join(dir, "temp")
	for _, number := range numbered(inputs, "temp") {
		if len(out) == maxTemperatures {
			break
		}
		celsius, ok := degrees(sys, at+number+"_input")
		if fault, _ := integer(sys, at+number+"_fault"); !ok || celsius == 0 || int(celsius) == openInput || fault == 1 {
			continue
		}
		label := word(sys, at+number+"_label")
		t := Temperature{Name: chip + " " + orElse(label, "temp"+number), Kind: kindOfChip(chip, label), Celsius: celsius}
		if drive := names(sys, path.Join(dir, "device/block"), 1); chip == "drivetemp" && len(drive) == 1 {
			t.Name = chip + " " + plain(drive[0])
		}
		if limit, ok := degrees(sys, at+number+"_crit"); ok && limit > 0 {
			t.Critical = limit
		}
		out = append(out, t)
	}
	return ofPackages(chip, out)
}

// ofPackages leaves out what says nothing more: a processor's package is as hot as its hottest core, and Tctl of AMD's is
// Tdie moved to please fans.
func ofPackages(chip string, all []Temperature) []Temperature {
	has := func(part string) bool {
		return slices.ContainsFunc(all, func(t Temperature) bool { return strings.Contains(t.Name, part) })
	}
	switch {
	case chip == "coretemp" && (has(" Package id ") || has(" Physical id ")):
		return slices.DeleteFunc(all, func(t Temperature) bool { return strings.Contains(t.Name, " Core ") })
	case has(" Tdie"):
		return slices.DeleteFunc(all, func(t Temperature) bool { return strings.HasSuffix(t.Name, " Tctl") })
	}
	return all
}

func chipFans(sys fs.FS, dir, chip string, inputs []string) (out []Fan) {
	at := path.Join(dir, "fan")
	for _, number := range numbered(inputs, "fan") {
		rpm, ok := integer(sys, at+number+"_input")
		fault, _ := integer(sys, at+number+"_fault")
		if !ok && fault == 0 || len(out) == maxFans {
			continue
		}
		least, _ := integer(sys, at+number+"_min")
		out = append(out, Fan{Name: chip + " " + orElse(word(sys, at+number+"_label"), "fan"+number), RPM: turns(rpm), Minimum: turns(least), Failed: fault == 1})
	}
	return out
}

// turns keeps a fan's speed within what a fan can do.
func turns(rpm int64) int64 {
	const fastest = 60_000 // 65535 is no reading
	if rpm < 0 || rpm > fastest {
		return 0
	}
	return rpm
}

// numbered picks the numbers N of files "<what>N_input".
func numbered(files []string, what string) (out []string) {
	for _, f := range files {
		number, ok := strings.CutPrefix(f, what)
		number, input := strings.CutSuffix(number, "_input")
		if _, err := strconv.ParseUint(number, 10, 16); ok && input && err == nil {
			out = append(out, number)
		}
	}
	return out
}

// degrees reads thousandths of a degree.
func degrees(sys fs.FS, name string) (float64, bool) {
	n, ok := integer(sys, name)
	if !ok || n < coldest*1000 || n > hottest*1000 {
		return 0, false
	}
	return float64(n) / 1000, true
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// zones reads the kernel's thermal zones, which boards without a driver of hwmon have.
func zones(sys fs.FS) (out []Temperature) {
	for _, entry := range names(sys, "class/thermal", maxChips) {
		dir := path.Join("class/thermal", entry)
		celsius, ok := degrees(sys, path.Join(dir, "temp"))
		if !strings.HasPrefix(entry, "thermal_zone") || !ok || len(out) == maxTemperatures {
			continue
		}
		what := orElse(word(sys, path.Join(dir, "type")), entry)
		out = append(out, Temperature{Name: what, Kind: kindOfChip(what, ""), Celsius: celsius, Critical: criticalTrip(sys, dir)})
	}
	return out
}

func criticalTrip(sys fs.FS, dir string) float64 {
	const most = 32
	for i := range most {
		trip := path.Join(dir, "trip_point_"+strconv.Itoa(i))
		switch word(sys, trip+"_type") {
		case "critical":
			limit, _ := degrees(sys, trip+"_temp")
			return max(0, limit)
		case "":
			return 0
		}
	}
	return 0
}
