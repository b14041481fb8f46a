package hardware

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The states of power supplies, power units and drive slots (IPMI specification, table 42-3), in ipmitool's words.
var (
	supplyStates = []string{"Presence detected", "Failure detected", "Predictive failure", "Power Supply AC lost", "AC lost or out-of-range", "AC out-of-range, but present", "Power Supply Inactive", "Device Absent", "Device Present"}
	supplyLost   = []string{"Power Supply AC lost", "AC lost or out-of-range"}
)

// supplyForm is how makers name what belongs to a power supply: "Power Supply 2", "PS1 Status", "PSU1_STATUS".
var supplyForm = regexp.MustCompile(`(?i)^(?:ps|psu|pwr supply|power supply)[ _-]?(\d{1,2})(\D.*)?$`)

// supplies gathers the rows of each power supply. One whose slot is empty has a status without a word, or no reading.
func (c *controller) supplies() (out []PowerSupply) {
	lost, all := c.redundancyLost(), map[int]PowerSupply{}
	for _, r := range c.rows {
		if r.entity != entityPowerSupply || r.key == "" || !r.isSupply() {
			continue
		}
		number := r.supplyNumber()
		p, known := all[number]
		switch {
		case !known && len(all) == maxPowerSupplies:
			continue
		case !known:
			p = PowerSupply{Name: "Power Supply " + strconv.Itoa(number), Status: SupplyNotInstalled, Redundancy: lost, Charge: -1, bmc: true}
		}
		p.take(r)
		all[number] = p
	}
	for _, number := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[number])
	}
	return out
}

// supplyNumber is the number that is written on a power supply, as far as its maker tells it: the instance of the entity may
// begin at 0 or at 96, or go the other way.
func (r bmcRow) supplyNumber() int {
	if m := supplyForm.FindStringSubmatch(r.name); m != nil {
		number, _ := strconv.Atoi(m[1])
		return number
	}
	return r.instance
}

// isSupply tells whether a row is about a power supply as a whole.
func (r bmcRow) isSupply() bool {
	if r.says(supplyStates...) || strings.HasPrefix(r.reading, "Config Error") {
		return true
	}
	m := supplyForm.FindStringSubmatch(r.name)
	whole := strings.Contains(strings.ToLower(r.name), "status") || m != nil && m[2] == ""
	return whole && (r.reading == "" || r.reading == "No Reading" || r.reading == "Disabled" || strings.HasPrefix(r.reading, "0x"))
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

// tellsRedundancy tells whether a row is about whether others could take over: "Redundancy Lost", "Non-Redundant: Sufficient
// from Redundant".
func (r bmcRow) tellsRedundancy() bool {
	return strings.Contains(r.reading, "Redundancy") || strings.Contains(r.reading, "Redundant")
}

// redundancyLost reads what the controller says of all power supplies together; 0: nothing.
func (c *controller) redundancyLost() Redundancy {
	for _, r := range c.rows {
		name := strings.ToLower(r.name)
		if r.status == "ns" || strings.Contains(name, "fan") || !r.tellsRedundancy() {
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
