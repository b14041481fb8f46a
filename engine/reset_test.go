package engine

import (
	"context"
	"errors"
	"testing"

	"postern/journal"
)

// A reset is durable when it is answered, with its sample just before it; a stopped engine says that there will be none.
func TestResetCounters(t *testing.T) {
	g := start(t, journal.NewMemoryDisk(), newPeer(), nil)
	sample := &journal.Sampled{Values: []journal.NamedValue{{Name: "dns_requests", Value: 7}}}
	r, err := g.e.ResetCounters(context.Background(), sample, &journal.CountersReset{By: "anna"})
	if err != nil || g.j.Durable() < r.Seq {
		t.Fatalf("%+v, %v, %d is durable", r, err, g.j.Durable())
	}
	reset, err := g.j.At(r.Seq)
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := reset.Event.(*journal.CountersReset); !ok || e.By != "anna" || reset.Time != r.Time {
		t.Errorf("record %d is %+v, answered was %+v", r.Seq, reset, r)
	}
	before, err := g.j.At(r.Seq - 1)
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := before.Event.(*journal.Sampled); !ok || len(e.Values) != 1 || e.Values[0].Value != 7 {
		t.Errorf("before it stands %+v", before)
	}
	g.stop()
	if _, err := g.e.ResetCounters(context.Background(), sample, &journal.CountersReset{}); !errors.Is(err, ErrStopping) {
		t.Errorf("a stopped engine: %v", err)
	}
}
