package deliver

import (
	"net/netip"
	"strings"
	"testing"

	"postern/engine"
	"postern/engine/config"
	"postern/smtp/dns"
)

// redirect makes the attempt one to where an operator has sent its recipients.
func redirect(t *testing.T, a *engine.Attempt, typed string) {
	t.Helper()
	destination, err := config.CanonicalTarget(typed)
	if err != nil {
		t.Fatal(err)
	}
	a.Destination, a.Route = destination, config.TargetRoute(destination)
}

// A redirect goes where mail for its target goes, unless the target names a port: then nothing but that counts.
func TestRedirects(t *testing.T) {
	const refused = `temporary host 000 4.4.0 "[Errno 111] Connection refused"`
	const loops = `temporary host 000 4.4.6 "the mail for %s would come back to this gateway"`
	for _, c := range []struct {
		typed, route string // an smtp_route of example2.com, "" for none
		want, dialed string
	}{
		{"example2.com", "", refused, "192.0.2.21:25 192.0.2.22:25"},
		{"example2.com", "192.0.2.30:2530", refused, "192.0.2.30:2530"},
		{"example2.com", "/dev/null", `delivered 000  "/null"`, ""},
		{"plain.test", "", refused, "192.0.2.40:25"},
		{"[example2.com]", "192.0.2.30:2530", refused, "192.0.2.20:25"},
		{"example2.com:2526", "192.0.2.30:2530", refused, "192.0.2.21:2526 192.0.2.22:2526"},
		{"example2.com:2526", "/dev/null", refused, "192.0.2.21:2526 192.0.2.22:2526"},
		{"[example2.com]:2526", "", refused, "192.0.2.20:2526"},
		{"192.0.2.5", "", refused, "192.0.2.5:25"},
		{"192.0.2.5:2526", "", refused, "192.0.2.5:2526"},
		{"2001:db8::5", "", refused, "[2001:db8::5]:25"},
		{"[2001:db8::5]:2526", "", refused, "[2001:db8::5]:2526"},

		{"192.0.2.77", "", strings.Replace(loops, "%s", "[192.0.2.77]", 1), ""},
		{"192.0.2.77:25", "", strings.Replace(loops, "%s", "192.0.2.77:25", 1), ""},
		{"192.0.2.77:26", "", refused, "192.0.2.77:26"},
		{"us.test", "", strings.Replace(loops, "%s", "us.test", 1), ""},
		{"us.test:25", "", strings.Replace(loops, "%s", "us.test:25", 1), ""},
		{"[us.test]", "", strings.Replace(loops, "%s", "[us.test]", 1), ""},
		{"mx-is-us.test", "", strings.Replace(loops, "%s", "mx-is-us.test", 1), ""},
		{"example2.com", "192.0.2.77", strings.Replace(loops, "%s", "example2.com", 1), ""},

		{"nowhere.test", "", `temporary host 000 4.3.5 "DNS Hard Error looking up nowhere.test (MX):  NXDomain"`, ""},
		{"nowhere.test:26", "", `temporary host 000 4.3.5 "DNS Hard Error looking up nowhere.test (MX):  NXDomain"`, ""},
		{"no-mail.test", "", `temporary host 000 4.3.5 "DNS Hard Error looking up no-mail.test (MX):  NullMX"`, ""},
	} {
		t.Run(c.typed+"/"+c.route, func(t *testing.T) {
			w := newWorld(t)
			w.client.IsOwn = func(a netip.AddrPort) bool { return a == netip.MustParseAddrPort("192.0.2.77:25") }
			w.mx["example2.com"] = []dns.MX{{Host: "mx1.example2.com", Preference: 10}, {Host: "mx2.example2.com", Preference: 20}}
			w.mx["plain.test"], w.mx["us.test"], w.mx["no-mail.test"] = dns.NoData, dns.NoData, "null"
			w.mx["mx-is-us.test"] = []dns.MX{{Host: "mail3.example.net"}}
			for host, addr := range map[string]string{"example2.com": "192.0.2.20", "mx1.example2.com": "192.0.2.21", "mx2.example2.com": "192.0.2.22",
				"plain.test": "192.0.2.40", "us.test": "192.0.2.77", "mail3.example.net": "192.0.2.78"} {
				w.hosts[host] = addr
			}
			if c.route != "" {
				w.document.Routes = []config.SMTPRoute{{Domain: "example2.com", To: []string{c.route}}}
			}
			a := w.attempt()
			redirect(t, &a, c.typed)
			out := w.client.Deliver(t.Context(), a)
			w.end()
			w.want(out[0], c.want)
			if got := strings.Join(w.dialed, " "); got != c.dialed {
				t.Errorf("dialled %q, want %q", got, c.dialed)
			}
		})
	}
}

// Redirected mail keeps its recipients' addresses, and its connections are the target's: shared with mail that goes there
// by itself, never with mail to another port, and counted for whoever asks for the target in any spelling.
func TestRedirectedMail(t *testing.T) {
	w := newWorld(t)
	w.mx["example2.com"] = []dns.MX{{Host: "mx.example.com"}}
	p := w.peer("192.0.2.1", &peer{extensions: pipelining})
	w.peers["[2001:db8::1]:25"] = p
	a := w.attempt()
	redirect(t, &a, "Example2.com")
	w.want(w.client.Deliver(t.Context(), a)[0], `delivered 250 2.0.0 "taken as 1"`)
	if m := p.got()[0]; m.to[0] != "RCPT TO:<to@example.com>" || m.content != w.content {
		t.Errorf("the target got %+v", m)
	}
	own := w.attempt()
	own.Destination = "example2.com"
	w.client.Deliver(t.Context(), own)
	if p.sessions != 1 {
		t.Errorf("%d sessions: a domain's own mail and what is redirected to it go over different connections", p.sessions)
	}
	for _, typed := range []string{"example2.com:25", "192.0.2.1", "192.0.2.1:25", "2001:db8::1"} {
		a := w.attempt()
		redirect(t, &a, typed)
		w.want(w.client.Deliver(t.Context(), a)[0], `delivered 250 2.0.0 "taken as 1"`)
	}
	for _, name := range []string{"example2.com", "example2.com:25", "[192.0.2.1]", "192.0.2.1:25", "[IPv6:2001:db8::1]", "[ipv6:2001:db8::1]"} {
		if n, _ := w.client.Destination(name); n != 1 {
			t.Errorf("%s has %d connections", name, n)
		}
	}
	if n, _ := w.client.Destination("example.com"); n != 0 || p.sessions != 5 {
		t.Errorf("%d connections of the recipients' own domain, %d sessions in all", n, p.sessions)
	}
	w.end()
}

// What an smtp_route sends to /dev/null needs no connection, and takes no id.
func TestDropped(t *testing.T) {
	w := newWorld(t)
	w.recipients(2)
	w.route("/dev/null")
	for _, o := range w.deliver() {
		w.want(o, `delivered 000  "/null"`)
		if o.DCID != 0 || o.Address.IsValid() || o.Relayed {
			t.Errorf("%+v", o)
		}
	}
	w.end()
	if w.dcid != 0 || len(w.notes) != 0 {
		t.Errorf("%d ids, notes:\n%s", w.dcid, w.noted())
	}
}
