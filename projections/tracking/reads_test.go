package tracking

import (
	"context"
	"testing"

	"postern/journal"
)

// counted is a history that counts the records that are read of it.
type counted struct {
	*journal.Journal
	read uint64
}

func (c *counted) Pick(ctx context.Context, from, to uint64, wanted func(journal.Kind) bool, fn func(journal.Record) error) error {
	c.read += to - from + 1
	return c.Journal.Pick(ctx, from, to, wanted, fn)
}

// What is told of a message with many attempts takes little more reading than its own records, however much happens between.
func TestManyAttemptsAreQuicklyTold(t *testing.T) {
	const attempts, between = 30, 300
	p := newPast(t, 1)
	rids := []uint32{0}
	m := p.write(&journal.MessageInjected{MID: 1, Recipients: []journal.InjectedRecipient{{Local: "a", Domain: "slow.example"}}})
	crowd := func() {
		var others []journal.Event
		for i := range uint32(between) {
			others = append(others, &journal.DeliveryConnectionOpened{DCID: 1000 + i}, &journal.DeliveryConnectionClosed{DCID: 1000 + i})
		}
		p.write(others...)
	}
	for n := range uint32(attempts) {
		crowd()
		p.write(&journal.AttemptStarted{Message: m, MID: 1, RIDs: rids, Attempt: n + 1}, &journal.DeliveryConnectionOpened{DCID: n + 1}, &journal.DeliveryConnectionSecured{DCID: n + 1})
		crowd()
		p.write(&journal.DeliveryStarted{DCID: n + 1, Message: m, MID: 1, RIDs: rids})
		p.write(&journal.SoftBounced{DCID: n + 1, Message: m, MID: 1, RIDs: rids, Attempts: n + 1})
		crowd()
		p.write(&journal.DeliveryConnectionClosed{DCID: n + 1})
	}
	x := p.index(t.TempDir(), true)
	defer x.Close()
	const most = attempts * 2 * besides
	h, facts := &counted{Journal: p.j}, 0
	check(t, Trace(t.Context(), h, x, m, func(journal.Record) error { facts++; return nil }))
	if want := 1 + 5*attempts; facts != want || h.read > most {
		t.Errorf("the trace has %d facts, not %d, and %d records were read", facts, want, h.read)
	}
	h.read = 0
	check(t, About(t.Context(), h, x, m, p.j.Durable(), foldedKinds, func(journal.Record) error { return nil }))
	if h.read > most {
		t.Errorf("%d records were read for what is about the message", h.read)
	}
}
