package main

import (
	"sync"
	"time"

	"postern/projections"
	"postern/snmp"
)

// topTime is how long one reading may look for the first destinations; what is left of some tens of thousands comes with
// the next.
const topTime = time.Millisecond

// branches are what the agent answers of the gateway and the machine, beside what it says of itself.
func (g *gateway) branches() []snmp.Branch {
	return append(snmp.NetworkBranches(g.monitor.Network, func() time.Duration { return g.agent.Uptime() }), g.monitored().Branch())
}

// monitored connects the objects of the gateway with the places that status, /metrics, hardwarestatus and alerts read.
// Nothing is fetched from elsewhere yet, so that there are no updates to tell of.
func (g *gateway) monitored() *snmp.Gateway {
	top := &firstDestinations{leaders: projections.Leaders{Max: 10, AsTop: true}}
	return &snmp.Gateway{
		Figures:   func(now time.Time) snmp.Figures { return g.figuresOf(now, top) },
		Sensors:   g.monitor.Sensors,
		Keys:      g.keys,
		Followers: g.behind,
		Problems:  g.health,
		Refused:   func() (limited, contained uint64) { return g.agent.Refused() },
		Targets:   func() []snmp.TargetStatus { return g.traps.Sender.Status() },
	}
}

// firstDestinations are found over several readings where there are many.
type firstDestinations struct {
	mu      sync.Mutex // guards leaders
	leaders projections.Leaders
}

// figuresOf takes what status shows and the first destinations in one look, wherever the figures stand.
func (g *gateway) figuresOf(now time.Time, top *firstDestinations) (f snmp.Figures) {
	d := g.document()
	listeners := make([]string, len(d.Listeners))
	for i := range d.Listeners {
		listeners[i] = d.Listeners[i].Name
	}
	top.mu.Lock()
	defer top.mu.Unlock()
	top.leaders.Search(g.looker, g.figures, time.Now, topTime)
	g.looker.Peek(func() {
		f.Status, f.Top = g.figures.View(now, &g.gauges, listeners), top.leaders.View(g.figures, now)
	})
	return f
}

// keys are the certificates, as the XML feed and the alerts have them; and those whose end nobody knows.
func (g *gateway) keys(now time.Time) (keys []snmp.Key) {
	for _, f := range g.expiries.all(g.document(), now) {
		keys = append(keys, snmp.Key{Description: f.Name, Expires: f.Expires})
	}
	return keys
}

// behind is how those stand who follow the journal.
func (g *gateway) behind() (list []snmp.Follower) {
	durable := g.journal.Durable()
	for _, f := range g.lags.followers() {
		list = append(list, snmp.Follower{Name: f.name, Lag: durable - min(durable, f.seen()), Age: time.Duration(f.age.Load()), Broken: f.broken.Load()})
	}
	return list
}
