package journal

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

// TestCompactionsWaitAtAStart and run then: those that were due meanwhile and those that come to be.
func TestCompactionsWaitAtAStart(t *testing.T) {
	checkLeaks(t)
	synctest.Test(t, func(t *testing.T) {
		j := open(t, NewMemoryDisk(), Options{Quiet: 3 * time.Second})
		defer closeJournal(t, j)
		rows := j.Rows("test")
		flushes := func(n int) {
			for range n {
				if err := rows.Write(1, func(b *RowBatch) error {
					b.Set([]byte("first"), bytes.Repeat([]byte("x"), 500))
					b.Set([]byte("last"), bytes.Repeat([]byte("y"), 500))
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				if err := j.db.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		flushes(12)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := j.db.Metrics().Compact.Count; n != 0 {
			t.Errorf("%d compactions at the start", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		first := j.db.Metrics().Compact.Count
		if first == 0 {
			t.Error("no compaction after that")
		}
		flushes(12)
		time.Sleep(time.Second)
		synctest.Wait()
		if n := j.db.Metrics().Compact.Count; n <= first {
			t.Errorf("%d compactions, as many as before", n)
		}
		if err := j.db.Compact(t.Context(), blockKey(0), blockKey(1<<60), false); err != nil {
			t.Error(err)
		}
	})
}
