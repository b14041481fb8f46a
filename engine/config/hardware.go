package config

import "strings"

// Hardware says which model the machine is, and what the models bear.
type Hardware struct {
	Model      string      `toml:"model"`     // whose row of thresholds holds; "" (default): the limits that the sensors tell themselves
	Thresholds []Threshold `toml:"threshold"` // default: the C170's
}

// Threshold is what a model of machine bears: a row of the table of hardware traps.
type Threshold struct {
	Model       string `toml:"model"`
	CPU         int    `toml:"cpu" limits:"0 200"`                  // degrees Celsius from which on it is critical; 0 (default): as the sensor says, as the three below
	Ambient     int    `toml:"ambient" limits:"0 200"`              // of the air that comes in
	Backplane   int    `toml:"backplane" limits:"0 200"`            //
	Riser       int    `toml:"riser" limits:"0 200"`                //
	Fan         int    `toml:"fan" limits:"0 100000"`               // turns a minute at or below which a fan has failed; default 0
	FanCheck    string `toml:"fan_check" choice:"rpm chip"`         // rpm (default): by that; chip: as the chip says, for boards with connectors that have no fan
	PowerSupply string `toml:"power_supply" choice:"change ignore"` // change (default): a change of its status for the worse is an alarm
	RAID        string `toml:"raid" choice:"change ignore"`
	Link        string `toml:"link" choice:"change ignore"`
}

// OnChange and Ignore are whether the change of a component's status is an alarm.
const (
	OnChange = "change"
	Ignore   = "ignore"
)

// FanByRPM and FanByChip are who tells that a fan has failed.
const (
	FanByRPM  = "rpm"
	FanByChip = "chip"
)

func defaultHardware() Hardware {
	return Hardware{Thresholds: []Threshold{{Model: "C170", CPU: 90, Ambient: 47, FanCheck: FanByRPM, PowerSupply: OnChange, RAID: OnChange, Link: OnChange}}}
}

// Threshold is the row of the machine's model; nil: no model is set.
func (d *Document) Threshold() *Threshold {
	for i := range d.Hardware.Thresholds {
		if t := &d.Hardware.Thresholds[i]; d.Hardware.Model != "" && strings.EqualFold(t.Model, d.Hardware.Model) {
			return t
		}
	}
	return nil
}
