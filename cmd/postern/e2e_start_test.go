package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/bench"
)

// What cannot be done is said in one sentence, with a status that scripts can tell apart.
func TestRefusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	data := func(text string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "postern.toml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	listener := func(address string) string {
		return "hostname = \"x.test\"\n\n[[listener]]\nname = \"In\"\nkind = \"private\"\naddress = \"" + address + "\"\n"
	}
	for name, c := range map[string]struct {
		args   []string
		status int
		says   []string
	}{
		"busy port":       {[]string{"serve", "--data", data(listener(taken.Addr().String()))}, 1, []string{taken.Addr().String(), "in use"}},
		"unknown key":     {[]string{"serve", "--data", data("hostname = \"x.test\"\n\n[retry]\n  colour = 3\n")}, 1, []string{"postern.toml:4:3", "colour"}},
		"no TOML":         {[]string{"serve", "--data", data("hostname = \"x.test\"\n[[listener\n")}, 1, []string{"postern.toml:2:"}},
		"in doubt":        {[]string{"serve", "--data", data("hostname = \"x.test\"\n[delivery]\nin_doubt = \"guess\"\n")}, 1, []string{"postern.toml:3:", "in_doubt", "resend, hold, ask"}},
		"bad value":       {[]string{"config", "check", "--data", data("hostname = \"x.test\"\n[retry]\ninitial_seconds = -1\n")}, 1, []string{"postern.toml:3:", "initial_seconds"}},
		"unknown command": {[]string{"frobnicate", "--data", data("")}, 2, []string{"frobnicate"}},
		"no command":      {nil, 2, []string{"postern serve"}},
		"flag's value":    {[]string{"serve", "--data"}, 2, []string{"--data"}},
		"no data":         {[]string{"status", "--data", "/nonexistent/data"}, 1, []string{"/nonexistent/data"}},
		"data is a file":  {[]string{"status", "--data", binary}, 1, []string{binary + " (not a directory)"}},
		"no store":        {[]string{"status", "--data", data("")}, 1, []string{"there is no store in", "--data", "postern serve"}},
		"nothing to stop": {[]string{"suspenddel", "--data", data("")}, 1, []string{"there is no store in"}},
		"nothing to copy": {[]string{"journal", "backup", "/nonexistent/copy", "--data", data("")}, 1, []string{"there is no store in"}},
		"nothing to dump": {[]string{"journal", "dump", "--data", data("")}, 1, []string{"there is no store in"}},
	} {
		t.Run(name, func(t *testing.T) {
			status, said := refusal(t, c.args...)
			if status != c.status || len(c.args) > 0 && strings.Count(said, "\n") > 1 || strings.Contains(said, "goroutine ") {
				t.Errorf("status %d, said:\n%s", status, said)
			}
			for _, want := range c.says {
				if !strings.Contains(said, want) {
					t.Errorf("does not say %q: %s", want, said)
				}
			}
		})
	}
}

// A start that has not even a configuration leaves nothing behind.
func TestAStartWithoutItsConfigurationMakesNothing(t *testing.T) {
	dir := t.TempDir()
	made := filepath.Join(dir, "data")
	status, said := refusal(t, "serve", "--config", filepath.Join(dir, "postern.toml"), "--data", made)
	if _, err := os.Stat(made); status != exitRefused || !strings.Contains(said, "postern.toml: no such file") || err == nil {
		t.Errorf("status %d, %v, %s", status, err, said)
	}
}

func TestSecondDaemonIsRefused(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, "")
	status, said := refusal(t, "serve", "--data", g.Data)
	if status != 1 || strings.Contains(said, "\n") || !strings.Contains(said, "running already") {
		t.Errorf("status %d: %s", status, said)
	}
	send(t, g.Address, "user@sink.test")
	eventually(t, "the first goes on", func() bool { return s.Total() == 1 })
	stop(t, g)
}

// Somebody who reads the store of a stopped gateway, and is in no hurry, does not keep the gateway from starting.
func TestReaderLetsGo(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, "")
	for range 300 { // more than a pipe holds
		send(t, g.Address, "user@sink.test")
	}
	stop(t, g)
	dump := exec.Command(binary, "journal", "dump", "--json", "--data", g.Data)
	out, err := dump.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dump.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	start(t, g)
	if err := dump.Wait(); err == nil {
		t.Error("the dump ended as if it were whole")
	}
	stop(t, g)
}

// A few crashes under load: nothing acknowledged is lost, and what came twice is listed.
func TestKillUnderLoad(t *testing.T) {
	f, err := bench.Kill(t.Context(), bench.KillConfig{Binary: binary, Dir: filepath.Join(t.TempDir(), "data"), Rounds: 3, Clients: 8,
		Seed: uint64(time.Now().UnixNano()), Longest: 600 * time.Millisecond, Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if f.Acked == 0 || f.Lost+f.TwiceUnlisted+f.Bounced+f.Left+f.Complaints > 0 {
		t.Errorf("%+v", f)
	}
	t.Logf("%+v", f)
}
