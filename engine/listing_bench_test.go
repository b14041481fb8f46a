package engine

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"postern/journal"
)

// millionQueued is a store with a million queued recipients, to 1,000 domains from 100 senders.
func millionQueued(b *testing.B) (*journal.Journal, *Engine) {
	b.Helper()
	dir := b.TempDir()
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		b.Fatal(err)
	}
	block := journal.Block{Time: journal.InstantOf(listingStart)}
	for i := range 1_000_000 {
		block.Events = append(block.Events, journal.Prepare(&journal.MessageInjected{MID: uint32(i + 1), ICID: uint32(i/3 + 1), Size: 4096, Body: journal.BodyID(i + 1),
			Queued: true, Sender: fmt.Sprintf("sender%d@example.org", i%100), MessageID: "<1234567890@example.org>", Subject: "a subject of common length",
			Recipients: []journal.InjectedRecipient{{Domain: fmt.Sprintf("customer%d.example.com", i%1000), Local: "somebody"}}}))
		if len(block.Events) == 200 {
			if _, err := j.Append(&block); err != nil {
				b.Fatal(err)
			}
			block.Events = block.Events[:0]
		}
	}
	rows, err := journal.OpenLiveRows(j)
	if err != nil {
		b.Fatal(err)
	}
	if err := rows.CatchUp(context.Background(), j.Durable()); err != nil {
		b.Fatal(err)
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	if j, err = journal.Open(dir, journal.Options{}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { j.Close() })
	return j, listingEngine(b, j, nil)
}

// BenchmarkMillionQueued measures the reading of a queue of a million: how soon the first row is there, how long all take,
// what it holds in memory meanwhile.
func BenchmarkMillionQueued(b *testing.B) {
	_, e := millionQueued(b)
	ctx := context.Background()
	sender := "sender7@example.org"
	for _, c := range []struct {
		name string
		s    Selection
		want uint64
	}{{"all", Selection{}, 1_000_000}, {"host", Selection{Host: "customer7.example.com"}, 1000}, {"from", Selection{From: &sender}, 10_000},
		{"subject", Selection{Subject: "lengths?$"}, 1_000_000}, {"MID", Selection{MID: 500_000}, 1}} {
		b.Run("list "+c.name, func(b *testing.B) {
			var first time.Duration
			var most uint64
			for b.Loop() {
				runtime.GC()
				var before, now runtime.MemStats
				runtime.ReadMemStats(&before)
				began, n := time.Now(), uint64(0)
				if _, err := e.Recipients(ctx, c.s, func(Listed) error {
					if n++; n == 1 {
						first = max(first, time.Since(began))
					}
					if n%200_000 == 0 {
						runtime.ReadMemStats(&now)
						most = max(most, now.HeapAlloc-min(before.HeapAlloc, now.HeapAlloc))
					}
					return nil
				}); err != nil || n != c.want {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(first.Microseconds())/1000, "ms-first-row")
			b.ReportMetric(float64(most)/(1<<20), "MiB-heap")
		})
		b.Run("preview "+c.name, func(b *testing.B) {
			for b.Loop() {
				if p, err := e.Preview(ctx, c.s); err != nil || p.Recipients != c.want {
					b.Fatal(p, err)
				}
			}
		})
	}
	b.Run("choose all", func(b *testing.B) {
		for b.Loop() {
			n := 0
			if _, err := e.choose(ctx, Selection{}, 0, func(_ *journal.LiveMessage, rids []uint32) error { n += len(rids); return nil }); err != nil || n != 1_000_000 {
				b.Fatal(n, err)
			}
		}
	})
}
