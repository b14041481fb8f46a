package bench

import (
	"path/filepath"
	"testing"

	"postern/journal"
	"postern/projections"
)

// TestMadeHistoryIsTrue: verify has nothing to say against a made history, and there is something of everything in it.
func TestMadeHistoryIsTrue(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	if err := MakeHistory(dir, 5000); err != nil {
		t.Fatal(err)
	}
	if err := MakeHistory(dir, 1); err == nil {
		t.Error("a history was written over another one")
	}
	j, err := journal.Open(dir, journal.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	rows, err := journal.OpenLiveRows(j)
	if err != nil {
		t.Fatal(err)
	}
	queue, err := rows.Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer queue.Close()
	if n := queue.System().Messages; n == 0 || queue.Mark() != j.Durable() {
		t.Errorf("%d messages in the queue as of record %d of %d", n, queue.Mark(), j.Durable())
	}
	if err := projections.Verify(t.Context(), j, rows, projections.Scrutiny{}, func(p projections.Proof) error {
		t.Logf("%s: %s", p.What, p.Proved)
		for _, w := range p.Wrong {
			t.Errorf("%s: %s", p.What, w)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s, err := j.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if s.Records < 9*5000 || s.Records > 12*5000 {
		t.Errorf("%d facts of 5000 messages", s.Records)
	}
	for _, k := range s.Kinds {
		if (k.Kind == journal.KindSoftBounced || k.Kind == journal.KindHardBounced) && k.Records < 20 {
			t.Errorf("only %d %v", k.Records, k.Kind)
		}
	}
}
