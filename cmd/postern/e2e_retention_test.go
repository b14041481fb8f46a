package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern/bench"
	"postern/journal"
)

// TestRetentionKeepsWhatIsInTheQueue starts a gateway on a store whose history is five days long, of which two are to be
// kept, with one message of the first day that is still held. What status says does not change, the store proves true, and
// the held message is found and delivered.
func TestRetentionKeepsWhatIsInTheQueue(t *testing.T) {
	s := runSink(t)
	g := &bench.Gateway{Binary: binary, Data: filepath.Join(t.TempDir(), "data")}
	if err := g.Configure(s.Address().String(), "[retry]\nmax_queue_seconds = 86400\n[journal]\nkeep_days = 2\n"); err != nil {
		t.Fatal(err)
	}
	const days, daily = 5, 200
	writeOldStore(t, filepath.Join(g.Data, "journal"), days, daily)
	shortens(t, g)
	if c := statusOf(t, g).Counters["delivered_recips"].Lifetime; c != days*daily {
		t.Errorf("%d recipients were delivered, %d are counted", days*daily, c)
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(binary, append(args, "--data", g.Data)...).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("verify")
	if out := run("findevent", "--mid", "7000"); !strings.Contains(out, "held@sink.test") {
		t.Errorf("the held message is not found:\n%s", out)
	}
	run("release", "all", "--yes")
	eventually(t, "the held message is delivered", func() bool { return len(s.Messages()) == 1 })
	stop(t, g)
	run("verify")
	if out := run("journal", "stat"); !strings.Contains(out, "Last Cut") {
		t.Error(out)
	}
	first := facts(t, g)[0]
	if _, ok := first.Event.(*journal.HistoryCut); !ok || first.Seq < daily {
		t.Errorf("the history begins with record %d, %s", first.Seq, first.Event.Kind())
	}
	start(t, g) // from figures and rows that are made anew
	if c := statusOf(t, g).Counters["delivered_recips"].Lifetime; c != days*daily+1 {
		t.Errorf("after a start %d recipients are counted", c)
	}
}

// shortens starts a gateway, until the test ends, and waits for its first cut.
func shortens(t *testing.T, g *bench.Gateway) {
	t.Helper()
	startUntilEnd(t, g)
	eventually(t, "the history is shortened", func() bool { return strings.Contains(g.Said(), "the history was shortened") })
}

// tinyGigabyte is, in the environment, how many bytes a gigabyte of the history has for a child of the tests.
const tinyGigabyte = "POSTERN_TEST_GIGABYTE"

func serveWithTinyGigabytes(bytes, data string) int {
	n, err := strconv.ParseUint(bytes, 10, 64)
	if err != nil {
		return exitUsage
	}
	return serveAs(data, func(g *gateway) { g.retention.unit = n })
}

// TestRetentionKeepsNoMoreThanFits starts a gateway on a store whose history is not old, but larger than what is to be kept:
// it comes down to that, the newest stays, and what status says does not change.
func TestRetentionKeepsNoMoreThanFits(t *testing.T) {
	const gigabyte, messages = 50_000, 3000
	t.Setenv(tinyGigabyte, strconv.Itoa(gigabyte))
	g := &bench.Gateway{Binary: os.Args[0], Data: filepath.Join(t.TempDir(), "data")}
	if err := g.Configure("/dev/null", "[retry]\nmax_queue_seconds = 86400\n[journal]\nkeep_gigabytes = 2\n"); err != nil {
		t.Fatal(err)
	}
	writeOldStore(t, filepath.Join(g.Data, "journal"), 1, messages)
	records, bytes := len(facts(t, g)), historyBytes(t, g)
	if bytes < 4*gigabyte {
		t.Fatalf("the history has only %d bytes", bytes)
	}
	fit := records * 2 * gigabyte / int(bytes)
	shortens(t, g)
	// Where a follower is behind, the first cut is not the last one.
	eventually(t, "the history fits", func() bool {
		cuts := cutPlaces.FindAllStringSubmatch(g.Said(), -1)
		before, _ := strconv.Atoi(cuts[len(cuts)-1][1])
		return before >= records-fit
	})
	if c := statusOf(t, g).Counters["delivered_recips"].Lifetime; c != messages {
		t.Errorf("%d recipients were delivered, %d are counted", messages, c)
	}
	for mid, there := range map[int]bool{1: false, messages: true, 7000: true} { // the last one is held
		if code, said := refusal(t, "findevent", "--mid", strconv.Itoa(mid), "--data", g.Data); code == exitRefused == there {
			t.Errorf("findevent of MID %d: %d %s", mid, code, said)
		}
	}
	g.Kill()
	// The store gives the room back some time later; what is left is told by the records, which are all alike.
	if left := len(facts(t, g)); left > fit || left < fit*3/4 {
		t.Errorf("of %d records %d are left, to be kept are as many as fit, %d", records, left, fit)
	}
	if code, said := refusal(t, "verify", "--data", g.Data); code != 0 {
		t.Errorf("verify: %s", said)
	}
}

// cutPlaces are the places of cuts in the gateway's own log.
var cutPlaces = regexp.MustCompile(`"before":(\d+),.*the history was shortened`)

// historyBytes is what the history of a stopped gateway takes.
func historyBytes(t *testing.T, g *bench.Gateway) uint64 {
	t.Helper()
	j, err := journal.Open(filepath.Join(g.Data, "journal"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	n, err := j.HistoryBytes()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// writeOldStore writes a history of days until now, one message of which is still there.
func writeOldStore(t *testing.T, dir string, days, daily int) {
	t.Helper()
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	append := func(at time.Time, facts ...journal.Event) uint64 {
		seq, err := j.AppendEvents(journal.InstantOf(at), facts...)
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	text := []byte("Subject: held\r\n\r\nheld\r\n")
	body, err := j.PutBody(text)
	if err != nil {
		t.Fatal(err)
	}
	to := func(local string) []journal.InjectedRecipient {
		return []journal.InjectedRecipient{{Local: local, Domain: "sink.test"}}
	}
	at := time.Now().AddDate(0, 0, -days)
	append(at, &journal.Started{Boot: 1}, &journal.IDsReserved{ID: journal.MID, From: 1, To: 8193})
	held := append(at, &journal.MessageInjected{MID: 7000, Size: int64(len(text)), Body: body, Why: journal.WhyReceived, Queued: true,
		Sender: "a@b.test", Recipients: to("held")})
	append(at, &journal.Held{By: "admin", Set: []journal.MessageRecipients{{Message: held, MID: 7000, Destination: "sink.test", RIDs: []uint32{0}}}})
	for day := range days {
		for n := range daily {
			at := at.AddDate(0, 0, day).Add(time.Duration(n) * time.Minute)
			seq := append(at, &journal.MessageInjected{MID: uint32(1 + day*daily + n), Why: journal.WhyReceived, Queued: true, Sender: "a@b.test", Recipients: to("gone")})
			append(at, &journal.AttemptStarted{Message: seq, RIDs: []uint32{0}, Attempt: 1, Destination: "sink.test"},
				&journal.Delivered{Message: seq, MID: uint32(1 + day*daily + n), RIDs: []uint32{0}, Finished: true})
		}
	}
	append(time.Now().Add(-time.Minute), &journal.Stopped{NextMID: 7001, NextICID: 1, NextDCID: 1})
}
