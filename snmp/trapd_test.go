package snmp

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"postern/bench/freeport"
	"postern/engine/config"
	"postern/hardware"
)

// trapd is net-snmp's receiver of traps.
type trapd struct {
	at  netip.AddrPort
	log string
	end func()
}

// runTrapd runs snmptrapd with the users given as lines of its configuration, until the test ends. Without names it prints
// numbers; with them it uses our MIB files.
func runTrapd(t *testing.T, names bool, lines ...string) *trapd {
	t.Helper()
	return runTrapdAt(t, freePort(t), names, lines...)
}

func runTrapdAt(t *testing.T, at netip.AddrPort, names bool, lines ...string) *trapd {
	t.Helper()
	path, err := exec.LookPath("snmptrapd")
	if err != nil {
		t.Skip("snmptrapd is not installed")
	}
	own := t.TempDir()
	d := &trapd{at: at, log: filepath.Join(own, "log")}
	conf := filepath.Join(own, "snmptrapd.conf")
	lines = append(lines, "authCommunity log "+secret, "agentXSocket none", "format1 %a %W\\n", "format2 TRAP %v\\n")
	if err := os.WriteFile(conf, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-f", "-n", "-C", "-c", conf, "-Lf", d.log, "-p", filepath.Join(own, "pid")}
	env := append(os.Environ(), "SNMP_PERSISTENT_DIR="+own, "SNMPCONFPATH=/nonexistent")
	if names {
		env = append(env, "MIBDIRS="+mibDirs, "MIBS=ALL")
	} else {
		args, env = append(args, "-On"), append(env, "MIBS=")
	}
	c := exec.Command(path, append(args, "udp:"+d.at.String())...)
	c.Env = env
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	d.end = sync.OnceFunc(func() {
		c.Process.Kill()
		c.Wait()
	})
	t.Cleanup(func() {
		d.end()
		if t.Failed() {
			t.Logf("snmptrapd said\n%s", d.said())
		}
	})
	// Its socket is looked for, and not tried for: a try at the wrong moment would take the port away from it.
	socket := fmt.Sprintf(" 0100007F:%04X ", d.at.Port())
	eventually(t, "snmptrapd listens", func() bool {
		sockets, err := os.ReadFile("/proc/net/udp")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(sockets), socket)
	})
	return d
}

func (d *trapd) said() string {
	text, _ := os.ReadFile(d.log)
	return string(text)
}

func freePort(t *testing.T) netip.AddrPort {
	t.Helper()
	at, err := freeport.Pick("udp")
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick, end := time.NewTicker(10*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// users are the lines by which snmptrapd knows our user: for traps by our engine, for informs as its own. Its keys are the
// passphrases'.
func users(level string) []string {
	pass := ""
	if level != config.NoAuthNoPriv {
		pass = " SHA " + authPass
	}
	if level == config.AuthPriv {
		pass += ` AES "` + privPass + `"`
	}
	return []string{"createUser -e 0x80007ed9050102030405060708 v3get" + pass, "createUser v3get" + pass,
		"authUser log v3get " + map[string]string{config.NoAuthNoPriv: "noauth", config.AuthNoPriv: "auth", config.AuthPriv: "priv"}[level]}
}

// Traps and informs in each version and level reach net-snmp's receiver, which has made its keys of the passphrases.
func TestTrapsReachSnmptrapd(t *testing.T) {
	for _, c := range []struct{ name, version, level, kind string }{
		{"2c", "2c", config.NoAuthNoPriv, "TRAP2"}, {"noAuthNoPriv", "3", config.NoAuthNoPriv, "TRAP2"},
		{"authNoPriv", "3", config.AuthNoPriv, "TRAP2"}, {"authPriv", "3", config.AuthPriv, "TRAP2"},
		{"2c inform", "2c", config.NoAuthNoPriv, "INFORM"}, {"noAuthNoPriv inform", "3", config.NoAuthNoPriv, "INFORM"},
		{"authNoPriv inform", "3", config.AuthNoPriv, "INFORM"}, {"authPriv inform", "3", config.AuthPriv, "INFORM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := runTrapd(t, false, users(c.level)...)
			s, _ := runSender(t, snmpSection(t, c.level, "community = '"+secret+"'", "trap_version = '"+c.version+"'",
				fmt.Sprintf("inform = %v", c.kind == "INFORM"), "trap_targets = ['"+d.at.String()+"']"))
			for n := range 3 {
				s.Notify(connectivityTrap(fmt.Sprintf("https://%d.example.com/", n)))
			}
			s.Notify(linkTrap(&hardware.Interface{Index: 2, Name: "eth0", State: hardware.Up, Enabled: true}))
			eventually(t, "all is received", func() bool { return strings.Contains(d.said(), ".1.3.6.1.6.3.1.1.5.4") })
			for _, want := range []string{`.1.3.6.1.4.1.15497.1.1.1.21.0 = STRING: "https://0.example.com/"`, `.1.3.6.1.4.1.15497.1.1.1.21.0 = STRING: "https://1.example.com/"`,
				`.1.3.6.1.4.1.15497.1.1.1.21.0 = STRING: "https://2.example.com/"`, `.1.3.6.1.2.1.2.2.1.1.2 = INTEGER: 2`, `.1.3.6.1.2.1.2.2.1.8.2 = INTEGER: 1`,
				".1.3.6.1.6.3.1.1.4.1.0 = OID: .1.3.6.1.4.1.15497.1.1.2.8", ".1.3.6.1.2.1.1.3.0 = Timeticks: ("} {
				if !strings.Contains(d.said(), want) {
					t.Errorf("%s has not come", want)
				}
			}
			eventually(t, "the counts are right", func() bool {
				got := s.Status()
				return len(got) == 1 && got[0] == TargetStatus{Target: d.at.String(), Sent: 4}
			})
		})
	}
}

// A receiver that begins anew is another engine, with another clock: the next inform finds that out.
func TestInformsFollowTheReceiver(t *testing.T) {
	d := runTrapd(t, false, users(config.AuthPriv)...)
	s, said := runSender(t, snmpSection(t, config.AuthPriv, "inform = true", "trap_targets = ['"+d.at.String()+"']"))
	for n := range 3 {
		s.Notify(cpuTrap(int64(90 + n)))
		eventually(t, "it is confirmed", func() bool { return s.Status()[0].Sent == uint64(n+1) })
		if want := fmt.Sprintf("1.1.1.2.0 = INTEGER: %d", 90+n); !strings.Contains(d.said(), want) {
			t.Errorf("%s has not come", want)
		}
		d.end()
		d = runTrapdAt(t, d.at, false, users(config.AuthPriv)...)
	}
	if said.all() != "" {
		t.Errorf("it says %q", said.all())
	}
}

// A receiver that does not know our passphrases takes nothing; informs tell us so.
func TestWrongPassphrases(t *testing.T) {
	lines := users(config.AuthPriv)
	lines[1] = `createUser v3get SHA "not the same" AES "` + privPass + `"`
	d := runTrapd(t, false, lines...)
	s, said := runSender(t, snmpSection(t, config.AuthPriv, "inform = true", "trap_targets = ['"+d.at.String()+"']"))
	s.Notify(cpuTrap(97))
	eventually(t, "it is given up", func() bool { return s.Status()[0].Failed == 1 })
	if got := said.all(); got != d.at.String()+": "+errUnsigned.Error() {
		t.Errorf("it says %q", got)
	}
}

// What is sent is decoded by our MIB file: each notification has its name, and the object that it promises.
func TestTrapsAreDecodedByMIB(t *testing.T) {
	d := runTrapd(t, true, users(config.AuthPriv)...)
	s, _ := runSender(t, snmpSection(t, config.AuthPriv, "trap_targets = ['"+d.at.String()+"']"))
	const mib = "POSTERN-ASYNCOS-MAIL-MIB::"
	want := map[string]string{}
	add := func(n Notification, trap, object string) {
		want[trap] = object
		s.Notify(n)
	}
	add(conservationTrap(queueFull), "resourceConservationMode", "resourceConservationReason.0 = INTEGER: queueFull(4)")
	add(powerSupplyTrap(&hardware.PowerSupply{Index: 2, Name: "PS2", Status: hardware.SupplyNoAC}), "powerSupplyStatusChange", "powerSupplyStatus.2 = INTEGER: powerSupplyNoAC(3)")
	add(temperatureTrap(&hardware.Temperature{Index: 3, Name: "CPU\x1b 1"}), "highTemperature", "temperatureName.3 = STRING: CPU? 1")
	add(fanTrap(&hardware.Fan{Index: 4, Name: "FAN 4"}), "fanFailure", "fanName.4 = STRING: FAN 4")
	add(keyTrap(&Key{Description: "Certificate HTTP"}, 7), "keyExpiration", "keyDescription.7 = STRING: Certificate HTTP")
	add(updateTrap(&Update{Service: "rules"}, 1), "updateFailure", "updateServiceName.1 = STRING: rules")
	add(raidTrap(&hardware.Drive{Index: 9, ID: "md0 sdb1", Status: hardware.DriveFailure}), "raidStatusChange", "raidID.9 = STRING: md0 sdb1")
	add(connectivityTrap("https://example.com/"), "connectivityFailure", "connectionURL.0 = STRING: https://example.com/")
	add(memoryTrap(96), "memoryUtilizationExceeded", "perCentMemoryUtilization.0 = INTEGER: 96")
	add(cpuTrap(250), "cpuUtilizationExceeded", "perCentCPUUtilization.0 = INTEGER: 100")
	eventually(t, "all is received", func() bool { return strings.Contains(d.said(), "cpuUtilizationExceeded") })
	for trap, object := range want {
		if !strings.Contains(d.said(), "OID: "+mib+trap+"\t"+mib+object) {
			t.Errorf("%s with %s has not come", trap, object)
		}
	}
}
