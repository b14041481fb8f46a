package main

import (
	"slices"
	"strings"
	"testing"

	"postern/journal"
)

// Where mail in doubt is to be asked about, a lost reply brings no second copy: not by its time, not by a crash. The list
// and the explanation say so, of a stopped store too, and the answer ends it.
func TestInDoubtIsAsked(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, quickRetries+"[[delivery.doubt]]\ndomain = \"sink.test\"\naction = \"ask\"\n")
	send(t, g.Address, "lost-b@sink.test")
	eventually(t, "it is in doubt", func() bool { return strings.Contains(ask(t, g, "indoubt"), "waits for an answer") })
	if said := ask(t, g, "explain", "1"); !strings.Contains(said, "lost-b@sink.test: held since ") || !strings.Contains(said, "as in doubt (the peer may have it, waits for an answer (indoubt))") {
		t.Errorf("explained:\n%s", said)
	}
	g.Kill()
	for what, line := range map[string]string{"waits for an answer": "indoubt", "attempt 1, 127.0.0.1: no certain outcome, the peer may have it": "explain 1"} {
		if said := ask(t, g, strings.Fields(line)...); !strings.Contains(said, what) {
			t.Errorf("%s, stopped:\n%s", line, said)
		}
	}
	start(t, g)
	send(t, g.Address, "other@sink.test") // by then the first would have been sent again
	eventually(t, "other mail flows", func() bool { return s.Total() >= 2 })
	eventually(t, "an alert stands", func() bool { return slices.Equal(alertsOf(t, g), []string{alertDoubt}) })
	if said := ask(t, g, "indoubt", "delivered", "1", "--yes"); said != "MID 1 [0] is taken for delivered.\n" {
		t.Errorf("answered: %s", said)
	}
	if said := ask(t, g, "explain", "1"); !strings.Contains(said, "lost-b@sink.test: delivered ") {
		t.Errorf("explained:\n%s", said)
	}
	eventually(t, "the alert is over", func() bool { return slices.Equal(alertsOf(t, g), []string{alertDoubt + " over"}) })
	if said := ask(t, g, "verify"); strings.Contains(said, "FALSE") {
		t.Error(said)
	}
	stop(t, g)
	if s.Total() != 2 {
		t.Errorf("%d messages arrived", s.Total())
	}
	sent := 0
	for _, r := range facts(t, g) {
		if _, ok := r.Event.(*journal.DataSent); ok {
			sent++
		}
	}
	if sent != 2 {
		t.Errorf("%d final dots were written down", sent)
	}
}
