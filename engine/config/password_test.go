package config

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
)

func TestPassword(t *testing.T) {
	const secret = "correct horse Pferd 馬"
	text, err := hashPassword(secret, rand.Reader, minRounds)
	if err != nil {
		t.Fatal(err)
	}
	h, err := ParsePassword(text)
	if err != nil {
		t.Fatal(err)
	}
	if !h.Matches(secret) {
		t.Errorf("%s does not match its own password", text)
	}
	for _, wrong := range []string{"", secret + " ", "correct horse pferd 馬", strings.Repeat("x", maxPassword+1)} {
		if h.Matches(wrong) {
			t.Errorf("%q matches", wrong)
		}
	}
	if (HashedPassword{}).Matches("") {
		t.Error("no password matches the empty one")
	}
	again, err := hashPassword(secret, rand.Reader, minRounds)
	if err != nil || again == text {
		t.Errorf("hashed twice it is %s and %s, %v: the salt is missing", text, again, err)
	}
}

// RFC 7914 section 11 has these two keys of PBKDF2 with HMAC-SHA-256, their first 32 bytes here.
func TestPasswordIsPBKDF2(t *testing.T) {
	for _, c := range []struct {
		password, salt string
		rounds         int
		key            string
	}{
		{"passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"},
		{"Password", "NaCl", 80000, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"},
	} {
		h := HashedPassword{rounds: c.rounds, salt: []byte(c.salt)}
		if got := fmt.Sprintf("%x", h.derive(c.password)); got != c.key {
			t.Errorf("%s with %s: %s, want %s", c.password, c.salt, got, c.key)
		}
	}
}

func TestPasswordsThatAreNone(t *testing.T) {
	for _, s := range []string{"", "secret", "$2b$12$abc", "pbkdf2-sha256$600000$AAAAAAAAAAAAAAAAAAAAAA", "pbkdf2-sha256$1$AAAAAAAAAAAAAAAAAAAAAA$" + strings.Repeat("A", 43),
		"pbkdf2-sha256$99999999999$AAAAAAAAAAAAAAAAAAAAAA$" + strings.Repeat("A", 43), "pbkdf2-sha256$600000$AAAA$" + strings.Repeat("A", 43),
		"pbkdf2-sha256$600000$AAAAAAAAAAAAAAAAAAAAAA$AAAA", "pbkdf2-sha256$600000$AAAAAAAAAAAAAAAAAAAAAA$" + strings.Repeat("!", 43)} {
		if h, err := ParsePassword(s); err == nil {
			t.Errorf("%q is taken as %s", s, h)
		}
	}
	for _, s := range []string{"", strings.Repeat("x", maxPassword+1), "a\x00b", "a\nb"} {
		if h, err := HashPassword(s, rand.Reader); err == nil {
			t.Errorf("%q is hashed as %s", s, h)
		}
	}
	if _, err := HashPassword("x", iotest.ErrReader(errors.New("no entropy"))); err == nil {
		t.Error("a password was hashed without salt")
	}
}

// anyHash is of some password.
const anyHash = "pbkdf2-sha256$600000$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestHTTP(t *testing.T) {
	for _, good := range []string{
		"address = '127.0.0.1:8080'", "address = '[::1]:8080'", "address = '127.8.9.1:0'", "user = 'monitor'\npassword = '" + anyHash + "'",
		"address = '0.0.0.0:443'\ncertificate = 'c.pem'\nkey = 'k.pem'\nuser = 'monitor'\npassword = '" + anyHash + "'",
	} {
		d, err := Parse([]byte("[http]\n"+good), "c.toml")
		if err != nil {
			t.Errorf("%s: %v", good, err)
			continue
		}
		if again, err := Parse(Encode(d), "c.toml"); err != nil || len(Diff(d, again)) > 0 {
			t.Errorf("%s is read back as %v, %v", good, again, err)
		}
	}
	if d := Default(); d.HTTP.Address.IsValid() {
		t.Errorf("by default it listens on %s", d.HTTP.Address)
	}
	for bad, want := range map[string]string{
		"address = '192.0.2.1:8080'":               `http.address: 192.0.2.1:8080 can be reached from other machines`,
		"address = '0.0.0.0:8080'":                 `http.address: 0.0.0.0:8080 can be reached from other machines`,
		"address = '[::ffff:192.0.2.1]:8080'":      `can be reached from other machines`,
		"address = '[ff02::1]:8080'":               `is a multicast address`,
		"address = '127.0.0.1:2525'":               `http.address: 127.0.0.1:2525 is busy: listener Mail is on 127.0.0.1:2525`,
		"user = 'm'":                               `http.user: is a user without a password`,
		"password = '" + anyHash + "'":             `http.password: is a password without a user`,
		"user = 'm'\npassword = 'hunter2'":         `c.toml:3:12: http.password: is not a hashed password; "postern config password" makes one`,
		"user = 'a:b'\npassword='" + anyHash + "'": `http.user: "a:b" is not allowed`,
		"certificate = 'c.pem'":                    `http.certificate: is a certificate without a key`,
		"key = 'k.pem'":                            `http.key: is a key without a certificate`,
	} {
		_, err := Parse([]byte("[http]\n"+bad), "c.toml")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", bad, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is shown: %v", err)
		}
	}
}
