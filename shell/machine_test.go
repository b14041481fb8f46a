package shell

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"postern/journal"
)

func TestVersion(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	g := visited(t, &now, &journal.Started{Boot: 1})
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	g.Program = Program{Version: "1.2.3-004", Serial: func(host string) string { return "of " + host }, File: "/nowhere",
		Proc: fstest.MapFS{}, Sys: fstest.MapFS{"class/dmi/id/product_name": file("PowerEdge\x1b[2J\n")}}
	g.Self.Hostname = "mail3.example.com"
	want := `Current Version
===============
Product: Postern mail gateway
Model: PowerEdge\x1b[2J
Version: 1.2.3-004
Build Date: unknown
Install Date: 2026-03-01 09:30:00
Serial #: of mail3.example.com
BIOS: unknown
RAID: no software array
`
	for _, g := range []Gateway{g, overSocket(t, g)} {
		if got, err := dialogue(t, t.Context(), g, "version", "batch"); err != nil || got != want {
			t.Errorf("have %s, %v\nwant %s", got, err, want)
		}
	}
	// Without any data directory, the program still tells which one it is.
	if got, err := dialogue(t, t.Context(), &Offline{Program: Program{Version: "1.2.3-004"}}, "version", "batch"); err != nil ||
		!strings.Contains(got, "Version: 1.2.3-004\n") || strings.Contains(got, "Build Date: unknown") || !strings.Contains(got, "Install Date: unknown") {
		t.Errorf("%s, %v", got, err)
	}
}

func TestDate(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	g := &Local{Now: func() time.Time { return now }}
	if got, err := dialogue(t, t.Context(), g, "date", "batch"); err != nil || got != "Sun Mar 01 09:30:00 2026 UTC\n" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := dialogue(t, t.Context(), overSocket(t, g), "date --json", "batch"); err != nil || !strings.Contains(got, `"time": "2026-03-01T09:30:00Z"`) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTCPServices(t *testing.T) {
	link := func(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	const rest = " 0000:0000 0A 0:0 00:0 0 0 0 "
	g := &Local{Program: Program{Proc: fstest.MapFS{"self/comm": file("postern\n"), "self/fd/3": link("socket:[1]"), "self/fd/4": link("socket:[2]"),
		"self/net/tcp":  file("heading\n 0: 00000000:0019" + rest + "1\n"),
		"self/net/unix": file("heading\n0: 00000002 00000000 00010000 0001 01 2 /data/admin.sock\n")},
		Features: func() []Feature {
			return []Feature{{Name: "InboundMail", What: "public listener", Addresses: []string{"192.0.2.1:25"}},
				{Name: "Out", What: "private listener", Addresses: []string{"[::1]:2526"}},
				{Name: "admin", What: "commands", Addresses: []string{"/admin.sock"}}}
		}}}
	got, err := dialogue(t, t.Context(), overSocket(t, g), "tcpservices", "batch")
	want := `System Processes (Note: All processes may not always be present)
  postern  - receives, queues, delivers and writes the logs

Feature Processes
  InboundMail  - public listener
  Out          - private listener (does not listen)
  admin        - commands

COMMAND  USER  TYPE  NODE    NAME
postern  USER  IPv4  TCP     *:25
postern  USER  unix  STREAM  /data/admin.sock
`
	me := Self().Name
	want = strings.ReplaceAll(want, "USER  ", "USER"+strings.Repeat(" ", max(0, len(me)-4)+2))
	want = strings.ReplaceAll(want, "postern  USER"+strings.Repeat(" ", max(0, len(me)-4)+2), "postern  "+me+strings.Repeat(" ", max(0, 4-len(me))+2))
	if err != nil || got != want {
		t.Errorf("have %s, %v\nwant %s", got, err, want)
	}
}
