package hardware

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Entities of the IPMI specification, table 43-13.
const (
	entityProcessor      = 3
	entityDriveBay       = 4
	entityBoard          = 7
	entityMemory         = 8
	entityProcessorBoard = 18
	entityPowerSupply    = 10
	entityBackplane      = 15
	entityExpansion      = 16 // the board with the slots of cards
	entityDiskBay        = 26
	entityMemoryDevice   = 32
	entityEnvironment    = 39
	entityInlet          = 55
	entityInletDCMI      = 64
	entityProcessorDCMI  = 65
)

// temperatures picks the controller's temperatures. Those called "Margin" are how far a processor is from its limit.
func (c *controller) temperatures() (out []Temperature) {
	for _, r := range c.rows {
		celsius, ok := r.celsius()
		if !ok || isMargin(r.name) || celsius < coldest || celsius > hottest || len(out) == maxTemperatures {
			continue
		}
		limit := c.limits[r.key].upper
		if limit > hottest {
			limit = 0
		}
		out = append(out, Temperature{Name: r.distinct(c.rows), Kind: r.kind(), Celsius: celsius, Critical: limit, bmc: r.severity()})
	}
	return out
}

func isMargin(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "margin") || strings.Contains(name, "mrgn") || strings.Contains(name, "mgn")
}

// kind tells where a sensor measures: its name says it, or the part that it belongs to.
func (r bmcRow) kind() Kind {
	if r.entity == entityPowerSupply { // the air that it takes in comes from within the machine
		return Other
	}
	if k := kindOfName(r.name); k != Other {
		return k
	}
	if len(wordsOf(r.name)) != 1 { // a maker who calls it more than "Temp" or "Temp 2" has said what it is
		return Other
	}
	switch r.entity {
	case entityProcessor, entityProcessorDCMI, entityProcessorBoard:
		return CPU
	case entityEnvironment, entityInlet, entityInletDCMI:
		return Ambient
	case entityBackplane:
		return Backplane
	case entityExpansion:
		return Riser
	}
	return Other
}

// distinct is the name, with the part where the maker uses the name for many: "Temp" of two processors.
func (r bmcRow) distinct(rows []bmcRow) string {
	same := 0
	for _, other := range rows {
		if other.name == r.name {
			same++
		}
	}
	if same < 2 {
		return r.name
	}
	if r.entity == entityBoard && r.instance <= 1 {
		return "System Board " + r.name
	}
	part := map[int]string{entityProcessor: "CPU", entityPowerSupply: "Power Supply", entityDriveBay: "Drive", entityBoard: "System Board",
		entityMemory: "Memory", entityMemoryDevice: "Memory", entityBackplane: "Backplane", entityExpansion: "Riser"}[r.entity]
	if part == "" {
		part = "Entity " + strconv.Itoa(r.entity)
	}
	return part + " " + strconv.Itoa(r.instance) + " " + r.name
}

// celsius is what a sensor of heat has measured.
func (r bmcRow) celsius() (float64, bool) {
	if n, ok := r.value(fahrenheit); ok {
		return fromFahrenheit(n), true
	}
	return r.value("degrees C")
}

// fahrenheit is the unit of the sensors of some makers.
const fahrenheit = "degrees F"

func fromFahrenheit(degrees float64) float64 { return (degrees - 32) / 1.8 }

// value reads "23 degrees C", "9240 RPM", "21.56 percent, Transition to Running". What has no reading has no value.
func (r bmcRow) value(unit string) (float64, bool) {
	measure, _, _ := strings.Cut(r.reading, ", ")
	number, ok := strings.CutSuffix(measure, " "+unit)
	if !ok || r.status == "ns" {
		return 0, false
	}
	n, err := strconv.ParseFloat(number, 64)
	return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
}

// severity is what the controller says of a reading against its own thresholds.
func (r bmcRow) severity() Severity {
	switch strings.TrimLeft(r.status, "lu") {
	case "nc":
		return Warning
	case "cr", "nr":
		return Critical
	}
	return Normal
}

// states are the words of a discrete sensor; one that measures too says the measure first.
func (r bmcRow) states() []string {
	words := strings.Split(r.reading, ", ")
	return slices.DeleteFunc(words, func(s string) bool { return s == "" })
}

func (r bmcRow) says(words ...string) bool {
	return slices.ContainsFunc(r.states(), func(s string) bool { return slices.Contains(words, s) })
}
