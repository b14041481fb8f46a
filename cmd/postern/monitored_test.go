package main

import (
	"fmt"
	"testing"
	"time"

	"postern/engine/config"
	"postern/journal"
	"postern/projections"
)

// A reading of all figures costs much less than the 5 ms that an answer may take, however much is queued.
func BenchmarkSNMPFigures(b *testing.B) {
	for _, hosts := range []int{10, 10_000, 200_000} {
		b.Run(fmt.Sprintf("%d_hosts", hosts), func(b *testing.B) {
			g := &gateway{figures: projections.NewFigures(0)}
			g.inForce.Store(config.Default())
			g.looker = &projections.Follower{Projections: []projections.Projection{g.figures}, Figures: g.figures}
			queued(g.figures, hosts)
			s := g.monitored()
			s.Followers, s.Problems, s.Sensors, s.Refused, s.Targets = nil, nil, nil, nil, nil // what needs a journal, a machine and an agent
			branch := s.Branch()
			for b.Loop() {
				branch.Read(time.Now())
			}
		})
	}
}

// queued puts a million recipients into the queue, five a message.
func queued(f *projections.Figures, hosts int) {
	now := journal.InstantOf(time.Now())
	for i := range uint64(200_000) {
		e := &journal.MessageInjected{MID: uint32(i + 1), Size: 4096, Queued: true}
		for rid := range uint32(5) {
			e.Recipients = append(e.Recipients, journal.InjectedRecipient{RID: rid, Domain: fmt.Sprintf("d%d.test", (i*5+uint64(rid))%uint64(hosts))})
		}
		f.Apply(journal.Record{Seq: i + 1, Time: now, Event: e})
	}
}
