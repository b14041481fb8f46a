package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"postern/bench"
	"postern/bench/load"
	"postern/journal"
)

// nearTheEnd is a MID from which a little mail reaches the end of the MIDs.
const nearTheEnd = journal.IDLimit - 48

// TestMIDsRollOver: a gateway goes on beyond the last MID at 1, twice. 0 is never given, nor what a message in the queue
// bears; what was used twice is found twice, the newest first; and the books are true.
func TestMIDsRollOver(t *testing.T) {
	s := runSink(t)
	g := &bench.Gateway{Binary: binary, Data: filepath.Join(t.TempDir(), "data")}
	if err := g.Configure(s.Address().String(), ""); err != nil {
		t.Fatal(err)
	}
	output(t, "journal", "init", "--data", g.Data, "--next-mid", fmt.Sprint(nearTheEnd))
	start(t, g)
	t.Cleanup(func() {
		if g.Running() {
			g.Kill()
		}
	})
	output(t, "suspenddel", "0", "held.test", "--data", g.Data)
	handIn(t, g, "before", "sink.test", 55)
	handIn(t, g, "held", "held.test", 1)
	handIn(t, g, "behind", "sink.test", 10)
	eventually(t, "all but one are delivered", func() bool { return statusOf(t, g).Gauges["msgs_in_system"] == 1 })
	stop(t, g)
	first := givenMIDs(t, g)
	held := first.to["held.test"]
	if first.times[nearTheEnd] != 1 || first.times[journal.IDLimit-1] != 1 || first.times[1] != 1 || held == 0 || held > 100 {
		t.Fatalf("the MIDs did not go from %d to the last and on at 1: %v; the one in the queue has %d", nearTheEnd, first.times, held)
	}

	goRound(t, g)
	start(t, g)
	handIn(t, g, "again", "sink.test", 80)
	eventually(t, "all but one are delivered again", func() bool { return statusOf(t, g).Gauges["msgs_in_system"] == 1 })
	if got := output(t, "showmessage", fmt.Sprint(held), "--data", g.Data); !strings.Contains(got, "held-") {
		t.Errorf("MID %d is not the message in the queue:\n%s", held, got)
	}
	for range 2 { // asked of the gateway, and then of the stopped store
		foundTwice(t, g, held-1)
		foundTwice(t, g, journal.IDLimit-1)
		if got := output(t, "verify", "--data", g.Data); strings.Contains(got, "FALSE") || !strings.Contains(got, "queue  true") {
			t.Errorf("verify:\n%s", got)
		}
		if g.Running() {
			stop(t, g)
		}
	}
	all := givenMIDs(t, g)
	if all.times[0] != 0 || all.times[held] != 1 || all.times[held-1] != 2 || all.times[held+1] != 2 || all.times[nearTheEnd] != 2 {
		t.Errorf("MIDs and how often they were given: %v; the one in the queue is %d", all.times, held)
	}
}

// handIn hands in mail, one after the other.
func handIn(t *testing.T, g *bench.Gateway, prefix, domain string, n int) {
	t.Helper()
	r := load.Run(t.Context(), load.Config{Address: g.Address, Messages: n, KeepOpen: true, Prefix: prefix, Recipient: func(int) string { return "user@" + domain }})
	if len(r.Acked) != n {
		t.Fatalf("of %d messages %d were accepted: %s", n, len(r.Acked), r.Reply)
	}
}

// goRound stands for the two thousand million messages between one rollover and the next: the stopped gateway's ids go on
// near the end again.
func goRound(t *testing.T, g *bench.Gateway) {
	t.Helper()
	j, err := journal.Open(filepath.Join(g.Data, "journal"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	last, err := j.At(j.Durable())
	if err != nil {
		t.Fatal(err)
	}
	end := *last.Event.(*journal.Stopped)
	end.NextMID = nearTheEnd
	if _, err := j.AppendEvents(0, &end); err != nil {
		t.Fatal(err)
	}
}

// given says how often each MID was given, and the last one for each domain.
type given struct {
	times map[uint32]int
	to    map[string]uint32
}

func givenMIDs(t *testing.T, g *bench.Gateway) given {
	t.Helper()
	m := given{map[uint32]int{}, map[string]uint32{}}
	for _, r := range facts(t, g) {
		if e, ok := r.Event.(*journal.MessageInjected); ok {
			m.times[e.MID]++
			m.to[e.Recipients[0].Domain] = e.MID
		}
	}
	return m
}

var startOfMessage = regexp.MustCompile(`Start MID (\d+) ICID`)

// foundTwice asks for a MID that two messages bear.
func foundTwice(t *testing.T, g *bench.Gateway, mid uint32) {
	t.Helper()
	text := output(t, "findevent", "--mid", fmt.Sprint(mid), "--data", g.Data)
	starts := startOfMessage.FindAllStringSubmatch(text, -1)
	if len(starts) != 2 || starts[0][1] != fmt.Sprint(mid) || starts[1][1] != fmt.Sprint(mid) {
		t.Errorf("findevent --mid %d:\n%s", mid, text)
	}
	if again, before := strings.Index(text, "again-"), max(strings.Index(text, "before-"), strings.Index(text, "behind-")); again < 0 || before < again {
		t.Errorf("findevent --mid %d has not the newer message first:\n%s", mid, text)
	}
}
