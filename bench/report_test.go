package bench

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRowsAreJudged(t *testing.T) {
	for want, r := range map[string]Row{
		"aim":    {Must: 5, Aim: 7, More: true, Value: 7},
		"yes":    {Must: 20, Aim: 10, Value: 20},
		"NO":     {Must: 5, Aim: 7, More: true, Value: 4.99},
		"-":      {Must: 5, More: true, Missing: "no Postfix"},
		"FAILED": {Must: 5, Value: 1, Failure: errors.New("it broke")},
	} {
		if r.OK() != want || r.Met() != (want != "NO" && want != "FAILED") {
			t.Errorf("%+v: %s, met %t", r, r.OK(), r.Met())
		}
	}
	if r := (Row{Must: 0, Value: 1}); r.Met() {
		t.Error("one lost message of none that may be is content")
	}
	if r := (Row{Open: true, Value: 100}); !r.Met() || r.OK() != "" || r.MustText() != "" {
		t.Errorf("a row without a bound: %q, %q, met %t", r.MustText(), r.OK(), r.Met())
	}
}

// A row that is taken again replaces its former self and leaves the others their dates; another machine's are not mixed in.
func TestFiguresFileKeepsOtherRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "figures.md")
	save := func(machine, command string, day int, rows ...Row) string {
		t.Helper()
		at := time.Date(2026, 11, day, 8, 0, 0, 0, time.UTC)
		if err := SaveRows(path, machine, rows, Taken{Command: command, At: at, Load: "0.10"}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	fast, small := Row{What: "fast", Must: 5, More: true, Value: 6}, Row{What: "small", Must: 10, Value: 3, Unit: "MiB", Digits: 1}
	save("two cores", "all", 1, fast, small)
	fast.Value = 8
	text := save("two cores", "relay", 2, fast)
	for _, want := range []string{
		"| fast | >= 5 |  | 8 | yes | `relay` | 2026-11-02 08:00, load 0.10 |\n",
		"| small | <= 10 |  | 3.0 MiB | yes | `all` | 2026-11-01 08:00, load 0.10 |\n",
	} {
		if strings.Count(text, want) != 1 {
			t.Errorf("not once in the file: %s\n%s", want, text)
		}
	}
	if strings.Contains(text, "11-01 08:00, load 0.10 |\n| fast") || strings.Count(text, "| fast |") != 1 {
		t.Error(text)
	}
	if text = save("four cores", "relay", 3, fast); strings.Contains(text, "small") || !strings.Contains(text, "four cores") {
		t.Error(text)
	}
}
