package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// output runs the binary, which must succeed, and returns what it printed.
func output(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.Command(binary, args...)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		t.Fatalf("postern %s: %v\n%s", strings.Join(args, " "), err, said.String())
	}
	return string(out)
}

// refuses runs the binary, which must fail with that status and say all of these words in at most one line, but for a
// usage.
func refuses(t *testing.T, status int, words []string, args ...string) {
	t.Helper()
	got, said := refusal(t, args...)
	if got != status || strings.Contains(said, "\n") {
		t.Errorf("postern %s: status %d, want %d: %s", strings.Join(args, " "), got, status, said)
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("postern %s: does not say %q: %s", strings.Join(args, " "), w, said)
		}
	}
}

// A new journal is made once, with the ids that were asked for, and with nothing that was not understood.
func TestJournalInit(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	refuses(t, 2, []string{"usage:"}, "journal", "init", "--data", data, "--next-nid", "5")
	refuses(t, 2, []string{"usage:"}, "journal", "init", "--data", data, "--next-mid", "5", "6")
	refuses(t, 2, []string{`"0"`, "from 1 to"}, "journal", "init", "--data", data, "--next-mid", "0")
	if _, err := os.Stat(data); err == nil {
		t.Error("a refusal made the data directory")
	}
	output(t, "journal", "init", "--data", data, "--next-mid", "77")
	refuses(t, 1, []string{"1 records already"}, "journal", "init", "--data", data)
	if got := output(t, "journal", "dump", "--data", data); !strings.Contains(got, "NextMID=77") || strings.Count(got, "\n") != 1 {
		t.Errorf("the journal holds\n%s", got)
	}
	lock, err := takeServeLock(data)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	refuses(t, 1, []string{"running already"}, "journal", "init", "--data", data)
}

// Ranges that hold nothing are said to, and the figures have names and units.
func TestJournalDumpAndStat(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	output(t, "journal", "init", "--data", data)
	refuses(t, 2, []string{"record 5 to record 2", "lower number"}, "journal", "dump", "5", "2", "--data", data)
	refuses(t, 1, []string{"no record 9", "ends at 1"}, "journal", "dump", "9", "--data", data)
	refuses(t, 2, []string{`"x"`}, "journal", "dump", "x", "--data", data)
	if got := output(t, "journal", "dump", "1", "9", "--data", data); strings.Count(got, "\n") != 1 {
		t.Errorf("1 to 9 prints\n%s", got)
	}
	var stat struct {
		Kinds []struct {
			Kind    string
			Records int
		}
	}
	if err := json.Unmarshal([]byte(output(t, "journal", "stat", "--json", "--data", data)), &stat); err != nil {
		t.Fatal(err)
	}
	if len(stat.Kinds) != 1 || stat.Kinds[0].Kind != "Stopped" || stat.Kinds[0].Records != 1 {
		t.Errorf("stat says %+v", stat)
	}
}
