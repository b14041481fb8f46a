package shell

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"postern/journal"
	"postern/projections"
)

const logMenuText = `Currently configured logs:
1. "mail_logs" Type: "IronPort Text Mail Logs" Retrieval: Local File
2. "status" Type: "Status Logs" Retrieval: Local File
`

// logData is a data directory with mail logs of two files.
func logData(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	logs := filepath.Join(data, "logs")
	if err := os.Mkdir(logs, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"mail_logs.@20260101T000000.s": "Info: Start MID 1\nInfo: MID 1 From: <ann@example.com>\nInfo: MID 1 done\n",
		"mail_logs.@20260102T000000.c": "Info: Start MID 2\nInfo: MID 2 From: <Bob@example.com>\nInfo: MID 2 \x1b[2Jdone\n",
		"status.@20260102T000000.c":    "Info: Status: CPULd 1\n",
	} {
		if err := os.WriteFile(filepath.Join(logs, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

// dialogue runs a command line; answers "batch" means that nobody is there to ask.
func dialogue(t *testing.T, ctx context.Context, g Gateway, line, answers string) (string, error) {
	t.Helper()
	words, err := splitWords(line)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c := &Call{Gateway: g, Command: Find(words[0]), Out: printable{&out}, Zone: time.UTC}
	if c.Command == nil {
		t.Fatalf("there is no command %s", words[0])
	}
	if answers != "batch" {
		c.Asker = newLines(strings.NewReader(answers), &out)
	}
	if err = c.Parse(words[1:]); err == nil {
		err = c.Do(ctx)
	}
	return out.String(), err
}

func TestLogCommands(t *testing.T) {
	g := &Offline{Data: logData(t)}
	stopped := "error: the gateway does not run: nothing more is written"
	for _, c := range []struct{ line, answers, want string }{
		{"logconfig", "batch", logMenuText},
		{"logconfig", "\n", "\n" + logMenuText},
		{"tail", "1\n", "\n" + logMenuText + "Enter the number of the log you wish to tail.\n[]> 1\nPress Ctrl-C to stop.\n" +
			"Info: Start MID 2\nInfo: MID 2 From: <Bob@example.com>\nInfo: MID 2 \\x1b[2Jdone\n" + stopped},
		{"tail MAIL_LOGS --count 1", "batch", "Info: Start MID 2\n"},
		{"tail 2 --json", "batch", `{"log":"status","file":"status.@20260102T000000","line":"Info: Status: CPULd 1"}` + "\n" + stopped},
		{"tail", "3\nfrog\nstatus\n", "There is no log 3: give a number from 1 to 2.\n"},
		{"tail frog", "batch", `error: there is no log "frog"; there are mail_logs, status`},
		{"tail", "batch", "error: usage: tail [LOG] [--count N] [--json]"},
		{"grep From mail_logs", "batch", "Info: MID 1 From: <ann@example.com>\nInfo: MID 2 From: <Bob@example.com>\n"},
		{"grep -i BOB mail_logs", "batch", "Info: MID 2 From: <Bob@example.com>\n"},
		{"grep BOB mail_logs", "batch", ""},
		{"grep -v -e Start -e From mail_logs", "batch", "Info: MID 1 done\nInfo: MID 2 \\x1b[2Jdone\n"},
		{"grep -vi 'start|from|2' 1", "batch", "Info: MID 1 done\n"},
		{"grep -C1 '^Info: Start MID 2$' mail_logs", "batch", "Info: MID 1 done\nInfo: Start MID 2\nInfo: MID 2 From: <Bob@example.com>\n"},
		{"grep -C 0 done mail_logs --count 1", "batch", "Info: MID 1 done\n"},
		{"grep -C1 Start mail_logs --count 5", "batch", "Info: Start MID 1\nInfo: MID 1 From: <ann@example.com>\nInfo: MID 1 done\nInfo: Start MID 2\nInfo: MID 2 From: <Bob@example.com>\n"},
		{"grep -e CPULd -C 1 status", "batch", "Info: Status: CPULd 1\n"},
		{"grep -- -x status", "batch", ""},
		{"grep -C1 MID.2.From mail_logs --json", "batch",
			`{"log":"mail_logs","file":"mail_logs.@20260102T000000","line":"Info: Start MID 2","context":true,"gap":true}` + "\n" +
				`{"log":"mail_logs","file":"mail_logs.@20260102T000000","line":"Info: MID 2 From: <Bob@example.com>"}` + "\n" +
				`{"log":"mail_logs","file":"mail_logs.@20260102T000000","line":"Info: MID 2 \u001b[2Jdone","context":true}` + "\n"},
		{"grep -t CPULd status", "batch", "Info: Status: CPULd 1\n" + stopped},
		{"grep '(' mail_logs", "batch", `error: the regular expression "(" cannot be used: missing closing ) in "("`},
		{`grep '(a)\1' mail_logs`, "batch", `error: the regular expression "(a)\\1" cannot be used: invalid escape sequence in "\\1" (RE2 knows neither look-around nor back references)`},
		{"grep -e a mail_logs b", "batch", `error: grep does not take "b"`},
		{"grep -C x a mail_logs", "batch", `error: -C wants a number of lines from 0 to 1000, not "x"`},
		{"grep -C 1001 a mail_logs", "batch", `error: -C wants a number of lines`},
		{"grep -q a mail_logs", "batch", "error: grep does not know -q\nusage: grep [-C N] [-e REGEX] [-i] [-p] [-t] [-v] [REGEX] LOG [--count N] [--json]"},
		{"grep mail_logs", "batch", "error: the regular expression is missing"},
		{"grep frog", "batch", `error: there is no log "frog"`},
		{"grep Start", "1\n", "Enter the number of the log you wish to grep.\n[]> 1\nInfo: Start MID 1\nInfo: Start MID 2\n"},
		{"grep status", "(\nCPU\n", "\nEnter the regular expression to grep.\n[]> (\nThe regular expression \"(\" cannot be used: missing closing ) in \"(\".\n\nEnter the regular expression to grep.\n[]> CPU\nInfo: Status"},
		{"grep", "1\nfrom: <b\n\n\n\n\n", "\n" + logMenuText + "Enter the number of the log you wish to grep.\n[]> 1\n" +
			"\nEnter the regular expression to grep.\n[]> from: <b\n\nDo you want this search to be case insensitive? [Y]> \n" +
			"\nDo you want to search for non-matching lines? [N]> \n\nDo you want to tail the logs? [N]> \n" +
			"\nDo you want to paginate the output? [N]> \n\nInfo: MID 2 From: <Bob@example.com>\n"},
		{"rollovernow all", "batch", "error: the gateway does not run"},
		{"rollovernow", "batch", "error: usage: rollovernow [LOG|all] [--json]"},
	} {
		got, err := dialogue(t, t.Context(), g, c.line, c.answers)
		if err != nil {
			got += "error: " + err.Error()
		}
		same := got == c.want
		if strings.HasPrefix(c.want, "error:") || strings.Contains(c.answers, "\n") {
			same = strings.Contains(got, c.want)
		}
		if !same {
			t.Errorf("%s:\nhave %q\nwant %q", c.line, got, c.want)
		}
	}
}

// TestGrepSeparatesGroups prints "--" between groups of lines as grep does, also over the pages of a long answer.
func TestGrepSeparatesGroups(t *testing.T) {
	g := &Offline{Data: t.TempDir()}
	if err := os.Mkdir(filepath.Join(g.Data, "logs"), 0o750); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintln(&text, "line", i)
	}
	if err := os.WriteFile(filepath.Join(g.Data, "logs", "status.@20260102T000000.c"), []byte(text.String()), 0o640); err != nil {
		t.Fatal(err)
	}
	got, err := dialogue(t, t.Context(), g, "grep -C1 00$ status", "batch")
	if n := strings.Count(got, "--\n"); err != nil || n != 28 || strings.HasPrefix(got, "--") || strings.Count(got, "\n") != 28+29*3 {
		t.Errorf("%d separators, %d lines, %v", n, strings.Count(got, "\n"), err)
	}
}

type fakeWriter struct {
	name   string
	rolled int
	err    error
}

func (w *fakeWriter) Name() string       { return w.name }
func (w *fakeWriter) RolloverNow() error { w.rolled++; return w.err }

func TestRollOverNow(t *testing.T) {
	mail, status := &fakeWriter{name: "mail_logs"}, &fakeWriter{name: "status"}
	var facts []journal.Event
	g := &Local{Note: func(e journal.Event) {
		if _, ok := e.(*journal.LogRolledOver); ok {
			facts = append(facts, e)
		}
	}}
	g.Logs.Writers = func() []LogWriter { return []LogWriter{mail, status} }
	ctx := WithOperator(t.Context(), &Operator{Name: "ann"})
	got, err := dialogue(t, ctx, g, "rollovernow", "3\n")
	if want := logMenuText + "3. All Logs\nEnter the number of the log you wish to roll over.\n[]> 3\nLog files successfully rolled over.\n"; err != nil || !strings.HasSuffix(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := dialogue(t, ctx, g, "rollovernow status --json", "batch"); err != nil || !strings.Contains(got, `"status"`) {
		t.Errorf("%q, %v", got, err)
	}
	if want := []journal.Event{&journal.LogRolledOver{Log: "mail_logs", By: "ann"}, &journal.LogRolledOver{Log: "status", By: "ann"},
		&journal.LogRolledOver{Log: "status", By: "ann"}}; !reflect.DeepEqual(facts, want) || mail.rolled != 1 || status.rolled != 2 {
		t.Errorf("%d facts, rolled over %d and %d times", len(facts), mail.rolled, status.rolled)
	}
	mail.err = errors.New("no space left")
	for line, want := range map[string]string{"rollovernow mail_logs": "no space left", "rollovernow frog": "there is no log"} {
		if _, err := dialogue(t, ctx, g, line, "batch"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
	if len(facts) != 3 {
		t.Errorf("%d facts of what was not done", len(facts)-3)
	}
}

// overSocket serves a Gateway on an admin socket and gives the other end of it.
func overSocket(t *testing.T, g Gateway) *Remote {
	t.Helper()
	data := t.TempDir()
	a := &Admin{Gateway: g}
	if err := a.Listen(data); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- a.Serve() }()
	t.Cleanup(func() {
		a.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return &Remote{Data: data}
}

func TestLogsOverTheSocket(t *testing.T) {
	l := &Local{}
	l.Logs.Dir = filepath.Join(logData(t), "logs")
	g := overSocket(t, l)
	for _, line := range []string{"logconfig --json", "grep -C1 -vi -e start -e 'o & =' mail_logs", "grep -C 2 --json Start mail_logs"} {
		want, err1 := dialogue(t, t.Context(), l, line, "batch")
		got, err2 := dialogue(t, t.Context(), g, line, "batch")
		if err := errors.Join(err1, err2); err != nil || got != want || got == "" {
			t.Errorf("%s: %v\nhere  %q\nthere %q", line, err, want, got)
		}
	}
	for _, q := range []LogQuery{{Log: "../journal"}, {Log: "status", Patterns: []string{"("}}, {Log: "status", Context: -1}, {Log: "status", Last: 1 << 40}} {
		refused, misread := (*RefusedError)(nil), (*MisreadError)(nil)
		if err := g.ReadLog(t.Context(), q, nil); q.Log == "status" && !errors.As(err, &misread) || q.Log != "status" && !errors.As(err, &refused) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if q := (LogQuery{Log: "status", Patterns: []string{"a b", "&"}, IgnoreCase: true, Invert: true, Context: 3, Last: 4, Follow: true}); !reflect.DeepEqual(queryOf(q.values()), q) {
		t.Errorf("%+v becomes %+v", q, queryOf(q.values()))
	}
	if q := queryOf(url.Values{"last": {"x"}}); q.Last >= 0 {
		t.Error("a number that is none passes")
	}
}

// TestTailOverTheSocket follows a log through the socket and ends when the operator does.
func TestTailOverTheSocket(t *testing.T) {
	l := &Local{}
	data := logData(t)
	l.Logs.Dir = filepath.Join(data, "logs")
	g := overSocket(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	lines, done := make(chan string, 100), make(chan error, 1)
	go func() {
		done <- g.ReadLog(ctx, LogQuery{Log: "status", Last: 10, Follow: true}, func(page []projections.LogLine) error {
			for _, l := range page {
				lines <- l.Text
			}
			return nil
		})
	}()
	if got := <-lines; got != "Info: Status: CPULd 1" {
		t.Errorf("%q", got)
	}
	if err := os.WriteFile(filepath.Join(l.Logs.Dir, "status.@20260103T000000.c"), []byte("next\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(l.Logs.Dir, "status.@20260102T000000.c"), filepath.Join(l.Logs.Dir, "status.@20260102T000000.s")); err != nil {
		t.Fatal(err)
	}
	if got := <-lines; got != "next" {
		t.Errorf("%q", got)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for l.Logs.readers.Load() > 0 {
		runtime.Gosched() // the daemon's side ends by itself
	}
}

// TestFoldedMatches compares the quick way with the regular expression.
func TestFoldedMatches(t *testing.T) {
	for _, pattern := range []string{"kelvin", "From: <Bob@", "s", "", "a.b", "grüße", `\Qa.b\E`} {
		match, err := matcherOf(pattern, true)
		if err != nil {
			t.Fatal(err)
		}
		re := regexp.MustCompile("(?i:" + pattern + ")")
		for _, line := range []string{"", "KELVIN", "\u212aelvin", "a kElViN b", "FROM: <bOB@example.com>", "\u017f", "xA.Bx", "axb", "GRÜSSE", "GRÜßE", "\xff kelvin"} {
			if got, want := match([]byte(line)), re.MatchString(line); got != want {
				t.Errorf("%q in %q: %v, want %v", pattern, line, got, want)
			}
		}
	}
}

func TestTooManyReadersAreRefused(t *testing.T) {
	l := &Local{}
	l.Logs.readers.Store(maxLogReaders)
	var refused *RefusedError
	if err := l.ReadLog(t.Context(), LogQuery{Log: "status"}, nil); !errors.As(err, &refused) || l.Logs.readers.Load() != maxLogReaders {
		t.Error(err)
	}
}

func TestLogRowsAreJSON(t *testing.T) {
	got, err := dialogue(t, t.Context(), &Offline{Data: logData(t)}, "grep --json . mail_logs", "batch")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(got) {
		var row logRow
		if err := json.Unmarshal([]byte(line), &row); err != nil || row.Log != "mail_logs" || row.File == "" || row.Text == "" {
			t.Errorf("%q: %v", line, err)
		}
	}
}
