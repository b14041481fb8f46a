package deliver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

// certificate makes a self-signed certificate for a host.
func certificate(t *testing.T, host string) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func (w *world) secured() (out []journal.DeliveryConnectionSecured) {
	for _, e := range w.notes {
		if e, ok := e.(*journal.DeliveryConnectionSecured); ok {
			out = append(out, *e)
		}
	}
	return out
}

func TestOpportunisticTLS(t *testing.T) {
	for _, host := range []string{"mx.example.com", "other.example.com"} {
		w := newWorld(t)
		w.document.Delivery.TLS = "opportunistic"
		cert, roots := certificate(t, host)
		w.client.RootCAs = roots
		p := &peer{extensions: append(pipelining, "STARTTLS"), tls: &tls.Config{Certificates: []tls.Certificate{cert}}}
		w.listen(p)
		for range 2 {
			w.want(w.deliver()[0], `delivered 250 2.0.0 "taken as 1"`)
		}
		w.client.Close()
		s := w.secured()
		if len(s) != 1 || s[0].Protocol != "TLSv1.3" || s[0].Cipher == "" || s[0].CommonName != host ||
			s[0].Verified != (host == "mx.example.com") || s[0].Failure != "" {
			t.Fatalf("noted %+v", s)
		}
		if all := strings.Join(p.seen(), " "); strings.Count(all, "EHLO") != 2 || p.sessions != 1 {
			t.Errorf("%d sessions: %s", p.sessions, all)
		}
		notes := w.noted()
		if i, j := strings.Index(notes, "secured 1"), strings.Index(notes, "started 1"); i < 0 || j < i {
			t.Errorf("noted\n%s", notes)
		}
	}
}

// A handshake that fails is followed by a connection without TLS, in the same attempt.
func TestBrokenTLSGoesInTheClear(t *testing.T) {
	w := newWorld(t)
	w.document.Delivery.TLS = "opportunistic"
	p := &peer{extensions: append(pipelining, "STARTTLS"), tls: new(tls.Config)} // without a certificate
	w.listen(p)
	w.want(w.deliver()[0], `delivered 250 2.0.0 "taken as 1"`)
	w.client.Close()
	if s := w.secured(); len(s) != 1 || s[0].Failure == "" || p.sessions != 2 {
		t.Errorf("%d sessions, noted %+v", p.sessions, s)
	}
}

func TestRefusedSTARTTLSGoesOn(t *testing.T) {
	w := newWorld(t)
	w.document.Delivery.TLS = "opportunistic"
	p := &peer{extensions: append(pipelining, "STARTTLS"), script: verbs(map[string]string{"STARTTLS": "454 no entropy"})}
	w.listen(p)
	w.want(w.deliver()[0], `delivered 250 2.0.0 "taken as 1"`)
	w.client.Close()
	if s := w.secured(); len(s) != 1 || s[0].Failure != "STARTTLS unexpected response" || p.sessions != 1 || !s[0].Address.IsValid() || s[0].Level != "Preferred" {
		t.Errorf("%d sessions, noted %+v", p.sessions, s)
	}
}

// Answers that were slipped in before the handshake must not be taken for the peer's.
func TestInjectedPlaintext(t *testing.T) {
	w := newWorld(t)
	w.document.Delivery.TLS = "opportunistic"
	cert, _ := certificate(t, "mx.example.com")
	p := &peer{extensions: append(pipelining, "STARTTLS"), tls: &tls.Config{Certificates: []tls.Certificate{cert}},
		script: verbs(map[string]string{"STARTTLS": "220 go\r\n250 injected"})}
	w.listen(p)
	w.deliver()
	w.client.Close()
	if s := w.secured(); len(s) != 1 || !strings.Contains(s[0].Failure, "before it was its turn") {
		t.Errorf("noted %+v", s)
	}
}

func TestTLSOff(t *testing.T) {
	w := newWorld(t)
	p := &peer{extensions: append(pipelining, "STARTTLS")}
	w.listen(p)
	w.want(w.deliver()[0], `delivered 250 2.0.0 "taken as 1"`)
	w.client.Close()
	if strings.Contains(strings.Join(p.seen(), " "), "STARTTLS") {
		t.Error("said STARTTLS")
	}
}
