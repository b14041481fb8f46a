package main

import (
	"time"

	"postern/engine"
	"postern/hardware"
)

// maxHardwareAlerts is how many components have an alert of their own at a time.
const maxHardwareAlerts = 20

// hardware tells what is critical of the machine. What was told stands until it is normal, not merely a little better.
func (l *levels) hardware(out []engine.Alert, now time.Time, stands func(string, string) bool) []engine.Alert {
	if l.sensors == nil {
		return out
	}
	before := len(out)
	for _, c := range l.sensors(now).Components() {
		begins := c.Severity == hardware.Critical && len(out)-before < maxHardwareAlerts
		if begins || c.Severity != hardware.Normal && stands(alertHardware, c.Name) {
			out = append(out, engine.Alert{Kind: alertHardware, Object: c.Name, Severity: severityCritical, Text: c.Text})
		}
	}
	return out
}
