package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

// A journal that is not written any more is noticed also by those who seldom ask, and a failure that was mended is over.
func TestPulse(t *testing.T) {
	var p pulse
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
