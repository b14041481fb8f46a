package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"

	"postern/bench"
	"postern/journal"
	"postern/shell"
)

// A hang-up is about the terminal only as that goes; before, long after, and without one it asks for the file.
func TestHangUpsAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		has := true
		hung, reload, stop := make(chan os.Signal), make(chan os.Signal, 1), make(chan os.Signal, 1)
		go tellHangUps(hung, func() bool { return has }, reload, stop)
		says := func(when string, want <-chan os.Signal) {
			t.Helper()
			hung <- syscall.SIGHUP
			synctest.Wait()
			select {
			case <-want:
			default:
				t.Errorf("%s it goes elsewhere: %d to reload, %d to stop", when, len(reload), len(stop))
			}
		}
		synctest.Wait()
		says("while the terminal is there", reload)
		has = false
		says("as the terminal goes", stop)
		says("a second time", stop)
		time.Sleep(3 * terminalLooks)
		says("long after", reload)
		has = true // of another session that has nothing to do with us
		says("at last", reload)
		close(hung)
	})
}

// fromTerminal has a shell run a script on a terminal of its own, which starts a gateway: $1 serve --data $2, with its log in $3.
// It gives the log, and what closes the terminal.
func fromTerminal(t *testing.T, g *bench.Gateway, script string) (log string, closes func()) {
	t.Helper()
	log = filepath.Join(t.TempDir(), "log")
	c := exec.Command("/bin/sh", "-c", script, "sh", binary, g.Data, log)
	terminal, err := pty.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	var process int // nobody reads the terminal: a reader would keep it open, and it has room for what is said
	t.Cleanup(func() {
		terminal.Close()
		c.Process.Kill()
		c.Wait()
		if process != 0 && isServed(g.Data) {
			syscall.Kill(process, syscall.SIGKILL)
		}
	})
	process = identify(t, g, time.Time{}).PID
	return log, func() { terminal.Close() }
}

// identify waits for a gateway that was started after a moment.
func identify(t *testing.T, g *bench.Gateway, after time.Time) (id shell.Identity) {
	t.Helper()
	eventually(t, "the gateway answers", func() bool {
		var err error
		id, err = (&shell.Remote{Data: g.Data}).Identity(t.Context())
		return err == nil && id.Started.After(after)
	})
	return id
}

// A gateway whose log goes through a pipe stops in order when its terminal goes, though the reader of the log goes too.
func TestATerminalGoesThatReadsTheLog(t *testing.T) {
	g := &bench.Gateway{Binary: binary, Data: filepath.Join(t.TempDir(), "data")}
	if err := g.Configure("127.0.0.1:9", ""); err != nil {
		t.Fatal(err)
	}
	_, closes := fromTerminal(t, g, `"$1" serve --data "$2" 2>&1 | tee "$3"`)
	closes()
	eventually(t, "it has stopped", func() bool { return !isServed(g.Data) })
	list := facts(t, g)
	if last, is := list[len(list)-1].Event.(*journal.Stopped); !is {
		t.Errorf("its last fact is %T, %+v", list[len(list)-1].Event, last)
	}
}

// Under nohup a gateway heeds no hang-up, neither of its terminal nor of anybody, also after it has begun anew.
func TestNohupStays(t *testing.T) {
	g := &bench.Gateway{Binary: binary, Data: filepath.Join(t.TempDir(), "data")}
	if err := g.Configure("127.0.0.1:9", ""); err != nil {
		t.Fatal(err)
	}
	log, closes := fromTerminal(t, g, `nohup "$1" serve --data "$2" >"$3" 2>&1 & wait`)
	id := identify(t, g, time.Time{})
	closes()
	for range 2 {
		syscall.Kill(id.PID, syscall.SIGHUP)
		syscall.Kill(id.PID, syscall.SIGUSR2)
		id = identify(t, g, id.Started)
	}
	syscall.Kill(id.PID, syscall.SIGTERM)
	eventually(t, "it has stopped", func() bool { return !isServed(g.Data) })
	said, err := os.ReadFile(log)
	if err != nil || strings.Contains(string(said), "hangup") || strings.Count(string(said), "beginning anew") != 2 {
		t.Errorf("%v\n%s", err, said)
	}
}
