package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"postern/hardware"
)

// inNamespace is set where the test has a network of its own.
const inNamespace = "POSTERN_TEST_OWN_NETWORK"

// A link that goes down and comes back is told to net-snmp's receiver. The test runs once more in a namespace
// of its own, whose links are nobody's; where that is not allowed it is left out.
func TestLinkTraps(t *testing.T) {
	for _, tool := range []string{"ip", "snmptrapd"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	if os.Getenv(inNamespace) != "" {
		linkTraps(t)
		return
	}
	again := exec.Command(os.Args[0], "-test.run", "^TestLinkTraps$", "-test.v")
	again.Env = append(os.Environ(), inNamespace+"=1")
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		own := func(id int) []syscall.SysProcIDMap { return []syscall.SysProcIDMap{{HostID: id, Size: 1}} }
		again.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		again.SysProcAttr.UidMappings, again.SysProcAttr.GidMappings = own(os.Getuid()), own(os.Getgid())
	}
	said, err := again.CombinedOutput()
	switch {
	case again.Process == nil:
		t.Skipf("a network of its own is not allowed: %v", err)
	case err != nil:
		t.Fatalf("%v\n%s", err, said)
	case strings.Contains(string(said), "--- SKIP"):
		t.Skipf("%s", said)
	}
	t.Logf("%s", said)
}

// ipLink has the kernel change its links.
func ipLink(t *testing.T, words string) error {
	t.Helper()
	out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %v, %s", words, err, out)
	}
	return nil
}

// ownLinks makes a cable whose one end is the gateway's and has an address.
func ownLinks(t *testing.T) {
	t.Helper()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Skip(err)
	}
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil { // else it shows the links of the other network
		t.Skip(err)
	}
	for _, words := range []string{"link set lo up", "link add mail0 type veth peer name far0", "addr add 192.0.2.1/24 dev mail0", "link set mail0 up", "link set far0 up"} {
		if err := ipLink(t, words); err != nil {
			t.Skip(err)
		}
	}
}

// runSnmptrapd runs net-snmp's receiver of traps until the test ends, and gives its address and its log.
func runSnmptrapd(t *testing.T) (at, log string) {
	t.Helper()
	own := t.TempDir()
	port := freeUDP(t)
	at, log = fmt.Sprintf("127.0.0.1:%d", port), filepath.Join(own, "log")
	conf := filepath.Join(own, "snmptrapd.conf")
	if err := os.WriteFile(conf, []byte("authCommunity log word\nagentXSocket none\nformat2 TRAP %v\\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("snmptrapd", "-f", "-n", "-On", "-C", "-c", conf, "-Lf", log, "-p", filepath.Join(own, "pid"), "udp:"+at)
	c.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+own, "SNMPCONFPATH=/nonexistent", "MIBS=")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	socket := fmt.Sprintf(" 0100007F:%04X ", port)
	eventually(t, "snmptrapd listens", func() bool {
		sockets, err := os.ReadFile("/proc/self/net/udp")
		return err == nil && strings.Contains(string(sockets), socket)
	})
	return at, log
}

func linkTraps(t *testing.T) {
	ownLinks(t)
	at, log := runSnmptrapd(t)
	g := runGateway(t, runSink(t), fmt.Sprintf("[snmp]\nenabled = true\nport = %d\nlevel = \"noAuthNoPriv\"\ntrap_version = \"2c\"\ncommunity = \"word\"\n"+
		"trap_targets = [%q]\ntraps = [\"linkUpDown\"]\n", freeUDP(t), at))
	link := func() hardware.Link {
		for _, l := range asJSON[hardware.Sensors](t, g, "hardwarestatus").Links {
			if l.Name == "mail0" {
				return l
			}
		}
		return hardware.Link{}
	}
	eventually(t, "the link is up", func() bool { return link().Up })
	index := link().Index
	told := func() (all []string) {
		text, _ := os.ReadFile(log)
		for _, line := range regexp.MustCompile(`(?m)^TRAP.*$`).FindAllString(string(text), -1) {
			if strings.Contains(line, fmt.Sprintf(".1.3.6.1.2.1.2.2.1.1.%d = INTEGER: %d", index, index)) {
				all = append(all, line)
			}
		}
		return all
	}
	for n, c := range []struct {
		far, trap string
		oper      int
		severity  hardware.Severity
	}{{"down", "5.3", 7, hardware.Critical}, {"up", "5.4", 1, hardware.Normal}} {
		if err := ipLink(t, "link set far0 "+c.far); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is told that the other end is "+c.far, func() bool { return len(told()) > n })
		for _, want := range []string{".1.3.6.1.6.3.1.1.4.1.0 = OID: .1.3.6.1.6.3.1.1." + c.trap, fmt.Sprintf(".1.3.6.1.2.1.2.2.1.7.%d = INTEGER: 1", index),
			fmt.Sprintf(".1.3.6.1.2.1.2.2.1.8.%d = INTEGER: %d", index, c.oper)} {
			if all := told(); len(all) != n+1 || !strings.Contains(all[n], want) {
				t.Errorf("%s is not in %q", want, all)
			}
		}
		if l := link(); l.Severity != c.severity {
			t.Errorf("with the other end %s it is %+v", c.far, l)
		}
	}
	stop(t, g)
	t.Logf("snmptrapd received\n%s", strings.Join(told(), "\n"))
}
