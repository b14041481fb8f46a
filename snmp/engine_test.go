package snmp

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine/config"
)

func TestEngineIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.json")
	first, err := OpenEngine(path, "", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if first.Boots != 1 || len(first.ID) != 17 || !strings.HasPrefix(first.ID, "\x80\x00\x7e\xd9\x05") {
		t.Errorf("the first start gives %d, %x", first.Boots, first.ID)
	}
	second, err := OpenEngine(path, "", rand.Reader)
	if err != nil || second.Boots != 2 || second.ID != first.ID {
		t.Errorf("the second start gives %+v, %v", second, err)
	}
	own, err := OpenEngine(path, "80007ed9050102030405060708", rand.Reader)
	if err != nil || own.Boots != 3 || hex.EncodeToString([]byte(own.ID)) != "80007ed9050102030405060708" {
		t.Errorf("with an id of the configuration it is %+v, %v", own, err)
	}
	again, err := OpenEngine(path, "", rand.Reader)
	if err != nil || again.Boots != 4 || again.ID != first.ID {
		t.Errorf("without it again %+v, %v", again, err)
	}
	left, _ := os.ReadDir(filepath.Dir(path))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || len(left) != 1 {
		t.Errorf("beside the file there is %v, %v", left, err)
	}
}

func TestEngineAtItsEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.json")
	for range 2 {
		if err := os.WriteFile(path, []byte(`{"engine_id":"80007ed905010203","boots":2147483647}`), 0o600); err != nil {
			t.Fatal(err)
		}
		if e, err := OpenEngine(path, "", rand.Reader); err != nil || e.Boots != maxBoots {
			t.Errorf("it is %+v, %v", e, err)
		}
	}
}

func TestEngineFaults(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "engine.json")
	for _, text := range []string{"", "{", `{"engine_id":"80007ed905010203","boots":2147483648}`, `{"engine_id":"80007ed905010203","boots":-1}`, `{"engine_id":"zz","boots":1}`, `{"engine_id":"00","boots":1}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if e, err := OpenEngine(path, "", rand.Reader); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q gives %+v, %v", text, e, err)
		}
		if kept, _ := os.ReadFile(path); string(kept) != text {
			t.Errorf("%q was replaced by %q", text, kept)
		}
	}
	if e, err := OpenEngine(filepath.Join(dir, "none", "engine.json"), "", rand.Reader); err == nil || !strings.Contains(err.Error(), "cannot be kept") {
		t.Errorf("without a folder it is %+v, %v", e, err)
	}
	if e, err := OpenEngine(filepath.Join(dir, "fresh.json"), "", strings.NewReader("short")); err == nil {
		t.Errorf("without randomness it is %+v", e)
	}
}

func TestEngineTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{started: time.Now()}
		time.Sleep(90*time.Second + 999*time.Millisecond)
		if e.Time() != 90 {
			t.Errorf("after 90.999 s it shows %d", e.Time())
		}
	})
}

// The example of RFC 3414 section A.3.2.
func TestLocalizedKeys(t *testing.T) {
	ku, err := config.SNMPKey("maplesyrup")
	if err != nil {
		t.Fatal(err)
	}
	id, want := "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02", "6695febc9288e36282235fc7151f128497b38f3f"
	u, err := (&Engine{ID: id}).Security(&config.SNMP{AuthKey: ku, PrivKey: ku})
	if err != nil || hex.EncodeToString(u.SecretKey) != want || hex.EncodeToString(u.PrivacyKey) != want[:32] {
		t.Errorf("got %x, %x, %v", u.SecretKey, u.PrivacyKey, err)
	}
	secretKey := bytes.Clone(u.SecretKey)
	if err := u.InitSecurityKeys(); err != nil || !bytes.Equal(u.SecretKey, secretKey) {
		t.Errorf("the codec makes of them %x, %v", u.SecretKey, err)
	}
}
