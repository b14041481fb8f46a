package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/bench"
	"time"
)

const oneListener = "hostname = \"x.test\"\n\n[[listener]]\nname = \"In\"\nkind = \"private\"\naddress = \"127.0.0.1:0\"\n"

// configured makes a data directory with that configuration.
func configured(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, configName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// writePair writes a certificate and its key, and returns their files.
func writePair(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"x.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// The check finds what a start would stumble over outside of the file.
func TestConfigCheck(t *testing.T) {
	certificate, key := writePair(t)
	_, other := writePair(t)
	with := func(more string) string { return configured(t, oneListener+more) }
	for _, c := range []struct {
		name, data string
		says       []string // nil: it is good
	}{
		{"good", with("certificate = \"" + certificate + "\"\nkey = \"" + key + "\"\n[admin]\ngroup = \"root\"\n[daemon]\nuser = \"nobody\"\n"), nil},
		{"key of another", with("certificate = \"" + certificate + "\"\nkey = \"" + other + "\"\n"), []string{`listener "In"`, "does not match"}},
		{"no certificate", with("certificate = \"/nonexistent/c.pem\"\nkey = \"" + key + "\"\n"), []string{`listener "In"`, "/nonexistent/c.pem", "no such file"}},
		{"no group", with("[admin]\ngroup = \"no-such-group\"\n"), []string{"admin.group", "no-such-group"}},
		{"no user", with("[daemon]\nuser = \"no-such-user\"\n"), []string{"daemon.user", "no-such-user"}},
		{"no address", configured(t, strings.Replace(oneListener, "127.0.0.1:0", "127.0.0:25", 1)), []string{"postern.toml:6:", "address"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.says == nil {
				if got := output(t, "config", "check", "--data", c.data); !strings.Contains(got, "good") {
					t.Error(got)
				}
				return
			}
			refuses(t, 1, append(c.says, configName), "config", "check", "--data", c.data)
		})
	}
	refuses(t, 2, []string{"usage"}, "config", "check", "--data", t.TempDir(), "--bend")
}

// Without a file the embedded defaults are judged, and nothing is made.
func TestConfigCheckOfDefaults(t *testing.T) {
	data := t.TempDir()
	if got := output(t, "config", "check", "--data", data); !strings.Contains(got, "embedded defaults") {
		t.Error(got)
	}
	if left, err := os.ReadDir(data); err != nil || len(left) > 0 {
		t.Errorf("the check left %v, %v", left, err)
	}
	refuses(t, 1, []string{"/nonexistent/data"}, "config", "check", "--data", "/nonexistent/data")
}

// Ports are tried only where that was asked for.
func TestConfigCheckBinds(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := configured(t, strings.Replace(oneListener, "127.0.0.1:0", taken.Addr().String(), 1))
	output(t, "config", "check", "--data", busy)
	refuses(t, 1, []string{`listener "In"`, taken.Addr().String(), "in use"}, "config", "check", "--bind", "--data", busy)
	elsewhere := configured(t, oneListener+"\n[[interface]]\nname = \"Out\"\naddress = \"192.0.2.77/24\"\n")
	refuses(t, 1, []string{`interface "Out"`, "192.0.2.77"}, "config", "check", "--bind", "--data", elsewhere)
	output(t, "config", "check", "--bind", "--data", configured(t, oneListener))
}

// The ports of the gateway that runs there are its own, and not busy; those of others are.
func TestConfigCheckOfARunningGatewayBinds(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := freeAddress(t)
	text := strings.Replace(oneListener, "127.0.0.1:0", address, 1) + "[http]\naddress = \"" + freeAddress(t) + "\"\n" + snmpSection(t, freeUDP(t), "ironport1")
	g := &bench.Gateway{Binary: binary, Data: configured(t, text), Address: address}
	start(t, g)
	defer g.Kill()
	if got := output(t, "config", "check", "--bind", "--data", g.Data); !strings.HasSuffix(got, ": good.\n") {
		t.Error(got)
	}
	more := filepath.Join(t.TempDir(), "more.toml")
	second := "[[listener]]\nname = \"More\"\nkind = \"private\"\naddress = \"" + taken.Addr().String() + "\"\n"
	if err := os.WriteFile(more, []byte(text+second), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, 1, []string{`listener "More"`, taken.Addr().String(), "in use"}, "config", "check", "--bind", "--config", more, "--data", g.Data)
	other := configured(t, text)
	code, said := refusal(t, "config", "check", "--bind", "--data", other)
	if code != exitRefused || strings.Count(said, " cannot listen on ") != 3 {
		t.Errorf("of another gateway: exit %d, %s", code, said)
	}
}

// A first start that cannot be leaves no store behind, so that the next one is a first start again.
func TestFirstStartLeavesNoStore(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct{ text, says string }{
		"busy port":      {strings.Replace(oneListener, "127.0.0.1:0", taken.Addr().String(), 1), "in use"},
		"no certificate": {oneListener + "certificate = \"/nonexistent/c.pem\"\nkey = \"/nonexistent/k.pem\"\n", "/nonexistent/c.pem"},
		"no user":        {oneListener + "[daemon]\nuser = \"no-such-user\"\n", "no-such-user"},
	} {
		t.Run(name, func(t *testing.T) {
			data := configured(t, c.text)
			refuses(t, 1, []string{c.says}, "serve", "--data", data)
			if _, err := os.Stat(filepath.Join(data, "journal")); !os.IsNotExist(err) {
				t.Errorf("a journal is left: %v", err)
			}
		})
	}
}
