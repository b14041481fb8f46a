package bench

import (
	"testing"

	"postern/bench/sink"
	"postern/journal"
)

// The accounting finds a lost message, an unlisted second copy, and is content with a listed one.
func TestAccountFindsWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inject := func(id string) uint64 {
		seq, err := j.AppendEvents(1, &journal.MessageInjected{MID: 1, Subject: id, Recipients: []journal.InjectedRecipient{{Local: "u", Domain: "sink.test"}}})
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	inject("lost")
	inject("twice")
	listed := inject("listed")
	if _, err := j.AppendEvents(2, &journal.OutcomeUnknown{Message: listed, RIDs: []uint32{0}}, &journal.Delivered{Message: listed, RIDs: []uint32{0}}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	f := KillFigures{}
	err = f.account(dir, []string{"lost", "twice", "listed"}, map[sink.Arrival]int{{ID: "twice"}: 2, {ID: "listed"}: 2})
	if err != nil || f.Lost != 1 || f.Arrived != 2 || f.Twice != 2 || f.TwiceUnlisted != 1 || f.Left != 2 || f.Unknown != 1 {
		t.Fatalf("%+v, %v", f, err)
	}
}
