package snmp

import (
	"fmt"
	"time"
)

// Program is what the agent says of the program and the machine that it is part of. Its fields are set before use.
type Program struct {
	Version string                       // 1.2.3-004
	Built   time.Time                    // zero: not known
	Serial  func(hostname string) string // the machine's number, as the logs have it; nil: none
}

// systemGroup is who the gateway is (RFC 3418).
var systemGroup = MustOID("1.3.6.1.2.1.1")

// Appliance is what monitoring systems take for a mail gateway of this kind, exactly.
var Appliance = MustOID("1.3.6.1.4.1.15497.1.1")

// services are those of layer 4 and 7: end to end, and applications.
const services = 72

// systemBranch is the system group of the configuration in force.
func (a *Agent) systemBranch() Branch {
	text := func(of func(s *state) string) func() Value {
		return func() Value { return DisplayString(of(a.inForce.Load())) }
	}
	return scalars(systemGroup, []scalar{
		{1, text(func(s *state) string { return a.Program.describe(s.document.SNMP.Model, s.document.Hostname) })},
		{2, func() Value { return ObjectID(Appliance) }},
		{3, func() Value { return TimeTicks(a.Uptime()) }},
		{4, text(func(s *state) string { return s.document.SNMP.Contact })},
		{5, text(func(s *state) string { return s.document.Hostname })},
		{6, text(func(s *state) string { return s.document.SNMP.Location })},
		{7, func() Value { return Integer(services) }},
	})
}

// describe has the shape by which monitoring systems find gateways; the model says which one this is.
func (p *Program) describe(model, hostname string) string {
	serial, built := "none", "unknown"
	if p.Serial != nil {
		serial = p.Serial(hostname)
	}
	if !p.Built.IsZero() {
		built = p.Built.Format(time.DateOnly)
	}
	return fmt.Sprintf("Cisco Model %s, AsyncOS Version: %s, Build Date: %s, Serial #: %s", model, p.Version, built, serial)
}

// engineBranch is who the agent is to SNMPv3 (RFC 3411 section 5).
func (a *Agent) engineBranch() Branch {
	return scalars(snmpEngine, []scalar{
		{1, func() Value { return OctetString(a.inForce.Load().engine.ID) }},
		{2, func() Value { return Integer(int(a.inForce.Load().engine.Boots)) }},
		{3, func() Value { return Integer(int(a.inForce.Load().engine.Time())) }},
		{4, func() Value { return Integer(maxMessage) }},
	})
}
