package shell

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// play types a script at a shell in front of a gateway and returns what the shell printed. Time is a bubble's, so that
// live displays cost none; ctx ending is a Ctrl-C.
func play(t *testing.T, g Gateway, zone *time.Location, typed string, bubble func(ctx context.Context, cancel func())) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "typed")
	if err := os.WriteFile(path, []byte(typed), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	_, stop := signal.NotifyContext(t.Context(), os.Interrupt) // its loop must not begin inside the bubble
	stop()
	var out bytes.Buffer
	nowhere := &Remote{Data: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if bubble != nil {
			bubble(ctx, cancel)
		}
		s := &Shell{Remote: nowhere, In: in, Out: &out, Zone: zone, hostname: "mail3.example.com",
			Execute: func(ctx context.Context, c *Call) error {
				c.Gateway = g
				return c.Do(ctx)
			}}
		s.Run(ctx)
	})
	return out.String()
}

var foldedRuns = regexp.MustCompile(`-{2,}|={2,}`)

// compareTranscript compares as a reader would: runs of spaces and of rules folded, blank lines and bare prompts left out.
func compareTranscript(t *testing.T, golden, got string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", golden))
	if err != nil {
		t.Fatal(err)
	}
	want, have := transcriptLines(string(raw)), transcriptLines(got)
	for i := range max(len(want), len(have)) {
		w, h := "", ""
		if i < len(want) {
			w = want[i]
		}
		if i < len(have) {
			h = have[i]
		}
		if w != h {
			t.Fatalf("line %d:\nwant %q\nhave %q\nin\n%s", i+1, w, h, got)
		}
	}
}

func transcriptLines(text string) (lines []string) {
	for _, l := range strings.Split(text, "\n") {
		l = foldedRuns.ReplaceAllStringFunc(strings.Join(strings.Fields(l), " "), func(run string) string { return run[:1] })
		if l != "" && l != "^C" && l != "mail3.example.com>" && l != "example.com>" {
			lines = append(lines, l)
		}
	}
	return lines
}
