package snmp

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mibDirs are our MIB files, and what they need of others: testdata/base stands in for the modules of RFC 2578 to 2580,
// which not every distribution has.
const mibDirs = "testdata/base:mibs"

// translate has net-snmp do something with our MIB files alone, and gives what it printed and what it warned of.
func translate(t *testing.T, arguments ...string) (out, warnings string) {
	t.Helper()
	program, err := exec.LookPath("snmptranslate")
	if err != nil {
		t.Skip("snmptranslate is not installed (snmp)")
	}
	c := exec.Command(program, append([]string{"-M", mibDirs, "-m", "ALL"}, arguments...)...)
	own := t.TempDir()
	if err := os.Mkdir(filepath.Join(own, "cert_indexes"), 0o700); err != nil { // else it says that it has made one
		t.Fatal(err)
	}
	c.Env = append(os.Environ(), "SNMPCONFPATH="+own, "SNMP_PERSISTENT_DIR="+own)
	var o, e strings.Builder
	c.Stdout, c.Stderr = &o, &e
	if err := c.Run(); err != nil {
		t.Fatalf("%v: %s", err, e.String())
	}
	return o.String(), e.String()
}

// TestMIBFilesLoad: net-snmp reads our MIB files without a word.
func TestMIBFilesLoad(t *testing.T) {
	tree, warnings := translate(t, "-Tp")
	if warnings != "" || !strings.Contains(tree, "posternFiguresRecord(1)") || !strings.Contains(tree, "perCentCPULoad(26)") {
		t.Errorf("it warns:\n%s\nand reads:\n%.2000s", warnings, tree)
	}
}

// TestMIBFilesNameAll: they have a name for everything that the gateway answers, and for each notification.
func TestMIBFilesNameAll(t *testing.T) {
	g, _ := busyGateway()
	list := g.Branch().Read(noon)
	arguments := []string{"-OS"}
	for _, v := range list {
		arguments = append(arguments, v.OID.dotted())
	}
	out, warnings := translate(t, arguments...)
	names := strings.Fields(out)
	if warnings != "" || len(names) != len(list) {
		t.Fatalf("%d names of %d objects; it warns:\n%.1000s", len(names), len(list), warnings)
	}
	for i, name := range names {
		if !regexp.MustCompile(`^POSTERN(-ASYNCOS-MAIL)?-MIB::[a-z][A-Za-z0-9]*\.(\d+|'.*'|".*")$`).MatchString(name) {
			t.Errorf("%s is called %s", list[i].OID, name)
		}
	}
	for i, want := range []string{"resourceConservationMode", "powerSupplyStatusChange", "highTemperature", "fanFailure", "keyExpiration", "updateFailure", "raidStatusChange",
		"connectivityFailure", "memoryUtilizationExceeded", "cpuUtilizationExceeded", "hsmInitializationFailure", "hsmResetLoginFailure"} {
		if out, _ := translate(t, fmt.Sprintf(".1.3.6.1.4.1.15497.1.1.2.%d", i+1)); strings.TrimSpace(out) != "POSTERN-ASYNCOS-MAIL-MIB::"+want {
			t.Errorf("notification %d is called %s", i+1, out)
		}
	}
}
