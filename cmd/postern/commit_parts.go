package main

import (
	"slices"
	"strings"

	"postern/engine/config"
)

// A part of the gateway that does not ask for the configuration in force each time it needs it is told of another one in two
// steps. preparePart makes all ready that can fail, and changes nothing that anybody sees; an error has undone it.
type preparePart func(now, next *config.Document) (part, error)

// part is ready for another configuration.
type part struct {
	takeUp func() []error // when it is in force: an error is an operator's to hear, as a sentence
	undo   func()         // when it will not be
}

// parts are told in this order.
func (g *gateway) parts() []preparePart {
	return []preparePart{g.prepareReceiver, g.preparePages, g.prepareSNMP, g.prepareResolver, g.prepareLogs}
}

// ready is all that a commit has prepared.
type ready struct {
	parts []part
	file  staged
}

func (r *ready) undo() {
	for _, p := range slices.Backward(r.parts) {
		p.undo()
	}
	if r.file.from != "" {
		r.file.drop()
	}
}

// startOnly are the keys, or what they begin with, that count from the next start on.
var startOnly = []string{"admin.", "daemon."}

// atNextStart lists the keys of a change that count from the next start on.
func atNextStart(changes []config.Change) (keys []string) {
	for _, c := range changes {
		if slices.ContainsFunc(startOnly, func(prefix string) bool { return strings.HasPrefix(c.Path, prefix) }) {
			keys = append(keys, c.Path)
		}
	}
	return keys
}

// prepareReceiver binds new listeners' ports.
func (g *gateway) prepareReceiver(_, next *config.Document) (part, error) {
	change, err := g.receiver.Prepare(next, g.rows.System().ListenersSuspended)
	if err != nil {
		return part{}, err
	}
	return part{takeUp: func() []error { change.Make(); return nil }, undo: change.Undo}, nil
}

func (g *gateway) prepareResolver(now, next *config.Document) (part, error) {
	return part{undo: func() {}, takeUp: func() []error {
		if !slices.Equal(now.DNS.Servers, next.DNS.Servers) {
			g.resolver.SetServers(next.DNS.Servers)
		}
		g.resolver.SetPatience(next.DNS.Timeout.Duration, next.DNS.Tries)
		if now.DNS.Cache != next.DNS.Cache {
			g.resolver.SetCacheSize(next.DNS.Cache)
		}
		return nil
	}}, nil
}
