package journal

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The ring and the store must tell the same story.
func TestRingEqualsStore(t *testing.T) {
	checkLeaks(t)
	d := NewMemoryDisk()
	j := open(t, d, Options{Ring: 64})
	for i := range 60 {
		var events []Event
		for n := range i%5 + 1 {
			k := Kinds()[(i*7+n)%len(Kinds())]
			events = append(events, filled(k))
		}
		mustAppend(t, j, events...)
	}
	end := j.Durable()
	for after := uint64(0); after <= end; after++ {
		for _, max := range []int{1, 3, 1000} {
			got, err := j.Read(after, max, nil)
			if err != nil {
				t.Fatal(err)
			}
			want, err := j.readStore(after+1, end, max, nil)
			if after < end && err != nil {
				t.Fatal(err)
			}
			if len(got) == 0 && after < end || after < end && got[0].Seq != after+1 {
				t.Fatalf("after %d: %d records", after, len(got))
			}
			if n := min(len(got), len(want)); n > 0 && !reflect.DeepEqual(got[:n], want[:n]) {
				t.Fatalf("after %d, max %d: ring and store differ", after, max)
			}
			if len(got) > max {
				t.Fatalf("%d records, asked for %d", len(got), max)
			}
		}
	}
	for seq := uint64(1); seq <= end; seq++ {
		if r, err := j.At(seq); err != nil || r.Seq != seq {
			t.Fatalf("At(%d): %d, %v", seq, r.Seq, err)
		}
	}
	for _, seq := range []uint64{0, end + 1} {
		if _, err := j.At(seq); !errors.Is(err, ErrNotFound) {
			t.Errorf("At(%d): %v", seq, err)
		}
	}
}

func TestRingIsBoundedByBytes(t *testing.T) {
	var r ring
	r.init(1000)
	big := Prepare(&ConfigurationCommitted{Document: strings.Repeat("x", ringBytes/10)})
	for seq := uint64(1); seq <= 40; seq++ {
		r.add(seq, 1, []Prepared{big})
	}
	if held := r.end - r.first; held > 10 || held < 5 || r.bytes > ringBytes {
		t.Errorf("holds %d records of %d bytes", held, r.bytes)
	}
}

func TestManyFollowersSeeEverythingInOrder(t *testing.T) {
	checkLeaks(t)
	j := open(t, NewMemoryDisk(), Options{Ring: 32})
	const blocks, each = 300, 3
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var followers sync.WaitGroup
	failures := make(chan error, 8)
	for f := range 8 {
		followers.Go(func() { failures <- follow(ctx, j, blocks*each, 1+f*5) })
	}
	for i := range blocks {
		mustAppend(t, j, &Queued{Message: uint64(3*i + 1)}, &Queued{Message: uint64(3*i + 2)}, &Queued{Message: uint64(3*i + 3)})
	}
	followers.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			t.Error(err)
		}
	}
}

func follow(ctx context.Context, j *Journal, until uint64, max int) error {
	var at uint64
	var records []Record
	for at < until {
		if err := j.Wait(ctx, at); err != nil {
			return fmt.Errorf("at %d: %w", at, err)
		}
		var err error
		if records, err = j.Read(at, max, records); err != nil {
			return err
		}
		if len(records) == 0 {
			return fmt.Errorf("woken at %d for nothing", at)
		}
		for _, r := range records {
			at++
			if r.Seq != at || r.Event.(*Queued).Message != at {
				return fmt.Errorf("got %d %s, want %d", r.Seq, Describe(r.Event), at)
			}
		}
	}
	return nil
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, err := Open("queue", Options{Disk: NewMemoryDisk()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := j.Wait(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nothing was appended: %v", err)
		}
		mustAppend(t, j, &Queued{})
		if err := j.Wait(t.Context(), 0); err != nil {
			t.Error(err)
		}
		done := make(chan error)
		go func() { done <- j.Wait(context.Background(), 1) }()
		synctest.Wait()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}
