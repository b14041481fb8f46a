package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"postern/journal"
)

// say is a command for tests: it asks all kinds of questions and repeats the answers.
func say() *Command {
	return &Command{Name: "say", Params: []Param{
		{Name: "WORD", Question: "Which word?", Required: true, Check: func(w string) error {
			if strings.Contains(w, "!") {
				return errors.New("no shouting")
			}
			return nil
		}},
		{Name: "HOW", Question: "How?", Default: "plain", Choices: []Choice{{"plain", "As it is"}, {"loud", "In capitals"}}},
		{Name: "TIMES", Optional: true}},
		Run: func(ctx context.Context, c *Call) error {
			again, err := c.Confirm(ctx, "Twice?", false)
			if err != nil {
				return err
			}
			return c.Answer(c.Args, fmt.Sprintln(strings.Join(c.Args, " "), again))
		}}
}

func TestCallFillsArguments(t *testing.T) {
	for name, c := range map[string]struct {
		words []string
		typed string // "batch": nobody is there
		want  string
	}{
		"all in batch":           {[]string{"hello", "loud", "3", "--yes"}, "batch", "hello loud 3 true\n"},
		"defaults in batch":      {[]string{"hello"}, "batch", "hello plain false\n"},
		"missing in batch":       {nil, "batch", "usage: say WORD [plain|loud] [TIMES] [--json]"},
		"too many":               {[]string{"a", "plain", "b", "c"}, "batch", `say does not take "c"`},
		"a flag":                 {[]string{"a", "--loud"}, "batch", "say does not take --loud"},
		"a wrong choice":         {[]string{"a", "soft"}, "batch", `"soft" is not one of: `},
		"a wrong word":           {[]string{"a!"}, "batch", "no shouting"},
		"asked":                  {nil, "hello\n2\ny\n", "\nWhich word?\n[]> hello\n\nHow?\n1. As it is\n2. In capitals\n[1]> 2\nTwice? [N]> y\nhello loud true\n"},
		"asked for the rest":     {[]string{"hello"}, "\n\n", "[1]> \nTwice? [N]> \nhello plain false\n"},
		"asked again":            {nil, "\nhey!\nhello\n7\nIN CAPITALS\nmaybe\nYES\n", "An answer is needed; Ctrl-C goes back.\n"},
		"the choice is asked on": {nil, "hey!\nhello\n7\nIN CAPITALS\nmaybe\nYES\n", "give a number from 1 to 2.\n\nHow?"},
		"the end of the script":  {nil, "hello\n", "EOF"},
		"json":                   {[]string{"hello", "--json"}, "batch", "[\n  \"hello\",\n  \"plain\"\n]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			call := &Call{Command: say(), Out: &out}
			if c.typed != "batch" {
				call.Asker = newLines(strings.NewReader(c.typed), &out)
			}
			err := call.Parse(c.words)
			if err == nil {
				err = call.Do(t.Context())
			}
			got := out.String()
			if err != nil {
				got += err.Error()
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q in it", got, c.want)
			}
		})
	}
}

// TestBatchAnswersBeginAtOnce: the blank line that sets an answer apart from the prompt is left out where there is none.
func TestBatchAnswersBeginAtOnce(t *testing.T) {
	now := time.Date(2010, 5, 14, 16, 5, 0, 0, time.UTC)
	g := visited(t, &now, &journal.Started{Boot: 1, Hostname: "mail3.example.com"}, &journal.AlertRaised{Alert: "mailRefused", Severity: "Critical", Text: "x"})
	g.Program = Program{Version: "1.2.3-004", Proc: fstest.MapFS{}, Sys: fstest.MapFS{}}
	ctx := WithOperator(t.Context(), &Operator{Name: "admin"})
	apart := map[string]bool{"displayalerts": true, "hardwarestatus": true, "last": true, "status": true, "status detail": true, "version": true,
		"who": true, "whoami": true}
	for _, line := range []string{"date", "displayalerts", "dnsstatus", "help", "hardwarestatus", "help rate", "hoststatus a.example", "last", "status",
		"status detail", "topin", "tophosts conn_out", "version", "who", "whoami"} {
		for answers, want := range map[string]bool{"batch": false, "\n": apart[line]} {
			got, err := dialogue(t, ctx, g, line, answers)
			if err != nil || strings.HasPrefix(got, "\n") != want || strings.HasSuffix(got, "\n\n") {
				t.Errorf("%s (%q): %v, %.80q ...", line, answers, err, got)
			}
		}
	}
}

// TestRowsRepeatTheirHeading keeps it on a small screen, also where rows take two lines of it, and prints it once on endless
// paper.
func TestRowsRepeatTheirHeading(t *testing.T) {
	for _, c := range []struct{ height, width, want int }{{0, 0, 1}, {6, 0, 4}, {3, 0, 1}, {100, 80, 1}, {9, 80, 2}, {9, 12, 4}} {
		var out bytes.Buffer
		call := &Call{Command: &Command{Name: "rate", Live: true}, Out: &out, Height: func() int { return c.height }, Width: func() int { return c.width }, Count: 12}
		n := 0
		if err := call.every(t.Context(), time.Microsecond, func() error {
			n++
			return call.Row("heading\nof two lines\n", n, "a row of 16 cols\n")
		}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(out.String(), "heading"); got != c.want || n != 12 {
			t.Errorf("on %d lines of %d: %d headings for %d rows, want %d\n%s", c.height, c.width, got, n, c.want, out.String())
		}
	}
}

// TestLongLinesAreRefused and the next line is read from its beginning.
func TestLongLinesAreRefused(t *testing.T) {
	l := newLines(strings.NewReader(strings.Repeat("x", 3*maxLine)+"\nstatus\r\nlast"), io.Discard)
	if line, err := l.read(); err == nil {
		t.Errorf("it was taken: %.20q", line)
	}
	for _, want := range []string{"status", "last"} {
		if line, err := l.read(); err != nil || line != want {
			t.Errorf("then %q, %v", line, err)
		}
	}
	if _, err := l.read(); !errors.Is(err, io.EOF) {
		t.Error("there is no end")
	}
}

func TestCompleter(t *testing.T) {
	c := &completer{}
	for line, want := range map[string]string{"": "", "stat": "status", "STAT": "status", "status ": "detail", "status det": "detail", "status detail ": "", "frob": "", "frob x": "", "help sta": "status"} {
		got := ""
		if list := c.complete(t.Context(), line); len(list) > 0 {
			got = list[0].Text
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestHistory(t *testing.T) {
	path := t.TempDir() + "/history"
	h := OpenHistory(path)
	for _, line := range []string{"status", "status", " secret", "", "rate 1"} {
		h.Add(line)
	}
	for i := range maxHistory {
		h.Add(fmt.Sprint("help ", i))
	}
	again := OpenHistory(path).Lines()
	if len(again) > maxHistory || len(again) < maxHistory*8/10 || again[len(again)-1] != fmt.Sprint("help ", maxHistory-1) {
		t.Errorf("%d lines, the last %q", len(again), again[len(again)-1])
	}
	var none *History
	none.Add("status")
	if none.Lines() != nil {
		t.Error("a history that is not kept has lines")
	}
}
