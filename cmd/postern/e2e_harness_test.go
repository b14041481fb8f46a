package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"postern/bench"
	"postern/bench/freeport"
	"postern/bench/sink"
	"postern/journal"
)

// binary is the program under test, built once as a user builds it.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	if step := os.Getenv(killAt); step != "" {
		return serveUntilKilled(step, os.Args[1])
	}
	if bytes := os.Getenv(tinyGigabyte); bytes != "" {
		return serveWithTinyGigabytes(bytes, os.Args[len(os.Args)-1])
	}
	dir, err := os.MkdirTemp("", "postern-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "postern")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) // what nohup has had ignored, gateways would ignore, too
	return m.Run()
}

// runGateway runs the binary with all mail routed to s, until the test ends.
func runGateway(t *testing.T, s *sink.Sink, extra string) *bench.Gateway {
	t.Helper()
	g := &bench.Gateway{Binary: binary, Data: filepath.Join(t.TempDir(), "data")}
	if err := g.Configure(s.Address().String(), extra); err != nil {
		t.Fatal(err)
	}
	startUntilEnd(t, g)
	return g
}

// startUntilEnd starts a gateway that runs until the test ends; what it said is shown when that fails.
func startUntilEnd(t *testing.T, g *bench.Gateway) {
	t.Helper()
	start(t, g)
	t.Cleanup(func() {
		if g.Running() {
			g.Kill()
		}
		if t.Failed() {
			t.Logf("the gateway said:\n%s", g.Said())
		}
	})
}

func start(t *testing.T, g *bench.Gateway) {
	t.Helper()
	if _, err := g.Start(time.Minute); err != nil {
		t.Fatal(err)
	}
}

func stop(t *testing.T, g *bench.Gateway) {
	t.Helper()
	if err := g.Stop(time.Minute); err != nil {
		t.Fatal(err)
	}
}

func runSink(t *testing.T) *sink.Sink {
	t.Helper()
	s := &sink.Sink{Keep: true}
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick, end := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// facts reads the whole journal of a stopped gateway.
func facts(t *testing.T, g *bench.Gateway) []journal.Record {
	t.Helper()
	j, err := journal.Open(filepath.Join(g.Data, "journal"), journal.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	records, err := j.Read(0, 1<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// talk sends raw text to the gateway and returns all that it answers until it hangs up or patience ends.
func talk(t *testing.T, address, text string, patience time.Duration) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	go c.Write([]byte(text)) // ends with the connection
	var got bytes.Buffer
	got.ReadFrom(c)
	return got.String()
}

// refusal runs the binary, which must end by itself, and returns its exit status and its one sentence.
func refusal(t *testing.T, args ...string) (int, string) {
	t.Helper()
	c := exec.Command(binary, args...)
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { c.Process.Kill() })
	defer late.Stop()
	c.Wait()
	return c.ProcessState.ExitCode(), strings.TrimSpace(said.String())
}

// freeAddress is a loopback address at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	at, err := freeport.Pick("tcp")
	if err != nil {
		t.Fatal(err)
	}
	return at.String()
}

// freeUDP is a UDP port of the loopback address that nobody has.
func freeUDP(t *testing.T) int {
	t.Helper()
	at, err := freeport.Pick("udp")
	if err != nil {
		t.Fatal(err)
	}
	return int(at.Port())
}
