package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"postern/shell"
)

// TestAuditSaysFromWhere an order came, as the system knows it: the process and its user of what came over the socket, and
// the signal. That the gateway was stopped is among it, and by whom.
func TestAuditSaysFromWhere(t *testing.T) {
	g := runGateway(t, runSink(t), "")
	batch := func(args ...string) (from string) {
		t.Helper()
		c := exec.Command(binary, append(args, "--data", g.Data)...)
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // away from the terminal of the tests
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return fmt.Sprintf("no terminal (uid %d, pid %d)", os.Getuid(), c.Process.Pid)
	}
	want := []string{"suspended delivery to x.test, " + batch("suspenddel", "0", "x.test")}
	want = append(want, "ordered the gateway to stop, "+batch("shutdown", "1", "--yes"))
	if _, err := g.Await(time.Minute); err != nil {
		t.Fatal(err)
	}
	start(t, g)
	stop(t, g)
	want = append(want, "ordered the gateway to stop, signal terminated")
	var got []string
	for _, d := range asJSON[shell.Audited](t, g, "audit").Deeds {
		if len(d.From) > 0 {
			got = append(got, d.What+", "+d.From[0])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("audit has\n%q\nwant\n%q", got, want)
	}
}
