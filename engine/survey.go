package engine

import (
	"context"

	"postern/journal"
)

// survey walks the queue of one snapshot in its order and finds what a selection means. While it hands out what it has
// found it holds nothing of the store but the snapshot.
type survey struct {
	journal   *journal.Journal
	rows      *journal.LiveSnapshot
	match     *matcher
	until     uint64 // messages with a higher Seq are left out; 0: none is
	actions   bool   // for an action: what is in quarantine or in the work queue is left out
	envelopes bool   // what is found comes with its envelope
}

// found is a message of which recipients are meant.
type found struct {
	message    *journal.LiveMessage
	envelope   *journal.MessageInjected // nil: nobody asked for it
	recipients []int                    // their places in the message
}

// each calls take for what it finds; the struct is valid only during the call.
func (v *survey) each(ctx context.Context, take func(*found) error) error {
	pages, envelopes := v.rows.Pages(), v.journal.Envelopes()
	defer envelopes.Close()
	g := gathered{envelopes: envelopes}
	for {
		page, err := pages.Next(ctx)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			m := &page[i]
			if v.until > 0 && m.Seq > v.until {
				return g.hand(take)
			}
			if err := v.look(m, &g); err != nil {
				return err
			}
			if g.size < maxGathered {
				continue
			}
			if err := g.hand(take); err != nil {
				return err
			}
		}
		if err := g.hand(take); err != nil {
			return err
		}
	}
}

// look gathers a message if it is meant.
func (v *survey) look(m *journal.LiveMessage, g *gathered) error {
	if v.actions && (m.Quarantines > 0 || m.InWorkQueue) || !v.match.row(m) {
		return nil
	}
	before := len(g.places)
	if g.places = v.match.recipients(m, g.places); len(g.places) == before {
		return nil
	}
	f := found{message: m}
	if v.envelopes || v.match.asksEnvelope() {
		var err error
		if f.envelope, err = g.envelopes.At(m.Seq); err != nil {
			return err
		}
		g.size += len(f.envelope.Recipients)
		if !v.match.envelope(f.envelope) {
			g.places = g.places[:before]
			return nil
		}
	}
	g.found, g.ends = append(g.found, f), append(g.ends, len(g.places))
	return nil
}

// gathered is what was found on a page and not handed out yet.
type gathered struct {
	envelopes *journal.Envelopes
	found     []found
	ends      []int // where each one's places end
	places    []int
	size      int // recipients of the envelopes read
}

// hand lets go of the store and hands out what is gathered.
func (g *gathered) hand(take func(*found) error) error {
	if err := g.envelopes.Close(); err != nil {
		return err
	}
	begin := 0
	for i := range g.found {
		f := &g.found[i]
		f.recipients, begin = g.places[begin:g.ends[i]], g.ends[i]
		if err := take(f); err != nil {
			return err
		}
	}
	clear(g.found)
	g.found, g.ends, g.places, g.size = g.found[:0], g.ends[:0], g.places[:0], 0
	return nil
}
