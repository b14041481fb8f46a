package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"postern/engine"
	"postern/engine/config"
	"postern/projections"
)

// maxDown is how many hosts that are down are looked at for alerts.
const maxDown = 200

// watchAlarms tells operators of what is wrong until ctx ends.
func (g *gateway) watchAlarms(ctx context.Context) error {
	document := g.document
	held := &projections.HeldDoubts{Journal: g.journal, Rows: g.rows}
	l := &levels{document: document, lags: &g.lags,
		conservation: func() (int, []string) { return g.engine.Conservation(), g.engine.ConservationReasons() },
		queue:        func() (int64, int64) { return g.engine.Used(), g.engine.Free() },
		expiries:     func(now time.Time) []expiry { return g.expiring(document(), now) },
		stuck:        g.logs.stuck,
		history:      g.historySpace,
		retention:    g.retention.why,
		damage:       g.damage.why,
		sensors:      g.monitor.Sensors,
		doubts: func() (int, time.Time) {
			n, since, err := held.Look(ctx)
			if err != nil && ctx.Err() == nil {
				g.log.Error().Err(err).Msg("what is held as in doubt")
			}
			return n, since
		},
		down: func(now time.Time, atLeast uint64) (down []projections.HostStatus) {
			g.looker.Peek(func() { down = g.figures.Down(maxDown, atLeast, now) })
			return down
		}}
	a := &alarms{levels: l.wrong, tell: g.engine.Alert, interval: func() time.Duration { return document().Alerts.Interval.Duration },
		problem: func(err error) { g.log.Error().Err(err).Msg("alert") }}
	told, err := g.told(ctx)
	if err != nil {
		return err
	}
	a.takeOver(told)
	g.damage.takeOver(told)
	return a.run(ctx)
}

// told lists the last alerts, when the figures are where the journal is. Where damage keeps them from that, those that they know.
func (g *gateway) told(ctx context.Context) (told []projections.Alert, err error) {
	for {
		_, err = g.looker.Look(ctx, func() { told = g.figures.Alerts(0) })
		if behind := (*projections.BehindError)(nil); !errors.As(err, &behind) {
			return told, err
		}
		if g.damage.why() != "" {
			g.looker.Peek(func() { told = g.figures.Alerts(0) })
			return told, nil
		}
	}
}

// expiring names the certificates in use and their ends. It is asked with every look at the levels, in the background.
func (g *gateway) expiring(d *config.Document, now time.Time) (out []expiry) {
	for _, f := range g.expiries.refresh(d, now).found {
		out = append(out, expiry{strings.TrimPrefix(f.Name, "Certificate "), f.Expires})
	}
	return out
}

// historySpace is what the journal takes, and what the disk has above the mark at which mail is refused.
func (g *gateway) historySpace() (takes, room int64) {
	u := g.pulse.usage.Load()
	if u == nil || u.TotalBytes == 0 {
		return 0, 0
	}
	return int64(u.DiskBytes), engine.Space{Free: int64(u.FreeBytes), Total: int64(u.TotalBytes)}.Room(0, config.Queue{})
}
