package journal

import (
	"bufio"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "append encodings that the golden file does not hold yet")

const goldenFile = "testdata/encodings.golden"

// goldenLine is "kind public private = what a reader has to see", the parts in hexadecimal, "-" when empty.
func goldenLine(e Event) string {
	p := Prepare(e)
	return fmt.Sprintf("%d %s %s = %s", e.Kind(), hexOrDash(p.public), hexOrDash(p.private), Describe(e))
}

func hexOrDash(b []byte) string {
	if len(b) == 0 {
		return "-"
	}
	return hex.EncodeToString(b)
}

func readGolden(t *testing.T) map[string]bool {
	t.Helper()
	lines := map[string]bool{}
	f, err := os.Open(goldenFile)
	if os.IsNotExist(err) && *update {
		return lines
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		lines[in.Text()] = true
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// Every encoding ever written must be read as it was meant, for ever: lines are added to the file and never changed.
func TestGoldenEncodings(t *testing.T) {
	lines := readGolden(t)
	var missing []string
	for _, k := range Kinds() {
		for _, e := range []Event{k.info().make(), filled(k)} {
			if line := goldenLine(e); !lines[line] {
				missing = append(missing, line)
			}
		}
	}
	if *update && len(missing) > 0 {
		appendGolden(t, missing)
		lines, missing = readGolden(t), nil
	}
	for _, line := range missing {
		t.Errorf("not in the golden file (go test -run Golden -update adds it): %.200s", line)
	}
	for line := range lines {
		checkGolden(t, line)
	}
}

func appendGolden(t *testing.T, lines []string) {
	t.Helper()
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(goldenFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(strings.Join(lines, "\n") + "\n"); err != nil {
		t.Fatal(err)
	}
}

func checkGolden(t *testing.T, line string) {
	t.Helper()
	encoded, want, ok := strings.Cut(line, " = ")
	parts := strings.Fields(encoded)
	if !ok || len(parts) != 3 {
		t.Fatalf("golden line: %.100q", line)
	}
	kind, err := strconv.ParseUint(parts[0], 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	f := frame{kind: Kind(kind), public: unhex(t, parts[1]), private: unhex(t, parts[2])}
	e, err := f.event(new(coder), 1)
	if err != nil {
		t.Errorf("%.100s: %v", line, err)
		return
	}
	if got := Describe(e); got != want {
		t.Errorf("an encoding is read differently:\n got %s\nwant %s", got, want)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	if s == "-" {
		return nil
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
