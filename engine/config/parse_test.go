package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// pinned is the example of all keys that scripts rely on.
const pinned = `hostname = "mail3.example.com"

[[interface]]
name = "Management"
address = "127.0.0.1/8"
hostname = "mail3.example.com"

[[listener]]
name = "InboundMail"
kind = "public"
address = "127.0.0.1:2525"
relay_from = ["127.0.0.0/8"]
accept_domains = ["example.com"]

[[smtp_route]]
domain = "ALL"
to = ["127.0.0.1:2526"]

[dns]
servers = ["127.0.0.1:5353"]

[retry]
initial_seconds = 61
max_seconds = 3601
max_attempts = 101
max_queue_seconds = 259201

[queue]
kilobytes = 5
undo_seconds = 3602

[journal]
keep_days = 31
`

func TestParsePinnedKeys(t *testing.T) {
	d, err := parse([]byte(pinned), "postern.toml", "host.test")
	if err != nil {
		t.Fatal(err)
	}
	want := sections("mail3.example.com")
	want.Interfaces = []Interface{{"Management", netip.MustParsePrefix("127.0.0.1/8"), "mail3.example.com"}}
	l := defaultListener(Public)
	l.Name = "InboundMail"
	l.Address = netip.MustParseAddrPort("127.0.0.1:2525")
	l.RelayFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	l.AcceptDomains = []string{"example.com"}
	want.Listeners = []Listener{l}
	want.Routes = []SMTPRoute{{"ALL", []string{"127.0.0.1:2526"}}}
	want.DNS.Servers = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:5353")}
	want.Retry = Retry{61, 3601, 101, 259201}
	want.Queue = Queue{5, 3602}
	want.Journal = Journal{KeepDays: 31}
	want.Subscriptions = defaultLogs()
	want.index()
	if !reflect.DeepEqual(d, want) {
		t.Errorf("got\n%s\nwant\n%s", Encode(d), Encode(want))
	}
}

func TestParseDefaults(t *testing.T) {
	for _, c := range []struct {
		name, text string
		holds      func(d *Document) bool
	}{
		{"empty text is the default", "", func(d *Document) bool { return string(Encode(d)) == string(Encode(defaults("host.test"))) }},
		{"interfaces take the document's host name", `hostname = "a.test"`, func(d *Document) bool {
			return d.Hostname == "a.test" && d.Interfaces[0].Hostname == "a.test" && d.Interfaces[0].Name == "Management"
		}},
		{"an interface keeps its own", "[[interface]]\nname = \"A\"\naddress = \"192.0.2.1/24\"\nhostname = \"B.Test\"", func(d *Document) bool {
			return d.Interfaces[0].Hostname == "b.test" && d.Hostname == "host.test"
		}},
		{"a public listener relays for nobody", listener("public", ""), func(d *Document) bool {
			l := d.Listeners[0]
			return len(l.RelayFrom) == 0 && l.MaxConnectionsPerClient == 50
		}},
		{"a private one for loopback", listener("private", ""), func(d *Document) bool {
			l := d.Listeners[0]
			return l.MayRelay(netip.MustParseAddr("127.9.9.9")) && l.MayRelay(netip.IPv6Loopback()) && l.MaxConnectionsPerClient == 1000
		}},
		{"unless it says otherwise", listener("private", "relay_from = []"), func(d *Document) bool {
			return !d.Listeners[0].MayRelay(netip.MustParseAddr("127.0.0.1"))
		}},
		{"a client gets no more connections than there are", listener("private", "max_connections = 7"), func(d *Document) bool {
			return d.Listeners[0].MaxConnectionsPerClient == 7
		}},
		{"no listener at all", `listener = []`, func(d *Document) bool { return len(d.Listeners) == 0 }},
		{"a single address is a network", listener("private", `relay_from = ["192.0.2.1", "2001:db8::1", "10.1.2.3/8"]`), func(d *Document) bool {
			return fmt.Sprint(d.Listeners[0].RelayFrom) == "[192.0.2.1/32 2001:db8::1/128 10.0.0.0/8]"
		}},
		{"name servers answer on port 53", `dns.servers = ["192.0.2.1", "::1", "192.0.2.2:54"]`, func(d *Document) bool {
			return fmt.Sprint(d.DNS.Servers) == "[192.0.2.1:53 [::1]:53 192.0.2.2:54]"
		}},
		{"durations", `delivery = {connect_timeout = "1m30s", idle_timeout = "100ms"}`, func(d *Document) bool {
			return d.Delivery.ConnectTimeout.Duration == 90*time.Second && d.Delivery.IdleTimeout.Duration == 100*time.Millisecond
		}},
		{"domains are in lower case and ASCII", listener("public", `accept_domains = ["Example.COM", ".Bücher.example", "all", "[IPv6:2001:DB8:0::1]"]`), func(d *Document) bool {
			return strings.Join(d.Listeners[0].AcceptDomains, " ") == "example.com .xn--bcher-kva.example ALL [ipv6:2001:db8::1]"
		}},
		{"two sockets on one port of two addresses", "listener = [{name='A', kind='private', address='127.0.0.1:25'}, {name='B', kind='private', address='127.0.0.2:25'}]",
			func(d *Document) bool { return len(d.Listeners) == 2 }},
		{"any free port twice", "listener = [{name='A', kind='private', address='127.0.0.1:0'}, {name='B', kind='private', address='127.0.0.1:0'}]",
			func(d *Document) bool { return len(d.Listeners) == 2 }},
		{"a source", `delivery.interface = "Management"`, func(d *Document) bool { return d.Delivery.Interface == "Management" }},
		{"the shortest time to keep", "retry.max_queue_seconds = 86400\njournal.keep_days = 2", func(d *Document) bool { return d.Journal.KeepDays == 2 }},
	} {
		d, err := parse([]byte(c.text), "postern.toml", "host.test")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !c.holds(d) {
			t.Errorf("%s: it is not; the document is\n%s", c.name, Encode(d))
		}
	}
}

func listener(kind, more string) string {
	return fmt.Sprintf("[[listener]]\nname = \"In\"\nkind = %q\naddress = \"127.0.0.1:2525\"\n%s\n", kind, more)
}

func doubt(domain, action string) string {
	return "[[delivery.doubt]]\ndomain = \"" + domain + "\"\naction = \"" + action + "\"\n"
}

func route(to string) string { return "[[smtp_route]]\ndomain = \"ALL\"\nto = " + to + "\n" }

const targets = "host, [host], host:port, [host]:port, 192.0.2.1:port, [2001:db8::1]:port, USEDNS, /dev/null"

// keysOf lists the keys of a table.
func keysOf[T any]() string {
	var names []string
	for _, f := range fieldsOf(reflect.TypeFor[T]()) {
		names = append(names, f.key)
	}
	return strings.Join(names, ", ")
}

func TestParseErrors(t *testing.T) {
	tables := keysOf[Document]()
	const domain = "is not a domain name; allowed are letters, digits and hyphens in labels of at most 63, parted by dots, at most 253 in all"
	for _, c := range []struct{ text, want string }{
		// Not TOML: the first fault only.
		{"hostname = ", "c.toml:1:11: expected value, not end of input"},
		{"hostname = \"a\"\nhostname = \"b\"", "c.toml:2:1: key hostname is already defined"},
		{"[retry]\n[retry]", "c.toml:2:2: table retry already exists"},
		{"\x1b]0;x", "c.toml:1:1: invalid character at start of key: U+001B"},

		// Unknown keys.
		{"hostnme = 1", "c.toml:1:1: unknown key hostnme; allowed here are " + tables},
		{"\n[retry]\n  max = 1", "c.toml:3:3: unknown key retry.max; allowed here are initial_seconds, max_seconds, max_attempts, max_queue_seconds"},
		{"[queues]\nx = 1", "c.toml:1:2: unknown key queues; allowed here are " + tables},
		{route(`["a.test"]`) + "pri = 1", "c.toml:4:1: unknown key smtp_route.pri; allowed here are domain, to"},
		{"admin = {grp = 'x'}", "c.toml:1:10: unknown key admin.grp; allowed here are group"},

		// Values of a wrong type.
		{"hostname = 5", "c.toml:1:12: hostname: 5 is a number; allowed is a text in quotes"},
		{"retry = 5", "c.toml:1:9: retry: 5 is a number; a table is allowed"},
		{"listener = 'x'", "c.toml:1:12: listener: \"x\" is a text; a list is allowed: [a table]"},
		{"listener = ['x']", "c.toml:1:13: listener: \"x\" is a text; a table is allowed"},
		{"[retry]\nmax_seconds = \"1h\"", "c.toml:2:15: retry.max_seconds: \"1h\" is a text; allowed is a whole number from 1 to 604800"},
		{"[retry]\nmax_seconds = 1.5", "c.toml:2:15: retry.max_seconds: 1.5 is a number with a fraction; allowed is a whole number from 1 to 604800"},
		{"[retry]\nmax_seconds = true", "c.toml:2:15: retry.max_seconds: true is a truth value; allowed is a whole number from 1 to 604800"},
		{"[retry]\nmax_seconds = 2020-01-01", "c.toml:2:15: retry.max_seconds: is a date or time; allowed is a whole number from 1 to 604800"},
		{"[dns]\ntimeout = 2", "c.toml:2:11: dns.timeout: 2 is a number; allowed is a time from 100ms to 1m, such as \"90s\", \"5m\", \"24h\""},
		{"[dns]\nservers = '192.0.2.1'", "c.toml:2:11: dns.servers: \"192.0.2.1\" is a text; a list is allowed: [an address with a port, such as \"192.0.2.1:25\" or \"[2001:db8::1]:25\"]"},

		// Ranges and choices.
		{"[retry]\ninitial_seconds = 0", "c.toml:2:19: retry.initial_seconds: 0 is out of range; allowed is a whole number from 1 to 86400"},
		{"[delivery]\nport = 65536", "c.toml:2:8: delivery.port: 65536 is out of range; allowed is a whole number from 1 to 65535"},
		{"[delivery]\ntls = \"always\"", "c.toml:2:7: delivery.tls: \"always\" is not allowed; allowed is opportunistic, off"},
		{"[delivery]\nidle_timeout = \"2h\"", "c.toml:2:16: delivery.idle_timeout: \"2h\" is out of range; allowed is a time from 100ms to 1h, such as \"90s\", \"5m\", \"24h\""},
		{"[delivery]\nidle_timeout = \"5\"", "c.toml:2:16: delivery.idle_timeout: \"5\" is not allowed; allowed is a time from 100ms to 1h, such as \"90s\", \"5m\", \"24h\""},
		{"[retry]\ninitial_seconds = 100\nmax_seconds = 99", "c.toml:3:15: retry.max_seconds: 99 is less than initial_seconds, which is 100"},
		{"[journal]\nkeep_days = 3", "c.toml:2:13: journal.keep_days: 3 days are not longer than the longest time in queue: retry.max_queue_seconds is 259200; at least 4 days are allowed"},

		// Names.
		{"hostname = \"a b\"", "c.toml:1:12: hostname: \"a b\" " + domain},
		{"hostname = \"192.0.2.1\"", "c.toml:1:12: hostname: \"192.0.2.1\" is an address, not a domain name; an address is written as [192.0.2.1]"},
		{"hostname = \"a\\u001b[31m.test\"", "c.toml:1:12: hostname: \"a?[31m.test\" has control characters, which are not allowed"},
		{"hostname = \"-a.test\"", "c.toml:1:12: hostname: \"-a.test\" " + domain},
		{"hostname = \"" + strings.Repeat("a", 64) + ".test\"", "c.toml:1:12: hostname: \"" + strings.Repeat("a", 64) + ".test\" " + domain},
		{"[admin]\ngroup = \"wheel or so\"", "c.toml:2:9: admin.group: \"wheel or so\" is not the name of a user or group of the system"},

		// Interfaces.
		{"interface = []", "c.toml:1:1: interface: is empty; at least one interface is needed"},
		{"[[interface]]\naddress = \"192.0.2.1/24\"", "c.toml:1:3: interface.name: is missing; needed is a text in quotes"},
		{"[[interface]]\nname = \"A\"", "c.toml:1:3: interface.address: is missing; needed is an address with its network, such as \"192.0.2.1/24\""},
		{"[[interface]]\nname = \"A\"\naddress = \"192.0.2.1/33\"", "c.toml:3:11: interface.address: \"192.0.2.1/33\" is not allowed; allowed is an address with its network, such as \"192.0.2.1/24\""},
		{"[[interface]]\nname = \"A\"\naddress = \"0.0.0.0/0\"", "c.toml:3:11: interface.address: 0.0.0.0 is not the address of an interface"},
		{"interface = [{name='A', address='192.0.2.1/24'}, {name='a', address='192.0.2.1/32'}]",
			"c.toml:1:56: interface.name: \"a\" stands here twice; names must differ in more than case\nc.toml:1:69: interface.address: 192.0.2.1 is the address of interface A already"},
		{"[[interface]]\nname = \"Public Net\"\naddress = \"192.0.2.1\"", "c.toml:2:8: interface.name: \"Public Net\" is not a name; allowed are letters, digits, hyphens, dots and underscores, at most 40, the first a letter"},
		{"[delivery]\ninterface = \"Data1\"", "c.toml:2:13: delivery.interface: \"Data1\" is not an interface; allowed are Management"},

		// Listeners.
		{listener("pubic", ""), "c.toml:3:8: listener.kind: \"pubic\" is not allowed; allowed is public, private, blackhole"},
		{"[[listener]]\nname = \"A\"\naddress = \"127.0.0.1:25\"", "c.toml:1:3: listener.kind: is missing; allowed are public, private, blackhole"},
		{"[[listener]]\nname = \"A\"\nkind = \"private\"", "c.toml:1:3: listener.address: is missing; needed is an address with a port, such as \"192.0.2.1:25\" or \"[2001:db8::1]:25\""},
		{"[[listener]]\nname = \"A\"\nkind = \"private\"\naddress = \"127.0.0.1\"", "c.toml:4:11: listener.address: \"127.0.0.1\" is not allowed; allowed is an address with a port, such as \"192.0.2.1:25\" or \"[2001:db8::1]:25\""},
		{listener("private", "") + "[[listener]]\nname = \"IN\"\nkind = \"private\"\naddress = \"0.0.0.0:2525\"",
			"c.toml:7:8: listener.name: \"IN\" stands here twice; names must differ in more than case\nc.toml:9:11: listener.address: 0.0.0.0:2525 is busy: listener In is on 127.0.0.1:2525"},
		{listener("public", `relay_from = ["10.0.0.0/8", "::/0"]`), "c.toml:5:29: listener.relay_from: ::/0 lets the whole world relay through a public listener; name the networks of your own hosts"},
		{listener("public", `accept_domains = ["a.test", "A.test"]`), "c.toml:5:29: listener.accept_domains: a.test stands here twice"},
		{listener("public", `accept_domains = ["*.a.test"]`), "c.toml:5:19: listener.accept_domains: \"*.a.test\" " + domain + "; .example.com stands for its sub-domains, ALL for every domain"},
		{listener("public", `accept_domains = ["[192.0.2]"]`), "c.toml:5:19: listener.accept_domains: \"[192.0.2]\" is not an address literal; allowed are [192.0.2.1] and [IPv6:2001:db8::1]; .example.com stands for its sub-domains, ALL for every domain"},
		{listener("public", `certificate = "c.pem"`), "c.toml:5:15: listener.certificate: is a certificate without a key; both or neither are allowed"},
		{listener("public", `key = "c.pem"`), "c.toml:5:7: listener.key: is a key without a certificate; both or neither are allowed"},
		{listener("public", "max_connections = 5\nmax_connections_per_client = 6"), "c.toml:6:30: listener.max_connections_per_client: 6 is more than max_connections, which is 5"},
		{listener("public", `bare_newlines = "accept"`), "c.toml:5:17: listener.bare_newlines: \"accept\" is not allowed; allowed is reject, normalise"},
		{listener("public", `max_message_size = 1`), "c.toml:5:20: listener.max_message_size: 1 is out of range; allowed is a whole number from 1024 to 2147483647"},

		// What is in doubt.
		{"[delivery]\nin_doubt = \"guess\"", "c.toml:2:12: delivery.in_doubt: \"guess\" is not allowed; allowed is resend, hold, ask"},
		{doubt("a.test", "drop"), "c.toml:3:10: delivery.doubt.action: \"drop\" is not allowed; allowed is resend, hold, ask"},
		{doubt("a b", "hold"), "c.toml:2:10: delivery.doubt.domain: \"a b\" is not a domain name; allowed are letters, digits and hyphens in labels of at most 63, parted by dots, at most 253 in all; .example.com stands for its sub-domains, ALL for every domain"},
		{doubt("a.test", "hold") + doubt("A.test", "ask"), "c.toml:5:10: delivery.doubt.domain: a.test stands here twice"},
		{"[[delivery.doubt]]\ndomain = \"a.test\"", "c.toml:1:12: delivery.doubt.action: is missing; allowed are resend, hold, ask"},
		{"[[delivery.doubt]]\naction = \"hold\"", "c.toml:1:12: delivery.doubt.domain: is missing; needed is a domain, .domain for its sub-domains, or ALL"},
		// Routes.
		{route(`[]`), "c.toml:3:1: smtp_route.to: is empty; needed is at least one of " + targets},
		{"[[smtp_route]]\nto = [\"a.test\"]", "c.toml:1:3: smtp_route.domain: is missing; needed is a domain, .domain for its sub-domains, or ALL"},
		{route(`["a.test"]`) + route(`["b.test"]`), "c.toml:5:10: smtp_route.domain: ALL has a route already"},
		{route(`["a.test:0"]`), "c.toml:3:7: smtp_route.to: \"a.test:0\" is not a target of a route; allowed are " + targets},
		{route(`["a.test", "/dev/null"]`), "c.toml:3:17: smtp_route.to: /dev/null takes everything; no other target may stand beside it"},
		{route(`["0.0.0.0:25"]`), "c.toml:3:7: smtp_route.to: \"0.0.0.0:25\" is an address that no mail can be sent to; allowed are " + targets},

		// Name servers.
		{"[dns]\nservers = [\"0.0.0.0:53\"]", "c.toml:2:12: dns.servers: 0.0.0.0:53 cannot be asked; allowed is an address with a port from 1 to 65535"},

		// All of them, in the order of the lines.
		{"hostname = 1\nx = 2\n[queue]\nundo_seconds = -1\n[retry]\nmax_attempts = 0\ny.z = 3\n",
			"c.toml:1:12: hostname: 1 is a number; allowed is a text in quotes\n" +
				"c.toml:2:1: unknown key x; allowed here are " + tables + "\n" +
				"c.toml:4:16: queue.undo_seconds: -1 is out of range; allowed is a whole number from 0 to 2592000\n" +
				"c.toml:6:16: retry.max_attempts: 0 is out of range; allowed is a whole number from 1 to 10000\n" +
				"c.toml:7:1: unknown key retry.y; allowed here are initial_seconds, max_seconds, max_attempts, max_queue_seconds"},
	} {
		d, err := parse([]byte(c.text), "c.toml", "host.test")
		if err == nil {
			t.Errorf("%s\nwas taken:\n%s", c.text, Encode(d))
		} else if err.Error() != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, err, c.want)
		}
	}
}

func TestErrorsAreBoundedAndPrintable(t *testing.T) {
	var b strings.Builder
	for i := range 80 {
		fmt.Fprintf(&b, "key%d = 1\n", i)
	}
	_, err := Parse([]byte(b.String()), "c.toml")
	var all *Errors
	if !errors.As(err, &all) || len(all.List) != maxErrors || all.Omitted != 80-maxErrors || !strings.HasSuffix(err.Error(), "\nc.toml: and 30 more errors") {
		t.Errorf("80 faults are told as %v", err)
	}
	var first *Error
	if !errors.As(err, &first) || first.Line != 1 || first.Column != 1 || first.Name != "c.toml" {
		t.Errorf("the first fault is %+v", first)
	}
	_, err = Parse([]byte("\"\\u001b[2J"+strings.Repeat("é", 5000)+"\" = 1"), "c.toml")
	if err == nil || len(err.Error()) > 600 || strings.ContainsRune(err.Error(), 0x1b) {
		t.Errorf("a hostile key is told as %.700q", err)
	}
}

func TestTooLong(t *testing.T) {
	_, err := Parse(make([]byte, maxBytes+1), "c.toml")
	if err == nil || err.Error() != "c.toml:1:1: the document is too long; at most 16777216 bytes are allowed" {
		t.Errorf("got %v", err)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "postern.toml")
	if _, err := Load(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("a missing file gives %v", err)
	}
	if err := os.WriteFile(path, []byte(pinned), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := Load(path); err != nil || d.Listeners[0].Name != "InboundMail" {
		t.Errorf("got %v, %v", d, err)
	}
	if err := os.WriteFile(path, []byte("x = 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+":1:1: ") {
		t.Errorf("a bad file gives %v", err)
	}
	if _, err := Load(filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), filepath.Dir(path)) {
		t.Errorf("a folder gives %v", err)
	}
}
