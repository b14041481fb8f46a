package main

import (
	"fmt"

	"postern/engine/config"
	"postern/projections/logpush"
	"postern/shell"
)

// diagnosed connects the commands that look into logs, sessions, the machine and other hosts with the parts that know.
func (g *gateway) diagnosed(l *shell.Local) *shell.Local {
	l.Note = g.engine.Note
	l.Logs.Dir = g.logsDirectory()
	l.Logs.Writers, l.Logs.Keys = g.logs.writers, &logpush.HostKeys{Dir: g.keysDirectory()}
	l.Program = program()
	l.Program.Features = g.features
	l.Program.Sensors = g.sensorsNow
	l.Prober.Dig = digger(g.resolver)
	l.Prober.VerifyTLS = verifier(g.client)
	return l
}

// program is this one.
func program() shell.Program { return shell.Program{Version: Version, Serial: serial} }

// features is what the configuration in force has the gateway offer.
func (g *gateway) features() []shell.Feature { return featuresOf(g.document()) }

func featuresOf(d *config.Document) []shell.Feature {
	var list []shell.Feature
	for _, l := range d.Listeners {
		list = append(list, shell.Feature{Name: l.Name, What: fmt.Sprintf("%s listener on %s", l.Kind, l.Address), Addresses: []string{l.Address.String()}})
	}
	if h := d.HTTP; h.Address.IsValid() {
		scheme := "http"
		if h.Certificate != "" {
			scheme = "https"
		}
		list = append(list, shell.Feature{Name: "http", What: fmt.Sprintf("status for monitoring at %s://%s/", scheme, h.Address), Addresses: []string{h.Address.String()}})
	}
	if at, wanted := snmpAddress(d); wanted {
		list = append(list, shell.Feature{Name: "snmp", What: fmt.Sprintf("answers for monitoring on %s", at), Addresses: []string{at.String()}})
	}
	return append(list, shell.Feature{Name: "admin", What: "the commands of operators", Addresses: []string{"/admin.sock"}})
}
