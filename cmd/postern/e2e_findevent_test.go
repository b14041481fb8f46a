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

	log, all := parseLog(readLog(t, g.Data)), facts(t, g)
	var tracking shell.Tracking = &shell.Offline{Data: g.Data}
	messages := 0
	for _, r := range all {
		m, ok := r.Event.(*journal.MessageInjected)
		if !ok {
			continue
		}
		if messages++; messages == 5 { // the stopped store has answered: what follows is asked of the gateway, which is quicker
			start(t, g)
			tracking = &shell.Remote{Data: g.Data}
		}
		var got []string
		if err := tracking.TraceMessage(t.Context(), r.Seq, false, func(f shell.TracedFact) error {
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

// logLine is a line of the log with the ids in it.
type logLine struct {
	text               string
	mids               []string
	icid, dcid         string
	made, from         string // a message, and the one that it was made from
	injected, injector string // a message, and the connection that brought it
	attempted, over    string // a message, and the connection that its delivery began on
}

func parseLog(lines []string) []logLine {
	log := make([]logLine, len(lines))
	for i, text := range lines {
		l := logLine{text: text}
		for _, m := range midInLine.FindAllStringSubmatch(text, -1) {
			l.mids = append(l.mids, m[1])
		}
		if m := icidInLine.FindStringSubmatch(text); m != nil {
			l.icid = m[1]
		}
		if m := dcidInLine.FindStringSubmatch(text); m != nil {
			l.dcid = m[1]
		}
		if m := madeInLine.FindStringSubmatch(text); m != nil {
			l.made, l.from = m[1], m[2]
		}
		if m := startInLine.FindStringSubmatch(text); m != nil {
			l.injected, l.injector = m[1], m[2]
		}
		if m := beganInLine.FindStringSubmatch(text); m != nil {
			l.over, l.attempted = m[1], m[2]
		}
		log[i] = l
	}
	return log
}

// linesAbout finds a message in the text of a log as a reader would: by its MID, by those of what was made from it, and by
// the ids of their connections. Ids are not used twice in it.
func linesAbout(log []logLine, mid uint32) (about []string) {
	head := fmt.Sprint(mid)
	mids, icids, dcids := map[string]bool{head: true}, map[string]bool{}, map[string]bool{}
	for before := -1; before != len(mids); {
		before = len(mids)
		for _, l := range log {
			if l.made != "" && mids[l.from] {
				mids[l.made] = true
			}
		}
	}
	for _, l := range log {
		if l.injected == head {
			icids[l.injector] = true
		}
		if mids[l.attempted] {
			dcids[l.over] = true
		}
	}
	for _, l := range log {
		switch {
		case slices.ContainsFunc(l.mids, func(m string) bool { return mids[m] }):
		case len(l.mids) > 0 || strings.Contains(l.text, "Connection Error:"):
			continue
		case !icids[l.icid] && !dcids[l.dcid]:
			continue
		}
		about = append(about, l.text)
	}
	return about
}
