package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"postern/journal"
)

// A journal that is not written any more is noticed also by those who seldom ask, and a failure that was mended is over.
func TestPulse(t *testing.T) {
	p := newPulse()
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	says := func(durable uint64) string { return strings.Join(p.problems(at, durable), "\n") }
	p.look(at, 5, journal.Usage{})
	at = at.Add(pulseMissed)
	if got := says(5); got != "" {
		t.Errorf("it is early for %q", got)
	}
	at = at.Add(time.Second)
	if got := says(5); !strings.Contains(got, "nothing for 131 seconds") {
		t.Errorf("it says %q", got)
	}
	if got := says(6); got != "" {
		t.Errorf("it is written again, and yet %q", got)
	}
	p.look(at, 7, journal.Usage{BackgroundErrors: 2, LastError: errors.New("no space left on device")})
	if got := says(7); !strings.Contains(got, "no space left on device") {
		t.Errorf("it says %q", got)
	}
	at = at.Add(faultFresh)
	p.look(at, 8, journal.Usage{BackgroundErrors: 2, LastError: errors.New("no space left on device")})
	if got := says(8); got != "" {
		t.Errorf("the failure is over, and yet %q", got)
	}
}

// heldStore answers when it is let.
type heldStore struct {
	asked atomic.Uint64
	let   chan struct{}
}

func (s *heldStore) Usage() journal.Usage {
	n := s.asked.Add(1)
	<-s.let
	return journal.Usage{WALBytes: n}
}

func (s *heldStore) Durable() uint64 { return 0 }

// Whoever asks gets what is true now, but nobody waits for a disk.
func TestUsageDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newPulse(), &heldStore{let: make(chan struct{}, 2)}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.run(ctx, s) }()
		s.let <- struct{}{}
		if u := p.now(); u.WALBytes != 1 {
			t.Errorf("at first it is %d", u.WALBytes)
		}
		if u := p.now(); u.WALBytes != 1 || s.asked.Load() != 1 {
			t.Errorf("at once again it is %d, asked %d times", u.WALBytes, s.asked.Load())
		}
		time.Sleep(2 * usageFresh)
		s.let <- struct{}{}
		if u := p.now(); u.WALBytes != 2 {
			t.Errorf("later it is %d", u.WALBytes)
		}
		time.Sleep(2 * usageFresh)
		for i, longest := range []time.Duration{usageWait, 0, 0} { // the store is stuck
			began := time.Now()
			if u := p.now(); u.WALBytes != 2 || time.Since(began) != longest {
				t.Errorf("look %d at a store that is stuck: %d after %v", i, u.WALBytes, time.Since(began))
			}
		}
		s.let <- struct{}{}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s.let <- struct{}{}
		if u := p.now(); u.WALBytes != 3 {
			t.Errorf("when nobody watches any more it is %d", u.WALBytes)
		}
	})
}
