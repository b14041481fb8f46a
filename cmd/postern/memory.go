package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"
)

// The runtime is told to keep within most of the memory that there is; the rest is for what it does not see, the store's
// cache above all. Close to the limit it gives back what it has no use for at once, since mail waits for that.
const (
	heapShare     = 70 // percent
	memoryShort   = 0.80
	giveBackEvery = 30 * time.Second
)

// keepWithinMemory looks once a second until ctx ends. GOMEMLIMIT in the environment wins.
func (g *gateway) keepWithinMemory(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	limit, given := int64(0), os.Getenv("GOMEMLIMIT") != ""
	var gaveBack time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if m := g.machine.RAMLimit(); m > 0 && m != limit && !given {
				limit = m
				debug.SetMemoryLimit(m / 100 * heapShare)
			}
			if g.machine.MemoryShare() >= memoryShort && now.Sub(gaveBack) >= giveBackEvery {
				gaveBack = now
				debug.FreeOSMemory()
			}
		}
	}
}

// memoryLimit is what the configuration lets the gateway have, in bytes; 0: it does not say.
func (g *gateway) memoryLimit() int64 { return g.document().Conserve.MemoryMegabytes << 20 }
