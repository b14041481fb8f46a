package snmp

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"postern/engine/config"
)

// netSNMP runs one of net-snmp's tools against an agent, and gives all that it says.
func netSNMP(t *testing.T, to netip.AddrPort, tool string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Skip(tool + " is not installed")
	}
	own := t.TempDir()
	if err := os.Mkdir(filepath.Join(own, "cert_indexes"), 0o700); err != nil { // or it tells that it has made it
		t.Fatal(err)
	}
	i := slices.Index(args, "HOST")
	args[i] = to.String()
	c := exec.CommandContext(t.Context(), path, append([]string{"-On", "-Ih", "-t", "5", "-r", "1"}, args...)...)
	c.Env = append(os.Environ(), "MIBS=", "SNMP_PERSISTENT_DIR="+own, "SNMPCONFPATH=/nonexistent")
	out, _ := c.CombinedOutput()
	return strings.TrimSpace(string(out))
}

// of splits a command line; words in quotes stay together.
func of(line string) (args []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
			continue
		}
		args = append(args, strings.Fields(part)...)
	}
	return args
}

const everything = " -u v3get -a SHA -A " + authPass + " -x AES -X '" + privPass + "' HOST "

// What everybody's tools say of this agent.
func TestNetSNMP(t *testing.T) {
	agents := map[string]*Agent{}
	for _, level := range []string{config.NoAuthNoPriv, config.AuthNoPriv, config.AuthPriv} {
		agents[level], _ = newAgent(t, snmpSection(t, level, withCommunity("'127.0.0.1/32'")))
	}
	const location, here = ".1.3.6.1.2.1.1.6.0", `.1.3.6.1.2.1.1.6.0 = STRING: "Rack 7"`
	for _, c := range []struct{ level, line, want string }{
		{config.AuthPriv, "snmpget -v 1 -c " + secret + " HOST " + location, here},
		{config.AuthPriv, "snmpget -v 2c -c " + secret + " HOST " + location + " .1.3.6.1.2.1.1.2.0", here + "\n.1.3.6.1.2.1.1.2.0 = OID: .1.3.6.1.4.1.15497.1.1"},
		{config.AuthPriv, "snmpget -v 2c -c " + secret + " HOST " + beast + "1.8", beast + "1.8 = Counter64: 18446744073709551615"},
		{config.AuthPriv, "snmpget -v 1 -c " + secret + " HOST " + beast + "1.8", "(noSuchName) There is no such variable name in this MIB."},
		{config.AuthPriv, "snmpget -v 2c -c " + secret + " HOST .1.3.6.1.2.1.1.6.9", ".1.3.6.1.2.1.1.6.9 = No Such Instance currently exists at this OID"},
		{config.AuthPriv, "snmpget -v 2c -c " + secret + " HOST .1.3.6.1.9", ".1.3.6.1.9 = No Such Object available on this agent at this OID"},
		{config.AuthPriv, "snmpgetnext -v 2c -c " + secret + " HOST .1.3.7", "No more variables left in this MIB View"},
		{config.AuthPriv, "snmpset -v 1 -c " + secret + " HOST " + location + " s x", "(readOnly)"},
		{config.AuthPriv, "snmpset -v 2c -c " + secret + " HOST " + location + " s x", "notWritable"},
		{config.AuthPriv, "snmpset -v 3 -l authPriv" + everything + location + " s x", "notWritable"},

		{config.NoAuthNoPriv, "snmpget -v 3 -l noAuthNoPriv -u v3get HOST " + location, here},
		{config.NoAuthNoPriv, "snmpget -v 3 -l authNoPriv" + everything + location, "Unsupported security level"},
		{config.AuthNoPriv, "snmpget -v 3 -l authNoPriv" + everything + location, here},
		{config.AuthNoPriv, "snmpget -v 3 -l noAuthNoPriv" + everything + location, "authorizationError"},
		{config.AuthNoPriv, "snmpget -v 3 -l authPriv" + everything + location, "Unsupported security level"},
		{config.AuthPriv, "snmpget -v 3 -l authPriv" + everything + location, here},
		{config.AuthPriv, "snmpget -v 3 -l authNoPriv" + everything + location, "authorizationError"},
		{config.AuthPriv, "snmpget -v 3 -l authPriv -n other" + everything + location, "Bad context specified"},
		{config.AuthPriv, "snmpbulkget -v 3 -l authPriv -Cn1 -Cr2" + everything + ".1.3.6.1.2.1.1.5 " + beast + "1.1", `.1.3.6.1.2.1.1.5.0 = STRING: "gw.example.com"` + "\n" + beast + "1.2 = Gauge32: 4294967295\n" + beast + "1.3 = Counter32: 4294967295"},
		{config.AuthPriv, "snmpgetnext -v 3 -l authPriv" + everything + ".1.3.6.1.2.1.1.5", `.1.3.6.1.2.1.1.5.0 = STRING: "gw.example.com"`},

		{config.AuthPriv, "snmpget -v 3 -l authPriv -u v3get -a SHA -A nottheright -x AES -X '" + privPass + "' HOST " + location, "Authentication failure (incorrect password, community or key)"},
		{config.AuthPriv, "snmpget -v 3 -l authPriv -u v3get -a SHA -A " + authPass + " -x AES -X 'not the right' HOST " + location, "Decryption error"},
		{config.AuthPriv, "snmpget -v 3 -l authPriv -u v3get -a MD5 -A " + authPass + " -x AES -X '" + privPass + "' HOST " + location, "Authentication failure (incorrect password, community or key)"},
		{config.AuthPriv, "snmpget -v 3 -l authPriv -u v3get -a SHA -A " + authPass + " -x DES -X '" + privPass + "' HOST " + location, "Decryption error"},
		{config.AuthPriv, "snmpget -v 3 -l authPriv -u somebody -a SHA -A " + authPass + " -x AES -X '" + privPass + "' HOST " + location, "Unknown user name"},
	} {
		args := of(c.line)
		got := netSNMP(t, agents[c.level].Addr(), args[0], args[1:]...)
		if !strings.Contains(got, c.want) || c.want == here && got != here {
			t.Errorf("at the level %s\n%s\n got %q\nwant %q", c.level, c.line, got, c.want)
		}
	}
}

// The guide's own call, on an agent of the level that it is for.
func TestGuidesOwnCall(t *testing.T) {
	a, _ := newAgent(t, snmpSection(t, config.AuthNoPriv))
	args := of("-v 3 -l AuthNoPriv -u v3get -a SHA -A ironport HOST")
	if got := netSNMP(t, a.Addr(), "snmpwalk", args...); !strings.HasPrefix(got, `.1.3.6.1.2.1.1.1.0 = STRING: "Cisco Model Postern, AsyncOS Version: 1.2.3-004`) ||
		!strings.Contains(got, "\n.1.3.6.1.2.1.1.2.0 = OID: .1.3.6.1.4.1.15497.1.1\n") {
		t.Errorf("it prints\n%s", got)
	}
}

// Whole trees, in each version and level and by both ways of walking: every variable once and in order. net-snmp itself
// ends a walk with an error when a name does not increase.
func TestNetSNMPWalks(t *testing.T) {
	a, _ := newAgent(t, snmpSection(t, config.AuthPriv, withCommunity("'127.0.0.1/32'")))
	low, _ := newAgent(t, snmpSection(t, config.NoAuthNoPriv, "auth_key = '"+keyOf(t, authPass)+"'"))
	all := walk(a.tree, "1", nil)
	known := walk(a.tree, "1", unknownToV1)
	for line, c := range map[string]struct {
		agent *Agent
		want  []string
	}{
		"snmpwalk -v 1 -c " + secret + " HOST .1":             {a, known},
		"snmpwalk -v 2c -c " + secret + " HOST .1":            {a, all},
		"snmpbulkwalk -v 2c -c " + secret + " HOST .1":        {a, all},
		"snmpbulkwalk -v 2c -Cr200 -c " + secret + " HOST .1": {a, all},
		"snmpwalk -v 3 -l authPriv" + everything + ".1":       {a, all},
		"snmpbulkwalk -v 3 -l authPriv" + everything + ".1":   {a, all},
		"snmpwalk -v 3 -l noAuthNoPriv -u v3get HOST .1":      {low, all},
		"snmpbulkwalk -v 3 -l authNoPriv" + everything + ".1": {low, all},
	} {
		args := of(line)
		var names []string
		said := netSNMP(t, c.agent.Addr(), args[0], args[1:]...)
		for _, row := range strings.Split(said, "\n") {
			if name, _, ok := strings.Cut(row, " = "); ok && strings.HasPrefix(name, ".1.3.6.") && !strings.Contains(row, "No more variables left") {
				names = append(names, strings.TrimPrefix(name, "."))
			}
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("%s meets %d variables of %d:\n%.500s", line, len(names), len(c.want), said)
		}
	}
}

// After a restart of the agent a client goes on: it hears of the new start, and asks again with the new time.
func TestRestartedEngine(t *testing.T) {
	d := snmpSection(t, config.AuthPriv)
	var bound netip.AddrPort
	agentOf := func(file string) *Agent {
		return &Agent{EngineFile: file, Listen: func(_ context.Context, at netip.AddrPort) (*net.UDPConn, error) {
			if bound.IsValid() {
				at = bound
			} else {
				at = netip.AddrPortFrom(at.Addr(), 0)
			}
			c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
			if err == nil {
				bound = c.LocalAddr().(*net.UDPAddr).AddrPort()
			}
			return c, err
		}}
	}
	file := filepath.Join(t.TempDir(), "engine.json")
	first := agentOf(file)
	stop := serveAgent(t, first, d)
	c := &gosnmp.GoSNMP{Target: "127.0.0.1", Port: bound.Port(), Version: gosnmp.Version3, Timeout: 5 * time.Second, Retries: 1, MaxOids: 60,
		SecurityModel: gosnmp.UserSecurityModel, MsgFlags: gosnmp.AuthPriv, SecurityParameters: &gosnmp.UsmSecurityParameters{UserName: User,
			AuthenticationProtocol: gosnmp.SHA, AuthenticationPassphrase: authPass, PrivacyProtocol: gosnmp.AES, PrivacyPassphrase: privPass}}
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	defer c.Conn.Close()
	get := func() string {
		t.Helper()
		p, err := c.Get([]string{".1.3.6.1.6.3.10.2.1.2.0"})
		if err != nil {
			t.Fatal(err)
		}
		return shown(p)
	}
	if got := get(); got != ".1.3.6.1.6.3.10.2.1.2.0 Integer 1" {
		t.Errorf("at first the client reads %q", got)
	}
	stop()
	second := agentOf(file)
	serveAgent(t, second, d)
	if got := get(); got != ".1.3.6.1.6.3.10.2.1.2.0 Integer 2" {
		t.Errorf("after a restart the client reads %q", got)
	}
	if n := second.count.security[notInTimeWindows].Load(); n != 1 {
		t.Errorf("it heard %d times that it was out of time", n)
	}
	// A client whose clock went wrong finds back in the same way.
	c.SecurityParameters.(*gosnmp.UsmSecurityParameters).AuthoritativeEngineTime += 10_000
	get()
	if n := second.count.security[notInTimeWindows].Load(); n != 2 {
		t.Errorf("with a wrong clock it heard %d times that it was out of time", n)
	}
}

// What one poll of a row of the gateway's variables costs, encrypted.
func BenchmarkBulkAuthPriv(b *testing.B) {
	a, _ := newAgent(b, snmpSection(b, config.AuthPriv))
	datagram := right.secured(b, a, bulk(20, beast+"2.1"))
	for b.Loop() {
		a.limits = limiter{}
		if a.Answer(datagram, home) == nil {
			b.Fatal("no answer")
		}
	}
}
