package engine

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"postern/journal"
)

// patientPeer stands for all destinations and answers when the test says so.
type patientPeer struct {
	j *journal.Journal

	mu     sync.Mutex
	asked  []*question // guarded by mu; not answered yet
	sooner []string    // guarded by mu; attempts that began before they were durable
}

type question struct {
	a      Attempt
	answer chan []Outcome
}

func (p *patientPeer) Deliver(ctx context.Context, a Attempt) []Outcome {
	q := &question{a: a, answer: make(chan []Outcome, 1)}
	p.mu.Lock()
	p.asked = append(p.asked, q)
	if p.j.Durable() < a.Message {
		p.sooner = append(p.sooner, fmt.Sprintf("%+v", a))
	}
	p.mu.Unlock()
	select {
	case o := <-q.answer:
		return o
	case <-ctx.Done():
		return make([]Outcome, len(a.RIDs))
	}
}

// waiting lists what is not answered, always in the same order.
func (p *patientPeer) waiting() []*question {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.SortFunc(p.asked, func(a, b *question) int {
		return cmp.Or(cmp.Compare(a.a.Message, b.a.Message), cmp.Compare(a.a.Destination, b.a.Destination))
	})
	return slices.Clone(p.asked)
}

func (p *patientPeer) take(q *question) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = slices.DeleteFunc(p.asked, func(o *question) bool { return o == q })
}

// moods are how destinations answer.
var moods = map[string]Outcome{
	"takes":   delivered,
	"relays":  {Result: Delivered, Relayed: true, DCID: 1, Code: "250", Status: "2.0.0", Reply: []string{"ok"}},
	"dead":    {Result: Temporary, Host: true, Code: "000", Status: "4.4.1", Reason: "No answer from host", Reply: []string{"timeout"}},
	"busy":    {Result: Temporary, DCID: 1, Code: "450", Status: "4.2.1", Reason: "Mailbox disabled", Reply: []string{"later"}},
	"refuses": {Result: Permanent, DCID: 1, Code: "550", Status: "5.1.1", Reason: "Bad destination email address", Reply: []string{"no such user"}},
	"unnamed": {Result: Permanent, Class: journal.BounceDNS, Code: "000", Status: "5.1.2", Reason: "Bad destination host", Reply: []string{"NXDomain"}},
	"breaks":  {Result: Unknown, DCID: 1, Reason: "the reply to the final dot was lost"},
}

var moodNames = []string{"takes", "takes", "takes", "relays", "dead", "dead", "dead", "busy", "busy", "refuses", "unnamed", "breaks", "mixed", "mixed"}

// answersOf makes up what a destination of that mood says of an attempt.
func answersOf(mood string, a Attempt, r *rand.Rand) []Outcome {
	out := make([]Outcome, len(a.RIDs))
	for i := range out {
		m := mood
		for m == "mixed" {
			m = moodNames[r.IntN(len(moodNames))]
		}
		out[i] = moods[m]
	}
	return out
}
