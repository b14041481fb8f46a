package shell

import (
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
