package shell

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"postern/engine/config"
)

// The traps that want to know more.
const (
	trapCPU          = "CPUUtilizationExceeded"
	trapMemory       = "memoryUtilizationExceeded"
	trapConnectivity = "connectivityFailure"
)

// snmpTraps asks in which version traps are sent, whereto, and which. was tells whether SNMP has been enabled: then no target
// is what somebody wanted, else nobody was asked yet.
func (t *turn) snmpTraps(ctx context.Context, s *config.SNMP, was bool) (err error) {
	if !s.V1V2c {
		s.TrapVersion = "3"
	} else if s.TrapVersion, err = t.ask(ctx, Param{Name: "trap_version", Question: "Select the version for SNMP traps:", Default: s.TrapVersion, Choices: trapVersions}); err != nil {
		return err
	}
	proposed := "127.0.0.1"
	switch {
	case len(s.TrapTargets) > 0:
		proposed = strings.Join(s.TrapTargets, ", ")
	case was:
		proposed = "None"
	}
	check := func(word string) error { return t.set(s, "trap_targets", "snmp.trap_targets", emptied(word)) }
	answer, err := t.ask(ctx, Param{Name: "trap_targets", Default: proposed, Check: check,
		Question: "Enter the Trap target as a host name, IP address or list of IP addresses separated by commas (IP address preferred). " +
			"Enter \"None\" to disable traps."})
	if err != nil {
		return err
	}
	if err := check(answer); err != nil || len(s.TrapTargets) == 0 {
		return err
	}
	return t.trapTable(ctx, s)
}

// trapTable shows which traps are sent until nothing is to be changed.
func (t *turn) trapTable(ctx context.Context, s *config.SNMP) error {
	names, err := t.trapNames(ctx)
	if err != nil {
		return err
	}
	for {
		t.Say("\nEnterprise Trap Status\n" + strings.TrimSuffix(trapRows(s, names), "\n"))
		change, err := t.Confirm(ctx, "\nDo you want to change any of these settings?", false)
		if err != nil || !change {
			return err
		}
		if err := t.changeTraps(ctx, s, names); err != nil {
			return err
		}
	}
}

// trapRows is the table: what is enabled, with what it goes by.
func trapRows(s *config.SNMP, names []string) string {
	rows := make([][]string, len(names))
	for i, name := range names {
		state := "Disabled"
		if slices.Contains(s.Traps, name) {
			state = "Enabled" + trapDetail(s, name)
		}
		rows[i] = []string{fmt.Sprintf("%d. %s", i+1, name), state}
	}
	return aligned(rows...)
}

func trapDetail(s *config.SNMP, name string) string {
	switch name {
	case trapCPU:
		return fmt.Sprintf(" (threshold: %d%%)", s.CPUThreshold)
	case trapMemory:
		return fmt.Sprintf(" (threshold: %d%%)", s.MemoryThreshold)
	case trapConnectivity:
		return " (URL: " + s.ConnectivityURL + ")"
	}
	return ""
}

// trapNames are the traps that this machine can have: those of the hardware where it has such sensors.
func (t *turn) trapNames(ctx context.Context) ([]string, error) {
	var names []string
	sensors, err := t.sensorTraps(ctx)
	for _, n := range config.TrapNames {
		if !n.Hardware || slices.Contains(sensors, n.Name) {
			names = append(names, n.Name)
		}
	}
	return names, err
}

// sensorTraps are the traps of the hardware that the machine has sensors for.
func (t *turn) sensorTraps(ctx context.Context) (names []string, err error) {
	s, err := t.Gateway.Sensors(ctx)
	if err != nil {
		return nil, err
	}
	for _, has := range []struct {
		trap string
		many int
	}{{"RAIDStatusChange", len(s.Drives)}, {"fanFailure", len(s.Fans)}, {"highTemperature", len(s.Temperatures)}, {"powerSupplyStatusChange", len(s.PowerSupplies)}} {
		if has.many > 0 {
			names = append(names, has.trap)
		}
	}
	return names, nil
}

// changeTraps asks which are to be disabled and which enabled, and what those want to know.
func (t *turn) changeTraps(ctx context.Context, s *config.SNMP, names []string) error {
	enabled := func(name string) bool { return slices.Contains(s.Traps, name) }
	disable, err := t.chooseTraps(ctx, "disable", names, enabled)
	if err != nil {
		return err
	}
	s.Traps = slices.DeleteFunc(slices.Clone(s.Traps), func(name string) bool { return slices.Contains(disable, name) })
	enable, err := t.chooseTraps(ctx, "enable", names, func(name string) bool { return !enabled(name) })
	if err != nil {
		return err
	}
	var traps []string
	for _, n := range config.TrapNames { // in the order in which they are shown
		if enabled(n.Name) || slices.Contains(enable, n.Name) {
			traps = append(traps, n.Name)
		}
	}
	s.Traps = traps
	return t.trapQuestions(ctx, s)
}

// chooseTraps asks for the numbers of traps; those that of tells are possible.
func (t *turn) chooseTraps(ctx context.Context, verb string, names []string, of func(string) bool) ([]string, error) {
	if !slices.ContainsFunc(names, of) {
		return nil, nil
	}
	yes, err := t.Confirm(ctx, "\nDo you want to "+verb+" any of these traps?", true)
	if err != nil || !yes {
		return nil, err
	}
	read := func(word string) (chosen []string, err error) {
		for entry := range strings.SplitSeq(word, ",") {
			entry = strings.TrimSpace(entry)
			i := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, entry) })
			if n, wrong := strconv.Atoi(entry); wrong == nil && n >= 1 && n <= len(names) {
				i = n - 1
			}
			switch {
			case i < 0:
				return nil, fmt.Errorf("%.60q is not one of the traps: give numbers from 1 to %d", entry, len(names))
			case !of(names[i]):
				return nil, fmt.Errorf("%s is %sd already", names[i], verb)
			}
			chosen = append(chosen, names[i])
		}
		return chosen, nil
	}
	answer, err := t.Question(ctx, Param{Question: "Enter number or numbers of traps to " + verb + ". Separate multiple numbers with commas.", Required: true,
		Check: func(word string) error { _, err := read(word); return err }, Complete: completeWords(slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !of(n) }))})
	if err != nil {
		return nil, err
	}
	return read(answer)
}

// trapQuestions asks for what the enabled traps go by.
func (t *turn) trapQuestions(ctx context.Context, s *config.SNMP) error {
	for _, q := range []struct{ trap, key, text string }{
		{trapCPU, "cpu_threshold", "What threshold would you like to set for CPU utilization?"},
		{trapConnectivity, "connectivity_url", "What URL would you like to check for connectivity failure?"},
		{trapMemory, "memory_threshold", "What threshold would you like to set for memory utilization?"},
	} {
		if !slices.Contains(s.Traps, q.trap) {
			continue
		}
		if err := t.field(ctx, q.text, s, q.key, "snmp."+q.key); err != nil {
			return err
		}
	}
	return nil
}
