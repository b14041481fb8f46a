package snmp

import (
	"time"

	"postern/hardware"
	"postern/projections"
)

// Gateway is where the gateway's objects have their figures from: the places that status, status detail and /metrics read,
// too. Its functions are set before use. They wait for nobody, and may be called by any goroutine; what they return is
// only read. All but Figures may be nil: then there is nothing of that kind.
type Gateway struct {
	Figures   func(now time.Time) Figures           // of one look: the same Seq for all
	Sensors   func(now time.Time) *hardware.Sensors // nil: no sensors
	Keys      func(now time.Time) []Key             // in a steady order
	Updates   func(now time.Time) []Update          // in a steady order
	Followers func() []Follower                     // in a steady order
	Problems  func(now time.Time) []string          // why the gateway is not healthy, as /healthz says it
	Refused   func() (limited, contained uint64)    // datagrams that the agent has dropped, as Agent.Refused
	Targets   func() []TargetStatus                 // whom notifications are sent to, in the configuration's order
}

// Figures are what status shows as of a Seq, and the destinations with the most active recipients as of the same, in the
// order of tophosts.
type Figures struct {
	projections.Status
	Top []projections.HostStatus
}

// Key is what ends at a certain time: a certificate, or what an engine needs in order to run.
type Key struct {
	Description string
	Perpetual   bool      // it never ends
	Expires     time.Time // if it does; zero: nobody knows when
}

// Update counts how data that is fetched from elsewhere, such as an engine's or a blocklist, was brought up to date.
type Update struct {
	Service           string
	Updates, Failures uint64 // successful ones, and those that were not, since the start
}

// Follower is one who follows the journal: who counts, or writes a log.
type Follower struct {
	Name   string
	Lag    uint64        // durable records that it has still to see
	Age    time.Duration // of the oldest of them
	Broken bool          // it cannot write, and catches up when it can
}

// enterprises is where the objects of the gateway begin.
var enterprises = MustOID("1.3.6.1.4.1")

// image is what the gateway's objects are read from, taken at one moment.
type image struct {
	Figures
	at        time.Time
	sensors   *hardware.Sensors
	keys      []Key
	updates   []Update
	followers []Follower
	problems  []string
	targets   []TargetStatus

	limited, contained uint64 // datagrams
}

// Branch has all objects of the gateway: those of AsyncOS below 15497, and Postern's own. It is one, so that a walk finds
// the figures of both as of the same Seq.
func (g *Gateway) Branch() Branch {
	return branchOf(enterprises, g.look, append(asyncosParts(), ownParts()...)...).of(
		Module{asyncosObjects, "The objects of an AsyncOS mail gateway"}, Module{ownArc.Append(1), "POSTERN-MIB: what Postern adds"})
}

func (g *Gateway) look(now time.Time) *image {
	i := &image{Figures: g.Figures(now), at: now}
	if g.Sensors != nil {
		i.sensors = g.Sensors(now)
	}
	if i.sensors == nil {
		i.sensors = &hardware.Sensors{}
	}
	if g.Keys != nil {
		i.keys = firstOf(g.Keys(now), maxKeys)
	}
	if g.Updates != nil {
		i.updates = firstOf(g.Updates(now), maxUpdates)
	}
	if g.Followers != nil {
		i.followers = firstOf(g.Followers(), maxFollowers)
	}
	if g.Problems != nil {
		i.problems = firstOf(g.Problems(now), maxProblems)
	}
	if g.Refused != nil {
		i.limited, i.contained = g.Refused()
	}
	if g.Targets != nil {
		i.targets = firstOf(g.Targets(), maxTargets)
	}
	return i
}

// gauge is one of status detail's; one that nobody has registered is 0 there, too.
func (i *image) gauge(name string) uint64 { return nonNegative(i.Gauges[name]) }
