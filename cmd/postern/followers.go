package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"postern/hardware"
	"postern/journal"
	"postern/projections"
	"postern/projections/tracking"
	"postern/shell"
)

// buildFollowers makes those who look: each pulls durable records at its own pace and slows nobody.
func (g *gateway) buildFollowers() error {
	g.lags.durable = g.journal.Durable
	g.logs.g = g
	g.logs.build(g.document())
	g.index = &tracking.Index{History: g.journal, Dir: tracking.Dir(g.data), Warn: func(err error) { g.log.Warn().Err(err).Msg("index") }}
	if err := g.index.Open(true); err != nil { // it is a cache: without it searches read the journal
		g.log.Warn().Err(err).Msg("index")
	}
	if err := g.buildFigures(); err != nil {
		return err
	}
	g.lags.watch("figures", g.looker.Seq)
	g.lags.watch("live rows", func() uint64 {
		if g.engine.Loading() < 100 { // they wait for that
			return g.journal.Durable()
		}
		return g.rows.Mark()
	})
	return nil
}

// buildFigures makes what follows the journal for the figures of status.
func (g *gateway) buildFigures() error {
	g.looker = &projections.Follower{Source: g.journal, Projections: []projections.Projection{g.figures}, Keyframes: g.frames, Figures: g.figures,
		Warn: func(err error) { g.log.Warn().Err(err).Msg("keyframe") }}
	g.registerGauges()
	id := shell.Identity{Hostname: g.document().Hostname, Version: Version, Started: time.Now(), PID: os.Getpid()}
	for _, l := range g.document().Listeners {
		id.Listeners = append(id.Listeners, l.Name)
	}
	shells := new(shell.Sessions)
	g.admin = &shell.Admin{Group: g.document().Admin.Group, Shells: shells, Runtime: runtimeDirectory(),
		Gateway: g.diagnosed(g.operated(&shell.Local{Follower: g.looker, Figures: g.figures, Gauges: &g.gauges, Self: id, Shells: shells}))}
	return g.admin.Listen(g.data)
}

// swapPage is a page of memory in kilobytes: Linux counts swapped pages, the status log wants their memory as well.
var swapPage = int64(os.Getpagesize() / 1024)

// registerGauges names what lives in no event.
func (g *gateway) registerGauges() {
	logs := filepath.Join(g.data, "logs")
	for name, fn := range map[string]func() int64{
		projections.GaugeRAMUtilization:   g.machine.RAMPercent,
		projections.GaugeRAMUsed:          g.machine.RAMUsed,
		projections.GaugeCPUUtilization:   g.machine.CPUPercent,
		projections.GaugeTotalUtilization: g.machine.TotalPercent,
		projections.GaugeCPUSeconds:       g.machine.CPUSeconds,
		projections.GaugeDiskUtilization:  g.machine.DiskPercent,
		projections.GaugeMaxIO:            g.machine.MaxIO,
		projections.GaugeOpenFiles:        g.machine.OpenFiles,
		projections.GaugeSwappedIn:        func() int64 { return g.machine.SwappedIn() * swapPage },
		projections.GaugeSwappedOut:       func() int64 { return g.machine.SwappedOut() * swapPage },
		projections.GaugePagedIn:          g.machine.SwappedIn,
		projections.GaugePagedOut:         g.machine.SwappedOut,
		projections.GaugeLogUsed:          func() int64 { used, _ := hardware.DiskUsed(logs); return used },
		projections.GaugeKilobytesFree:    func() int64 { return g.engine.Free() / 1024 },
		projections.GaugeInbound:          func() int64 { return int64(g.receiver.Connections()) },
		projections.GaugeOutbound:         func() int64 { return int64(g.client.Connections()) },
		projections.GaugePendingOutbound:  func() int64 { return int64(g.client.Dialling()) },
		projections.GaugePendingDNS:       func() int64 { return int64(g.resolver.Outstanding() + g.resolver.Pending()) },
		projections.GaugeOutstandingDNS:   func() int64 { return int64(g.resolver.Outstanding()) },
		projections.GaugeWaitingDNS:       func() int64 { return int64(g.resolver.Pending()) },
		projections.GaugeDNSRequests:      func() int64 { return int64(g.resolver.Counters().Requests) },
		projections.GaugeNetworkRequests:  func() int64 { return int64(g.resolver.Counters().NetworkRequests) },
		projections.GaugeCacheHits:        func() int64 { return int64(g.resolver.Counters().Hits) },
		projections.GaugeCacheMisses:      func() int64 { return int64(g.resolver.Counters().Misses) },
		projections.GaugeCacheExceptions:  func() int64 { return int64(g.resolver.Counters().Exceptions) },
		projections.GaugeCacheExpired:     func() int64 { return int64(g.resolver.Counters().Expired) },
		projections.GaugeStoreBodies:      func() int64 { return int64(g.pulse.now().BodyBytes) },
		projections.GaugeStoreLogged:      func() int64 { return int64(g.pulse.now().WALBytes) },
		projections.GaugeStoreFlushed:     func() int64 { return int64(g.pulse.now().FlushedBytes) },
		projections.GaugeStoreCompacted:   func() int64 { return int64(g.pulse.now().CompactedBytes) },
		projections.GaugeFollowerLag:      func() int64 { return int64(max(g.looker.Lag(), g.logs.lag())) },
	} {
		g.gauges.Register(name, fn)
	}
	g.gauges.RegisterText(projections.GaugeLogAvailable, func() string { _, left := hardware.DiskUsed(logs); return left })
	g.gauges.RegisterText(projections.GaugeSwapUsage, func() string { return fmt.Sprintf("%d%%", g.machine.SwapPercent()) })
}

// sample writes down once a minute, on the minute, what is not worth an event each.
func (g *gateway) sample(ctx context.Context) error {
	for {
		now := time.Now()
		next := time.NewTimer(now.Truncate(time.Minute).Add(time.Minute).Sub(now))
		select {
		case <-ctx.Done():
			next.Stop()
			return nil
		case at := <-next.C:
			var s *journal.Sampled
			g.looker.Peek(func() { s = g.figures.Sample(at, &g.gauges) })
			g.engine.Note(s)
		}
	}
}

// queueLoaded is said once after a start, when everything that was queued before it is scheduled.
const queueLoaded = "the queue is loaded"

// follow starts them; they go to the journal's end when ctx ends.
func (g *gateway) follow(ctx context.Context) {
	g.run("figures", func() error { g.loaded(ctx, figuresPatience); return g.looker.Run(ctx) })
	g.run("gauges of the machine", func() error { return g.machine.Run(ctx) })
	g.run("sensors of the machine", func() error { return g.monitor.Run(ctx) })
	g.run("limit of memory", func() error { return g.keepWithinMemory(ctx) })
	g.run("lag of the followers", func() error { return g.lags.run(ctx) })
	g.run("alerts", func() error { return g.watchAlarms(ctx) })
	g.run("samples", func() error { return g.sample(ctx) })
	g.run("admin socket", g.admin.Serve)
	g.run("logs", func() error { return g.logs.run(ctx) })
	g.run("index", func() error { g.loaded(ctx, logPatience); return g.index.Run(ctx) })
	g.run("live rows", func() error {
		if g.loaded(ctx, forever) {
			g.log.Info().Int("messages", g.engine.Totals().Messages).Msg(queueLoaded)
		}
		return g.rows.Follow(ctx)
	})
}

// logPatience is how long the logs leave the processors to the queue of before the start, which mail waits for: a moment's
// delay hurts nobody who reads a log, and is far from what lag does to senders.
const logPatience = 3 * time.Second

// figuresPatience is the same of the figures, which people wait for: it is less than they do (projections.AwaitLimit). After
// a crash there are minutes of facts to fold, after a stop none.
const figuresPatience = 900 * time.Millisecond

const forever = 1<<63 - 1

// loaded waits until the queue of before the start is in, and tells whether it is.
func (g *gateway) loaded(ctx context.Context, patience time.Duration) bool {
	tick, end := time.NewTicker(10*time.Millisecond), time.NewTimer(patience)
	defer tick.Stop()
	defer end.Stop()
	for g.engine.Loading() < 100 {
		select {
		case <-tick.C:
		case <-end.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

// serial is a machine's number in the shape that log readers expect, 20 characters, drawn from its name.
func serial(hostname string) string {
	sum := sha256.Sum256([]byte(hostname))
	hex := strings.ToUpper(fmt.Sprintf("%x", sum))
	return hex[:12] + "-" + hex[12:19]
}
