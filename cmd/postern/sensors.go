package main

import (
	"context"
	"time"

	"postern/engine/config"
	"postern/hardware"
)

// limitsOf is what the configured model of machine bears.
func limitsOf(d *config.Document) hardware.Limits {
	t := d.Threshold()
	if t == nil {
		return hardware.Limits{}
	}
	l := hardware.Limits{Model: t.Model, Celsius: map[hardware.Kind]float64{}, Fan: int64(t.Fan),
		Ignore: hardware.Ignored{PowerSupplies: t.PowerSupply == config.Ignore, RAID: t.RAID == config.Ignore, Links: t.Link == config.Ignore}}
	if t.FanCheck == config.FanByChip {
		l.Fan = -1
	}
	for kind, celsius := range map[hardware.Kind]int{hardware.CPU: t.CPU, hardware.Ambient: t.Ambient, hardware.Backplane: t.Backplane, hardware.Riser: t.Riser} {
		if celsius > 0 {
			l.Celsius[kind] = float64(celsius)
		}
	}
	return l
}

// sensorsNow is the gateway's reading of its machine; it waits for nothing.
func (g *gateway) sensorsNow(context.Context) *hardware.Sensors { return g.monitor.Sensors(time.Now()) }

// readOnce reads the sensors for a command while no gateway does, the management controller included.
func readOnce(document func() *config.Document) func(context.Context) *hardware.Sensors {
	return func(ctx context.Context) *hardware.Sensors {
		m := &hardware.Monitor{Limits: func() hardware.Limits { return limitsOf(document()) }}
		m.Ask(ctx)
		return m.Sensors(time.Now())
	}
}
