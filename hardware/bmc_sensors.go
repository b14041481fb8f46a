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
	entityProcessorBoard = 18
	entityPowerSupply    = 10
	entityBackplane      = 15
	entityExpansion      = 16 // the board with the slots of cards
	entityDiskBay        = 26
	entityEnvironment    = 39
	entityInlet          = 55
	entityInletDCMI      = 64
	entityProcessorDCMI  = 65
)

// temperatures picks the controller's temperatures. Those called "Margin" are how far a processor is from its limit.
func (c *controller) temperatures() (out []Temperature) {
	for _, r := range c.rows {
		celsius, ok := r.value("degrees C")
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
	if k := kindOfName(r.name); k != Other {
		return k
	}
	if words := strings.Fields(r.name); len(words) != 1 { // a maker who calls it more than "Temp" has said what it is
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
	part := map[int]string{entityProcessor: "CPU", entityPowerSupply: "Power Supply", entityDriveBay: "Drive"}[r.entity]
	if part == "" {
		part = "Entity " + strconv.Itoa(r.entity)
	}
	return part + " " + strconv.Itoa(r.instance) + " " + r.name
}

func (c *controller) fans() (out []Fan) {
	for _, r := range c.rows {
		rpm, ok := r.value("RPM")
		if !ok || rpm < 0 || len(out) == maxFans {
			continue
		}
		out = append(out, Fan{Name: r.distinct(c.rows), RPM: turns(int64(rpm)), Minimum: turns(int64(c.limits[r.key].lower)), Failed: r.severity() == Critical, bmc: r.severity()})
	}
	return out
}

// value reads "23 degrees C", "9240 RPM". What has no reading has no value.
func (r bmcRow) value(unit string) (float64, bool) {
	number, ok := strings.CutSuffix(r.reading, " "+unit)
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

// The states of power supplies, power units and drive slots (IPMI specification, table 42-3), in ipmitool's words.
var (
	supplyStates    = []string{"Presence detected", "Failure detected", "Predictive failure", "Power Supply AC lost", "AC lost or out-of-range", "AC out-of-range, but present", "Power Supply Inactive", "Device Absent", "Device Present"}
	supplyLost      = []string{"Power Supply AC lost", "AC lost or out-of-range"}
	redundancyWords = []string{"Redundancy", "Redundant"}
)

// supplies gathers the rows of each power supply. One whose slot is empty has a status without a word, or no reading.
func (c *controller) supplies() (out []PowerSupply) {
	lost := c.redundancyLost()
	for instance := range maxPowerSupplies + 1 {
		p, found := PowerSupply{Name: "Power Supply " + strconv.Itoa(instance), Status: SupplyNotInstalled, Redundancy: lost, Charge: -1, bmc: true}, false
		for _, r := range c.rows {
			if r.entity == entityPowerSupply && r.instance == instance && r.key != "" && r.isSupply() {
				found = true
				p.take(r)
			}
		}
		if found && len(out) < maxPowerSupplies {
			out = append(out, p)
		}
	}
	return out
}

// isSupply tells whether a row is about a power supply as a whole.
func (r bmcRow) isSupply() bool {
	name := strings.ToLower(r.name)
	return r.says(supplyStates...) || strings.HasPrefix(r.reading, "Config Error") ||
		strings.Contains(name, "status") && (r.reading == "" || r.reading == "No Reading" || r.reading == "Disabled" || strings.HasPrefix(r.reading, "0x"))
}

// take adds what a row says of a power supply; the worst stands.
func (p *PowerSupply) take(r bmcRow) {
	status := SupplyNotInstalled
	switch {
	case r.status == "ns" || r.says("Device Absent"):
	case r.says("Failure detected") || strings.Contains(r.reading, "Config Error") || r.severity() == Critical:
		status = SupplyFaulty
	case r.says(supplyLost...):
		status = SupplyNoAC
	case r.says("Presence detected", "Device Present", "Predictive failure", "Power Supply Inactive") || strings.Contains(r.reading, "AC out-of-range, but present"):
		status = SupplyHealthy
	}
	p.Status = max(p.Status, status)
	p.Predicted = p.Predicted || r.says("Predictive failure")
}

// redundancyLost reads what the controller says of all power supplies together; 0: nothing.
func (c *controller) redundancyLost() Redundancy {
	for _, r := range c.rows {
		name := strings.ToLower(r.name)
		if r.status == "ns" || strings.Contains(name, "fan") || !strings.Contains(r.reading, redundancyWords[0]) && !strings.Contains(r.reading, redundancyWords[1]) {
			continue
		}
		if !strings.Contains(name, "ps") && !strings.Contains(name, "power") && !strings.Contains(name, "pwr") {
			continue
		}
		if r.says("Fully Redundant") {
			return RedundancyOK
		}
		return RedundancyLost
	}
	return 0
}

// drives picks the bays that the controller watches.
func (c *controller) drives() (out []Drive) {
	for _, r := range c.rows {
		if r.entity != entityDriveBay && r.entity != entityDiskBay || r.status == "ns" || !r.says("Drive Present", "Drive Fault") || len(out) == maxDrives {
			continue
		}
		d := Drive{ID: r.distinct(c.rows), Status: DriveHealthy, LastError: noError, Predicted: r.says("Predictive Failure"), bmc: true}
		switch {
		case r.says("Drive Fault", "In Failed Array", "Rebuild Aborted"):
			d.Status, d.LastError = DriveFailure, r.reading
		case r.says("Rebuild In Progress"):
			d.Status, d.LastError = DriveRebuild, r.reading
		}
		out = append(out, d)
	}
	return out
}
