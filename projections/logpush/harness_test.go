package logpush

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"postern/journal"
	"postern/projections"
)

// The journal's store has goroutines that end a moment after its Close.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/cockroachdb/pebble/v2/vfs.NewDiskWriteStats.func1"))
}

// bed is a journal in memory whose records the log shows from a place on.
type bed struct {
	t       *testing.T
	journal *journal.Journal
	now     time.Time
	from    uint64
	mid     uint32
}

func newBed(t *testing.T) *bed {
	j, err := journal.Open("store", journal.Options{Disk: journal.NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	b := &bed{t: t, journal: j, now: time.Date(2026, 11, 26, 1, 2, 3, 456_789_000, time.UTC)}
	b.append(&journal.Started{Boot: 1, Version: "1.0.0", Hostname: "mail3.example.com", Clean: true})
	b.from = j.Durable()
	return b
}

func (b *bed) append(events ...journal.Event) {
	b.t.Helper()
	if _, err := b.journal.AppendEvents(journal.InstantOf(b.now), events...); err != nil {
		b.t.Fatal(err)
	}
	b.now = b.now.Add(time.Millisecond)
}

// traffic appends the facts of n messages; among them are some that no line tells of.
func (b *bed) traffic(n int) {
	b.t.Helper()
	for range n {
		b.mid++
		b.append(&journal.AttemptStarted{MID: b.mid, RIDs: []uint32{0}, Attempt: 1},
			&journal.Delivered{DCID: b.mid, MID: b.mid, RIDs: []uint32{0}, Reply: fmt.Sprint("ok ", b.mid), Finished: true})
	}
}

// lines are what the log holds of the records after from.
func (b *bed) lines() (texts []string) {
	b.t.Helper()
	records, err := b.journal.Read(b.from, 1<<20, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range records {
		for _, l := range projections.RenderMailLog(r, time.UTC, nil) {
			texts = append(texts, l.Level.String()+": "+l.Text)
		}
	}
	return texts
}

// syslog is a follower that sends to an address.
func (b *bed) syslog(network, address string) *Syslog {
	s := &Syslog{Subscription: projections.LogSubscription{Name: "siem", Type: projections.MailLogType}, Journal: b.journal, Rows: b.journal.Rows("syslog:siem"),
		Format:  Format{Hostname: "mail3.example.com", Log: "siem", Facility: 2, Zone: time.UTC},
		Network: network, Address: address, Settle: 1500 * time.Millisecond, Retry: 10 * time.Millisecond}
	if err := s.Begin(); err != nil {
		b.t.Fatal(err)
	}
	return s
}

// running runs a follower until stop is called.
func running(t *testing.T, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick, end := time.NewTicker(5*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

var messageForm = regexp.MustCompile(`^<22>1 2026-11-26T01:\d\d:\d\d\.\d{6}Z mail3\.example\.com siem - (?:[A-Za-z]{1,32} \[postern@32473 (record="[1-9]\d*" line="[1-9]\d*")\]|- -) (.+)$`)

// textsOf are the lines in messages of RFC 5424, of which no two have the same place.
func textsOf(t *testing.T, messages []string) (texts []string) {
	t.Helper()
	placed := make(map[string]string)
	for _, m := range messages {
		found := messageForm.FindStringSubmatch(m)
		if found == nil {
			t.Fatalf("this is no message of ours: %q", m)
		}
		place, text := found[1], found[2]
		if other, again := placed[place]; again && place != "" && other != text {
			t.Fatalf("%q and %q have the same place, %s", other, text, place)
		}
		placed[place] = text
		texts = append(texts, text)
	}
	return texts
}

// inOrder fails unless the messages are the wanted lines: each there, none before one that it follows, but for what is sent
// again from some line on.
func inOrder(t *testing.T, messages, want []string) (again int) {
	t.Helper()
	texts, seen := textsOf(t, messages), 0
	for _, text := range texts {
		switch at := slices.Index(want[:min(len(want), seen+1)], text); {
		case at == seen:
			seen++
		case at >= 0:
			again++
		default:
			t.Fatalf("after line %d comes %q, want %q", seen, text, want[min(seen, len(want)-1)])
		}
	}
	if seen != len(want) {
		t.Fatalf("%d lines arrived of %d; the next is %q", seen, len(want), want[seen])
	}
	return again
}

// hasAll tells whether all wanted lines are among the messages.
func hasAll(messages, want []string) bool {
	return len(want) == 0 || slices.ContainsFunc(messages, func(m string) bool { return strings.HasSuffix(m, " "+want[len(want)-1]) })
}
