package main

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"postern/engine/config"
	"postern/snmp"
)

// snmpSection is a configuration's [snmp] for version 3 with authentication.
func snmpSection(t *testing.T, port int, passphrase string) string {
	t.Helper()
	key, err := config.SNMPKey(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("[snmp]\nenabled = true\nport = %d\nlevel = %q\nauth_key = %q\n", port, config.AuthNoPriv, key)
}

// poll reads one variable as a monitoring system does that authenticates itself.
func poll(t *testing.T, port int, passphrase, name string) (any, error) {
	t.Helper()
	return pollAs(t, port, gosnmp.AuthNoPriv, &gosnmp.UsmSecurityParameters{UserName: snmp.User,
		AuthenticationProtocol: gosnmp.SHA, AuthenticationPassphrase: passphrase}, name)
}

func pollAs(t *testing.T, port int, level gosnmp.SnmpV3MsgFlags, user *gosnmp.UsmSecurityParameters, name string) (any, error) {
	t.Helper()
	c := &gosnmp.GoSNMP{Target: "127.0.0.1", Port: uint16(port), Version: gosnmp.Version3, Timeout: time.Second, Retries: 1, MaxOids: 10,
		SecurityModel: gosnmp.UserSecurityModel, MsgFlags: level, SecurityParameters: user}
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	defer c.Conn.Close()
	p, err := c.Get([]string{name})
	if err != nil {
		return nil, err
	}
	if len(p.Variables) == 0 {
		return nil, fmt.Errorf("the answer is an error, %s", p.Error)
	}
	if text, ok := p.Variables[0].Value.([]byte); ok {
		return string(text), nil
	}
	return p.Variables[0].Value, nil
}

// The agent answers while the gateway runs, counts its starts, and says which program it is of.
func TestSNMPAgent(t *testing.T) {
	port := freeUDP(t)
	g := runGateway(t, runSink(t), snmpSection(t, port, "ironport"))
	expect := func(name string, want any) {
		t.Helper()
		if got, err := poll(t, port, "ironport", name); err != nil || got != want {
			t.Errorf("%s is %v, %v; want %v", name, got, err, want)
		}
	}
	expect(".1.3.6.1.2.1.1.2.0", ".1.3.6.1.4.1.15497.1.1")
	expect(".1.3.6.1.6.3.10.2.1.2.0", 1)
	described, err := poll(t, port, "ironport", ".1.3.6.1.2.1.1.1.0")
	if text, _ := described.(string); err != nil || !strings.HasPrefix(text, "Cisco Model Postern, AsyncOS Version: "+Version+", Build Date: 20") || !strings.Contains(text, ", Serial #: ") {
		t.Errorf("it describes itself as %v, %v", described, err)
	}
	if _, err := poll(t, port, "not ironport", ".1.3.6.1.2.1.1.2.0"); err == nil {
		t.Error("it answers whoever asks")
	}
	stop(t, g)
	start(t, g)
	expect(".1.3.6.1.6.3.10.2.1.2.0", 2)
	g.Kill()
	start(t, g)
	expect(".1.3.6.1.6.3.10.2.1.2.0", 3)
	stop(t, g)
}

// A configuration whose keys a script has made of passphrases is one of authPriv, and nothing holds a passphrase.
func TestSNMPKeysMadeByTheTool(t *testing.T) {
	made := func(passphrase string) string {
		t.Helper()
		c := exec.Command(binary, "config", "snmpkey")
		c.Stdin = strings.NewReader(passphrase + "\n")
		key, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(key))
	}
	port := freeUDP(t)
	g := runGateway(t, runSink(t), fmt.Sprintf("[snmp]\nenabled = true\nport = %d\nauth_key = %q\npriv_key = %q\n", port, made("correct horse"), made("battery staple")))
	for secret, good := range map[string]bool{"battery staple": true, "correct horse": false} {
		_, err := pollAs(t, port, gosnmp.AuthPriv, &gosnmp.UsmSecurityParameters{UserName: snmp.User, AuthenticationProtocol: gosnmp.SHA,
			AuthenticationPassphrase: "correct horse", PrivacyProtocol: gosnmp.AES, PrivacyPassphrase: secret}, ".1.3.6.1.2.1.1.2.0")
		if (err == nil) != good {
			t.Errorf("with %s: %v", secret, err)
		}
	}
	if _, err := poll(t, port, "correct horse", ".1.3.6.1.2.1.1.2.0"); err == nil {
		t.Error("a level below authPriv is answered")
	}
	stop(t, g)
	if said := g.Said() + output(t, "showconfig", "plain", "--data", g.Data); strings.Contains(said, "horse") || strings.Contains(said, "staple") {
		t.Errorf("a passphrase is in\n%s", said)
	}
	refuses(t, exitUsage, []string{"usage: postern config"}, "config", "snmpkey", "correct horse")
	c := exec.Command(binary, "config", "snmpkey")
	c.Stdin = strings.NewReader("short\n")
	if said, err := c.CombinedOutput(); err == nil || !strings.Contains(string(said), "an SNMPv3 passphrase has 8 to 255 bytes") || strings.Contains(string(said), "short") {
		t.Errorf("%v, %s", err, said)
	}
}

// A port that somebody else has is said in one sentence, keeps no mail from coming, and is had as soon as it is free.
func TestSNMPPortIsBusy(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	port := c.LocalAddr().(*net.UDPAddr).Port
	g := runGateway(t, runSink(t), snmpSection(t, port, "ironport"))
	send(t, g.Address, "b@sink.test")
	if said := g.Said(); strings.Count(said, fmt.Sprintf("snmp cannot listen on 127.0.0.1:%d: ", port)) != 1 {
		t.Errorf("it says\n%s", said)
	}
	c.Close()
	eventually(t, "the port is had", func() bool {
		_, err := poll(t, port, "ironport", ".1.3.6.1.2.1.1.2.0")
		return err == nil
	})
	stop(t, g)
}

// A commit switches the agent on, gives it other keys and another port, and off; one whose port is busy changes nothing.
func TestSNMPByCommit(t *testing.T) {
	g := runGateway(t, runSink(t), "")
	first, second := freeUDP(t), freeUDP(t)
	enable := func(port int, passphrase string) func(*config.Document) {
		key, err := config.SNMPKey(passphrase)
		if err != nil {
			t.Fatal(err)
		}
		return func(d *config.Document) {
			s := &d.SNMP
			s.Enabled, s.Port, s.Level, s.AuthKey, s.Location = true, uint16(port), config.AuthNoPriv, key, passphrase
		}
	}
	located := func(port int, passphrase string) {
		t.Helper()
		eventually(t, "the agent says what was committed", func() bool { // it keeps a reading for a second
			got, err := poll(t, port, passphrase, ".1.3.6.1.2.1.1.6.0")
			return err == nil && got == passphrase
		})
	}
	commit(t, g, "on", enable(first, "ironport"))
	located(first, "ironport")
	commit(t, g, "another passphrase", enable(first, "another one"))
	located(first, "another one")
	if _, err := poll(t, first, "ironport", ".1.3.6.1.2.1.1.6.0"); err == nil {
		t.Error("the old passphrase still serves")
	}

	busy, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", second))
	if err != nil {
		t.Fatal(err)
	}
	before := inForce(t, g)
	if _, err := propose(t, g, "busy", enable(second, "another one")); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("Nothing was committed: snmp cannot listen on 127.0.0.1:%d: ", second)) {
		t.Errorf("a busy port gives %v", err)
	}
	if inForce(t, g) != before {
		t.Error("what could not be had was committed")
	}
	located(first, "another one")
	busy.Close()
	commit(t, g, "another port", enable(second, "another one"))
	located(second, "another one")
	commit(t, g, "off", func(d *config.Document) { d.SNMP.Enabled = false })
	for _, port := range []int{first, second} {
		if _, err := poll(t, port, "another one", ".1.3.6.1.2.1.1.6.0"); err == nil {
			t.Errorf("port %d still answers", port)
		}
	}
	stop(t, g)
}
