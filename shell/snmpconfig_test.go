package shell

import (
	"context"
	"slices"
	"strings"
	"testing"

	"postern/engine/config"
	"postern/hardware"
)

const seedInterface = `hostname = "mail1.example.com"
[[interface]]
name = "Management"
address = "10.10.4.5/27"
`

// asMail1 has a transcript be one of another host, up to a commit's own question.
func asMail1(said string) string {
	before, _, _ := strings.Cut(said, "mail3.example.com > commit\n")
	if before != said {
		before += "mail3.example.com > commit\n"
	}
	return strings.NewReplacer("mail3.example.com> ", "mail1.example.com> ", "mail3.example.com > ", "mail1.example.com > ").Replace(before)
}

func keyOf(t *testing.T, passphrase string) string {
	t.Helper()
	key, err := config.SNMPKey(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSNMPConfigIsTheSeeds(t *testing.T) {
	l, o := dialogued(t, seedInterface+"[snmp]\nv1v2c_networks = [\"127.0.0.1/32\", \"fe::1/64\"]\n")
	said := play(t, l, gmt, strings.Join([]string{"snmpconfig", "setup", "", "", "", "", "", "", "short", "ironport", "ironport", "ironport", "ironport", "n", "Y", "", "", "",
		"", "10.10.0.28", "", "", "", "", "commit", "snmp"}, "\n")+"\n", nil)
	compareTranscript(t, "snmpconfig.txt", asMail1(said))
	if strings.Contains(strings.ReplaceAll(said, "[ironport]> \n", ""), "]> ironport") || strings.Contains(said, "short\n") {
		t.Errorf("a passphrase is shown:\n%s", said)
	}
	d, err := config.Parse([]byte(o.now.Text), "committed")
	if err != nil || len(o.commits) != 1 || o.commits[0].Comment != "snmp" {
		t.Fatalf("%v, %+v", err, o.commits)
	}
	want := config.Default().SNMP
	want.Enabled, want.V1V2c, want.Community, want.TrapTargets = true, true, "ironport", []string{"10.10.0.28"}
	want.AuthKey, want.PrivKey = keyOf(t, "ironport"), keyOf(t, "ironport")
	if config.Text(&d.SNMP, "v1v2c_networks") != "127.0.0.1/32, fe::1/64" {
		t.Errorf("networks %v", d.SNMP.Networks)
	}
	for _, key := range config.Keys(&want) {
		if have, want := config.Text(&d.SNMP, key), config.Text(&want, key); have != want && key != "v1v2c_networks" {
			t.Errorf("%s is %q, want %q", key, have, want)
		}
	}
	if strings.Contains(strings.Replace(o.now.Text, `community = "ironport"`, "", 1), "ironport") {
		t.Error("the configuration has a passphrase")
	}
}

func TestSNMPConfigBranches(t *testing.T) {
	const keys = "auth_key = \"9fb5cc0381497b3793528939ff788d5d79145211\"\npriv_key = \"0fb5cc0381497b3793528939ff788d5d79145211\"\n"
	for name, c := range map[string]struct {
		snmp    string
		typed   []string
		said    []string
		never   []string
		changes []config.Change
	}{
		"disabling remembers the keys": {"[snmp]\nenabled = true\n" + keys, []string{"setup", "n"}, []string{"SNMP Disabled.\n", "- SETUP"}, []string{"Choose an IP"},
			[]config.Change{{Path: "snmp.enabled", Before: "true", After: "false"}}},
		"enabling again asks for no passphrase": {"[snmp]\n" + keys, []string{"setup", "", "", "", "", "", "", "", "", "", "none", "", ""},
			[]string{"[********]> \n", "[********]> \n", "Service SNMP V1/V2c requests? [N]> \n", "Trap target as", "System Location", "SNMP v1/v2: Disabled.\n", "Trap target: None\n"},
			[]string{"again to confirm", "Warning", "Select the version", "Enterprise"}, []config.Change{{Path: "snmp.enabled", Before: "false", After: "true"}}},
		"the lowest level takes no passphrase": {"", []string{"setup", "", "", "", "1", "", "none", "", ""}, []string{"Security level: noAuthNoPriv\nSNMP v1/v2: Disabled."},
			[]string{"Enter the SNMPv3", "type:", "protocol:"}, []config.Change{{Path: "snmp.enabled", Before: "false", After: "true"}, {Path: "snmp.level", Before: `"authPriv"`, After: `"noAuthNoPriv"`}}},
		"the middle one takes one": {"", []string{"setup", "", "", "", "2", "", "maplesyrup", "mapleSyrup", "maplesyrup", "maplesyrup", "", "none", "", ""},
			[]string{"passphrases are not the same", "Security level: authNoPriv\nAuthentication Protocol: SHA\nSNMP v1/v2"}, []string{"Enter the SNMPv3 privacy", "protocol:", "maple"},
			[]config.Change{{Path: "snmp.enabled", Before: "false", After: "true"}, {Path: "snmp.level", Before: `"authPriv"`, After: `"authNoPriv"`},
				{Path: "snmp.auth_key", Before: `""`, After: `"*****"`}}},
		"other passwords are asked for": {"", []string{"setup", "", "", "", "", "", "", "ironport", "ironport", "ironport", "ironport", "", "ironport", "ironport", "different1", "different1", "", "none", "", ""},
			[]string{"Warning", "Do you want to set other passwords? [Y]> \n", "authentication passphrase.\n[]> "}, nil,
			[]config.Change{{Path: "snmp.enabled", Before: "false", After: "true"}, {Path: "snmp.auth_key", Before: `""`, After: `"*****"`}, {Path: "snmp.priv_key", Before: `""`, After: `"*****"`}}},
	} {
		l, o := dialogued(t, seedInterface+c.snmp)
		said, changes := typed(t, l, o, slices.Concat([]string{"snmpconfig"}, c.typed, []string{"", "commit", "x"})...)
		contains(t, said, c.said...)
		for _, never := range c.never {
			if strings.Contains(said, never) {
				t.Errorf("%s: %q is in\n%s", name, never, said)
			}
		}
		changed(t, name+said, changes, c.changes...)
	}
}

func TestSNMPConfigBadAnswers(t *testing.T) {
	l, o := dialogued(t, seedInterface)
	said, changes := typed(t, l, o, "snmpconfig", "set up", "SETUP", "maybe", "", "2", "", "0", "http", "1161", "4", "1", "y", "with space", strings.Repeat("x", 65), "", "",
		"10.0.0.0/33", "::1", "none", "10.0.0.0/8,192.0.2.7", "v1", "1", "10.10.0.300", "1,2,3,4,5,6,7,8,9,10,11", "nms.example.com, 192.0.2.9:1162,", "", "\x1b[2J", strings.Repeat("x", 256), "here", "",
		"", "commit", "x")
	contains(t, said, "\"set up\" is none of the operations.", "Please answer Y or N.", `"2" is not one of the choices: give a number from 1 to 1.`, "0 is out of range; allowed is a whole number from 1 to 65535.",
		`"http" is a text`, "give a number from 1 to 3.", `"with space" is not allowed; allowed are at most 64 printable ASCII characters without a space.`, "at most 64 printable", `"10.0.0.0/33" is not allowed; allowed is an address with its network`,
		"::1/128 is not an IPv4 network.", `"none" is not allowed`, "give a number from 1 to 2.", `"10.10.0.300" is not a target for traps; allowed are host`, "has 11 targets; at most 10 are allowed.", "control characters",
		"at most 255 printable", "accepting requests from subnet 10.0.0.0/8,192.0.2.7/32.", "Trap version: V2c\nTrap target: nms.example.com, 192.0.2.9:1162\nLocation: here\n")
	changed(t, said, changes, config.Change{Path: "snmp.enabled", Before: "false", After: "true"}, config.Change{Path: "snmp.port", Before: "161", After: "1161"},
		config.Change{Path: "snmp.level", Before: `"authPriv"`, After: `"noAuthNoPriv"`}, config.Change{Path: "snmp.v1v2c", Before: "false", After: "true"},
		config.Change{Path: "snmp.community", Before: `""`, After: `"*****"`}, config.Change{Path: "snmp.v1v2c_networks", Before: `["127.0.0.1/32"]`, After: `["10.0.0.0/8", "192.0.2.7/32"]`},
		config.Change{Path: "snmp.trap_version", Before: `"3"`, After: `"2c"`}, config.Change{Path: "snmp.trap_targets", Before: "[]", After: `["nms.example.com", "192.0.2.9:1162"]`},
		config.Change{Path: "snmp.location", Before: `"Unknown: Not Yet Configured"`, After: `"here"`})
}

// TestSNMPConfigTraps: thresholds and the URL are asked where they count, and bad numbers again.
func TestSNMPConfigTraps(t *testing.T) {
	l, o := dialogued(t, seedInterface)
	upTo := []string{"snmpconfig", "setup", "", "", "", "1", "", ""}
	said, changes := typed(t, l, o, append(upTo, "y", "", "0", "1", "2,keyExpiration", "", "3", "1, 6,9", "101", "90", "ftp://x", "https://www.example.com/", "", "y", "n", "n", "91", "", "80", "", "", "", "", "commit", "x")...)
	contains(t, said, "1. CPUUtilizationExceeded     Disabled", "change any of these settings? [N]> y\n", "disable any of these traps? [Y]> \n",
		"Enter number or numbers of traps to disable. Separate multiple numbers with commas.\n[]> 0\n", `"0" is not one of the traps: give numbers from 1 to 11.`, "CPUUtilizationExceeded is disabled already.",
		"enable any of these traps? [Y]> \n", "FIPSMODEEnableFailure is enabled already.", "threshold would you like to set for CPU utilization?\n[95]> 101", "out of range", "check for connectivity failure?\n[]> ftp",
		`"ftp://x" is not an address of the web`, "memory utilization?\n[95]> \n", "1. CPUUtilizationExceeded     Enabled (threshold: 90%)", "6. connectivityFailure        Enabled (URL: https://www.example.com/)", "7. keyExpiration              Disabled",
		"CPU utilization?\n[90]> 91", "[https://www.example.com/]> \n", "[95]> 80", "(threshold: 91%)", "settings? [N]> \n", "System Location")
	changed(t, said, changes, config.Change{Path: "snmp.enabled", Before: "false", After: "true"}, config.Change{Path: "snmp.level", Before: `"authPriv"`, After: `"noAuthNoPriv"`},
		config.Change{Path: "snmp.trap_targets", Before: "[]", After: `["127.0.0.1"]`}, config.Change{Path: "snmp.traps",
			Before: `["FIPSMODEDisableFailure", "FIPSMODEEnableFailure", "FailoverHealthy", "FailoverUnhealthy", "RAIDStatusChange", "fanFailure", "highTemperature", "keyExpiration", "linkUpDown", "powerSupplyStatusChange", "resourceConservationMode", "updateFailure"]`,
			After:  `["CPUUtilizationExceeded", "FIPSMODEEnableFailure", "FailoverHealthy", "FailoverUnhealthy", "RAIDStatusChange", "connectivityFailure", "fanFailure", "highTemperature", "linkUpDown", "memoryUtilizationExceeded", "powerSupplyStatusChange", "resourceConservationMode", "updateFailure"]`}, config.Change{Path: "snmp.cpu_threshold", Before: "95", After: "91"},
		config.Change{Path: "snmp.memory_threshold", Before: "95", After: "80"}, config.Change{Path: "snmp.connectivity_url", Before: `""`, After: `"https://www.example.com/"`})
}

// TestSNMPConfigOfAMachineWithSensors lists the traps of those.
func TestSNMPConfigOfAMachineWithSensors(t *testing.T) {
	l, _ := dialogued(t, seedInterface)
	l.Program.Sensors = func(context.Context) *hardware.Sensors {
		return &hardware.Sensors{Fans: []hardware.Fan{{}}, Temperatures: []hardware.Temperature{{}}, Drives: []hardware.Drive{{}}, PowerSupplies: []hardware.PowerSupply{{}}}
	}
	for _, g := range []Gateway{l, overSocket(t, l)} {
		said := play(t, g, gmt, "snmpconfig\nsetup\n\n\n\n1\n\n\n", nil)
		contains(t, strings.Join(transcriptLines(said), "\n")+"\n", "5. FailoverUnhealthy Enabled\n6. RAIDStatusChange Enabled\n7. connectivityFailure Disabled\n8. fanFailure Enabled\n9. highTemperature Enabled\n",
			"13. powerSupplyStatusChange Enabled\n14. resourceConservationMode Enabled\n15. updateFailure Enabled\n")
	}
}

func TestSNMPConfigIPv6(t *testing.T) {
	l, o := dialogued(t, seedInterface+"[[interface]]\nname = \"Six\"\naddress = \"2001:db8::5/64\"\n")
	said, changes := typed(t, l, o, "snmpconfig", "setup", "", "2", "", "1", "y", "", "n", "n", "y", "10.0.0.0/8", "y", "192.0.2.1", "2001:db8::/32,fe80::/10", "", "none", "", "", "", "commit", "x")
	contains(t, said, "2. Six (2001:db8::5/64: mail1.example.com)\n[1]> 2", "IPv4 addresses? [Y]> n", "IPv6 addresses? [Y]> n", "at least one is needed", "IPv4 addresses? [Y]> y", "[127.0.0.1/32]> 10", "IPv6 addresses? [Y]> y",
		"From which IPv6 networks shall SNMP V1/V2c requests be allowed? Separate multiple networks with commas.\n[::1/128]> 192", "is not an IPv6 network.", `Listening on interface "Six" 2001:db8::5/64 port 161.`, "10.0.0.0/8,2001:db8::/32,fe80::/10.")
	changed(t, said, changes, config.Change{Path: "snmp.enabled", Before: "false", After: "true"}, config.Change{Path: "snmp.interface", Before: `""`, After: `"Six"`},
		config.Change{Path: "snmp.level", Before: `"authPriv"`, After: `"noAuthNoPriv"`}, config.Change{Path: "snmp.v1v2c", Before: "false", After: "true"},
		config.Change{Path: "snmp.community", Before: `""`, After: `"*****"`}, config.Change{Path: "snmp.v1v2c_networks", Before: `["127.0.0.1/32"]`, After: `["10.0.0.0/8", "2001:db8::/32", "fe80::/10"]`})
}

// TestSNMPConfigLeft: whoever leaves a question, or has nobody left to answer it, has changed nothing.
func TestSNMPConfigLeft(t *testing.T) {
	for _, answers := range []string{"setup\n", "setup\n\n\n1161\n1\ny\n", "setup\n\n\n\n\n\n\nironport\n"} {
		l, _ := dialogued(t, seedInterface)
		c := &Call{Gateway: l, Command: Find("snmpconfig"), Out: new(strings.Builder), Asker: newLines(strings.NewReader(answers), new(strings.Builder))}
		if err := c.Do(t.Context()); err == nil || c.Uncommitted() {
			t.Errorf("%q: %v, changed: %t", answers, err, c.Uncommitted())
		}
	}
}
