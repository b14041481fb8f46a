package shell

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseDig(t *testing.T) {
	for line, want := range map[string]DNSQuestion{
		"example.com":                       {Name: "example.com"},
		"-t mx example.com":                 {Name: "example.com", Type: "MX"},
		"-tTXT example.com":                 {Name: "example.com", Type: "TXT"},
		"example.com aaaa":                  {Name: "example.com", Type: "AAAA"},
		"mx example.com":                    {Name: "example.com", Type: "MX"},
		"mx":                                {Name: "mx"},
		"@192.0.2.1 TYPE65 example.com":     {Name: "example.com", Type: "TYPE65", Server: "192.0.2.1"},
		"@ns.example.com -p 5353 a.example": {Name: "a.example", Server: "ns.example.com:5353"},
		"@::1 -p5353 a.example":             {Name: "a.example", Server: "[::1]:5353"},
		"-x 192.0.2.1":                      {Name: "192.0.2.1", Reverse: true},
		"-x 2001:db8::1 @192.0.2.1":         {Name: "2001:db8::1", Reverse: true, Server: "192.0.2.1"},
	} {
		if q, _, err := parseDig(strings.Fields(line)); err != nil || q != want {
			t.Errorf("%s: %+v, %v", line, q, err)
		}
	}
	for line, want := range map[string]string{"-t": "-t wants a value", "a.example b": `does not take "b"`, "-z a": "does not know -z", "+trace a": "does not know +trace",
		"-p 53 a": "-p wants a server", "@b -p 0 a": "-p wants a port", "@b -p x a": "-p wants a port"} {
		if _, _, err := parseDig(strings.Fields(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// answeringDNS is a gateway that knows one answer.
func answeringDNS(t *testing.T, asked *DNSQuestion) *Local {
	l := &Local{}
	l.Prober.Dig = func(_ context.Context, q DNSQuestion) (DNSReply, error) {
		*asked = q
		r := DNSReply{Name: q.Name + ".", Type: q.Type, Server: "192.0.2.53:5353", Network: "udp", ID: 7, Status: "NOERROR", Flags: []string{"qr", "rd", "ra"},
			Answer: []DNSRecord{}, Asked: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC), Seconds: 0.0123}
		switch q.Name {
		case "example.com":
			r.Answer = []DNSRecord{{"www.example.com.", 3144, "IN", "CNAME", "example.com."}, {"example.com.", 300, "IN", "MX", "10 mx.\x1b[2Jexample.com."}}
		case "nowhere.example":
			r.Status = "NXDOMAIN"
		case "broken.example":
			return r, errors.New("DNS Temporary Failure broken.example A - Timeout")
		}
		return r, nil
	}
	return l
}

func TestDigAndNSLookup(t *testing.T) {
	const digText = `;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 7
;; flags: qr rd ra; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 0

;; QUESTION SECTION:
;example.com.  IN  MX

;; ANSWER SECTION:
www.example.com.  3144  IN  CNAME  example.com.
example.com.      300   IN  MX     10 mx.\x1b[2Jexample.com.

;; Query time: 12 msec
;; SERVER: 192.0.2.53#5353 (UDP)
;; WHEN: Sun Mar 01 09:30:00 2026 UTC
`
	var asked DNSQuestion
	g := overSocket(t, answeringDNS(t, &asked))
	for _, c := range []struct {
		line, answers string
		asked         DNSQuestion
		want          string
	}{
		{"dig -t mx example.com", "batch", DNSQuestion{Name: "example.com", Type: "MX"}, digText},
		{"dig mx example.com +short", "batch", DNSQuestion{Name: "example.com", Type: "MX"}, "example.com.\n10 mx.\\x1b[2Jexample.com.\n"},
		{"dig -x 192.0.2.1 @[::1]:53", "batch", DNSQuestion{Name: "192.0.2.1", Reverse: true, Server: "[::1]:53"}, "status: NOERROR"},
		{"dig example.com --json", "batch", DNSQuestion{Name: "example.com", Type: "A"}, `"server": "192.0.2.53:5353",`},
		{"dig nowhere.example", "batch", DNSQuestion{Name: "nowhere.example", Type: "A"}, "status: NXDOMAIN"},
		{"dig broken.example", "batch", DNSQuestion{Name: "broken.example", Type: "A"}, "error: DNS Temporary Failure broken.example A - Timeout"},
		{"dig", "example.com\n4\n", DNSQuestion{Name: "example.com", Type: "MX"}, "\nPlease enter the host or IP address to resolve.\n[]> example.com\n\nChoose the query type:\n1. A "},
		{"nslookup", "example.com\n\n", DNSQuestion{Name: "example.com", Type: "A"}, "[1]> \nCNAME=example.com TTL=52m24s\nMX=10 mx.\\x1b[2Jexample.com TTL=5m\n"},
		{"nslookup example.com txt", "batch", DNSQuestion{Name: "example.com", Type: "TXT"}, "CNAME=example.com"},
		{"nslookup example.com", "txt\n", DNSQuestion{Name: "example.com", Type: "TXT"}, "CNAME=example.com"},
		{"nslookup", "192.0.2.1\n", DNSQuestion{Name: "192.0.2.1", Type: "PTR", Reverse: true}, "error: 192.0.2.1 has no PTR record"},
		{"nslookup nowhere.example", "batch", DNSQuestion{Name: "nowhere.example", Type: "A"}, "error: there is no domain nowhere.example"},
		{"nslookup a.example frog", "batch", DNSQuestion{}, `"frog" is not one of: `},
		{"dig", "batch", DNSQuestion{}, "error: usage: dig [-t TYPE] [-x] [-p PORT] [@SERVER] [+short] NAME [TYPE] [--json]"},
	} {
		asked = DNSQuestion{}
		got, err := dialogue(t, t.Context(), g, c.line, c.answers)
		if err != nil {
			got += "error: " + err.Error()
		}
		if !strings.Contains(got, c.want) || asked != c.asked {
			t.Errorf("%s:\nhave %s\nwant %s\nasked %+v, want %+v", c.line, got, c.want, asked, c.asked)
		}
	}
}

func TestLifetimes(t *testing.T) {
	for seconds, want := range map[uint32]string{0: "0s", 59: "59s", 300: "5m", 3144: "52m24s", 3600: "1h", 3660: "1h1m", 86400: "24h", 36030: "10h0m30s"} {
		if got := lifetime(seconds); got != want {
			t.Errorf("%d: %s, want %s", seconds, got, want)
		}
	}
}

func TestTLSVerify(t *testing.T) {
	var asked TLSQuestion
	l := &Local{}
	l.Prober.VerifyTLS = func(_ context.Context, q TLSQuestion, each func(TLSStep) error) error {
		asked = q
		if q.Domain == "refused" {
			return &RefusedError{"no such thing"}
		}
		if err := each(TLSStep{Host: "mx.example.com", Address: "192.0.2.1:25", Step: "connect", OK: true, Text: "Connecting to \x1b[2J192.0.2.1 on port 25."}); err != nil {
			return err
		}
		return each(TLSStep{Step: "domain", OK: q.Domain == "example.com", Text: "That was it."})
	}
	g := overSocket(t, l)
	const text = "Connecting to \\x1b[2J192.0.2.1 on port 25.\n\nThat was it.\nTLS verification completed.\n"
	for _, c := range []struct {
		line, answers string
		asked         TLSQuestion
		want          string
	}{
		{"tlsverify example.com", "batch", TLSQuestion{Domain: "example.com"}, text},
		{"tlsverify example.com. mx.example.com:26", "batch", TLSQuestion{"example.com", "mx.example.com:26"}, text},
		{"tlsverify", "example.com\n\n", TLSQuestion{Domain: "example.com"}, "\nEnter the TLS domain to verify against:\n[]> example.com\n\n" +
			"Enter the destination host to connect to.  Append the port (example.com:26) if you are not connecting on port 25:\n[example.com]> \n\n" + text},
		{"tlsverify example.com", "192.0.2.1\n", TLSQuestion{"example.com", "192.0.2.1"}, "[example.com]> 192.0.2.1\n\n" + text},
		{"tlsverify bad.example", "batch", TLSQuestion{Domain: "bad.example"}, text + "error: TLS of bad.example is not verified"},
		{"tlsverify bad.example", "\n", TLSQuestion{Domain: "bad.example"}, text},
		{"tlsverify refused", "batch", TLSQuestion{Domain: "refused"}, "error: no such thing"},
		{"tlsverify example.com --json", "batch", TLSQuestion{Domain: "example.com"},
			`{"host":"mx.example.com","address":"192.0.2.1:25","step":"connect","ok":true,"text":"Connecting to \u001b[2J192.0.2.1 on port 25."}` + "\n" +
				`{"step":"domain","ok":true,"text":"That was it."}` + "\n"},
	} {
		got, err := dialogue(t, t.Context(), g, c.line, c.answers)
		if err != nil {
			got += "error: " + err.Error()
		}
		if !strings.HasSuffix(got, c.want) || asked != c.asked {
			t.Errorf("%s:\nhave %q\nwant %q\nasked %+v", c.line, got, c.want, asked)
		}
	}
}

func TestTooManyProbesAreRefused(t *testing.T) {
	var asked DNSQuestion
	l := answeringDNS(t, &asked)
	l.Prober.probes.Store(maxProbes)
	var refused *RefusedError
	if _, err := l.Dig(t.Context(), DNSQuestion{Name: "a.example", Type: "A"}); !errors.As(err, &refused) || l.Prober.probes.Load() != maxProbes || asked.Name != "" {
		t.Error(err)
	}
	if err := l.VerifyTLS(t.Context(), TLSQuestion{}, nil); err == nil {
		t.Error("what cannot be done is done")
	}
}
