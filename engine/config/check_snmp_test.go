package config

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

const (
	someKey = "9fb5cc0381497b3793528939ff788d5d79145211" // RFC 3414 section A.3.2: "maplesyrup"

)

func snmpDocument(t *testing.T, text string) *Document {
	t.Helper()
	d, err := parse([]byte(text), "c.toml", "h.test")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSNMPKey(t *testing.T) {
	if key, err := SNMPKey("maplesyrup"); err != nil || key != someKey {
		t.Errorf("the key of RFC 3414 is %s, %v", key, err)
	}
	for _, bad := range []string{"", "seven77", strings.Repeat("x", 256)} {
		if key, err := SNMPKey(bad); err == nil {
			t.Errorf("%q gives %s", bad, key)
		}
	}
}

func TestSNMPIsRead(t *testing.T) {
	d := snmpDocument(t, `[[interface]]
name = "A"
address = "192.0.2.1/24"
[[interface]]
name = "B"
address = "2001:db8::1/64"
[snmp]
enabled = true
interface = "B"
port = 1161
engine_id = "80003C890012AB"
level = "authNoPriv"
auth_key = "`+strings.ToUpper(someKey)+`"
v1v2c = true
community = "ironport"
v1v2c_networks = ["127.0.0.1", "10.1.2.3/8", "::ffff:192.0.2.7/120", "fe80::1/64"]
trap_version = "2c"
inform = true
trap_targets = ["NMS.Example.com", "nms2:1162", "192.0.2.9", "[2001:db8::9]:1162", "2001:db8::9"]
traps = ["linkUpDown", "connectivityFailure"]
connectivity_url = "https://www.example.com/x"
`)
	s := d.SNMP
	if d.SNMPInterface().Name != "B" || s.EngineID != "80003c890012ab" || s.AuthKey != someKey || !s.Inform || !s.V1V2c || s.Port != 1161 {
		t.Errorf("got %+v", s)
	}
	if got := strings.Join(s.TrapTargets, " "); got != "nms.example.com nms2:1162 192.0.2.9 [2001:db8::9]:1162 2001:db8::9" {
		t.Errorf("targets %s", got)
	}
	for addr, want := range map[string]bool{"127.0.0.1": true, "127.0.0.2": false, "10.200.0.1": true, "::ffff:10.0.0.1": true, "192.0.2.99": true,
		"::ffff:192.0.2.99": true, "192.0.3.1": false, "fe80::77%eth0": true, "::1": false, "2001:db8::1": false} {
		if s.MayAskSNMP(netip.MustParseAddr(addr)) != want {
			t.Errorf("%s may ask: %t", addr, !want)
		}
	}
	again, err := parse(Encode(d), "c.toml", "h.test")
	if err != nil || len(Diff(d, again)) > 0 {
		t.Errorf("read back it is %v, %v", Diff(d, again), err)
	}
}

func TestSNMPDefaults(t *testing.T) {
	d := snmpDocument(t, "")
	want := "FIPSMODEDisableFailure FIPSMODEEnableFailure FailoverHealthy FailoverUnhealthy RAIDStatusChange fanFailure highTemperature keyExpiration linkUpDown powerSupplyStatusChange resourceConservationMode updateFailure"
	s := d.SNMP
	if s.Enabled || s.V1V2c || s.Level != AuthPriv || s.Port != 161 || s.Community != "" || s.TrapVersion != "3" || strings.Join(s.Traps, " ") != want {
		t.Errorf("the defaults are %+v", s)
	}
	if d.SNMPInterface().Name != "Management" {
		t.Errorf("the interface is %+v", d.SNMPInterface())
	}
}

func TestTrapTargets(t *testing.T) {
	for text, want := range map[string]TrapTarget{
		"nms.example.com":   {Host: "nms.example.com", Port: 162},
		"NMS:99":            {Host: "nms", Port: 99},
		"192.0.2.1:99":      {Address: netip.MustParseAddr("192.0.2.1"), Port: 99},
		"[2001:db8::1]":     {Address: netip.MustParseAddr("2001:db8::1"), Port: 162},
		"::ffff:192.0.2.1":  {Address: netip.MustParseAddr("192.0.2.1"), Port: 162},
		"[fe80::1%eth0]:99": {Address: netip.MustParseAddr("fe80::1%eth0"), Port: 99},
	} {
		got, err := ParseTrapTarget(text)
		again, err2 := ParseTrapTarget(got.String())
		if err != nil || err2 != nil || !reflect.DeepEqual(got, want) || got != again {
			t.Errorf("%s is %+v, %v, written as %s", text, got, err, got)
		}
	}
	for _, bad := range []string{"", "a b", "a:0", "a:", ":162", "192.0.2.1:", "192.0.2.1:65536", "0.0.0.0", "::", "224.0.0.1", "[192.0.2.1", "[]:1", "a:1:2", "fe80::1%a]b", "x/y"} {
		if got, err := ParseTrapTarget(bad); err == nil {
			t.Errorf("%q is %+v", bad, got)
		}
	}
}

func TestSNMPErrors(t *testing.T) {
	enabled := "[snmp]\nenabled = true\nlevel = 'noAuthNoPriv'\n"
	for text, want := range map[string]string{
		"[snmp]\nenabled = 'yes'":              `c.toml:2:11: snmp.enabled: "yes" is a text; allowed is true or false`,
		"[snmp]\nlevel = 'none'":               `c.toml:2:9: snmp.level: "none" is not allowed; allowed is noAuthNoPriv, authNoPriv, authPriv`,
		"[snmp]\nport = 0":                     `c.toml:2:8: snmp.port: 0 is out of range; allowed is a whole number from 1 to 65535`,
		"[snmp]\ninterface = 'Data1'":          `c.toml:2:13: snmp.interface: "Data1" is not an interface; allowed are Management`,
		"[snmp]\nengine_id = '00'":             `c.toml:2:13: snmp.engine_id: "00" is not an engine id; allowed are 10 to 64 hexadecimal digits, not all 0 or all f`,
		"[snmp]\nengine_id = 'ffffffffff'":     `c.toml:2:13: snmp.engine_id: "ffffffffff" is not an engine id; allowed are 10 to 64 hexadecimal digits, not all 0 or all f`,
		"[snmp]\nengine_id = '80003c89001g'":   `c.toml:2:13: snmp.engine_id: "80003c89001g" is not an engine id; allowed are 10 to 64 hexadecimal digits, not all 0 or all f`,
		"[snmp]\nauth_key = 'my passphrase'":   `c.toml:2:12: snmp.auth_key: is not a key; snmpconfig or "postern config snmpkey" makes one of a passphrase, and it has 40 hexadecimal digits`,
		"[snmp]\npriv_key = '" + someKey + "'": `c.toml:2:12: snmp.priv_key: is a key for privacy without one for authentication; there is no such level`,
		"[snmp]\nenabled = true": "c.toml:1:2: snmp.auth_key: is missing; the level authPriv needs one, which snmpconfig or \"postern config snmpkey\" makes of a passphrase\n" +
			"c.toml:1:2: snmp.priv_key: is missing; the level authPriv needs one, which snmpconfig or \"postern config snmpkey\" makes of a passphrase",
		"[snmp]\nenabled = true\nlevel = 'authNoPriv'":                         `c.toml:1:2: snmp.auth_key: is missing; the level authNoPriv needs one, which snmpconfig or "postern config snmpkey" makes of a passphrase`,
		"[snmp]\ncommunity = 'a b'":                                            `c.toml:2:13: snmp.community: is not allowed; allowed are at most 64 printable ASCII characters without a space`,
		enabled + "v1v2c = true":                                               `c.toml:1:2: snmp.community: is missing; versions 1 and 2c need one`,
		enabled + "trap_version='2c'\ntrap_targets=['a']":                      `c.toml:1:2: snmp.community: is missing; traps of version 2c need one`,
		enabled + "v1v2c = true\ncommunity='x'\nv1v2c_networks = []":           `c.toml:6:1: snmp.v1v2c_networks: is empty; versions 1 and 2c need at least one network whose requests are answered`,
		"[snmp]\nv1v2c_networks = ['x']":                                       `c.toml:2:19: snmp.v1v2c_networks: "x" is not allowed; allowed is an address with its network, such as "192.0.2.1/24"`,
		"[snmp]\ntrap_version = '1'":                                           `c.toml:2:16: snmp.trap_version: "1" is not allowed; allowed is 2c, 3`,
		"[snmp]\ntrap_targets = ['a','b','c','d','e','f','g','h','i','j','k']": `c.toml:2:1: snmp.trap_targets: has 11 targets; at most 10 are allowed`,
		"[snmp]\ntrap_targets = ['nms', 'NMS:162']":                            `c.toml:2:24: snmp.trap_targets: nms stands here twice`,
		"[snmp]\ntrap_targets = ['a b']":                                       `c.toml:2:17: snmp.trap_targets: "a b" is not a target for traps; allowed are host, host:port, 192.0.2.1, 192.0.2.1:port, 2001:db8::1, [2001:db8::1]:port`,
		"[snmp]\ntraps = ['linkUpDown', 'linkUpDown']":                         `c.toml:2:24: snmp.traps: linkUpDown stands here twice`,
		"[snmp]\ntraps = ['connectivityFailure']":                              `c.toml:1:2: snmp.connectivity_url: is missing; the trap connectivityFailure needs one`,
		"[snmp]\ncpu_threshold = 101":                                          `c.toml:2:17: snmp.cpu_threshold: 101 is out of range; allowed is a whole number from 1 to 100`,
		"[snmp]\nconnectivity_url = 'ftp://a.test/'":                           `c.toml:2:20: snmp.connectivity_url: is not an address of the web; allowed is one such as "https://www.example.com/" without a user`,
		"[snmp]\nlocation = 'Zürich'":                                          `c.toml:2:12: snmp.location: is not allowed; allowed are at most 255 printable ASCII characters`,
		"[snmp]\nmodel = '" + strings.Repeat("m", 65) + "'":                    `c.toml:2:9: snmp.model: is not allowed; allowed are at most 64 printable ASCII characters`,
	} {
		d, err := parse([]byte(text), "c.toml", "h.test")
		if err == nil {
			t.Errorf("%s\nwas taken: %+v", text, d.SNMP)
		} else if err.Error() != want {
			t.Errorf("%s\n got %s\nwant %s", text, err, want)
		}
	}
	_, err := parse([]byte("[snmp]\ntraps = ['linkDown']"), "c.toml", "h.test")
	if err == nil || !strings.HasPrefix(err.Error(), `c.toml:2:10: snmp.traps: "linkDown" is not the name of a trap; allowed are CPUUtilizationExceeded, FIPSMODE`) {
		t.Errorf("an unknown trap: %v", err)
	}
}
