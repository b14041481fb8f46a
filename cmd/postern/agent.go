package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"postern/engine/config"
	"postern/snmp"
)

// engineName is the file of the data directory in which the SNMP engine's id and starts are kept.
const engineName = "snmp-engine.json"

// buildSNMP makes the SNMP agent, and binds its port while the process may. What stands in its way is said and tried
// again: nobody sends or receives less mail for want of it.
func (g *gateway) buildSNMP() {
	g.agent = &snmp.Agent{Branches: g.branches(), EngineFile: filepath.Join(g.data, engineName), Listen: g.ports.listenPacket,
		Program:   snmp.Program{Version: Version, Built: built(), Serial: serial},
		OnProblem: func(err error) { g.log.Error().Err(err).Msg("SNMP") }}
	g.agent.Start(g.document())
}

// prepareSNMP binds another port and makes other keys.
func (g *gateway) prepareSNMP(_, next *config.Document) (part, error) {
	change, err := g.agent.Prepare(next)
	if err != nil {
		return part{}, err
	}
	return part{takeUp: func() []error { change.Activate(); return nil }, undo: change.Discard}, nil
}

// built is when the program's file was made; zero: nobody knows.
func built() time.Time {
	info, err := os.Stat("/proc/self/exe")
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// snmpAddress is where a configuration wants the SNMP agent.
func snmpAddress(d *config.Document) (at netip.AddrPort, wanted bool) {
	in := d.SNMPInterface()
	if !d.SNMP.Enabled || in == nil {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(in.Address.Addr(), d.SNMP.Port), true
}

// findBusySNMP tries to bind where the SNMP agent would.
func findBusySNMP(d *config.Document) error {
	at, wanted := snmpAddress(d)
	if !wanted {
		return nil
	}
	c, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp", at.String())
	if err != nil {
		return fmt.Errorf("snmp cannot listen on %s: %w", at, err)
	}
	return c.Close()
}
