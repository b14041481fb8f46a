package deliver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine/config"
	"postern/smtp/dns"
)

// issued makes a certificate for a host that an authority of its own has signed, valid from so long ago for so long.
func issued(t *testing.T, host string, age, life time.Duration) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	now := time.Now()
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	make := func(template, parent *x509.Certificate, of, by *ecdsa.PrivateKey) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, of.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Authority"}, NotBefore: now.Add(-1000 * time.Hour),
		NotAfter: now.Add(1000 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caKey, leafKey := key(), key()
	root := make(ca, ca, caKey, caKey)
	leaf := make(&x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: now.Add(-age), NotAfter: now.Add(life - age)}, root, leafKey, caKey)
	roots := x509.NewCertPool()
	roots.AddCert(root)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: leafKey}, roots
}

// probed gives the steps of a Probe, one a line.
func (w *world) probed(p Probe) string {
	w.Helper()
	var b strings.Builder
	if err := w.client.Probe(context.Background(), p, func(s ProbeStep) error {
		mark := "  "
		if !s.OK {
			mark = "- "
		}
		fmt.Fprintln(&b, mark+s.Step+": "+s.Text)
		return nil
	}); err != nil {
		w.Error(err)
	}
	w.work.Wait()
	if notes := w.noted(); notes != "" {
		w.Errorf("a probe leaves facts: %s", notes)
	}
	return b.String()
}

// checkSteps wants some lines, in their order.
func checkSteps(t *testing.T, name, got string, want ...string) {
	t.Helper()
	rest := got
	for _, w := range want {
		i := strings.Index(rest, w)
		if i < 0 {
			t.Errorf("%s: no %q where it should be in\n%s", name, w, got)
			return
		}
		rest = rest[i+len(w):]
	}
}

const goodEnd, badEnd = "  domain: TLS successfully verified for example.com.\n", "- domain: TLS of example.com could not be verified.\n"

func TestProbe(t *testing.T) {
	const valid, hour = 48 * time.Hour, time.Hour
	for name, c := range map[string]struct {
		host      string
		age, life time.Duration
		stranger  bool // nobody we know has signed
		want      []string
	}{
		"good": {"mx.example.com", hour, valid, false, []string{"  mx: Looking up the mail exchangers of example.com.", "  mx: Mail exchanger: 10 mx.example.com",
			"  connect: Connecting to 192.0.2.1 on port 25.", "  greeting: Greeting: 220-'sink.example ESMTP'", "  starttls: The host offers STARTTLS.",
			"  handshake: TLS connection established: protocol TLSv1.3, cipher TLS_", "  certificate: Certificate 1: CN=mx.example.com, issued by CN=Test Authority, valid from ",
			"  chain: TLS certificate verified.", "  name: TLS certificate match mx.example.com.", "  host: TLS connection to 192.0.2.1 succeeded.", goodEnd}},
		"for the domain": {"example.com", hour, valid, false, []string{"Verifying certificate name mx.example.com.", "  name: TLS certificate match example.com.", goodEnd}},
		"expired":        {"mx.example.com", valid, hour, false, []string{"- chain: TLS certificate not verified: it expired on ", "  name: TLS certificate match", "- host: TLS connection to 192.0.2.1 failed.", badEnd}},
		"not yet valid":  {"mx.example.com", -hour, valid, false, []string{"- chain: TLS certificate not verified: it is not valid before ", badEnd}},
		"wrong name":     {"other.example.net", hour, valid, false, []string{"  chain: TLS certificate verified.", "- name: TLS certificate mismatch: it names other.example.net.", badEnd}},
		"unknown signer": {"mx.example.com", hour, valid, true, []string{"- chain: TLS certificate not verified: no known authority has signed it.", badEnd}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cert, roots := issued(t, c.host, c.age, c.life)
			w.client.RootCAs = roots
			if c.stranger {
				w.client.RootCAs = x509.NewCertPool()
			}
			p := w.peer("192.0.2.1", &peer{extensions: append(pipelining, "STARTTLS"), tls: &tls.Config{Certificates: []tls.Certificate{cert}}})
			checkSteps(t, name, w.probed(Probe{Domain: "example.com"}), c.want...)
			if p.sessions != 1 {
				t.Errorf("%d sessions", p.sessions)
			}
			for _, line := range p.seen() {
				if verb, _, _ := strings.Cut(line, " "); verb != "EHLO" && verb != "STARTTLS" && verb != "QUIT" {
					t.Errorf("said %q", line)
				}
			}
		})
	}
}

func TestProbeWithoutTLS(t *testing.T) {
	self, _ := certificate(t, "mx.example.com")
	for name, c := range map[string]struct {
		peer *peer
		want []string
	}{
		"not offered": {&peer{extensions: pipelining}, []string{"- starttls: The host does not offer STARTTLS.", badEnd}},
		"refused": {&peer{extensions: append(pipelining, "STARTTLS"), script: verbs(map[string]string{"STARTTLS": "454 4.7.0 no \x1b[2Jentropy"})},
			[]string{`- handshake: The host refused STARTTLS: 454-'4.7.0 no \x1b[2Jentropy'.`, badEnd}},
		"broken":      {&peer{extensions: append(pipelining, "STARTTLS"), tls: new(tls.Config)}, []string{"- handshake: TLS could not be established: ", badEnd}},
		"injected":    {&peer{extensions: append(pipelining, "STARTTLS"), script: verbs(map[string]string{"STARTTLS": "220 go\r\n250 injected"})}, []string{"- handshake: TLS could not be established: the peer spoke before it was its turn.", badEnd}},
		"self-signed": {&peer{extensions: append(pipelining, "STARTTLS"), tls: &tls.Config{Certificates: []tls.Certificate{self}}}, []string{"- chain: TLS certificate not verified: it is self-signed.", badEnd}},
		"no greeting": {&peer{script: verbs(map[string]string{"": hangUp})}, []string{"- greeting: The host did not greet: EOF.", badEnd}},
		"not a mail server": {&peer{script: verbs(map[string]string{"": "554 go away"})},
			[]string{"- greeting: Greeting: 554-'go away'", badEnd}},
		"nobody": {nil, []string{"- connect: The connection to 192.0.2.1 failed: [Errno 111] Connection refused.", badEnd}},
	} {
		w := newWorld(t)
		w.client.RootCAs = x509.NewCertPool()
		if c.peer != nil {
			w.peer("192.0.2.1", c.peer)
		}
		checkSteps(t, name, w.probed(Probe{Domain: "example.com"}), c.want...)
	}
}

func TestProbeFindsHosts(t *testing.T) {
	for name, c := range map[string]struct {
		probe Probe
		mx    any
		want  []string
		dials string
	}{
		"null MX":          {Probe{Domain: "example.com"}, "null", []string{"- mx: example.com takes no mail (null MX).", badEnd}, ""},
		"no MX":            {Probe{Domain: "example.com"}, dns.NoData, []string{"example.com has no mail exchangers: it is its own host.", badEnd}, "192.0.2.9:25"},
		"no domain":        {Probe{Domain: "example.com"}, dns.NXDomain, []string{"- mx: DNS Hard Error looking up example.com (MX):  NXDomain.", badEnd}, ""},
		"a host":           {Probe{Domain: "example.com", Host: "other.example", Port: 26}, "null", []string{"Connecting to 192.0.2.3 on port 26.", badEnd}, "192.0.2.3:26"},
		"an address":       {Probe{Domain: "example.com", Host: "[192.0.2.4]"}, "null", []string{"Connecting to 192.0.2.4 on port 25.", badEnd}, "192.0.2.4:25"},
		"no such host":     {Probe{Domain: "example.com", Host: "nowhere.example"}, "null", []string{"- address: DNS Hard Error looking up nowhere.example (A):  NXDomain.", badEnd}, ""},
		"all of them":      {Probe{Domain: "example.com"}, []dns.MX{{Host: "a.example", Preference: 1}, {Host: "many.example", Preference: 2}}, []string{"Connecting to 192.0.2.5", "Connecting to 10.0.0.8 ", badEnd}, "192.0.2.5:25 10.0.0.0:25 10.0.0.1:25 10.0.0.2:25 10.0.0.3:25 10.0.0.4:25 10.0.0.5:25 10.0.0.6:25 10.0.0.7:25 10.0.0.8:25"},
		"an address alone": {Probe{Domain: "192.0.2.6"}, nil, []string{"- domain: TLS of 192.0.2.6 could not be verified."}, "192.0.2.6:25"},
	} {
		w := newWorld(t)
		w.mx["example.com"] = c.mx
		var many []string
		for i := range 20 {
			many = append(many, fmt.Sprintf("10.0.0.%d", i))
		}
		w.hosts = map[string]any{"example.com": "192.0.2.9", "other.example": "192.0.2.3", "a.example": "192.0.2.5", "many.example": strings.Join(many, " ")}
		checkSteps(t, name, w.probed(Probe(c.probe)), c.want...)
		if got := strings.Join(w.dialed, " "); got != c.dials {
			t.Errorf("%s: connected to %s, want %s", name, got, c.dials)
		}
	}
}

// TestProbeOfSomeHosts: one address that does not pass is worth saying, one that cannot be reached is no failure of TLS.
func TestProbeOfSomeHosts(t *testing.T) {
	w := newWorld(t)
	cert, roots := issued(t, "mx.example.com", time.Hour, 48*time.Hour)
	w.client.RootCAs = roots
	w.hosts["mx.example.com"] = "192.0.2.1 192.0.2.2"
	w.document.Routes = []config.SMTPRoute{{Domain: "example.com", To: []string{"relay.example"}}}
	good := func() *peer {
		return &peer{extensions: append(pipelining, "STARTTLS"), tls: &tls.Config{Certificates: []tls.Certificate{cert}}}
	}
	w.peer("192.0.2.1", good())
	checkSteps(t, "one is away", w.probed(Probe{Domain: "example.com"}), "Note: an SMTP route sends mail for example.com to relay.example.", "- connect:", goodEnd)
	w.peer("192.0.2.2", &peer{extensions: pipelining})
	checkSteps(t, "one has no TLS", w.probed(Probe{Domain: "example.com"}), "- domain: TLS of example.com is verified at some addresses and not at others.\n")
}

// TestProbeHasDeadlines: a peer that says nothing costs its share of the time and no more.
func TestProbeHasDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.hosts["mx.example.com"] = "192.0.2.1 192.0.2.2"
		w.peer("192.0.2.1", &peer{script: verbs(map[string]string{"": stall})})
		w.peer("192.0.2.2", &peer{script: verbs(map[string]string{"EHLO": stall})})
		began := time.Now()
		checkSteps(t, "silent", w.probed(Probe{Domain: "example.com"}), "- greeting: The host did not greet: timeout.", "- ehlo: EHLO failed: timeout.", badEnd)
		if took := time.Since(began); took > 2*MaxProbeHost {
			t.Errorf("took %v", took)
		}
	})
}

func TestProbeEndsWhenNobodyListens(t *testing.T) {
	w := newWorld(t)
	gone := errors.New("gone")
	steps := 0
	err := w.client.Probe(t.Context(), Probe{Domain: "example.com"}, func(ProbeStep) error { steps++; return gone })
	if !errors.Is(err, gone) || steps != 1 || len(w.dialed) != 0 {
		t.Errorf("%v after %d steps, %d connections", err, steps, len(w.dialed))
	}
}
