package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"postern/bench/load"
	"postern/journal"
	"postern/shell"
)

// For every message of a mixed load, with orders, a kill -9 and a restart in it, findevent says what the mail log's lines
// of that message, of what was made from it, and of their connections are.
func TestFindEventSaysWhatTheMailLogSays(t *testing.T) {
	s := runSink(t)
	g, _, _ := mixedGateway(t, s)
	if r := load.Run(t.Context(), load.Config{Address: g.Address, Messages: 60, Clients: 4, Prefix: "found", Recipient: mixedRecipient}); len(r.Acked) != 60 {
		t.Fatalf("%d of 60 messages were accepted: %s", len(r.Acked), r.Reply)
	}
	for _, order := range [][]string{{"suspenddel", "0", "held.test"}, {"deleterecipients", "host", "held.test", "--yes"}} {
		if order[0] == "deleterecipients" {
			load.Run(t.Context(), load.Config{Address: g.Address, Messages: 10, Clients: 2, Prefix: "held", Recipient: func(n int) string { return fmt.Sprintf("u%d@held.test", n) }})
		}
		if code, said := refusal(t, append(order, "--data", g.Data)...); code != 0 {
			t.Fatalf("%s: %s", order, said)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan *load.Result, 1)
	go func() {
		done <- load.Run(ctx, load.Config{Address: g.Address, Clients: 4, Prefix: "killed", Recipient: mixedRecipient})
	}()
	flowing := s.Total()
	eventually(t, "mail flows", func() bool { return s.Total() > flowing+50 })
	g.Kill()
	cancel()
	<-done
	start(t, g)
	settled(t, g)
	stop(t, g)

	log := readLog(t, g.Data)
	o := &shell.Offline{Data: g.Data}
	messages := 0
	for _, r := range facts(t, g) {
		m, ok := r.Event.(*journal.MessageInjected)
		if !ok {
			continue
		}
		messages++
		var got []string
		if err := o.TraceMessage(t.Context(), r.Seq, func(f shell.TracedFact) error {
			got = append(got, f.Lines...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if want := linesAbout(log, m.MID); !slices.Equal(got, want) {
			t.Fatalf("MID %d:\n%s\nthe log has\n%s", m.MID, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if messages < 100 {
		t.Errorf("only %d messages were looked at", messages)
	}
}

// readLog is all that the files of the mail log hold, in order.
func readLog(t *testing.T, data string) (lines []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data, "logs", "mail_logs.*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	for _, f := range files {
		if info, err := os.Lstat(f); err == nil && info.Mode()&os.ModeSymlink != 0 {
			continue // the current one, which has a name of its own too
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")...)
	}
	return lines
}

var (
	midInLine   = regexp.MustCompile(`\bMID (\d+)\b`)
	icidInLine  = regexp.MustCompile(`\bICID (\d+)\b`)
	dcidInLine  = regexp.MustCompile(`\bDCID (\d+)\b`)
	madeInLine  = regexp.MustCompile(`\bMID (\d+) was (?:generated|split).* MID (\d+)`)
	startInLine = regexp.MustCompile(`Start MID (\d+) ICID ([1-9]\d*)`)
	beganInLine = regexp.MustCompile(`Delivery start DCID ([1-9]\d*) MID (\d+)`)
)

// linesAbout finds a message in the text of a log as a reader would: by its MID, by those of what was made from it, and by
// the ids of their connections. Ids are not used twice in it.
func linesAbout(log []string, mid uint32) (about []string) {
	mids, icids, dcids := map[string]bool{fmt.Sprint(mid): true}, map[string]bool{}, map[string]bool{}
	for before := -1; before != len(mids); {
		before = len(mids)
		for _, line := range log {
			if m := madeInLine.FindStringSubmatch(line); m != nil && mids[m[2]] {
				mids[m[1]] = true
			}
		}
	}
	for _, line := range log {
		if m := startInLine.FindStringSubmatch(line); m != nil && m[1] == fmt.Sprint(mid) {
			icids[m[2]] = true
		}
		if m := beganInLine.FindStringSubmatch(line); m != nil && mids[m[2]] {
			dcids[m[1]] = true
		}
	}
	for _, line := range log {
		ids := midInLine.FindAllStringSubmatch(line, -1)
		switch {
		case slices.ContainsFunc(ids, func(m []string) bool { return mids[m[1]] }):
		case len(ids) > 0 || strings.Contains(line, "Connection Error:"):
			continue
		case !named(icidInLine, line, icids) && !named(dcidInLine, line, dcids):
			continue
		}
		about = append(about, line)
	}
	return about
}

func named(id *regexp.Regexp, line string, ids map[string]bool) bool {
	m := id.FindStringSubmatch(line)
	return m != nil && ids[m[1]]
}
