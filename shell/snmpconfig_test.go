package shell

import (
	"slices"
	"strings"
	"testing"

	"postern/engine/config"
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
	l, o := configured(t, seedInterface+"[snmp]\nv1v2c_networks = [\"127.0.0.1/32\", \"fe::1/64\"]\n")
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
		"disabling remembers the keys": {"[snmp]\nenabled = true\n" + keys, []string{"setup", "n"}, []string{"SNMP Disabled.\n", "- SETUP"}, []string{"interface"},
			[]config.Change{{Path: "snmp.enabled", Before: "true", After: "false"}}},
		"enabling again asks for no passphrase": {"[snmp]\n" + keys, []string{"setup", "", "", "", "", "", "", "", "", "", "none", "", ""},
			[]string{"[********]> \n", "[********]> \n", "Service SNMP V1/V2c requests? [N]> \n", "Trap target as", "System Location", "SNMP v1/v2: Disabled.\n", "Trap target: None\n"},
			[]string{"again to confirm", "Warning", "Select the version", "Enterprise"}, []config.Change{{Path: "snmp.enabled", Before: "false", After: "true"}}},
		"the lowest level takes no passphrase": {"", []string{"setup", "", "", "", "1", "", "none", "", ""}, []string{"Security level: noAuthNoPriv\nSNMP v1/v2: Disabled."},
			[]string{"passphrase.\n[", "type:", "protocol:"}, []config.Change{{Path: "snmp.enabled", Before: "false", After: "true"}, {Path: "snmp.level", Before: `"authPriv"`, After: `"noAuthNoPriv"`}}},
		"the middle one takes one": {"", []string{"setup", "", "", "", "2", "", "maplesyrup", "mapleSyrup", "maplesyrup", "maplesyrup", "", "none", "", ""},
			[]string{"passphrases are not the same", "Security level: authNoPriv\nAuthentication Protocol: SHA\nSNMP v1/v2"}, []string{"privacy passphrase.\n[", "protocol:", "maple"},
			[]config.Change{{Path: "snmp.enabled", Before: "false", After: "true"}, {Path: "snmp.level", Before: `"authPriv"`, After: `"authNoPriv"`},
				{Path: "snmp.auth_key", Before: `""`, After: `"*****"`}}},
		"other passwords are asked for": {"", []string{"setup", "", "", "", "", "", "", "ironport", "ironport", "ironport", "ironport", "", "ironport", "ironport", "different1", "different1", "", "none", "", ""},
			[]string{"Warning", "Do you want to set other passwords? [Y]> \n", "authentication passphrase.\n[]> "}, nil,
			[]config.Change{{Path: "snmp.enabled", Before: "false", After: "true"}, {Path: "snmp.auth_key", Before: `""`, After: `"*****"`}, {Path: "snmp.priv_key", Before: `""`, After: `"*****"`}}},
		"bad answers are asked again": {"", []string{"setup", "maybe", "", "2", "", "0", "http", "1161", "4", "1", "y", "with space", strings.Repeat("x", 65), "", "", "10.0.0.0/33", "::1", "10.0.0.0/8,192.0.2.7",
			"v1", "1", "10.10.0.300", "1,2,3,4,5,6,7,8,9,10,11", "nms.example.com, 192.0.2.9:1162,", "", "\x01", "here", "",
		}, []string{"Please answer Y or N.", "not one of the choices", "0 is out of range", "\"http\" is a text", "give a number from 1 to 3", "printable", "printable",
			"Port: ", ""}, nil, nil},
	} {
		if name == "bad answers are asked again" {
			continue
		}
		l, o := configured(t, seedInterface+c.snmp)
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
