package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"postern/bench"
	"postern/engine/config"
)

// runAsNobody runs the binary as a gateway that gives up root.
func runAsNobody(t *testing.T, extra string) *bench.Gateway {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become other users")
	}
	g := &bench.Gateway{Binary: binary, Data: filepath.Join(t.TempDir(), "data")}
	if err := g.Configure("127.0.0.1:9", "[daemon]\nuser = \"nobody\"\n"+extra); err != nil {
		t.Fatal(err)
	}
	letIn(t, g)
	startUntilEnd(t, g)
	return g
}

// letIn lets everybody look for the program and the data.
func letIn(t *testing.T, g *bench.Gateway) {
	t.Helper()
	for _, dir := range []string{filepath.Dir(binary), g.Data, filepath.Dir(g.Data), filepath.Dir(filepath.Dir(g.Data))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// lowPort is a port of an address, below 1024, that nobody has.
func lowPort(t *testing.T, host string) netip.AddrPort {
	t.Helper()
	for port := 601; port < 1000; port++ {
		at := fmt.Sprintf("%s:%d", host, port)
		if l, err := net.Listen("tcp", at); err == nil {
			l.Close()
			if c, err := net.ListenPacket("udp", at); err == nil {
				c.Close()
				return mustAddress(at)
			}
		}
	}
	t.Skip("no low port is free")
	return netip.AddrPort{}
}

// A gateway that has given up root binds low ports for commits and for listeners that are resumed, and has no other right
// of root, in no thread.
func TestLowPortsAfterRoot(t *testing.T) {
	g := runAsNobody(t, "[[interface]]\nname = \"Polled\"\naddress = \"127.0.0.79/8\"\nhostname = \"polled.test\"\n")
	smtp, pages, polled := lowPort(t, "127.0.0.80"), lowPort(t, "127.0.0.81"), lowPort(t, "127.0.0.79")
	commit(t, g, "low ports", func(d *config.Document) {
		addListener(smtp.String())(d)
		d.HTTP.Address = pages
		d.SNMP.Enabled, d.SNMP.Interface, d.SNMP.Port = true, "Polled", polled.Port()
		d.SNMP.Level, d.SNMP.V1V2c, d.SNMP.Community = config.NoAuthNoPriv, true, "public"
	})
	if got := talk(t, smtp.String(), "QUIT\r\n", time.Second); !strings.HasPrefix(got, "220 ") {
		t.Errorf("the listener answers %q", got)
	}
	if !answers(pages.String()) {
		t.Error("the status pages do not answer")
	}
	poll := &gosnmp.GoSNMP{Target: polled.Addr().String(), Port: polled.Port(), Community: "public", Version: gosnmp.Version2c, Timeout: 5 * time.Second}
	if err := poll.Connect(); err != nil {
		t.Fatal(err)
	}
	defer poll.Conn.Close()
	if _, err := poll.Get([]string{".1.3.6.1.2.1.1.5.0"}); err != nil {
		t.Errorf("SNMP: %v", err)
	}
	ask(t, g, "suspendlistener", "Second", "--yes")
	if answers(smtp.String()) {
		t.Error("a suspended listener answers")
	}
	ask(t, g, "resumelistener", "Second", "--yes")
	if !answers(smtp.String()) {
		t.Error("it is not resumed")
	}
	binders := 0
	for _, task := range tasks(t, g) {
		switch {
		case strings.Contains(task["Uid"], "\t0") || strings.Contains(task["Gid"], "\t0"):
			t.Errorf("thread %s is root still: %s, %s", task["Pid"], task["Uid"], task["Gid"])
		case task["CapEff"] == bindOnly && task["CapPrm"] == bindOnly:
			binders++
		case task["CapEff"] != none || task["CapPrm"] != none:
			t.Errorf("thread %s may %s of %s", task["Pid"], task["CapEff"], task["CapPrm"])
		}
		if task["CapInh"] != none || task["CapAmb"] != none {
			t.Errorf("thread %s hands on %s and %s", task["Pid"], task["CapInh"], task["CapAmb"])
		}
	}
	if binders != 1 {
		t.Errorf("%d threads may bind low ports", binders)
	}
	stop(t, g)
}

// Sets of capabilities: no one, and CAP_NET_BIND_SERVICE alone.
const none, bindOnly = "0000000000000000", "0000000000000400"

// tasks are the status of all threads of a gateway, by its words (proc_pid_status(5)).
func tasks(t *testing.T, g *bench.Gateway) (list []map[string]string) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid(t, g)))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		task := make(map[string]string)
		for line := range strings.Lines(string(text)) {
			word, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			task[word] = strings.TrimPrefix(value, "\t")
		}
		task["Uid"], task["Gid"] = "\t"+task["Uid"], "\t"+task["Gid"]
		list = append(list, task)
	}
	return list
}

// A gateway that has given up root begins anew with the one right that it kept, as often as it is asked to, and takes a low
// port that its configuration has got meanwhile.
func TestRestartKeepsLowPorts(t *testing.T) {
	low, later := lowPort(t, "127.0.0.78"), lowPort(t, "127.0.0.77")
	g := runAsNobody(t, "[[listener]]\nname = \"Low\"\nkind = \"private\"\naddress = \""+low.String()+"\"\n")
	file := filepath.Join(g.Data, "postern.toml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for times, extra := range []string{"", "[[listener]]\nname = \"Later\"\nkind = \"private\"\naddress = \"" + later.String() + "\"\n", ""} {
		text = append(text, extra...)
		if err := os.WriteFile(file, text, 0o640); err != nil {
			t.Fatal(err)
		}
		g.Signal(syscall.SIGUSR2)
		says(t, g, "beginning anew", times+1)
		eventually(t, "the listener answers", func() bool { return answers(low.String()) })
	}
	if !answers(later.String()) {
		t.Error("the listener that was added does not answer")
	}
	for _, task := range tasks(t, g) {
		if strings.Contains(task["Uid"], "\t0") || task["CapPrm"] != bindOnly && task["CapPrm"] != none {
			t.Errorf("thread %s is %s and may %s", task["Pid"], task["Uid"], task["CapPrm"])
		}
	}
	stop(t, g)
}

// Where the process never had the right to a port below 1024, that is said instead of not coming back.
func TestRestartWithoutRights(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become other users")
	}
	drop, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skip(err)
	}
	g := &bench.Gateway{Data: filepath.Join(t.TempDir(), "data")}
	if err := g.Configure("127.0.0.1:9", ""); err != nil {
		t.Fatal(err)
	}
	low := lowPort(t, "127.0.0.78").String()
	letIn(t, g)
	if err := filepath.WalkDir(g.Data, func(path string, _ fs.DirEntry, err error) error { return cmp.Or(err, os.Chown(path, 65534, 65534)) }); err != nil {
		t.Fatal(err)
	}
	g.Binary = filepath.Join(filepath.Dir(g.Data), "postern")
	script := fmt.Sprintf("#!/bin/sh\nexec %s --reuid=65534 --regid=65534 --clear-groups %s \"$@\"\n", drop, binary)
	if err := os.WriteFile(g.Binary, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	startUntilEnd(t, g)
	file, err := os.OpenFile(filepath.Join(g.Data, "postern.toml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(file, "[[listener]]\nname = \"Low\"\nkind = \"private\"\naddress = %q\n", low)
	file.Close()
	g.Signal(syscall.SIGUSR2)
	says(t, g, "not restarted", 1)
	if !strings.Contains(g.Said(), "could not listen on "+low) {
		t.Error("it does not name the port")
	}
	if got := talk(t, g.Address, "QUIT\r\n", time.Second); !strings.HasPrefix(got, "220 ") {
		t.Errorf("its port answers %q", got)
	}
	stop(t, g)
}
