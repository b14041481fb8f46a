package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/engine/config"
)

// TestInterfaceConfig goes through the whole dialogue, with bad answers on the way.
func TestInterfaceConfig(t *testing.T) {
	l, o := dialogued(t, twoInterfaces)
	said, changes := typed(t, l, o, "interfaceconfig", "new", "9lives", "publicnet", "InternalNet", "10.0.0.300", "192.168.42.42", "10.0.0.7", "33", "255.0.255.0", "0xffff0000", "-bad-", "",
		"edit", "7", "PublicNet", "OutsideNet", "192.0.2.2", "", "", "delete", "OutsideNet", "delete", "3", "frog", "", "commit", "x")
	compareTranscript(t, "interfaceconfig.txt", said)
	contains(t, said, "Currently configured interfaces:\n1. Management (192.168.42.42/24: mail3.example.com)\n2. PublicNet (192.0.2.1/24: mx.example.com)\n",
		"- NEW - Create a new interface.\n- EDIT - Modify an interface.\n- DELETE - Remove an interface.\n[]> new\n",
		"Please enter a name for this IP interface (Ex: \"InternalNet\"):\n[]> 9lives\n\"9lives\" is not a name;", `"publicnet" stands here twice`,
		"IP Address (Ex: 192.168.1.2 or 2001:db8::2):\n[]> 10.0.0.300\n", "192.168.42.42 is the address of interface Management already.",
		"Netmask (Ex: \"24\", \"255.255.255.0\" or \"0xffffff00\"):\n[24]> 33\n\"33\" is not a netmask of 10.0.0.7: a number of bits from 0 to 32 will do.", `"255.0.255.0" is not`,
		"Hostname:\n[mail3.example.com]> -bad-\n\"-bad-\" is not a domain name", "Interface InternalNet created.\n", "3. InternalNet (10.0.0.7/16: mail3.example.com)\n",
		"Enter the number of the interface you wish to edit.\n[]> 7\nThere is no \"7\": give a name, or a number from 1 to 3.", "IP interface name (Ex: \"InternalNet\"):\n[PublicNet]> OutsideNet",
		"[192.0.2.1]> 192.0.2.2", "[24]> ", "[mx.example.com]> ", "Interface OutsideNet changed.\nListener InboundMail moves to 192.0.2.2:25.\n",
		"Enter the number of the interface you wish to delete.\n[]> OutsideNet\nInterface OutsideNet is in use by listener InboundMail: change that first.\n",
		"Interface InternalNet removed.\n", `"frog" is none of the operations.`)
	changed(t, said, changes, config.Change{Path: "interface.PublicNet", Before: `{name = "PublicNet", address = "192.0.2.1/24", hostname = "mx.example.com"}`},
		config.Change{Path: "interface.OutsideNet", After: `{name = "OutsideNet", address = "192.0.2.2/24", hostname = "mx.example.com"}`},
		config.Change{Path: "listener.InboundMail.address", Before: `"192.0.2.1:25"`, After: `"192.0.2.2:25"`})
}

// TestAnInterfaceTakesItsUsersAlong: whatever names it goes on to name it, and it cannot go while it is in use.
func TestAnInterfaceTakesItsUsersAlong(t *testing.T) {
	l, o := dialogued(t, twoInterfaces+"[delivery]\ninterface = \"PublicNet\"\n[snmp]\ninterface = \"PublicNet\"\n")
	said, changes := typed(t, l, o, "interfaceconfig edit PublicNet name Management", "interfaceconfig edit PublicNet name Outside", "interfaceconfig delete Outside", "commit x")
	contains(t, said, `"Management" stands here twice`, "Interface Outside changed.", "Interface Outside is in use by listener InboundMail, deliveries, the SNMP agent: change that first.")
	changed(t, said, changes, config.Change{Path: "interface.PublicNet", Before: `{name = "PublicNet", address = "192.0.2.1/24", hostname = "mx.example.com"}`},
		config.Change{Path: "interface.Outside", After: `{name = "Outside", address = "192.0.2.1/24", hostname = "mx.example.com"}`},
		config.Change{Path: "delivery.interface", Before: `"PublicNet"`, After: `"Outside"`}, config.Change{Path: "snmp.interface", Before: `"PublicNet"`, After: `"Outside"`})
}

func TestListenerConfig(t *testing.T) {
	l, o := dialogued(t, twoInterfaces+"[http]\naddress = \"127.0.0.1:8080\"\n")
	said, changes := typed(t, l, o, "listenerconfig", "new", "public one", "1", "inboundmail", "OutboundMail", "PublicNet", "0", "", "2525", "10.0.0.0/99", "10.0.0.0/8, 2001:db8::/32",
		"new", "", "World", "3", "8080", "2626", "example.com,example.com", "none", "new", "3", "Sink", "1", "", "delete", "Sink", "", "commit", "x")
	compareTranscript(t, "listenerconfig-new.txt", said)
	contains(t, said, "Currently configured listeners:\n1. InboundMail (on PublicNet, 192.0.2.1) SMTP TCP Port 25 Public\n",
		"- NEW - Create a new listener.\n- EDIT - Modify a listener.\n- DELETE - Remove a listener.\n- SETUP - ", "Please select the type of listener you want to create.\n1. Private\n2. Public\n3. Blackhole\n[2]> public one\n",
		"Please create a name for this listener (Ex: \"InboundMail\"):\n[]> inboundmail\nThere is a listener \"inboundmail\" already.",
		"Please choose an IP interface for this Listener.\n1. Management (192.168.42.42/24: mail3.example.com)\n2. PublicNet (192.0.2.1/24: mx.example.com)\n3. All IPv4 addresses (0.0.0.0)\n4. All addresses, IPv6 and IPv4 (::)\n[1]> PublicNet\n",
		"Please enter the TCP port for this listener.\n[25]> 0\n\"0\" is not a port: allowed are 1 to 65535.", "[25]> \n192.0.2.1:25 is busy: listener InboundMail is on 192.0.2.1:25.", "[25]> 2525\n",
		"Please specify the systems allowed to relay email through the gateway.", "[127.0.0.0/8, ::1/128]> 10.0.0.0/99\n", "Listener OutboundMail created.\nDefaults have been set for a Private listener.\n",
		"2. OutboundMail (on PublicNet, 192.0.2.1) SMTP TCP Port 2525 Private\n", "[2]> \n", "That does not go with http.address: 127.0.0.1:8080 is busy: listener World is on 0.0.0.0:8080.", "Please specify the domain names you want to accept mail for.",
		"Listener World created.", "Listener Sink created.\nDefaults have been set for a Blackhole listener.", "Enter the name or number of the listener you wish to remove.\n[]> Sink\nListener Sink removed.\n")
	if len(changes) != 2 || changes[0].Path != "listener.OutboundMail" || changes[1].Path != "listener.World" ||
		!strings.HasPrefix(changes[0].After, `{name = "OutboundMail", kind = "private", address = "192.0.2.1:2525", relay_from = ["10.0.0.0/8", "2001:db8::/32"], accept_domains = [], max_message_size = 104857600,`) ||
		!strings.HasPrefix(changes[1].After, `{name = "World", kind = "public", address = "0.0.0.0:2626", relay_from = [], accept_domains = [], `) {
		t.Errorf("%+v\n%s", changes, said)
	}
}

// TestListenerConfigEdit goes through all parts of a listener. What is complete stays when the next part is left.
func TestListenerConfigEdit(t *testing.T) {
	l, o := dialogued(t, twoInterfaces)
	said, changes := typed(t, l, o, "listenerconfig", "edit", "1", "name", "9", "MX", "hostaccess", "0.0.0.0/0", "10.0.0.1", "rcptaccess", "b.example, .c.example", "certificate", "/etc/mx.pem", "none", "certificate", "/etc/mx.pem", "/etc/mx.key",
		"limits", "1000", "2048", "10", "20", "30", "31", "30", "setup", "0s", "10s", "11s", "12s", "13", "14", "keep", "normalise", "interface", "1", "26", "type", "3", "", "", "commit", "x")
	compareTranscript(t, "listenerconfig-edit.txt", said)
	contains(t, said, "Name:                         InboundMail\nType:                         Public\nInterface:                    PublicNet, 192.0.2.1 TCP Port 25\n",
		"- NAME - Change the name of the listener.\n", "\"9\" is not a name", "- HOSTACCESS - ", "0.0.0.0/0 lets the whole world relay", "[example.com]> b.example",
		"A certificate is of no use without its key: nothing was changed.", "Enter the maximum message size, in bytes.\n[104857600]> 1000\n1000 is out of range; allowed is a whole number from 1024 to 2147483647.",
		"31 is more than max_connections, which is 30.", "\"0s\" is out of range; allowed is a time from 1s to 1h", "\"keep\" is not allowed; allowed is reject, normalise.", "Interface:                    Management, 192.168.42.42 TCP Port 26\n", "Blackhole")
	want := []config.Change{{Path: "listener.InboundMail"}, {Path: "listener.MX"}}
	if len(changes) != 2 || changes[0].Path != want[0].Path || changes[1].Path != want[1].Path || changes[1].After != `{name = "MX", kind = "blackhole", address = "192.168.42.42:26", `+
		`relay_from = ["10.0.0.1/32"], accept_domains = ["b.example", ".c.example"], max_message_size = 2048, max_recipients = 10, max_messages = 20, max_connections = 30, max_connections_per_client = 30, `+
		`command_timeout = "10s", data_timeout = "11s", connection_timeout = "12s", max_errors = 13, bare_newlines = "normalise", max_hops = 14, certificate = "/etc/mx.pem", key = "/etc/mx.key"}` {
		t.Errorf("%+v\n%s", changes, said)
	}
	c := &Call{Gateway: l, Command: Find("listenerconfig"), Args: []string{"edit", "MX"}, Out: new(strings.Builder), Asker: newLines(strings.NewReader("name\nOther\nlimits\n4096\n"), new(strings.Builder))}
	if err := c.Do(t.Context()); err == nil || len(c.Changes.changes()) != 2 || c.Changes.document.Listeners[0].MaxMessageSize != 2048 {
		t.Errorf("left in a part: %v, %+v", err, c.Changes.changes())
	}
}

// TestTheLastListener goes only when that is meant.
func TestTheLastListener(t *testing.T) {
	l, o := dialogued(t, twoInterfaces)
	said, changes := typed(t, l, o, "listenerconfig", "delete", "1", "", "delete", "1", "y", "", "commit", "x")
	compareTranscript(t, "listenerconfig-delete.txt", said)
	contains(t, said, "Listener InboundMail is the last one: without it no mail is received. Are you sure you want to remove it? [N]> \nNothing was changed.", "[N]> y\nListener InboundMail removed.\nThere are no listeners left: no mail is received.\n",
		"There are no listeners: no mail is received.\n", "- NEW - Create a new listener.\n[]> \n")
	if len(changes) != 1 || changes[0].Path != "listener.InboundMail" || changes[0].After != "" {
		t.Errorf("%+v", changes)
	}
}

func TestListenerConfigSetup(t *testing.T) {
	l, o := dialogued(t, twoInterfaces+"[[listener]]\nname = \"B\"\nkind = \"private\"\naddress = \"127.0.0.1:2525\"\nmax_hops = 50\n")
	said, changes := typed(t, l, o, "listenerconfig", "setup", "1m", "", "", "x", "", "", "", "", "commit", "x")
	compareTranscript(t, "listenerconfig-setup.txt", said)
	contains(t, said, "[5m]> 1m", "[20]> x\nListener InboundMail: \"x\" is a text", "[unchanged, they differ]> ", "All listeners changed.")
	changed(t, said, changes, config.Change{Path: "listener.InboundMail.command_timeout", Before: `"5m"`, After: `"1m"`}, config.Change{Path: "listener.B.command_timeout", Before: `"5m"`, After: `"1m"`})
}

func TestSMTPRoutes(t *testing.T) {
	l, o := dialogued(t, "hostname = \"mail3.example.com\"\n")
	said, changes := typed(t, l, o, "smtproutes", "edit", "new", "*.example", "Example.COM", "", "host:99999", "/dev/null,mx.example", "[mx.example.com], 192.0.2.7:2525", "new", "example.com", "all", "usedns", "new", ".b.example", "/dev/null",
		"edit", "c.example", "ALL", "inside.example", "print", "export", "../routes", "x.toml", "routes", "delete", ".b.example", "clear", "", "clear", "y", "import", "nothing", "import", "routes", "import", "routes", "y", "", "commit", "x")
	compareTranscript(t, "smtproutes.txt", said)
	contains(t, said, "There are no routes configured.\n", "- NEW - Create a new route.\n- IMPORT - Import new routes from a file.\n[]> edit\n\"edit\" is none of the operations.",
		"Enter the domain for which you want to set up a permanent route.\nPartial domains such as \".example.com\" are allowed.\nUse \"ALL\" for the default route.\n[]> *.example\n\"*.example\" is not a domain name",
		"Enter the destination hosts, separated by commas, which you want mail for example.com to be delivered.\nEnter USEDNS by itself to use normal DNS resolution for this route.\n"+
			"Enter /dev/null by itself if you wish to discard the mail.\nEnclose in square brackets to force resolution via address (A) records, ignoring any MX records.\n[]> \n",
		"\"host:99999\" is not a target of a route", "/dev/null takes everything", "Mail for example.com will be delivered to [mx.example.com], 192.0.2.7:2525\n", "There is currently 1 route configured.\n",
		"There is a route for example.com already.", "Mail for ALL will be delivered to USEDNS\n", "There are currently 3 routes configured.\n", "There is no route for c.example.", "[USEDNS]> inside.example",
		"example.com  [mx.example.com], 192.0.2.7:2525\nALL          inside.example\n.b.example   /dev/null\n", "\"../routes\" is not the name of a file in the configuration directory.", "\"x.toml\" is the name of",
		"3 routes exported to routes in the configuration directory.", "The route for .b.example is removed.", "Are you sure you want to remove all 2 routes? [N]> \nNothing was changed.", "All routes are removed.",
		"There is no file nothing in the configuration directory.", "3 routes imported.", "The 3 routes of the file take the place of the 3 that are there. Are you sure? [N]> y")
	changed(t, said, changes, config.Change{Path: `smtp_route."example.com"`, After: `{domain = "example.com", to = ["[mx.example.com]", "192.0.2.7:2525"]}`},
		config.Change{Path: "smtp_route.ALL", After: `{domain = "ALL", to = ["inside.example"]}`}, config.Change{Path: `smtp_route.".b.example"`, After: `{domain = ".b.example", to = ["/dev/null"]}`})
	if info, err := os.Stat(filepath.Join(l.Messages.Dir, "routes")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	said, _ = typed(t, l, o, "smtproutes export routes")
	contains(t, said, "There is a file routes already: choose another name.")
}

// TestRoutesThatCannotBeImported change nothing, and it is said in which line what is wrong.
func TestRoutesThatCannotBeImported(t *testing.T) {
	l, _ := dialogued(t, "[[smtp_route]]\ndomain = \"ALL\"\nto = [\"a.example\"]\n")
	for text, want := range map[string]string{
		"# fine\nexample.com a.example\n\nexample.com b.example": "line 4: example.com has a route in line 2 already",
		"example.com":       "line 1: is empty; needed is at least one of",
		"example.com a b":   "line 1: \"a b\" is not a target of a route",
		"exa\x1bmple.com a": "line 1: \"exa?mple.com\" is not a domain name",
		"a.example " + strings.Repeat("b.example,", 101): "line 1: has 101 targets",
		strings.Repeat("x", 70_000):                      "after line 0: ",
	} {
		if err := os.WriteFile(filepath.Join(l.Messages.Dir, "r"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, g := range []Gateway{l, overSocket(t, l)} {
			if got := says(t, g, "smtproutes import r --yes", "batch"); !strings.Contains(got, "error: Nothing was imported from r: "+want) {
				t.Errorf("%.60q: %s", text, got)
			}
		}
	}
	for _, name := range []string{"../x", "/etc/passwd", ".hidden", "a.mbox", "a.toml", "", "a b", strings.Repeat("x", 101)} {
		if _, err := l.ImportFile(t.Context(), name); err == nil || l.ExportFile(t.Context(), name, "x") == nil {
			t.Errorf("%q is taken", name)
		}
	}
	l.Document = func() *config.Document {
		return &config.Document{Subscriptions: []config.Log{{Identity: "archive_key", KnownHosts: "/x/archive_hosts"}}}
	}
	for _, name := range []string{"archive_key", "archive_hosts", "ssh_identity", "known_hosts"} {
		if err := os.WriteFile(filepath.Join(l.Messages.Dir, name), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		if text, err := l.ImportFile(t.Context(), name); err == nil || !strings.Contains(err.Error(), "holds keys of") {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(l.Messages.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.ImportFile(t.Context(), "link"); err == nil {
		t.Error("a link leads out of the directory")
	}
}

func TestDNSConfig(t *testing.T) {
	l, o := dialogued(t, "")
	said, changes := typed(t, l, o, "dnsconfig", "new", "ns.example.com", "0.0.0.0", "192.0.2.53", "new", "192.0.2.53", "[2001:db8::53]:5353", "edit", "1", "", "edit", "2", "2001:db8::54", "delete", "1", "setup", "1h", "1s", "11", "3", "", "", "commit", "x")
	compareTranscript(t, "dnsconfig.txt", said)
	contains(t, said, "Currently using the DNS servers of the system.\n", "answers are cached.\n", "- NEW - Add a new server.\n- SETUP - Configure general settings.\n", "\"ns.example.com\" is not the address of a server", "0.0.0.0:53 cannot be asked.",
		"DNS server 192.0.2.53 added.\n", "192.0.2.53 is on the list already.", "Currently using your own DNS servers:\n1. 192.0.2.53\n2. [2001:db8::53]:5353\n", "[192.0.2.53]> \n", "Nothing was changed.", "DNS server 2001:db8::54 is number 2.", "DNS server 192.0.2.53 removed.",
		"[2s]> 1h\n\"1h\" is out of range; allowed is a time from 100ms to 1m", "[2]> 11\n11 is out of range", "[100000]> \n", "A server has 1s to answer; all are asked up to 3 times. 100,000 answers are cached.\n")
	changed(t, said, changes, config.Change{Path: "dns.servers", Before: "[]", After: `["[2001:db8::54]:53"]`}, config.Change{Path: "dns.timeout", Before: `"2s"`, After: `"1s"`}, config.Change{Path: "dns.tries", Before: "2", After: "3"})
}

func TestAlertConfig(t *testing.T) {
	l, o := dialogued(t, "")
	said, changes := typed(t, l, o, "alertconfig", "new", "joe", "Joe@Example.com", "new", "Joe@example.com", "ann@example.com", "edit", "1", "joe@b.example", "delete", "ann@example.com", "from", "nobody", "postern@example.com", "setup", "1s", "2h", "", "0", "10", "clear", "", "", "commit", "x")
	compareTranscript(t, "alertconfig.txt", said)
	contains(t, said, "Alerts are not sent to anybody.\n", "Please enter a new email address to send alerts.\n(Ex: \"administrator@example.com\")\n[]> joe\n\"joe\" is not a mail address", "Alerts are sent to Joe@example.com.\n", "stands here twice",
		"Sending alerts to:\n1. Joe@example.com\n2. ann@example.com\n", "[Joe@example.com]> joe@b.example", "not sent to ann@example.com any more.", "[None]> nobody\n\"nobody\" is not a mail address", "out of range", "[1000]> \n", "0 is out of range", "remove all email addresses? [N]> \nNothing was changed.",
		"Time to wait before sending a duplicate alert: 2h\n", "Alerts are sent from postern@example.com.\n")
	changed(t, said, changes, config.Change{Path: "alerts.to", Before: "[]", After: `["joe@b.example"]`}, config.Change{Path: "alerts.from", Before: `""`, After: `"postern@example.com"`},
		config.Change{Path: "alerts.interval", Before: `"1h"`, After: `"2h"`}, config.Change{Path: "alerts.certificate_days", Before: "30", After: "10"})
}

func TestSetHostname(t *testing.T) {
	l, o := dialogued(t, twoInterfaces)
	said, changes := typed(t, l, o, "sethostname", "not a name", "Mail4.example.com", "commit", "x")
	compareTranscript(t, "sethostname.txt", said)
	contains(t, said, "[mail3.example.com]> not a name\n\"not a name\" is not a domain name", "The hostname is mail4.example.com.\nIt is that of Management too.\n")
	changed(t, said, changes, config.Change{Path: "hostname", Before: `"mail3.example.com"`, After: `"mail4.example.com"`},
		config.Change{Path: "interface.Management.hostname", Before: `"mail3.example.com"`, After: `"mail4.example.com"`})
}

// TestDialoguesInBatch: an operation is an argument, --yes commits, and without it nothing is done.
func TestDialoguesInBatch(t *testing.T) {
	l, o := dialogued(t, twoInterfaces)
	for _, c := range []struct{ line, want string }{
		{"smtproutes new example.com host:25 --yes --comment 'a route'", "Mail for example.com will be delivered to host:25\nChanges committed: Sun Mar 01 10:30:00 2026 UTC\n"},
		{"smtproutes new b.example a.example b.example:26", "smtp_route.\"b.example\"\n  + {domain = \"b.example\", to = [\"a.example\", \"b.example:26\"]}\nerror: nothing was committed: repeat it with --yes"},
		{"smtproutes new b.example", "error: target is missing\nusage: smtproutes "},
		{"smtproutes new *.example x", "error: \"*.example\" is not a domain name"},
		{"smtproutes print", "example.com  host:25\n"},
		{"smtproutes print --json", "[\n  {\n    \"domain\": \"example.com\",\n    \"to\": [\n      \"host:25\"\n    ]\n  }\n]\n"},
		{"smtproutes", "There is currently 1 route configured.\n"},
		{"smtproutes print x", "error: smtproutes print does not take \"x\""},
		{"smtproutes frog", "error: \"frog\" is not one of: new, edit,"},
		{"smtproutes delete example.com --yes --json", "{\n  \"revision\": 2,\n"},
		{"smtproutes clear --yes", "Nothing was changed.\n"}, // there were none
		{"interfaceconfig new Six 2001:db8::5/64 six.example.com --yes", "Interface Six created.\n"},
		{"interfaceconfig edit Six hostname 6.example.com --yes", "Interface Six changed.\n"},
		{"interfaceconfig edit Six colour red --yes", "error: there is no \"colour\"; there are name, address, hostname"},
		{"listenerconfig new private Out 127.0.0.1 2525 127.0.0.0/8 --yes", "Listener Out created.\n"},
		{"listenerconfig new private Out2 Six 2525 none --yes", "Listener Out2 created.\n"},
		{"listenerconfig edit Out max_recipients 500 --yes", "Listener Out changed.\n"},
		{"listenerconfig edit Out relay_from 10.0.0.0/8 192.0.2.0/24 --yes", "Listener Out changed.\n"},
		{"listenerconfig edit Out address 192.0.2.1:25 --yes", "error: 192.0.2.1:25 is busy: listener InboundMail is on 192.0.2.1:25"},
		{"listenerconfig edit Out certificate /etc/mx.pem /etc/mx.key --yes", "Listener Out changed.\n"},
		{"listenerconfig edit Out certificate none --yes", "Listener Out changed.\n"},
		{"listenerconfig setup max_hops 30 --yes", "All listeners changed.\n"},
		{"dnsconfig new 192.0.2.53 --yes", "DNS server 192.0.2.53 added.\n"},
		{"dnsconfig setup timeout 5s --yes", "DNS settings changed.\n"},
		{"dnsconfig print --json", "\"timeout\": \"5s\""},
		{"alertconfig new joe@example.com --yes", "Alerts are sent to joe@example.com.\n"},
		{"alertconfig from none --yes", "Nothing was changed.\n"},
		{"alertconfig setup interval 2h --yes", "Alert settings changed.\n"},
		{"sethostname mail5.example.com --yes", "The hostname is mail5.example.com.\n"},
		{"sethostname", "mail5.example.com\n"},
		{"snmpconfig setup enabled yes --yes", "error: that does not go with snmp.auth_key: is missing; the level authPriv needs one"},
		{"snmpconfig setup auth_key ironport --yes", "error: auth_key is made of a passphrase"},
		{"snmpconfig setup level noAuthNoPriv --yes", "SNMP settings changed.\n"},
		{"snmpconfig setup enabled yes --yes", "SNMP settings changed.\n"},
		{"snmpconfig setup port 1161 --yes", "SNMP settings changed.\n"},
		{"snmpconfig setup community hush-hush --yes", "SNMP settings changed.\n"},
		{"snmpconfig --json", "\"auth_key_set\": false,"},
		{"snmpconfig", "Current SNMP settings:\nListening on interface \"Management\" 192.168.42.42/24 port 1161.\n"},
	} {
		before := o.now.Hash
		got := says(t, l, c.line, "batch")
		if !strings.HasPrefix(got, c.want) && !(strings.Contains(c.line, "json") && strings.Contains(got, c.want)) {
			t.Errorf("%s:\n%s\nwant\n%s", c.line, got, c.want)
		}
		if moved := o.now.Hash != before; moved != (strings.Contains(c.line, "--yes") && !strings.Contains(got, "error: ")) && !strings.Contains(c.line, "from none") && !strings.Contains(c.line, "clear") {
			t.Errorf("%s: committed: %t", c.line, moved)
		}
	}
	if last := o.commits[len(o.commits)-1].Comment; o.commits[0].Comment != "a route" || last != "snmpconfig setup community *****" {
		t.Errorf("%q, %q", o.commits[0].Comment, last)
	}
	var printed []map[string]any
	if err := json.Unmarshal([]byte(says(t, l, "listenerconfig --json", "batch")), &printed); err != nil || len(printed) != 3 || printed[1]["max_recipients"] != 500.0 || fmt.Sprint(printed[1]["relay_from"]) != "[10.0.0.0/8 192.0.2.0/24]" {
		t.Errorf("%v, %v", err, printed)
	}
}

// TestManyRoutes imports as many as there may be, changes the last one, and takes no more.
func TestManyRoutes(t *testing.T) {
	var b strings.Builder
	for i := range maxRoutes {
		fmt.Fprintf(&b, "d%d.example [mx%d.example.com]:2525\n", i, i%100)
	}
	l, _ := dialogued(t, "")
	if err := os.WriteFile(filepath.Join(l.Messages.Dir, "r"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := says(t, l, "smtproutes import r --yes", "batch"); !strings.HasPrefix(got, "40000 routes imported.\n") {
		t.Fatal(got)
	}
	if got := says(t, l, "smtproutes edit d39999.example a.example --yes", "batch"); !strings.HasPrefix(got, "Mail for d39999.example") {
		t.Fatal(got)
	}
	if got := says(t, l, "smtproutes new more.example a.example --yes", "batch"); got != "error: There are 40000 routes already: more are not allowed." {
		t.Error(got)
	}
	if err := os.WriteFile(filepath.Join(l.Messages.Dir, "r"), []byte(b.String()+"more.example a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := says(t, l, "smtproutes import r --yes", "batch"); !strings.Contains(got, "line 40001: at most 40000 routes are allowed") {
		t.Error(got)
	}
}

// TestDialoguesComplete: operations, what they may be about, and the keys that they may set.
func TestDialoguesComplete(t *testing.T) {
	l, _ := dialogued(t, twoInterfaces+"[[smtp_route]]\ndomain = \"a.example\"\nto = [\"b.example\"]\n[dns]\nservers = [\"192.0.2.53\"]\n[alerts]\nto = [\"joe@example.com\"]\n")
	c := &completer{gateway: l}
	for line, want := range map[string]string{"interfaceconfig de": "delete", "interfaceconfig edit pub": "PublicNet", "interfaceconfig edit PublicNet hos": "hostname", "listenerconfig edit in": "InboundMail",
		"listenerconfig edit InboundMail max_h": "max_hops", "listenerconfig new pri": "private", "smtproutes delete a": "a.example", "smtproutes imp": "import", "dnsconfig delete 1": "192.0.2.53", "alertconfig delete j": "joe@example.com",
		"snmpconfig setup loc": "location", "snmpconfig setup auth": ""} {
		got := ""
		if list := c.complete(t.Context(), line); len(list) > 0 {
			got = list[0].Text
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// TestFaultsOfStateAreNoMisuse: scripts tell by the exit status what was written wrongly from what does not go now.
func TestFaultsOfStateAreNoMisuse(t *testing.T) {
	l, _ := dialogued(t, twoInterfaces+"[[smtp_route]]\ndomain = \"a.example\"\nto = [\"b.example\"]\n[dns]\nservers = [\"192.0.2.53\"]\n[alerts]\nto = [\"a@example.com\"]\n")
	l.Logs.Dir = t.TempDir()
	l.Prober.Dig = func(_ context.Context, q DNSQuestion) (DNSReply, error) {
		if q.Type == "FOO" {
			return DNSReply{}, &MisreadError{"there is no such type"}
		}
		return DNSReply{}, &RefusedError{"no server answers"}
	}
	for _, g := range []Gateway{l, overSocket(t, l)} {
		for line, misuse := range map[string]bool{
			"smtproutes new a.example c.example": false, "smtproutes edit c.example d.example": false, "smtproutes delete c.example": false, "smtproutes import nothing": false,
			"smtproutes": false, "smtproutes new": true, "smtproutes new c.example": true, "smtproutes frobnicate": true, "smtproutes new c.example h:99999": true, "smtproutes clear now": true,
			"listenerconfig new public InboundMail Management 26 example.com": false, "listenerconfig new public X Nowhere 26 example.com": false, "listenerconfig delete X": false, "listenerconfig edit X max_hops 3": false,
			"listenerconfig new public X PublicNet 25 example.com": false, "listenerconfig edit InboundMail relay_from 0.0.0.0/0": false,
			"listenerconfig edit InboundMail frogs 3": true, "listenerconfig edit InboundMail max_hops many": true, "listenerconfig new public 9lives Management 26": true, "listenerconfig new public X Management 99999": true,
			"interfaceconfig new PublicNet 10.0.0.1/8": false, "interfaceconfig new X 192.0.2.1/24": false, "interfaceconfig delete X": false, "interfaceconfig delete PublicNet": false, "interfaceconfig edit 7 hostname x.example": false,
			"interfaceconfig new 9lives 10.0.0.1/8": true, "interfaceconfig new X 10.0.0.300": true, "interfaceconfig edit PublicNet colour red": true,
			"dnsconfig new 192.0.2.53": false, "dnsconfig delete 192.0.2.54": false, "dnsconfig new nonsense": true, "dnsconfig setup timeout 0s": true,
			"alertconfig new a@example.com": false, "alertconfig delete b@example.com": false, "alertconfig setup interval soon": true,
			"logconfig new mail_logs mail_logs": false, "logconfig delete nothing": false, "logconfig new frogs x": true, "logconfig hostkeyconfig delete 4": false,
			"snmpconfig setup interface Nowhere": false, "snmpconfig setup port 0": true, "snmpconfig setup": true, "rollbackconfig frog": true, "sethostname -bad-": true, "sethostname 'a b'": true,
			"findevent --from (": true, "findevent --ip 300.1.1.1": true, "findevent --since soon": true, "grep ( mail_logs": true, "grep -e ( mail_logs": true, "grep x nothing": false, "tail nothing": false,
			"showmessage x": true, "removemessage 0": true, "archivemessage x": true, "explain x": true, "explain 1 x": true, "indoubt resend x": true, "dig -t FOO example.com": true, "dig example.com": false,
		} {
			_, err := dialogue(t, asAdmin(t), g, line, "batch")
			if usage := (*UsageError)(nil); errors.As(err, &usage) != misuse {
				t.Errorf("%s: misuse: %v, %v", line, !misuse, err)
			}
		}
	}
}

// TestARefusedCommitIsNotSaidToBeDone: what a batch command says of a change is true.
func TestARefusedCommitIsNotSaidToBeDone(t *testing.T) {
	l, o := dialogued(t, twoInterfaces)
	o.refuse = &RefusedError{"listener \"Out\" cannot listen on 127.0.0.1:2525."}
	for _, line := range []string{"listenerconfig new private Out 127.0.0.1 2525 none --yes", "sethostname mail4.example.com --yes", "smtproutes new a.example b.example --yes", "logconfig new mail_logs more --yes"} {
		if got := says(t, l, line, "batch"); got != "error: "+o.refuse.Error() {
			t.Errorf("%s: %s", line, got)
		}
	}
	o.refuse = nil
	if got := says(t, l, "sethostname mail4.example.com --yes", "batch"); !strings.HasPrefix(got, "The hostname is mail4.example.com.\nIt is that of Management too.\nChanges committed: ") {
		t.Error(got)
	}
	var done Committed
	if err := json.Unmarshal([]byte(says(t, l, "sethostname mail5.example.com --yes --json", "batch")), &done); err != nil || done.Revision != 2 {
		t.Errorf("%v, %+v", err, done)
	}
}
