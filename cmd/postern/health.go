package main

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// health tells why the gateway is not healthy, in sentences. What an operator has suspended or paused is not a fault.
func (g *gateway) health(now time.Time) (reasons []string) {
	if n := g.engine.Loading(); n < 100 {
		reasons = append(reasons, fmt.Sprintf("the queue is loading, %d %%", n))
	}
	if err := g.engine.Admit(); err != nil {
		reasons = append(reasons, fmt.Sprintf("no mail is accepted: %v", err))
	}
	reasons = append(reasons, g.pulse.problems(now, g.journal.Durable())...)
	return append(reasons, g.failures.list()...)
}

// failures are the gateway's loops that have ended before their time. The zero value has none; many goroutines may use it.
type failures struct {
	mu   sync.Mutex
	said []string
}

func (f *failures) add(what string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, fmt.Sprintf("%s ended: %v", what, err))
}

func (f *failures) list() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.said)
}
