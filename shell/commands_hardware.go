package shell

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"postern/hardware"
)

var _ = register(&Command{Name: "hardwarestatus", Summary: "the machine's temperatures, fans, power supplies, arrays and links", Offline: true, Anywhere: true,
	Help: "A temperature within 10 % of its critical value is a warning. The table [hardware] of the configuration says which model\n" +
		"the machine is and what it bears; without a model the limits hold that the sensors tell. Read are the kernel's sensors,\n" +
		"its software arrays, and the management controller (BMC) where there is one and ipmitool may ask it. A fan in per cent tells\n" +
		"how fast it is driven and not its turns; SNMP's fanTable has it only when it has failed.",
	Run: func(ctx context.Context, c *Call) error {
		s, err := c.Gateway.Sensors(ctx)
		if err != nil {
			return err
		}
		return c.Answer(s, renderSensors(s, c.Zone))
	}})

// renderSensors writes a table for each kind of component, or a sentence where the machine has none.
func renderSensors(s *hardware.Sensors, zone *time.Location) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nHardware status as of: %s\n", Date(s.Time.In(zone), true))
	if s.Problem != "" {
		fmt.Fprintf(&b, "%s\n", Printable(s.Problem))
	}
	if s.Model != "" {
		fmt.Fprintf(&b, "Thresholds of model:   %s\n", Printable(s.Model))
	}
	fmt.Fprintf(&b, "Overall:               %s\n", overall(s))
	section := func(title, none string, heads []string, rows [][]string) {
		fmt.Fprintf(&b, "\n%s\n", title)
		if len(rows) == 0 {
			b.WriteString(none + "\n")
			return
		}
		b.WriteString(underlined(heads, rows))
	}
	section("Temperatures", "No temperature sensors were found: the kernel shows none, as in a virtual machine.",
		[]string{"Name", "Kind", "Celsius", "Critical", "Status"}, temperatureRows(s))
	section("Fans", "No fans were found: nothing here measures one that turns.", []string{"Name", "RPM", "Lowest", "Status"}, fanRows(s))
	section("Power supplies", "No power supplies were found: none here reports its status.",
		[]string{"Name", "State", "Redundancy", "Status"}, supplyRows(s))
	section("RAID", "No RAID was found: the kernel has no software array, and no drive bay is watched.",
		[]string{"Name", "Level", "State", "Status"}, raidRows(s))
	section("Links", "No network links were found.", []string{"Name", "State", "Mbit/s", "Status"}, linkRows(s))
	if s.BMC.Problem != "" {
		fmt.Fprintf(&b, "\n%s\n", Printable(s.BMC.Problem))
	}
	return b.String()
}

// overall counts what is not normal.
func overall(s *hardware.Sensors) string {
	count := map[hardware.Severity]int{}
	for _, r := range s.Components() {
		count[r.Severity]++
	}
	switch w, c := count[hardware.Warning], count[hardware.Critical]; {
	case len(s.Components()) == 0:
		return "Unknown (nothing is measured)"
	case w == 0 && c == 0:
		return "Normal"
	case c == 0:
		return fmt.Sprintf("Warning (%d)", w)
	case w == 0:
		return fmt.Sprintf("Critical (%d)", c)
	default:
		return fmt.Sprintf("Critical (%d), Warning (%d)", c, w)
	}
}

func temperatureRows(s *hardware.Sensors) (rows [][]string) {
	for _, t := range s.Temperatures {
		limit := "-"
		if t.Critical > 0 {
			limit = celsius(t.Critical)
		}
		rows = append(rows, []string{t.Name, string(t.Kind), celsius(t.Celsius), limit, t.Severity.String()})
	}
	return rows
}

func celsius(degrees float64) string { return strconv.FormatFloat(degrees, 'f', 1, 64) }

func fanRows(s *hardware.Sensors) (rows [][]string) {
	for _, f := range s.Fans {
		least := "-"
		if f.Minimum > 0 {
			least = strconv.FormatInt(f.Minimum, 10)
		}
		speed := strconv.FormatInt(f.RPM, 10)
		if f.Percent > 0 {
			speed = fmt.Sprintf("%.0f %%", f.Percent)
		}
		rows = append(rows, []string{f.Name, speed, least, f.Severity.String()})
	}
	return rows
}

func supplyRows(s *hardware.Sensors) (rows [][]string) {
	for _, p := range s.PowerSupplies {
		state := p.Status.String()
		if p.Predicted {
			state += ", failure predicted"
		}
		if p.Charge >= 0 {
			state += fmt.Sprintf(", charge %d%%", p.Charge)
		}
		rows = append(rows, []string{p.Name, state, p.Redundancy.String(), p.Severity.String()})
	}
	return rows
}

func raidRows(s *hardware.Sensors) (rows [][]string) {
	for _, a := range s.Arrays {
		state := string(a.State)
		if a.Task != "" {
			state += fmt.Sprintf(", %s %.1f%%", a.Task, a.Progress)
		}
		level := a.Level
		if level == "" {
			level = "-"
		}
		rows = append(rows, []string{a.Name, level, state, a.Severity.String()})
	}
	for _, d := range s.Drives {
		state := d.Status.String()
		switch {
		case d.Status != hardware.DriveHealthy:
			state += ": " + d.LastError
		case d.Predicted:
			state += ", failure predicted"
		}
		rows = append(rows, []string{d.ID, "drive", state, d.Severity.String()})
	}
	return rows
}

func linkRows(s *hardware.Sensors) (rows [][]string) {
	for _, l := range s.Links {
		state, speed := "down", "-"
		switch {
		case !l.Enabled:
			state = "disabled"
		case l.Up:
			state = "up"
		}
		if l.Speed > 0 {
			speed = strconv.FormatUint(l.Speed/1_000_000, 10)
		}
		rows = append(rows, []string{l.Name, state, speed, l.Severity.String()})
	}
	return rows
}
