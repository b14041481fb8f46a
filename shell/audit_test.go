package shell

import (
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"postern/journal"
)

// busy is a gateway whose operators have done something.
func busy(t *testing.T) *queueKeeper {
	k := keeping(t, "")
	day := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for i, e := range []journal.Event{
		&journal.OperatorLoggedIn{Session: 1, By: "ann", From: netip.MustParseAddr("10.0.0.5")},
		&journal.DeliverySuspended{By: "ann", Domains: []string{"x.example"}},
		&journal.CountersReset{By: "bob\x1b[31m"},
	} {
		if _, err := k.j.AppendEvents(journal.InstantOf(day.Add(time.Duration(i)*time.Hour)), e); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

func TestAudit(t *testing.T) {
	for line, want := range map[string]string{
		"audit": "When                      By           From      What\n" +
			"Mon Nov 23 09:00:00 2026  ann          10.0.0.5  logged in from 10.0.0.5\n" +
			"Mon Nov 23 10:00:00 2026  ann          10.0.0.5  suspended delivery to x.example\n" +
			"Mon Nov 23 11:00:00 2026  bob\\x1b[31m  -         reset the counters\n",
		"audit --by carl":                             "No operator did anything.\n",
		`audit --since "2026-11-23 09:30"`:            "suspended delivery to x.example",
		"audit --until 2026-11-23":                    "No operator did anything.\n",
		"audit --since noon":                          `--since: "noon" is no time: give 2026-11-23, "2026-11-23 03:10", 03:10, today, yesterday, or how long ago: 90m, 4h, 2d`,
		"audit --since=2026-11-24 --until=2026-11-1":  "--until: \"2026-11-1\" is no time",
		"audit --since 2026-11-24 --until 2026-11-2":  "is no time",
		"audit --until 2026-11-20 --since=11/24/2026": "--until is before --since",
		"audit --who ann":                             "audit does not take \"--who\"",
		"audit ann":                                   `audit does not take "ann"`,
		"audit --json":                                `"kind": "DeliverySuspended"`,
	} {
		k := busy(t)
		for _, g := range []Gateway{k, overSocket(t, k)} {
			got, err := dialogue(t, t.Context(), g, line, "batch")
			if err != nil {
				got += "error: " + err.Error()
			}
			if !strings.Contains(got, want) {
				t.Errorf("%s:\n%s\nwant\n%s", line, got, want)
			}
		}
	}
}

// TestAuditNamesDamage: as findevent does.
func TestAuditNamesDamage(t *testing.T) {
	for line, want := range map[string]string{
		"audit":                "damaged at the block of record 2: the block is missing: audit --skip-damaged passes it over",
		"audit --skip-damaged": "reset the counters\nNot searched: the block of record 2: the block is missing\n",
	} {
		k := busy(t)
		if err := k.j.ReplaceBlock(2, func([]byte) []byte { return nil }); err != nil {
			t.Fatal(err)
		}
		got, err := dialogue(t, t.Context(), k, line, "batch")
		if err != nil {
			got += "error: " + err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", line, got, want)
		}
	}
}

// TestTerminalOf: as the kernel numbers them.
func TestTerminalOf(t *testing.T) {
	for number, want := range map[string]string{"34819": "pts/3", "34816": "pts/0", "35083": "pts/267", "1025": "tty1", "1088": "ttyS0", "0": "", "x": ""} {
		proc := fstest.MapFS{"42/stat": {Data: []byte("42 (a ) b) S 1 42 42 " + number + " 42 4194560")}, "43/stat": {Data: []byte("43 (x")}}
		if got := terminalOf(proc, 42); got != want {
			t.Errorf("%s: %q, want %q", number, got, want)
		}
		if got := terminalOf(proc, 43) + terminalOf(proc, 44); got != "" {
			t.Errorf("of what cannot be read: %q", got)
		}
	}
}
