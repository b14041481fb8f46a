package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"postern/bench"
	"postern/journal"
)

// says waits until the gateway has said something so many times.
func says(t *testing.T, g *bench.Gateway, what string, times int) {
	t.Helper()
	eventually(t, fmt.Sprintf("it says %q %d times", what, times), func() bool { return strings.Count(g.Said(), what) >= times })
}

// manager stands for the service manager: it hears what the gateway notifies.
func manager(t *testing.T) (heard func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	var all []string
	return func() string { // what has come until now
		b := make([]byte, 4096)
		for {
			c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			n, err := c.Read(b)
			if err != nil {
				return strings.Join(all, " ")
			}
			all = append(all, strings.ReplaceAll(string(b[:n]), "\n", " "))
		}
	}
}

// pid is the process that answers on the admin socket.
func pid(t *testing.T, g *bench.Gateway) int {
	t.Helper()
	lock, err := os.Readlink(filepath.Join(g.Data, "admin.sock"))
	if err == nil {
		t.Fatalf("the socket lies in %s", lock)
	}
	c, err := net.Dial("unix", filepath.Join(g.Data, "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	raw.Control(func(fd uintptr) {
		cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		if err == nil {
			found = int(cred.Pid)
		}
	})
	return found
}

// A restart keeps the process, for whoever watches it, and the queue; the gateway answers again, and the service manager is
// told that it is on its way and then that it is ready, never that it stops. What the configuration says now counts.
func TestRestartKeepsProcessAndQueue(t *testing.T) {
	heard := manager(t)
	s := runSink(t)
	g := runGateway(t, s, quickRetries)
	before := pid(t, g)
	for i := range 5 {
		send(t, g.Address, fmt.Sprintf("defer-%d@sink.test", i))
	}
	for round := range 2 {
		config := filepath.Join(g.Data, "postern.toml")
		text, err := os.ReadFile(config)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("round%d.test", round)
		was := []string{"gateway.test", "round0.test"}[round]
		if err := os.WriteFile(config, []byte(strings.Replace(string(text), was, name, 1)), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := g.Signal(syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		says(t, g, "beginning anew", round+1)
		says(t, g, queueLoaded, round+2)
		eventually(t, "it greets by its new name", func() bool {
			c, err := net.Dial("tcp", g.Address)
			if err != nil {
				return false
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(time.Second))
			io.WriteString(c, "QUIT\r\n")
			line, _ := io.ReadAll(c)
			return strings.HasPrefix(string(line), "220 "+name)
		})
	}
	if now := pid(t, g); now != before || !g.Running() {
		t.Errorf("process %d became %d", before, now)
	}
	if s.Total() != 0 {
		t.Errorf("%d delivered", s.Total())
	}
	s.Lift()
	eventually(t, "what was queued is delivered", func() bool { return s.Total() == 5 })
	told := heard()
	if strings.Contains(told, "STOPPING") || strings.Count(told, "READY=1") != 3 || strings.Count(told, "RELOADING=1 MONOTONIC_USEC=") != 2 {
		t.Errorf("the manager heard %q", told)
	}
	stop(t, g)
	if told := heard(); !strings.HasSuffix(told, "STOPPING=1") {
		t.Errorf("at last the manager heard %q", told)
	}
	ends, starts := 0, 0
	for _, r := range facts(t, g) {
		switch r.Event.(type) {
		case *journal.Started:
			starts++
		case *journal.Stopped:
			ends++
		}
	}
	if starts != 3 || ends != 3 {
		t.Errorf("%d starts, %d ends in order", starts, ends)
	}
}

// A signal during the drain of a restart makes a stop of it; a second one ends it at once.
func TestSignalEndsRestart(t *testing.T) {
	for name, signals := range map[string]int{"once": 1, "twice": 2} {
		t.Run(name, func(t *testing.T) {
			heard := manager(t)
			g := runGateway(t, runSink(t), "")
			c := beginMessage(t, g.Address)
			if err := g.Signal(syscall.SIGUSR2); err != nil {
				t.Fatal(err)
			}
			says(t, g, "stopping by order", 1)
			g.Signal(syscall.SIGTERM)
			says(t, g, "stopping for good", 1)
			if signals > 1 {
				g.Signal(syscall.SIGTERM)
			} else {
				io.WriteString(c, "RSET\r\n")
			}
			status, err := g.Await(time.Minute)
			if err != nil || status != signals-1 || strings.Contains(g.Said(), "beginning anew") {
				t.Errorf("status %d, %v", status, err)
			}
			if told := heard(); !strings.HasSuffix(told, "STOPPING=1") {
				t.Errorf("the manager heard %q", told)
			}
		})
	}
}

// beginMessage is a client in the midst of a message.
func beginMessage(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(c, "EHLO x\r\nMAIL FROM:<a@b.test>\r\n")
	answers := make([]byte, 4096)
	for got := ""; !strings.Contains(got, "250 2.1.0"); {
		n, err := c.Read(answers)
		if err != nil {
			t.Fatal(err)
		}
		got += string(answers[:n])
	}
	return c
}

// What a restart would fail at is said before anything stops.
func TestRestartIsRefused(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, "")
	config := filepath.Join(g.Data, "postern.toml")
	good, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	busy := "\n[[listener]]\nname = \"More\"\nkind = \"private\"\naddress = \"" + s.Address().String() + "\"\n"
	for i, c := range []struct{ more, says string }{
		{"\n[retry]\ncolour = 3\n", "colour"},
		{"\n[daemon]\nuser = \"nobody-of-that-name\"\n", "nobody-of-that-name"},
		{busy, "cannot listen on " + s.Address().String()},
	} {
		if err := os.WriteFile(config, append(good[:len(good):len(good)], c.more...), 0o640); err != nil {
			t.Fatal(err)
		}
		g.Signal(syscall.SIGUSR2)
		says(t, g, "not restarted", i+1)
		said := g.Said()
		if last := said[strings.LastIndex(said[:strings.LastIndex(said, "not restarted")], "\n")+1:]; !strings.Contains(last, c.says) {
			t.Errorf("%s: %s", c.says, last)
		}
		send(t, g.Address, fmt.Sprintf("user%d@sink.test", i))
	}
	stop(t, g)
}

// A listener that was suspended before the start stays so, and is shown as not listening; the others work.
func TestListenerStaysSuspended(t *testing.T) {
	s := runSink(t)
	other := freeAddress(t)
	g := runGateway(t, s, "[[listener]]\nname = \"Other\"\nkind = \"private\"\naddress = \""+other+"\"\n")
	if got := talk(t, other, "QUIT\r\n", time.Second); !strings.HasPrefix(got, "220 ") {
		t.Fatalf("it answers %q", got)
	}
	stop(t, g)
	j, err := journal.Open(filepath.Join(g.Data, "journal"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.AppendEvents(0, &journal.ListenerSuspended{By: "admin", Listener: "Other"}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, g)
	if _, err := net.Dial("tcp", other); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("its port: %v", err)
	}
	says(t, g, "receiving is currently suspended", 1)
	for _, row := range asJSON[struct {
		Features []struct {
			Name      string
			Listening bool
		}
	}](t, g, "tcpservices").Features {
		if want := row.Name != "Other" && row.Name != "http"; row.Listening != want {
			t.Errorf("%s: listening %v", row.Name, row.Listening)
		}
	}
	send(t, g.Address, "user@sink.test")
	g.Signal(syscall.SIGUSR2) // a restart changes nothing about it
	says(t, g, "receiving is currently suspended", 2)
	stop(t, g)
}

// What an smtp_route sends to /dev/null counts as delivered, without a connection.
func TestRouteToNothing(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, "[[smtp_route]]\ndomain = \"gone.test\"\nto = [\"/dev/null\"]\n")
	send(t, g.Address, "b@gone.test")
	log := ""
	eventually(t, "the mail log tells of it", func() bool {
		b, _ := os.ReadFile(filepath.Join(g.Data, "logs", "mail_logs.current"))
		log = string(b)
		return strings.Contains(log, "Message finished MID")
	})
	for _, want := range []string{"Delivery start DCID 0 MID ", "Message done DCID 0 MID ", "Response '/null'"} {
		if !strings.Contains(log, want) {
			t.Errorf("the mail log lacks %q:\n%s", want, log)
		}
	}
	stop(t, g)
	found := false
	for _, r := range facts(t, g) {
		if e, ok := r.Event.(*journal.Delivered); ok {
			found = true
			if e.DCID != 0 || e.Reply != "/null" || e.Destination != "gone.test" || !e.Finished {
				t.Errorf("%+v", e)
			}
		}
	}
	if !found || s.Total() != 0 {
		t.Errorf("delivered: %v; the sink has %s", found, strconv.FormatUint(s.Total(), 10))
	}
}
