package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"postern/engine/config"
)

// A configured certificate stays in the list when its file cannot be read any more, and a new document is seen at once.
func TestExpiriesAreKept(t *testing.T) {
	ends := time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	d := config.Default()
	d.HTTP.Certificate = file
	var said []string
	e := expiries{unknown: func(name string, err error) { said = append(said, fmt.Sprint(name, ": ", err)) }}
	now := time.Now()
	want := func(when string, d *config.Document, n int) {
		t.Helper()
		got := e.list(d, now)
		if len(got) != n || n > 0 && (got[0].Name != "Certificate HTTP" || !got[0].Expires.Equal(ends)) {
			t.Errorf("%s: %+v", when, got)
		}
	}
	want("at first", d, 1)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * expiryFresh)
	e.refresh(d, now)
	want("unreadable", d, 1)
	same := config.Default()
	same.HTTP.Certificate = file
	want("another document, the same file", same, 1)
	want("a document without it", config.Default(), 0)
	want("never readable", d, 0)
	now = now.Add(2 * expiryFresh)
	e.refresh(d, now)
	if all := e.all(d, now); len(all) != 1 || all[0].Name != "Certificate HTTP" || !all[0].Expires.IsZero() {
		t.Errorf("what nobody can read is listed as %+v", all)
	}
	if want := "HTTP: open " + file + ": no such file or directory"; len(said) != 1 || said[0] != want {
		t.Errorf("it is said %q, want %q", said, want)
	}
}
