package snmp

import (
	"fmt"
	"slices"
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

// systemBranch is the system group of the configuration in force. others are what is answered beside it.
func (a *Agent) systemBranch(others []Branch) Branch {
	var parts []part[state]
	add := func(arc uint32, value func(*state) Value) {
		parts = append(parts, scalarOf(systemGroup.Append(arc), value))
	}
	add(1, func(s *state) Value {
		return DisplayString(a.Program.describe(s.document.SNMP.Model, s.document.Hostname))
	})
	add(2, func(*state) Value { return ObjectID(Appliance) })
	add(3, func(*state) Value { return TimeTicks(a.Uptime()) })
	add(4, func(s *state) Value { return DisplayString(s.document.SNMP.Contact) })
	add(5, func(s *state) Value { return DisplayString(s.document.Hostname) })
	add(6, func(s *state) Value { return DisplayString(s.document.SNMP.Location) })
	add(7, func(*state) Value { return Integer(services) })
	add(8, func(*state) Value { return TimeTicks(0) }) // sysORLastChange: as at the start
	parts = append(parts, moduleTable(systemGroup.Append(9, 1), others))
	return branchOf(systemGroup, func(time.Time) *state { return a.inForce.Load() }, parts...)
}

// moduleTable is sysORTable: the MIB modules that are answered, which are the same for as long as the agent is there.
func moduleTable(entry OID, branches []Branch) part[state] {
	modules := []Module{{MustOID("1.3.6.1.6.3.1"), "SNMPv2-MIB: the system and the agent (RFC 3418)"}}
	for _, b := range branches {
		for _, m := range b.Modules {
			if !slices.ContainsFunc(modules, func(other Module) bool { return other.Identity.Compare(m.Identity) == 0 }) {
				modules = append(modules, m)
			}
		}
	}
	return tableOf(entry, func(*state) []Module { return modules }, byPlace[Module],
		column[Module]{2, func(m *Module) Value { return ObjectID(m.Identity) }},
		column[Module]{3, func(m *Module) Value { return DisplayString(m.Name) }},
		column[Module]{4, func(*Module) Value { return TimeTicks(0) }}, // sysORUpTime
	)
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
	}).of(Module{MustOID("1.3.6.1.6.3.10"), "SNMP-FRAMEWORK-MIB: the SNMP engine (RFC 3411)"})
}
