package journal

import (
	"errors"
	"testing"
)

// Whoever writes a body may be protected against panics. A log that cannot be written must end the process all the same,
// and not leave one behind in which every write waits for ever.
func TestFailedBodyWriteIsFatal(t *testing.T) {
	leavesRemains(t)
	d := NewMemoryDisk()
	fatal := make(chan error, 16)
	j, err := Open("queue", Options{Disk: d, Warn: func(error) {}, Fatal: func(err error) {
		fatal <- err
		select {}
	}})
	if err != nil {
		t.Fatal(err)
	}
	d.Fail(Fault{Operation: WriteOperation, Name: ".log", Err: ErrIO})
	survived := make(chan any, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				survived <- p
			}
		}()
		for n := uint32(0); n < 300; n++ { // less than a memtable, whose end the store does not survive in any case
			if _, err := j.PutBody(pattern(n, 10_000)); err != nil {
				survived <- err
				return
			}
		}
		survived <- "all was well"
	}()
	select {
	case err := <-fatal:
		if !errors.Is(err, ErrIO) {
			t.Errorf("the reason is not told: %v", err)
		}
	case p := <-survived:
		t.Fatalf("the process goes on: %v", p)
	}
}
