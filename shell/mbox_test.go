package shell

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// mboxMessage is what a reader of mboxrd files finds.
type mboxMessage struct{ from, content string }

var (
	fromLine   = regexp.MustCompile(`^From (\S+ [A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})\n`)
	quotedFrom = regexp.MustCompile(`(?m)^>(>*From )`)
)

// parseMbox reads an mbox line by line, as others do who know no more than the format.
func parseMbox(t *testing.T, text string) (list []mboxMessage) {
	t.Helper()
	for text != "" {
		head := fromLine.FindStringSubmatch(text)
		if head == nil {
			t.Fatalf("no From_ line: %.80q", text)
		}
		text = text[len(head[0]):]
		end := len(text)
		if strings.HasPrefix(text, "From ") {
			end = 0
		} else if i := strings.Index(text, "\nFrom "); i >= 0 {
			end = i + 1
		}
		content, blank := strings.CutSuffix(text[:end], "\n")
		if !blank || content != "" && !strings.HasSuffix(content, "\n") {
			t.Fatalf("no empty line at the end of %.80q", text[:end])
		}
		list = append(list, mboxMessage{head[1], quotedFrom.ReplaceAllString(content, "$1")})
		text = text[end:]
	}
	return list
}

// asLines is a content as an mbox keeps it.
func asLines(content string) string {
	content = strings.ReplaceAll(content, "\r\n", "\n")
	if content != "" && !strings.HasSuffix(content, "\n") {
		content += "\n"
	}
	return content
}

var mboxTime = time.Date(2026, 3, 1, 9, 5, 7, 0, time.FixedZone("CET", 3600))

func TestMboxFormat(t *testing.T) {
	const text = "Subject: x\r\n\r\nFrom here\r\n>From there\r\n>>From\r\nFrom\r\n From x\r\nFromage\r\nlast\rFrom \r\r\nFrom end"
	const want = "From joe@example.com Sun Mar  1 08:05:07 2026\nSubject: x\n\n>From here\n>>From there\n>>From\nFrom\n From x\nFromage\nlast\rFrom \r\n>From end\n\n"
	for name, r := range map[string]io.Reader{"at once": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text))} {
		var b bytes.Buffer
		if err := writeMbox(&b, "joe@example.com", mboxTime, r); err != nil || b.String() != want {
			t.Errorf("%s: %v\nhave %q\nwant %q", name, err, b.String(), want)
		}
	}
	for sender, want := range map[string]string{"": "MAILER-DAEMON", `"a b"@x`: `"a_b"@x`, "a\n\x1b@x": "a__@x", "ü@x": "ü@x"} {
		var b bytes.Buffer
		if err := writeMbox(&b, sender, mboxTime, strings.NewReader("")); err != nil || b.String() != "From "+want+" Sun Mar  1 08:05:07 2026\n\n" {
			t.Errorf("%q: %q, %v", sender, b.String(), err)
		}
	}
	broken := errors.New("broken")
	if err := writeMbox(io.Discard, "", mboxTime, io.MultiReader(strings.NewReader("a"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a content that ends early: %v", err)
	}
}

// mboxContents are contents that quoting could spoil.
func mboxContents() (list []string) {
	rng := rand.New(rand.NewPCG(1, 2))
	words := []string{"From ", ">", ">>", "\r\n", "\r\n", "\n", "\r", "From", "x", " ", "rom ", "\x00", "\xff", strings.Repeat(">", 70_000), strings.Repeat("y", 70_000)}
	for n := range 120 {
		var b strings.Builder
		b.WriteString("Subject: x\r\n\r\n")
		for range rng.IntN(n + 1) {
			b.WriteString(words[rng.IntN(len(words)-2+n%40/39*2)])
		}
		list = append(list, b.String())
	}
	return append(list, "", "\r\n", "From ", "From x\r\nFrom y")
}

// TestMboxIsReadBack, by itself and as one of many in a file.
func TestMboxIsReadBack(t *testing.T) {
	var all bytes.Buffer
	contents := mboxContents()
	for _, content := range contents {
		if err := writeMbox(&all, "joe@example.com", mboxTime, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	list := parseMbox(t, all.String())
	if len(list) != len(contents) {
		t.Fatalf("%d messages, want %d", len(list), len(contents))
	}
	for i, m := range list {
		if want := asLines(contents[i]); m.content != want || m.from != "joe@example.com Sun Mar  1 08:05:07 2026" {
			t.Fatalf("%d: from %q\nhave %.200q\nwant %.200q", i, m.from, m.content, want)
		}
	}
}

// TestMboxIsReadByOthers: Python's mailbox module, which knows nothing of quoting, finds one message, its header and body.
func TestMboxIsReadByOthers(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 to read it with")
	}
	const text = "From: Joe <joe@example.com>\r\nSubject: of\r\n two lines\r\n\r\nhello\r\nFrom me\r\n>From you\r\n"
	dir := filepath.Join(t.TempDir(), "configuration")
	name, err := archiveMessage(dir, 47, func(w io.Writer) error { return writeMbox(w, "joe@example.com", mboxTime, strings.NewReader(text)) })
	if err != nil || name != "oldmessage_47.mbox" {
		t.Fatal(name, err)
	}
	const script = `
import json, mailbox, sys
box = mailbox.mbox(sys.argv[1], create=False)
print(json.dumps([[m.get_from(), m["From"], m["Subject"], m.get_payload()] for m in box]))
`
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, python, "-c", script, filepath.Join(dir, name)).Output()
	if err != nil {
		t.Fatal(err)
	}
	var found [][]string
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := []string{"joe@example.com Sun Mar  1 08:05:07 2026", "Joe <joe@example.com>", "of\n two lines", "hello\n>From me\n>>From you\n"}
	if len(found) != 1 || strings.Join(found[0], "|") != strings.Join(want, "|") {
		t.Errorf("have %q\nwant %q", found, want)
	}
}

// TestArchivesAreNeverOverwritten, are for their owner alone, and leave nothing when they fail.
func TestArchivesAreNeverOverwritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "configuration")
	for _, want := range []string{"oldmessage_47.mbox", "oldmessage_47.1.mbox", "oldmessage_47.2.mbox"} {
		name, err := archiveMessage(dir, 47, func(w io.Writer) error { _, err := io.WriteString(w, want); return err })
		if err != nil || name != want {
			t.Fatalf("%q, %v, want %q", name, err, want)
		}
	}
	full := errors.New("no space")
	if _, err := archiveMessage(dir, 48, func(w io.Writer) error { io.WriteString(w, "half"); return full }); !errors.Is(err, full) {
		t.Errorf("a write that failed: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 || modeOf(t, dir) != 0o700 {
		t.Errorf("%v, %v in a directory of mode %o", err, entries, modeOf(t, dir))
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if text, err := os.ReadFile(path); err != nil || string(text) != entry.Name() || modeOf(t, path) != 0o600 {
			t.Errorf("%s of mode %o: %q, %v", path, modeOf(t, path), text, err)
		}
	}
	if _, err := archiveMessage(filepath.Join(dir, "oldmessage_47.mbox"), 1, nil); err == nil {
		t.Error("a file is no directory")
	}
	if _, err := archiveMessage(filepath.Join(dir, "no", "where"), 1, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no data directory: %v", err)
	}
}
