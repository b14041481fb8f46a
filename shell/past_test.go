package shell

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"postern/journal"
	"postern/projections"
)

// pastDay is when the history of these tests begins.
var pastDay = time.Date(2025, 11, 24, 3, 0, 0, 0, time.UTC)

// pastHistory writes the life of one message with two recipients, and of the gateway that it came to, in a data directory.
func pastHistory(t *testing.T, data string) *queueKeeper {
	t.Helper()
	k := keeping(t, data)
	add := func(second int, events ...journal.Event) {
		if _, err := k.j.AppendEvents(journal.InstantOf(pastDay.Add(time.Duration(second)*time.Second)), events...); err != nil {
			t.Fatal(err)
		}
	}
	client := netip.MustParseAddr("192.0.2.7")
	add(0, &journal.Started{Boot: 1, Hostname: "mail3.example.com"})
	add(10, &journal.ConnectionAccepted{ICID: 3, Listener: "InboundMail", Remote: client},
		&journal.MessageInjected{MID: 7, ICID: 3, Size: 2048, Queued: true, Sender: "ann@a.example", Subject: "hello",
			Recipients: []journal.InjectedRecipient{{RID: 0, Local: "x", Domain: "b.example"}, {RID: 1, Local: "y", Domain: "b.example"}}})
	add(20, &journal.Sampled{Values: []journal.NamedValue{{Name: "RAMUtil", Value: 12}, {Name: "QKFre", Value: 1000},
		{Name: projections.GaugeDNSRequests, Value: 5}}})
	add(30, &journal.ConnectionClosed{ICID: 3},
		&journal.AttemptStarted{Message: 3, MID: 7, Destination: "b.example", RIDs: []uint32{0, 1}, Attempt: 1},
		&journal.SoftBounced{Message: 3, MID: 7, Destination: "b.example", RIDs: []uint32{0, 1}, Attempts: 1, Code: "450"})
	add(40, &journal.Held{Action: 1, Set: []journal.MessageRecipients{{Message: 3, MID: 7, RIDs: []uint32{1}}}},
		&journal.Delivered{Message: 3, MID: 7, Destination: "b.example", RIDs: []uint32{0}, Attempts: 1})
	add(600, &journal.Started{Boot: 2, Hostname: "mail3.example.com"})
	add(660, &journal.Stopped{})
	return k
}

// pastGateways are the three ways to one history.
func pastGateways(t *testing.T) map[string]Gateway {
	data := t.TempDir()
	if err := pastHistory(t, data).j.Close(); err != nil {
		t.Fatal(err)
	}
	l := pastHistory(t, "").Local
	l.Now = func() time.Time { return pastDay.Add(time.Hour) }
	l.Figures = projections.NewFigures(0)
	l.Follower = &projections.Follower{Source: l.Messages.Journal, Projections: []projections.Projection{l.Figures}, Figures: l.Figures}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Follower.Run(ended); err != nil {
		t.Fatal(err)
	}
	socket := t.TempDir()
	listening(t, &Admin{Gateway: l}, socket)
	return map[string]Gateway{"local": l, "remote": &Remote{Data: socket}, "offline": &Offline{Data: data}}
}

func TestThePast(t *testing.T) {
	gateways := pastGateways(t)
	for _, c := range []struct {
		line string
		want []string // each is in the answer; after a "!" it is not
	}{
		{`status detail --at "2025-11-24 03:00:25"`, []string{"The past: as of record 4, written Mon Nov 24 03:00:20 2025, the last one up to Mon Nov 24 03:00:25 2025 UTC.\nStatus as of:                Mon Nov 24 03:00:25 2025 UTC\n",
			"(25s)\n", "Oldest Message:              15 secs\n", "    RAM Utilization                   12%\n", "    Kilobytes Free                  1,000\n",
			"    Disk I/O Utilization     not recorded\n", "As sampled Mon Nov 24 03:00:20 2025: RAM Utilization, Kilobytes Free.\n", "      Unattempted Recipients            2\n",
			"    Current Inbound Conn.               1\n"}},
		{"status --at 2025-11-24 03:00:25", []string{"As sampled Mon Nov 24 03:00:20 2025: Kilobytes Free.\n", "!RAM"}},
		{"status --at 2025-11-24T03:00:35Z --json", []string{`"seq": 7,`, `"at": "2025-11-24T03:00:35Z"`, `"recorded": "2025-11-24T03:00:30Z"`, `"from_sample": [`,
			`"not_recorded": [`, `"attempted_recips": 2`}},
		{"status --at=2025-11-24T04:05:00+01:00", []string{"The past: as of record 9,", "started again Mon Nov 24 03:10:00 2025.\n", "    Kilobytes Free           not recorded\n", "!As sampled"}},
		{`status --at "2025-11-24 03:30"`, []string{"System status:               Offline\n", "Not running"}},
		{`status --at "2025-11-24 02:59:59"`, []string{"error: ", "the history begins at Mon Nov 24 03:00:00 2025 UTC: nothing is known of Mon Nov 24 02:59:59 2025 UTC"}},
		{`status --at "2099-11-24 04:00:01"`, []string{"error: ", "lies in the future: it is "}},
		{`hoststatus b.example --at "2025-11-24 03:00:45"`, []string{"The past: as of record 9,", "    Delivered Recipients                1\n", "      Attempted Recipients              1\n", "    Pending Outbound Connections not recorded\n"}},
		{`hoststatus b@example --at "2025-11-24 03:00:45"`, []string{"error: ", "is an address"}},
		{`tophosts --at "2025-11-24 03:00:45"`, []string{"The past: as of record 9,", "1   b.example", " 1       0        1        2        0\n"}},
		{`tophosts delivered --at "2025-11-24 03:00:05"`, []string{"The past: as of record 1,", "!b.example"}},
		{`topin 5 --at "2025-11-24 03:00:25"`, []string{"The past: as of record 4,", "1  192.0.2.7"}},
		{`topin --at "2025-11-24 03:00:35" --json`, []string{`"clients": [],`, `"seq": 7`}},
		{`dnsstatus --at "2025-11-24 03:00:35"`, []string{"  DNS Requests                          5               5               5\n", "As sampled Mon Nov 24 03:00:20 2025.\n"}},
		{`dnsstatus --at "2025-11-24 03:00:15"`, []string{"  DNS Requests                          0", "Not sampled since the start"}},
		{`showrecipients all --at "2025-11-24 03:00:25"`, []string{"The past: as of record 4,", "[0]       [0]         x@b.example\n7 ", "[1]       [0]         y@b.example\n"}},
		{`showrecipients --at "2025-11-24 03:00:45" host B.example`, []string{"The past: as of record 9,", "[1]       [1]         y@b.example (held)\n", "!x@b.example"}},
		{`showrecipients all --older 1m --at "2025-11-24 03:00:45"`, []string{"There were no such messages in the queue.\n"}},
		{`showrecipients all --at "2025-11-24 03:00:45" --json`, []string{`{"past":{"at":"2025-11-24T03:00:45Z","seq":9,`, `"rid":1,"attempts":1,"recipient":"y@b.example"`}},
		{`showrecipients from ann@a.example --at "2025-11-24 03:00:05"`, []string{"There were no such messages in the queue.\n"}},
		{`rate --replay "2025-11-24 03:00 - 2025-11-24 03:00:50" 10`, []string{"The past: from Mon Nov 24 03:00:00 2025 UTC to Mon Nov 24 03:00:50 2025 UTC.\n" + rateHeading +
			"03:00:00     0     0           0       0            0       0        0\n03:00:10     1     0           2       2            0       0        2\n",
			"03:00:40     0     0           2       0            1       1        2\n03:00:50     0     0           2       0            1       0        2\n", "!03:01"}},
		{`rate --replay "2025-11-24 03:00-03:02"`, []string{"03:02:00", "!03:00:10"}},
		{`rate --replay "2025-11-24 03:00-03:02" --count 2 --json`, []string{`"seq":1,`, `"inj_recips_delta":2`, "!03:02"}},
		{`rate --replay "2025-11-24 02:00-03:02"`, []string{"The history begins later than that: ", "03:00:00     0", "03:02:00", "!02:59"}},
		{`rate --replay "2025-11-24 02:00-02:02"`, []string{"error: ", "the history begins at"}},
		{`rate --replay "2025-11-24 03:00:00-2099-01-01 00:00" 86400`, []string{"The period ends in the future: it is shown up to now.\n", "03:00:00     0     0           0", "!2099"}},
		{`rate --replay "2025-11-24 02:00-03:02" 70`, []string{"\n03:00:40     0     0           2       2            1       1        2\n03:01:50     0     0           2       0            1       0        2\n" +
			"03:02:00     0     0           2       0            1       0        2\n"}},
		{`rate --replay "2025-11-24 02:00-03:00:20" 3600`, []string{"\n03:00:00     0     0           0       0            0       0        0\n03:00:20     1     0           2       2            0       0        2\n", "!without a stop"}},
		{`rate --replay "2025-11-24 02:59-03:00:20" 300`, []string{"\n03:00:20     1     0           2       2            0       0        2\n", "!03:04"}},
		{`rate --replay "2025-11-24 03:00:30-03:12" 60`, []string{rateHeading + "03:00:30 ", "\nThe gateway had ended without a stop; it was started again Mon Nov 24 03:10:00 2025: what follows is as it was then.\n03:01:30 ", "\n03:02:30 ", "\n03:10:30 "}},
		{`rate --replay "2025-11-24 03:01-03:02" --json`, []string{`"crashed":true,"restarted":"2025-11-24T03:10:00Z"`}},
	} {
		for name, g := range gateways {
			got, err := dialogue(t, t.Context(), g, c.line, "batch")
			if err != nil {
				got += "error: " + err.Error()
			}
			for _, want := range c.want {
				if text, absent := strings.CutPrefix(want, "!"); strings.Contains(got, text) == absent {
					t.Errorf("%s, %s: %q: %v in:\n%s", name, c.line, text, !absent, got)
				}
			}
			if err != nil && !strings.HasPrefix(c.want[0], "error") {
				t.Errorf("%s, %s: %v", name, c.line, err)
			}
		}
	}
}

// TestOneLookAtThePastAtATime: another one waits, and gives up with its context.
func TestOneLookAtThePastAtATime(t *testing.T) {
	l := pastGateways(t)["local"].(*Local)
	l.searching.Lock()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := l.StatusAt(ctx, pastDay); err != context.DeadlineExceeded {
		t.Error(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := l.StatusAt(t.Context(), pastDay)
		answered <- err
	}()
	l.searching.Unlock()
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if !l.searching.TryLock() {
		t.Error("the lock is kept")
	}
}

func TestMomentsAreRead(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, zone)
	for word, want := range map[string]string{
		"2026-11-23 03:10":          "2026-11-23T03:10:00+01:00",
		"2026-11-23 03:10:30":       "2026-11-23T03:10:30+01:00",
		"2026-11-23T03:10:00Z":      "2026-11-23T04:10:00+01:00",
		"2026-11-23T03:10:00+05:00": "2026-11-22T23:10:00+01:00",
		"03:10":                     "2026-11-25T03:10:00+01:00",
		" 03:10:05 ":                "2026-11-25T03:10:05+01:00",
		"2026-11-23":                `"2026-11-23" is no moment: give the time of day, too`,
		"2026-02-30 03:10":          `"2026-02-30" is no date such as 2026-11-23`,
		"2026-11-23 25:10":          `"25:10" is no time of day such as 03:10`,
		"2026-11-23T03:10":          "with a T it has to be as 2026-11-23T03:10:00Z",
		"yesterday":                 `"yesterday" is no moment`,
		"\x1b[2J 03:10":             `"\x1b[2J" is no date`,
	} {
		got, err := parsePast(word, now, zone)
		if text := got.Format(time.RFC3339); err != nil && !strings.Contains(err.Error(), want) || err == nil && text != want {
			t.Errorf("%q: %s, %v, want %s", word, text, err, want)
		}
	}
	for word, want := range map[string]string{
		"03:00-03:20":                         "2026-11-25 03:00:00 2026-11-25 03:20:00",
		"2026-11-23 03:00-03:20:10":           "2026-11-23 03:00:00 2026-11-23 03:20:10",
		"2026-11-22 23:50-2026-11-23 00:10":   "2026-11-22 23:50:00 2026-11-23 00:10:00",
		"2026-11-22 23:50 - 2026-11-23 00:10": "2026-11-22 23:50:00 2026-11-23 00:10:00",
		"2026-11-23":                          "is no moment",
		"03:00":                               "is no period",
		"03:20-03:00":                         "it ends before it has begun",
		"03:00-04":                            `"04" is no moment`,
		"":                                    "is no period",
	} {
		from, to, err := parsePeriod(word, now, zone)
		if text := fmt.Sprint(from.Format(time.DateTime), " ", to.Format(time.DateTime)); err != nil && !strings.Contains(err.Error(), want) || err == nil && text != want {
			t.Errorf("%q: %s, %v, want %s", word, text, err, want)
		}
	}
}
