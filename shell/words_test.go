package shell

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		"":                               nil,
		"  status   detail ":             {"status", "detail"},
		`grep "two words" mail_logs`:     {"grep", "two words", "mail_logs"},
		`a'b c'd ""`:                     {"ab cd", ""},
		`find \"x\" 'it\s'`:              {"find", `"x"`, `it\s`},
		"hoststatus\tex\u00e4mple.com":   {"hoststatus", "exämple.com"},
		`one\ word`:                      {"one word"},
		strings.Repeat("x", maxLine):     {strings.Repeat("x", maxLine)},
		strings.Repeat("x ", maxLine/16): slices.Repeat([]string{"x"}, maxLine/16),
	} {
		got, err := splitWords(line)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%.40q: %.40q, %v", line, got, err)
		}
	}
	for _, line := range []string{`grep "open`, `it's`, `end\`, strings.Repeat("x", maxLine+1)} {
		if got, err := splitWords(line); err == nil {
			t.Errorf("%.40q was taken apart as %.40q", line, got)
		}
	}
}

// FuzzSplitWords quotes what it got and expects it back.
func FuzzSplitWords(f *testing.F) {
	f.Add("status detail")
	f.Add(`a "b c" 'd\' e\ f`)
	f.Fuzz(func(t *testing.T, line string) {
		words, err := splitWords(line)
		if err != nil {
			return
		}
		var quoted []string
		for _, w := range words {
			quoted = append(quoted, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
		}
		again, err := splitWords(strings.Join(quoted, " "))
		if len(strings.Join(quoted, " ")) <= maxLine && (err != nil || !slices.Equal(again, words)) {
			t.Errorf("%q: %q, then %q, %v", line, words, again, err)
		}
	})
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{"stauts": "status", "stat": "status", "hlep": "help", "eixt": "exit", "STATUS1": "status"} {
		if near := nearest(word); !slices.Contains(near, want) {
			t.Errorf("%s: %v", word, near)
		}
	}
	for _, word := range []string{"frobnicate", strings.Repeat("status", 10_000)} {
		if near := nearest(word); len(near) > 0 {
			t.Errorf("%.20s: %v", word, near)
		}
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"mail.example.com\n":               "mail.example.com\n",
		"\x1b[2Jgone\r":                    `\x1b[2Jgone\x0d`,
		"bi\u202edi \u0085 \u2028 \x9bm":   `bi\u202edi \u0085 \u2028 \x9bm`,
		"Grüße, 世界\t!":                     "Grüße, 世界\t!",
		"zero\u200bwidth\ufeff and \x7fed": `zero\u200bwidth\ufeff and \u007fed`,
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestHelpIsReadable: no line is cut by a terminal, each operation is described, and programs get names in lower case.
func TestHelpIsReadable(t *testing.T) {
	acts := map[string]bool{"dnsflush": true, "deleterecipients": true, "bouncerecipients": true, "redirectrecipients": true, "hold": true, "release": true, "removemessage": true,
		"archivemessage": true, "undo": true, "indoubt": true, "forget": true, "shutdown": true, "reboot": true}
	for _, about := range Commands {
		for _, width := range []int{0, 80, 300} {
			var out strings.Builder
			c := &Call{Command: Find("help"), Args: []string{about.Name}, Out: &out, Width: func() int { return width }}
			if err := c.Do(t.Context()); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(out.String()) {
				if len(line) > longestHelp+1 || width > 0 && len(line) > width+1 {
					t.Errorf("help %s on %d columns has a line of %d: %s", about.Name, width, len(line), line)
				}
			}
		}
		for _, p := range about.Params {
			for _, choice := range p.Choices {
				if choice.Title == "" {
					t.Errorf("help %s does not say what %s is", about.Name, choice.Key)
				}
			}
		}
		if takes := strings.Contains(about.Usage(), "[--yes]"); takes != (acts[about.Name] || about.Configures) {
			t.Errorf("the usage of %s has --yes: %t", about.Name, takes)
		}
	}
	for _, want := range []string{"scp HOST PORT USER DIRECTORY", "syslog HOST [udp|tcp|tls"} {
		if text := Find("logconfig").manual(); !strings.Contains(text, want) {
			t.Errorf("what follows RETRIEVAL is not said: %s", text)
		}
	}
	if got := flowing("one two\nthree\n  four\nfive\n\nsix"); got != "one two three\n  four\nfive\n\nsix" {
		t.Errorf("%q", got)
	}
	if got := folded("  one two three\nfour\n", 9); got != "  one two\n  three\nfour\n" {
		t.Errorf("%q", got)
	}
	text := says(t, nil, "help --json", "batch")
	if upper := regexp.MustCompile(`"[A-Z]\w*":`).FindString(text); upper != "" || !strings.Contains(text, `"name": "status"`) {
		t.Errorf("help --json has the key %s", upper)
	}
}
