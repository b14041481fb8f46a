package main

import (
	"time"

	"postern/engine/config"
	"postern/projections"
	"postern/shell/web"
)

// buildHTTP makes the server of the status pages, and binds its address while the process may.
func (g *gateway) buildHTTP(document func() *config.Document) error {
	g.pulse = newPulse()
	for name, fn := range map[string]func() int64{
		projections.GaugeJournalBytes:   func() int64 { return int64(g.pulse.now().DiskBytes) },
		projections.GaugeJournalRecords: func() int64 { return int64(g.journal.Durable()) },
		projections.GaugeQueueLoaded:    func() int64 { return int64(g.engine.Loading()) },
	} {
		g.gauges.Register(name, fn)
	}
	g.web = &web.Server{Document: document, Follower: g.looker, Figures: g.figures, Gauges: &g.gauges, Gateway: g.admin.Gateway,
		Health: g.health, Announce: g.ports.announce, Tolerant: g.receiver.Tolerant,
		Features:  func(now time.Time) []web.Feature { return g.expiries.list(document(), now) },
		OnProblem: func(err error) { g.log.Warn().Err(err).Msg("status over HTTP") }}
	return g.web.Listen()
}
