package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
)

// pollers are what the templates and plug-ins of monitoring systems for these gateways ask, below .1.3.6.1.
var pollers = []struct {
	name string
	get  string // scalars, below 4.1.15497.1.1.1 unless they begin with 2 or 6
	walk string // columns that any gateway with a certificate has
	none string // walks of what a machine without such hardware does not have: they end, and do no harm
}{
	{"LibreNMS", "2.1.1.1.0 2.1.1.2.0 2.1.1.3.0 2.1.1.4.0 2.1.1.5.0 2.1.1.6.0 6.3.10.2.1.3.0 2.1.6.9.0",
		"2.1.2.2.1.1 2.1.2.2.1.2 2.1.2.2.1.3 2.1.2.2.1.7 2.1.2.2.1.8 2.1.31.1.1.1.1 2.1.31.1.1.1.6 2.1.31.1.1.1.10 2.1.31.1.1.1.15 2.1.31.1.1.1.18 2.1.4.20.1.1 2.1.4.20.1.2 2.1.4.20.1.3", ""},
	{"Zabbix, template ESA-CISCO", "1.0 2.0 3.0 4.0 5.0 6.0 7.0 14.0 15.0 16.0 19.0 20.0", "12.1.2 12.1.3 12.1.4", "13.1.2 13.1.3 13.1.4 27"},
	{"Datadog and netdata, profile cisco-ironport-email", "1.0 2.0 3.0 4.0 11.0 14.0 15.0 16.0 17.0 19.0 20.0 23.0 26.0 2.1.2.1.0",
		"12.1.2 12.1.3 12.1.4 2.1.2.2.1.5 2.1.2.2.1.13 2.1.2.2.1.14 2.1.2.2.1.19 2.1.2.2.1.20 2.1.31.1.1.1.7 2.1.31.1.1.1.8 2.1.31.1.1.1.11",
		"8.1.2 8.1.3 8.1.4 9.1.2 9.1.3 10.1.2 10.1.3 13.1.2 13.1.3 13.1.4 18.1.2 18.1.3 18.1.4"},
	{"Centreon", "1.0 2.0 5.0 6.0 11.0 15.0 16.0 19.0 20.0", "12.1", "8.1 9.1 10.1 13.1 18.1"},
	{"Checkmk and plug-ins of Nagios, which walk scalars too", "1.0 2.0 19.0", "1 2 3 4 5 6 7 11 14 19 20 12.1", "8.1 9.1 10.1 18.1"},
}

// under makes whole names of a list.
func under(list string) (names []string) {
	for _, word := range strings.Fields(list) {
		if !strings.HasPrefix(word, "2.1.") && !strings.HasPrefix(word, "6.3.") {
			word = "4.1.15497.1.1.1." + word
		}
		names = append(names, ".1.3.6.1."+word)
	}
	return names
}

// What monitoring systems ask of an AsyncOS gateway is answered to net-snmp's tools, with the columns of a table alike.
func TestPollersOfAsyncOS(t *testing.T) {
	certificate, key := writePair(t)
	port := freeUDP(t)
	g := runGateway(t, runSink(t), fmt.Sprintf("[http]\naddress = %q\ncertificate = %q\nkey = %q\n[snmp]\nenabled = true\nport = %d\nlevel = \"noAuthNoPriv\"\nv1v2c = true\ncommunity = \"word\"\n",
		freeAddress(t), certificate, key, port))
	at := fmt.Sprintf("127.0.0.1:%d", port)
	own := t.TempDir()
	tool := func(name string, arguments ...string) []string {
		t.Helper()
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skip(err)
		}
		c := exec.CommandContext(t.Context(), path, append([]string{"-v2c", "-cword", "-On", "-t30", at}, arguments...)...)
		c.Env = append(os.Environ(), "MIBS=", "SNMP_PERSISTENT_DIR="+own, "SNMPCONFPATH=/nonexistent")
		out, err := c.Output()
		if err != nil {
			t.Errorf("%s %v: %v, %s", name, arguments, err, out)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	instances := func(column string) (list []string) {
		for _, line := range tool("snmpbulkwalk", column) {
			if name, _, ok := strings.Cut(line, " = "); ok && !strings.Contains(line, " = No Such ") {
				list = append(list, strings.TrimPrefix(name, column))
			}
		}
		return list
	}
	for _, p := range pollers {
		names := under(p.get)
		if lines := tool("snmpget", names...); len(lines) != len(names) || strings.Contains(strings.Join(lines, "\n"), "No Such ") {
			t.Errorf("%s asks %q and gets\n%s", p.name, names, strings.Join(lines, "\n"))
		}
		for _, column := range under(p.walk) {
			if len(instances(column)) == 0 {
				t.Errorf("%s walks %s and finds nothing", p.name, column)
			}
		}
		for _, column := range under(p.none) {
			instances(column)
		}
	}
	rows := instances(under("12.1.2")[0])
	for _, column := range under("12.1.1 12.1.3 12.1.4") {
		if other := instances(column); len(rows) == 0 || !slices.Equal(other, rows) {
			t.Errorf("%s has the rows %q, the descriptions %q", column, other, rows)
		}
	}
	// IronPort's own plug-in asks for more that is not repeated than it names.
	c := &gosnmp.GoSNMP{Target: "127.0.0.1", Port: uint16(port), Version: gosnmp.Version2c, Community: "word", Timeout: 30 * time.Second, MaxOids: 10}
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	defer c.Conn.Close()
	said, err := c.GetBulk(under("12.1.2"), 5, 5)
	if err != nil || len(said.Variables) != 1 || said.Variables[0].Name != under("12.1.2.1")[0] || string(said.Variables[0].Value.([]byte)) != "Certificate HTTP" {
		t.Errorf("%+v, %v", said, err)
	}
	stop(t, g)
}
