package journal

import (
	"errors"
	"strings"
	"testing"
)

func scanRows(t *testing.T, r *Rows, from, to string) string {
	t.Helper()
	var out []string
	lower, upper := []byte(from), []byte(to)
	if to == "" {
		upper = nil
	}
	err := r.Scan(lower, upper, func(k, v []byte) error {
		out = append(out, string(k)+"="+string(v))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func TestRows(t *testing.T) {
	checkLeaks(t)
	d := NewMemoryDisk()
	j := open(t, d, Options{})
	r, other := j.Rows("live"), j.Rows("lively")
	for _, rows := range []*Rows{r, other} {
		err := rows.Write(7, func(b *RowBatch) error {
			for _, k := range []string{"", "a", "b", "c\x00", "\xff\xff"} {
				b.Set([]byte(k), []byte("1"+k))
			}
			b.Delete([]byte("b"))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	failure := errors.New("no")
	if err := r.Write(9, func(b *RowBatch) error { b.Set([]byte("z"), nil); return failure }); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	if m, err := r.Mark(); m != 7 || err != nil {
		t.Errorf("mark %d, %v", m, err)
	}
	if got, want := scanRows(t, r, "", ""), "=1 a=1a c\x00=1c\x00 \xff\xff=1\xff\xff"; got != want {
		t.Errorf("rows %q, want %q", got, want)
	}
	if got, want := scanRows(t, r, "a", "c"), "a=1a"; got != want {
		t.Errorf("rows %q, want %q", got, want)
	}
	if v, ok, err := r.Get([]byte("a")); string(v) != "1a" || !ok || err != nil {
		t.Errorf("Get: %q %v %v", v, ok, err)
	}
	if _, ok, err := r.Get([]byte("b")); ok || err != nil {
		t.Errorf("Get of a row that was deleted: %v %v", ok, err)
	}
	if err := r.Scan(nil, nil, func(k, v []byte) error { return failure }); !errors.Is(err, failure) {
		t.Errorf("Scan: %v", err)
	}
	if err := r.Clear(); err != nil {
		t.Fatal(err)
	}
	if m, _ := r.Mark(); m != 0 || scanRows(t, r, "", "") != "" {
		t.Error("Clear left something")
	}
	if m, _ := other.Mark(); m != 7 || scanRows(t, other, "", "") == "" {
		t.Error("Clear took the rows of another table")
	}
	closeJournal(t, j)
	j = open(t, d, Options{})
	if m, _ := j.Rows("lively").Mark(); m != 7 {
		t.Errorf("mark after a restart: %d", m)
	}
}

// Rows may be lost by a power cut, but are never ahead of the records.
func TestRowsAreNeverAheadOfTheRecords(t *testing.T) {
	checkLeaks(t)
	d := NewMemoryDisk()
	j := open(t, d, Options{})
	r := j.Rows("live")
	for seed := range uint64(20) {
		seq := mustAppend(t, j, &Queued{})
		if err := r.Write(seq, func(b *RowBatch) error { b.Set([]byte("k"), nil); return nil }); err != nil {
			t.Fatal(err)
		}
		k := open(t, d.PowerCut(seed), Options{ReadOnly: true})
		if m, err := k.Rows("live").Mark(); err != nil || m > k.Durable() {
			t.Errorf("seed %d: rows at %d, records at %d (%v)", seed, m, k.Durable(), err)
		}
		closeJournal(t, k)
	}
}
