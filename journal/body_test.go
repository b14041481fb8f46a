package journal

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/synctest"
)

func bodies(t testing.TB, j *Journal) map[BodyID]int64 {
	t.Helper()
	m := map[BodyID]int64{}
	if err := j.Bodies(func(id BodyID, n int64) { m[id] = n }); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBodiesOfAllSizes(t *testing.T) {
	checkLeaks(t)
	j := open(t, NewMemoryDisk(), Options{})
	want := map[BodyID]int64{}
	for n, size := range []int{0, 1, 4096, 16 << 10, 16<<10 + 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 5*chunkSize + 7} {
		content := pattern(uint32(n), size)
		whole, err := j.PutBody(content[:size/3], content[size/3:])
		if err != nil {
			t.Fatal(err)
		}
		w := j.NewBody()
		for rest := content; len(rest) > 0; {
			k := min(len(rest), 7777)
			if _, err := w.Write(rest[:k]); err != nil {
				t.Fatal(err)
			}
			rest = rest[k:]
		}
		streamed, err := w.Commit()
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []BodyID{whole, streamed} {
			want[id] = int64(size)
			if !bytes.Equal(readBody(t, j, id), content) {
				t.Errorf("%d bytes: read back differently", size)
			}
			r, err := j.OpenBody(id)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if n, err := r.WriteTo(&out); err != nil || n != int64(size) || !bytes.Equal(out.Bytes(), content) {
				t.Errorf("%d bytes: WriteTo gave %d, %v", size, n, err)
			}
			r.Close()
		}
	}
	if got := bodies(t, j); len(got) != len(want) {
		t.Errorf("%d bodies, want %d", len(got), len(want))
	} else {
		for id, n := range want {
			if got[id] != n {
				t.Errorf("body %d has %d bytes, want %d", id, got[id], n)
			}
		}
	}
	if err := j.db.Flush(); err != nil {
		t.Fatal(err)
	}
	for id, n := range bodies(t, j) {
		if n != want[id] {
			t.Errorf("after a flush body %d has %d bytes, want %d", id, n, want[id])
		}
	}
	var free []BodyID
	for id := range want {
		free = append(free, id)
	}
	if _, err := j.Append(&Block{Events: []Prepared{Prepare(&Queued{})}, Free: free}); err != nil {
		t.Fatal(err)
	}
	if got := bodies(t, j); len(got) != 0 {
		t.Errorf("freed, and still there: %v", got)
	}
	if _, err := j.OpenBody(free[0]); !errors.Is(err, ErrNotFound) {
		t.Errorf("a freed body: %v", err)
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	checkLeaks(t)
	j := open(t, NewMemoryDisk(), Options{})
	w := j.NewBody()
	if _, err := io.Copy(w, bytes.NewReader(make([]byte, 3*chunkSize))); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("a body that was given up can be written to")
	}
	id, err := j.PutBody([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.DeleteBody(id); err != nil {
		t.Fatal(err)
	}
	if got := bodies(t, j); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

func TestCommittedBodyCannotBeEndedAgain(t *testing.T) {
	checkLeaks(t)
	j := open(t, NewMemoryDisk(), Options{})
	w := j.NewBody()
	w.Write([]byte("text"))
	id, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if string(readBody(t, j, id)) != "text" {
		t.Error("Abort after Commit took the body away")
	}
	if again, err := w.Commit(); err == nil {
		t.Errorf("committed twice: %d and %d", id, again)
	}
}

func TestSweepTakesOnlyWhatEarlierRunsLeft(t *testing.T) {
	checkLeaks(t)
	d := NewMemoryDisk()
	j := open(t, d, Options{})
	put := func() BodyID {
		id, err := j.PutBody([]byte("text"))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	kept, lost := put(), put()
	large, err := j.PutBody(make([]byte, 3*chunkSize))
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, &MessageInjected{Body: kept})
	closeJournal(t, j)
	j = open(t, d, Options{})
	fresh := put()
	if fresh <= large {
		t.Error("ids went back")
	}
	asked := map[BodyID]int{}
	live := func(id BodyID) bool { asked[id]++; return id == kept }
	if n, err := j.SweepBodies(live); err != nil || n != 2 {
		t.Errorf("swept %d, %v", n, err)
	}
	if asked[fresh] != 0 || asked[lost] != 1 || asked[large] != 1 || asked[kept] != 1 {
		t.Errorf("asked for %v", asked)
	}
	left := bodies(t, j)
	if len(left) != 2 || left[kept] == 0 || left[fresh] == 0 {
		t.Errorf("left: %v", left)
	}
	clear(asked)
	if _, err := j.SweepBodies(live); err != nil || len(asked) != 0 {
		t.Errorf("the second sweep looked again at %v (%v)", asked, err)
	}
}

func TestTruncatedBodyIsToldFromAShortOne(t *testing.T) {
	checkLeaks(t)
	j := open(t, NewMemoryDisk(), Options{})
	id, err := j.PutBody(make([]byte, 2*chunkSize+5))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.db.SingleDelete(bodyKey(nil, id, 2), nil); err != nil {
		t.Fatal(err)
	}
	r, err := j.OpenBody(id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var damaged *DamagedError
	if _, err := io.Copy(io.Discard, r); !errors.As(err, &damaged) {
		t.Errorf("got %v", err)
	}
}

// While all memtables wait for the disk a large body is held back, for a time, and a small one is not.
func TestLargeBodiesAreSlowedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, err := Open("queue", Options{Disk: NewMemoryDisk()})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		write := func(size int) chan error {
			done := make(chan error, 1)
			go func() {
				_, err := j.PutBody(make([]byte, size))
				done <- err
			}()
			synctest.Wait()
			return done
		}
		j.pressure.stall(true)
		small, large := write(1000), write(3*chunkSize)
		if len(small) != 1 {
			t.Error("a small body waits")
		}
		if len(large) != 0 {
			t.Error("a large body does not wait")
		}
		j.pressure.stall(false)
		if err := <-large; err != nil {
			t.Error(err)
		}
		j.pressure.stall(true)
		if err := <-write(2 * chunkSize); err != nil { // patience ends
			t.Error(err)
		}
	})
}
