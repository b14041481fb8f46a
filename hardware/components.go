package hardware

import "fmt"

// Component is any part of a reading, for those who only want to know what is wrong.
type Component struct {
	What     What
	Index    int
	Name     string
	Severity Severity
	Text     string // how it stands, a sentence
}

// What is the kind of a component.
type What string

// The kinds of components.
const (
	ComponentTemperature What = "temperature"
	ComponentFan         What = "fan"
	ComponentPowerSupply What = "power supply"
	ComponentArray       What = "array"
	ComponentDrive       What = "drive"
	ComponentLink        What = "link"
)

// Components lists all parts of a reading with what there is to say of each.
func (s *Sensors) Components() (out []Component) {
	for _, t := range s.Temperatures {
		text := fmt.Sprintf("%s is at %.1f degrees Celsius.", t.Name, t.Celsius)
		if t.Critical > 0 {
			text = fmt.Sprintf("%s is at %.1f degrees Celsius; critical is %.1f.", t.Name, t.Celsius, t.Critical)
		}
		out = append(out, Component{ComponentTemperature, t.Index, t.Name, t.Severity, text})
	}
	for _, f := range s.Fans {
		text := fmt.Sprintf("The fan %s turns %d times a minute.", f.Name, f.RPM)
		switch {
		case f.Percent > 0 && f.Failed:
			text = fmt.Sprintf("The fan %s has failed; it is driven at %.0f %% of its full speed.", f.Name, f.Percent)
		case f.Percent > 0:
			text = fmt.Sprintf("The fan %s is driven at %.0f %% of its full speed.", f.Name, f.Percent)
		}
		out = append(out, Component{ComponentFan, f.Index, f.Name, f.Severity, text})
	}
	for _, p := range s.PowerSupplies {
		text := fmt.Sprintf("The power supply %s is %s.", p.Name, p.Status)
		switch {
		case p.Status == SupplyHealthy && p.Predicted:
			text = fmt.Sprintf("The power supply %s works, and says that it will fail.", p.Name)
		case p.Status == SupplyHealthy && p.Redundancy == RedundancyLost:
			text = fmt.Sprintf("The power supply %s is healthy, and no other could take over.", p.Name)
		}
		out = append(out, Component{ComponentPowerSupply, p.Index, p.Name, p.Severity, text})
	}
	for i, a := range s.Arrays {
		out = append(out, Component{ComponentArray, i + 1, a.Name, a.Severity, fmt.Sprintf("The array %s is %s.", a.Name, a.State)})
	}
	for _, d := range s.Drives {
		text := fmt.Sprintf("The drive %s is %s.", d.ID, d.Status)
		switch {
		case d.Status == DriveHealthy && d.Predicted:
			text = fmt.Sprintf("The drive %s works, and says that it will fail.", d.ID)
		case d.Status != DriveHealthy:
			text = fmt.Sprintf("The drive %s is %s: %s.", d.ID, d.Status, d.LastError)
		}
		out = append(out, Component{ComponentDrive, d.Index, d.ID, d.Severity, text})
	}
	for _, l := range s.Links {
		out = append(out, Component{ComponentLink, l.Index, l.Name, l.Severity, fmt.Sprintf("The link of %s is %s.", l.Name, map[bool]string{true: "up", false: "down"}[l.Up])})
	}
	return out
}
