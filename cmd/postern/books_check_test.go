package main

import (
	"fmt"
	"reflect"

	"postern/journal"
	"postern/projections"
)

// check is look, and what only orders can put into disorder.
func (o *operations) check() {
	o.look()
	o.checkCounters()
	o.checkRows()
	o.checkBodies()
}

func (o *operations) checkCounters() {
	c := o.figures.Counters()
	now := c.Values()
	for k := range now {
		if now[k].Lifetime < o.counters[k].Lifetime {
			o.t.Fatalf("counter %v went from %d to %d", projections.Counter(k), o.counters[k].Lifetime, now[k].Lifetime)
		}
	}
	o.counters = now
}

// checkRows holds the live rows against a replay, and the replay against the plain count.
func (o *operations) checkRows() {
	want, err := journal.FoldAll(o.journal, o.figures.Seq())
	if err != nil {
		o.t.Fatal(err)
	}
	if err := o.rows.CatchUp(o.t.Context(), o.figures.Seq()); err != nil {
		o.t.Fatal(err)
	}
	if n, m := want.Anomalies, o.rows.Anomalies(); n+m > 0 {
		o.t.Fatalf("%d facts did not fit the replay, %d the rows", n, m)
	}
	got := 0
	err = o.rows.Each(o.t.Context(), func(m *journal.LiveMessage) error {
		got++
		if w := want.Messages[m.Seq]; w == nil || !reflect.DeepEqual(*plain(m), *plain(w)) {
			return fmt.Errorf("the row of message %d is %+v, want %+v", m.Seq, m, w)
		}
		return nil
	})
	if err != nil || got != len(want.Messages) {
		o.t.Fatalf("%d rows, want %d: %v", got, len(want.Messages), err)
	}
	for seq, m := range want.Messages {
		for _, r := range m.Recipients {
			if to := o.count.live[fmt.Sprint(seq, "/", r.RID)]; to != r.Target() {
				o.t.Fatalf("message %d, recipient %d waits for %q in the rows, for %q by the facts", seq, r.RID, r.Target(), to)
			}
		}
	}
}

// plain is a message without the difference between an empty list and none.
func plain(m *journal.LiveMessage) *journal.LiveMessage {
	c := *m
	c.Recipients = append([]journal.LiveRecipient{}, m.Recipients...)
	c.Dues = append([]uint64{}, m.Dues...)
	return &c
}

// checkBodies holds the store against who needs a body by the facts.
func (o *operations) checkBodies() {
	need := o.count.needed()
	err := o.journal.Bodies(func(id journal.BodyID, _ int64) {
		if !need[id] {
			o.t.Errorf("body %d is in the store, and nobody needs it", id)
		}
		delete(need, id)
	})
	if err != nil || len(need) > 0 {
		o.t.Errorf("bodies that are needed and not in the store: %v, %v", need, err)
	}
	if o.t.Failed() {
		o.t.FailNow()
	}
}
