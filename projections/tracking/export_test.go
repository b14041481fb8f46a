package tracking

import (
	"testing"

	"postern/journal"
)

// RandomHistory is one history that tests outside of the package let grow.
type RandomHistory struct{ p *past }

func NewRandomHistory(t *testing.T, seed uint64) *RandomHistory {
	return &RandomHistory{newPast(t, seed)}
}

func (h *RandomHistory) Journal() *journal.Journal     { return h.p.j }
func (h *RandomHistory) GoOn(steps int)                { h.p.goOn(steps) }
func (h *RandomHistory) Now() journal.Instant          { return h.p.at }
func (h *RandomHistory) Cut(before uint64) journal.Cut { return h.p.cut(before) }

func (h *RandomHistory) Write(events ...journal.Event) uint64 { return h.p.write(events...) }

// Index opens one with small segments in a folder.
func (h *RandomHistory) Index(dir string, writable bool) *Index { return h.p.index(dir, writable) }
