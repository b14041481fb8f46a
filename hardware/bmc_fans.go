package hardware

import (
	"slices"
	"strings"
)

// Entities of the IPMI specification, table 43-13, that fans belong to; many makers have them belong to the board.
const (
	entityFan     = 29
	entityCooling = 30
)

// fanFailures are states of a fan that does not do its work (IPMI specification, table 42-2), in ipmitool's words.
var fanFailures = []string{"Transition to Off Line", "Transition to Degraded", "Install Error", "Transition to Critical from less severe",
	"Transition to Critical from Non-recoverable", "Transition to Non-recoverable from less severe", "Transition to Non-recoverable"}

// fans picks the controller's fans. Those of some makers do not tell their turns, but at which part of its full speed each
// is driven.
func (c *controller) fans() (out []Fan) {
	for _, r := range c.rows {
		rpm, counted := r.value("RPM")
		percent, driven := r.value("percent")
		driven = driven && r.isFan() && percent <= 100
		if !counted && !driven || rpm < 0 || percent < 0 || len(out) == maxFans {
			continue
		}
		f := Fan{Name: r.distinct(c.rows), RPM: turns(int64(rpm)), Failed: r.severity() == Critical || c.fails(r), bmc: r.severity(), listed: true}
		if driven {
			f.Percent = percent
		} else {
			f.Minimum = turns(int64(c.limits[r.key].lower))
		}
		out = append(out, f)
	}
	return out
}

// isFan tells whether a row is about one fan: what all have in common is a row of its own, "Fans | 0 percent, Fully Redundant".
func (r bmcRow) isFan() bool {
	name := strings.ToLower(r.name)
	named := strings.Contains(name, "fan") || strings.Contains(name, "blower") || r.entity == entityFan || r.entity == entityCooling
	return named && !r.tellsRedundancy()
}

// fails tells whether a fan's own row, or another of the same fan, says so.
func (c *controller) fails(fan bmcRow) bool {
	if fan.says(fanFailures...) {
		return true
	}
	return fan.entity == entityFan && slices.ContainsFunc(c.rows, func(r bmcRow) bool {
		return r.entity == entityFan && r.instance == fan.instance && r.status != "ns" && r.says(fanFailures...)
	})
}
