package engine

import (
	"context"
	"errors"
	"strings"
	"testing"

	"postern/engine/config"
	"postern/journal"
)

// TestFinalDotOfAnAttemptThatIsOver: the dot is not let go, and nothing is written, for an attempt that is not under way or
// whose caller has gone.
func TestFinalDotOfAnAttemptThatIsOver(t *testing.T) {
	doc := document()
	doc.Delivery.InDoubt = config.DoubtHold
	g := start(t, journal.NewMemoryDisk(), newPeer(), func(o *Options) { o.Document = func() *config.Document { return doc } })
	seq := g.inject("a@example.com", "b@example.net")
	g.until("it is delivered", func(all []journal.Record) bool { return count[*journal.Delivered](all) == 1 })
	sent := &journal.DataSent{DCID: 1, Message: seq, RIDs: []uint32{0}}
	if err := g.e.DataSent(context.Background(), sent); !errors.Is(err, errNotTrying) {
		t.Errorf("of a message that has left: %v", err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.e.DataSent(gone, sent); err == nil {
		t.Error("a dot is let go for somebody who has gone")
	}
	if n := count[*journal.DataSent](g.records()); n != 0 {
		t.Errorf("%d final dots are written down", n)
	}
	g.stop()
	if err := g.e.DataSent(context.Background(), sent); !errors.Is(err, ErrStopping) {
		t.Errorf("after the end: %v", err)
	}
}

// TestAnswerDoubtRefuses what is not held, and what is no answer.
func TestAnswerDoubtRefuses(t *testing.T) {
	doc := document()
	doc.Delivery.InDoubt = config.DoubtAsk
	p := newPeer()
	p.answer = func(Attempt, uint32) Outcome {
		return Outcome{Result: Unknown, Reason: "the reply to the final dot was lost"}
	}
	g := start(t, journal.NewMemoryDisk(), p, func(o *Options) { o.Document = func() *config.Document { return doc } })
	defer g.stop()
	g.loaded()
	seq := g.inject("a@example.com", "b@example.net", "c@example.net", "d@example.org")
	g.until("all are held", func(all []journal.Record) bool { return count[*journal.Held](all) == 2 })
	for _, c := range []struct {
		seq    uint64
		rids   []uint32
		answer string
		n      int
		says   string
	}{
		{seq, []uint32{0}, "maybe", 0, "is no answer"},
		{seq + 1, []uint32{0}, journal.AnswerResend, 0, "not held any more"},
		{seq, []uint32{7}, journal.AnswerDelivered, 0, "not held any more"},
		{seq, []uint32{0, 2, 9}, journal.AnswerDelivered, 2, ""},
		{seq, []uint32{0, 1, 2}, journal.AnswerDelivered, 1, ""},
	} {
		n, err := g.e.AnswerDoubt(context.Background(), "ann", c.seq, c.rids, c.answer)
		if n != c.n || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %d, %v", c, n, err)
		}
	}
	finished := 0
	for _, d := range find[*journal.Delivered](g.records()) {
		if d.By != "ann" {
			t.Errorf("taken for delivered by %q", d.By)
		}
		if d.Finished {
			finished++
		}
	}
	if finished != 1 || g.e.Totals().Messages != 0 {
		t.Errorf("finished %d times, %d messages left", finished, g.e.Totals().Messages)
	}
}
