package receive

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern/engine/config"
)

var rewrite = flag.Bool("rewrite", false, "accept what the server says in testdata/*.txt")

// TestDialogues plays testdata/*.txt. "C: " lines that stand together are sent in one piece, with CRLF; "S: " lines are
// all that the server answers to them. "F: " lines at the end are the facts. The head sets up the listener and the client.
// In a C line, $N is followed by nothing (no line end), \xHH and the like are Go escapes; "wait 5m" lets time pass.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogues", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(b))
			if got == string(b) {
				return
			}
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("%s differs:\n%s", file, difference(string(b), got))
		})
	}
}

func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		a, b := "(end)", "(end)"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\nwant %s\ngot  %s", i+1, a, b)
		}
	}
	return ""
}

// play runs a dialogue and returns it as it went.
func play(t *testing.T, script string) string {
	var out strings.Builder
	client := "127.0.0.1"
	var settings []string
	lines := strings.Split(strings.TrimSuffix(script, "\n"), "\n")
	for len(lines) > 0 && !strings.HasPrefix(lines[0], "S: ") && !strings.HasPrefix(lines[0], "C: ") {
		out.WriteString(lines[0] + "\n")
		if key, value, ok := strings.Cut(lines[0], " "); ok && key == "client" {
			client = value
		} else if ok && key != "#" {
			settings = append(settings, lines[0])
		}
		lines = lines[1:]
	}
	inBubble(t, func(l *config.Listener, _ *Server) {
		for _, s := range settings {
			set(t, l, s)
		}
	}, func(t *testing.T, w *world) {
		c := w.port.dial(client)
		answer := func(s string) {
			for _, line := range strings.Split(strings.TrimSuffix(strings.ReplaceAll(s, "\r\n", "\n"), "\n"), "\n") {
				if line != "" {
					out.WriteString("S: " + line + "\n")
				}
			}
		}
		answer(c.hear())
		for len(lines) > 0 {
			line := lines[0]
			switch {
			case strings.HasPrefix(line, "wait "):
				d, err := time.ParseDuration(line[5:])
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(d)
				out.WriteString(line + "\n")
				lines = lines[1:]
				answer(c.hear())
				continue
			case !strings.HasPrefix(line, "C: "):
				if !strings.HasPrefix(line, "S: ") && !strings.HasPrefix(line, "F: ") {
					out.WriteString(line + "\n")
				}
				lines = lines[1:]
				continue
			}
			var b strings.Builder
			for len(lines) > 0 && strings.HasPrefix(lines[0], "C: ") {
				b.WriteString(octets(t, lines[0][3:]))
				out.WriteString(lines[0] + "\n")
				lines = lines[1:]
			}
			answer(c.say(b.String()))
		}
		_ = c.Close()
		w.end()
		for _, f := range w.queue.facts() {
			out.WriteString("F: " + f + "\n")
		}
		for _, l := range w.log.list() {
			t.Error("problem: ", l)
		}
	})
	return out.String()
}

// octets is a C line as it is sent.
func octets(t *testing.T, s string) string {
	s, bare := strings.CutSuffix(s, "$N") // $N: no line end
	q, err := strconv.Unquote(`"` + quoteless.Replace(s) + `"`)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	if bare {
		return q
	}
	return q + "\r\n"
}

func set(t *testing.T, l *config.Listener, s string) {
	key, value, _ := strings.Cut(s, " ")
	n, _ := strconv.Atoi(value)
	switch key {
	case "kind":
		l.Kind = config.Kind(value)
	case "max_message_size":
		l.MaxMessageSize = int64(n)
	case "max_recipients":
		l.MaxRecipients = n
	case "max_messages":
		l.MaxMessages = n
	case "max_errors":
		l.MaxErrors = n
	case "max_hops":
		l.MaxHops = n
	case "bare_newlines":
		l.BareNewlines = value
	default:
		t.Fatalf("unknown setting %q", s)
	}
}

// quoteless escapes the quotes that are not escaped in a script.
var quoteless = strings.NewReplacer(`\\`, `\\`, `\"`, `\"`, `"`, `\"`)
