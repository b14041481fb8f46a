package journal

import (
	"errors"
	"fmt"
	"testing"
)

// Commits are found by their revisions, whether their rows were written, lost with a crash, or are there to be read only.
func TestCommits(t *testing.T) {
	disk := NewMemoryDisk()
	j := openOn(t, disk)
	seqs := map[uint64]uint64{}
	commit := func(revision uint64) {
		t.Helper()
		seq, err := j.AppendEvents(0, &ConfigurationCommitted{Revision: revision, Hash: fmt.Sprintf("h%d", revision), Document: fmt.Sprintf("d%d", revision)})
		if err != nil {
			t.Fatal(err)
		}
		seqs[revision] = seq
	}
	for revision := uint64(1); revision <= 3; revision++ {
		commit(revision)
		if err := j.Commits().Add(revision, seqs[revision]); err != nil {
			t.Fatal(err)
		}
		if _, err := j.AppendEvents(0, &Settled{}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(c *Commits, upTo uint64) {
		t.Helper()
		last, err := c.Last(t.Context(), 2)
		if err != nil || len(last) != 2 || last[0].Seq != seqs[upTo] || last[1].Seq != seqs[upTo-1] {
			t.Fatalf("the last two are %v, %v", last, err)
		}
		for revision := uint64(1); revision <= upTo; revision++ {
			r, err := c.Of(t.Context(), revision)
			if err != nil || r.Seq != seqs[revision] || r.Event.(*ConfigurationCommitted).Document != fmt.Sprintf("d%d", revision) {
				t.Errorf("revision %d is %v, %v", revision, r, err)
			}
			before, err := c.Before(t.Context(), revision)
			if revision == 1 && !errors.Is(err, ErrNotFound) || revision > 1 && (err != nil || before.Seq != seqs[revision-1]) {
				t.Errorf("before revision %d: %v, %v", revision, before, err)
			}
			if found, err := c.WithHash(t.Context(), fmt.Sprintf("h%d", revision)); err != nil || found != revision {
				t.Errorf("by its hash revision %d is %d, %v", revision, found, err)
			}
		}
		if _, err := c.Of(t.Context(), upTo+1); !errors.Is(err, ErrNotFound) {
			t.Errorf("revision %d: %v", upTo+1, err)
		}
		if found, err := c.WithHash(t.Context(), "other"); err != nil || found != 0 {
			t.Errorf("another hash is revision %d, %v", found, err)
		}
	}
	check(j.Commits(), 3)
	commit(4) // and the rows do not know
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j, err := Open("cut", Options{Disk: disk, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	check(j.Commits(), 4)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = openOn(t, disk)
	if err := j.Commits().Complete(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	check(j.Commits(), 4)
	if mark, err := j.Rows(commitRows).Mark(); err != nil || mark != seqs[4] {
		t.Errorf("the mark is %d, %v", mark, err)
	}
	if err := j.Rows(commitRows).Clear(); err != nil { // it is a cache
		t.Fatal(err)
	}
	if err := j.Commits().Complete(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	check(j.Commits(), 4)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// Retention keeps commits: there is always a way back.
func TestCommitsOutliveRetention(t *testing.T) {
	j := openOn(t, NewMemoryDisk())
	defer j.Close()
	var seqs []uint64
	for revision := uint64(1); revision <= 2; revision++ {
		seq, err := j.AppendEvents(0, &ConfigurationCommitted{Revision: revision, Hash: "h", Document: fmt.Sprintf("d%d", revision)})
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Commits().Add(revision, seq); err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, seq)
		for range 20 {
			if _, err := j.AppendEvents(0, &Settled{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !cutAt(t, j, j.Durable()) {
		t.Fatal("nothing was cut")
	}
	if _, err := j.At(seqs[1] + 1); !errors.Is(err, ErrNotFound) {
		t.Fatalf("what lies behind the commits is still there: %v", err)
	}
	for i, seq := range seqs {
		r, err := j.Commits().Of(t.Context(), uint64(i+1))
		if err != nil || r.Seq != seq || r.Event.(*ConfigurationCommitted).Document != fmt.Sprintf("d%d", i+1) {
			t.Errorf("revision %d is %v, %v", i+1, r, err)
		}
	}
	if err := j.Rows(commitRows).Clear(); err != nil {
		t.Fatal(err)
	}
	if err := j.Commits().Complete(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if last, err := j.Commits().Last(t.Context(), 5); err != nil || len(last) != 2 {
		t.Errorf("without rows: %v, %v", last, err)
	}
}

// Damage in the records behind the last commit that is named keeps no later one from being named.
func TestCommitsBehindDamage(t *testing.T) {
	disk := NewMemoryDisk()
	j := openOn(t, disk)
	append := func(e Event) uint64 {
		t.Helper()
		seq, err := j.AppendEvents(0, e)
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(j.Commits().Add(1, append(&ConfigurationCommitted{Revision: 1, Hash: "h1"})))
	damaged := append(&Settled{})
	want := append(&ConfigurationCommitted{Revision: 2, Hash: "h2"})
	check(j.ReplaceBlock(damaged, func([]byte) []byte { return nil }))
	check(j.Close())
	j = openOn(t, disk)
	defer j.Close()
	check(j.Commits().Complete(t.Context(), 2))
	if r, err := j.Commits().Of(t.Context(), 2); err != nil || r.Seq != want {
		t.Errorf("revision 2 is %v, %v", r, err)
	}
}
