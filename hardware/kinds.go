package hardware

import (
	"slices"
	"strings"
)

// cpuChips are the drivers that measure processors, and the thermal zones that do.
var cpuChips = []string{"coretemp", "k8temp", "k10temp", "zenpower", "via_cputemp", "cpu_thermal", "cpu-thermal", "soc_thermal", "x86_pkg_temp",
	"fam15h_power", "peci_cputemp", "bcm2835_thermal"}

// kindOfChip tells where a chip's input measures, from what the driver and the board's maker call it.
func kindOfChip(chip, label string) Kind {
	if slices.Contains(cpuChips, chip) || strings.HasPrefix(chip, "peci_cputemp") {
		return CPU
	}
	return kindOfName(label)
}

// kindOfName tells where a sensor with such a name measures. Words of parts come first: "CPU1 VRM Temp" is no processor.
func kindOfName(name string) Kind {
	words := wordsOf(name)
	has := func(wanted ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(wanted, w) })
	}
	isPart := func(w string) bool { return strings.HasPrefix(w, "vrm") || strings.HasPrefix(w, "dimm") } // VRMIN, DIMMA1
	switch {
	case slices.ContainsFunc(words, isPart), has("vr", "vddq", "mem", "memory", "pch", "nic", "drive", "hdd", "ssd", "exhaust", "outlet", "psu", "ps"):
		return Other
	case has("riser"):
		return Riser
	case has("backplane", "bp", "hsbp"):
		return Backplane
	case has("ambient", "inlet", "intake"), has("panel") && has("front", "fnt", "ctrl"), has("air") && has("in"):
		return Ambient
	case has("cpu", "processor", "tctl", "tdie", "package", "core", "cputin"):
		return CPU
	}
	return Other
}

// wordsOf gives the words of a name, in small letters and without numbers.
func wordsOf(name string) []string {
	name = strings.ReplaceAll(strings.ToLower(name), "p/s", "ps")
	return strings.FieldsFunc(name, func(r rune) bool { return !(r >= 'a' && r <= 'z') })
}
