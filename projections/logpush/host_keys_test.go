package logpush

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func blob(kind, rest string) string {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(kind))), kind...)
	return base64.StdEncoding.EncodeToString(append(b, rest...))
}

// Lines that are no keys of plain hosts are passed over: none of them reaches the file, a terminal or a program.
func TestHostileHostKeys(t *testing.T) {
	good := "a.test ssh-ed25519 " + blob("ssh-ed25519", "key")
	keys := parseHostKeys([]byte(good + " comment\n" +
		"# a.test ssh-ed25519 x\n" +
		"a.test ssh-rsa " + blob("ssh-ed25519", "another type") + "\n" +
		"a.test ssh-ed25519 AAAA\n" +
		"a.test ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte{0xff, 0xff, 0xff, 0xff, 1}) + "\n" +
		"a,b ssh-ed25519 " + blob("ssh-ed25519", "two hosts") + "\n" +
		"* ssh-ed25519 " + blob("ssh-ed25519", "all hosts") + "\n" +
		"@cert-authority a.test ssh-ed25519 " + blob("ssh-ed25519", "x") + "\n" +
		"a\x1b.test ssh-ed25519 " + blob("ssh-ed25519", "x") + "\n" +
		"[a.test]:22\r ssh-ed25519\n\n"))
	if len(keys) != 1 || keys[0].Host != "a.test" || !strings.HasPrefix(keys[0].Fingerprint, "SHA256:") {
		t.Errorf("%+v", keys)
	}
	k := &HostKeys{Dir: filepath.Join(t.TempDir(), "configuration")}
	bad := keys[0]
	bad.Host = "a.test ssh-rsa x\nb.test"
	if err := k.Add([]HostKey{bad}); err == nil {
		t.Error("a key of two lines is taken")
	}
	if err := k.Add(append(keys, keys...)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(k.Dir, KnownHostsName))
	if err != nil || string(text) != good+"\n" {
		t.Errorf("%q, %v", text, err)
	}
	if err := k.Remove(keys[0]); err != nil {
		t.Fatal(err)
	}
	if err := k.Remove(keys[0]); err == nil {
		t.Error("a key goes twice")
	}
	if list, err := k.List(); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// What an administrator has written into the file stays as it is, line by line, whatever is trusted or not beside it.
func TestHostKeysKeepOtherLines(t *testing.T) {
	k := &HostKeys{Dir: t.TempDir()}
	key := func(host string) HostKey {
		return HostKey{Host: host, Type: "ssh-ed25519", Key: blob("ssh-ed25519", host)}
	}
	line := func(host string) string { return host + " ssh-ed25519 " + blob("ssh-ed25519", host) }
	before, after := "# the archive\n\n"+line("|1|c2FsdA==|aGFzaA==")+"\n", "@cert-authority *.test "+line("x")[2:]+"\n"+line("a,b")
	path := filepath.Join(k.Dir, KnownHostsName)
	if err := os.WriteFile(path, []byte(before+line("old.test")+" by hand\n"+after), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.Add([]HostKey{key("new.test"), key("old.test")}); err != nil {
		t.Fatal(err)
	}
	if err := k.Remove(key("old.test")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != before+after+"\n"+line("new.test")+"\n" {
		t.Errorf("%v\n%s", err, text)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("#", maxKeysBytes+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.Add([]HostKey{key("new.test")}); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a file that was not read to its end is written anew: %v", err)
	}
}

func TestScanHostKeys(t *testing.T) {
	var called []string
	out, fails := "# a.test:22 SSH-2.0\na.test ssh-ed25519 "+blob("ssh-ed25519", "1")+"\nb.test ssh-ed25519 "+blob("ssh-ed25519", "2")+"\n", error(nil)
	k := &HostKeys{Dir: t.TempDir(), Runner: func(_ context.Context, _, _, name string, args ...string) ([]byte, []byte, error) {
		called = append([]string{name}, args...)
		return []byte(out), []byte("no route\n"), fails
	}}
	keys, err := k.Scan(t.Context(), "a.test", 22)
	if got := strings.Join(called, " "); err != nil || len(keys) != 1 || keys[0].Host != "a.test" || got != "ssh-keyscan -T 10 -p 22 -- a.test" {
		t.Errorf("%+v, %v, %s", keys, err, got)
	}
	if keys, err := k.Scan(t.Context(), "a.test", 2222); err == nil { // it answers for another port
		t.Errorf("%+v", keys)
	}
	out, fails = "", errors.New("exit status 1")
	if _, err := k.Scan(t.Context(), "a.test", 22); err == nil || !strings.Contains(err.Error(), "a.test:22 could not be had: no route (exit status 1)") {
		t.Error(err)
	}
	called = nil
	for _, host := range []string{"", "-oProxyCommand=id", "a b", "a\nb", "a,b", "$(id)"} {
		if _, err := k.Scan(t.Context(), host, 22); err == nil || called != nil {
			t.Errorf("%q is asked: %v", host, called)
		}
	}
}

// ssh-keyscan fails in silence where nobody listens: what the network says of it is told.
func TestScanTellsWhy(t *testing.T) {
	said := ""
	k := &HostKeys{Dir: t.TempDir(), Runner: func(context.Context, string, string, string, ...string) ([]byte, []byte, error) {
		return nil, []byte(said), &exec.ExitError{}
	}}
	for _, c := range []struct {
		dial error
		said string
		want string
	}{
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "", "could not be had: connection refused"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, "", "could not be had: no route to host"},
		{os.ErrDeadlineExceeded, "", "could not be had: it does not answer"},
		{os.ErrDeadlineExceeded, "getaddrinfo a.test: Name or service not known\n", "could not be had: getaddrinfo a.test: Name or service not known (<nil>)"},
		{nil, "", "could not be had: it gave no key"},
	} {
		said = c.said
		k.Dial = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			theirs.Close()
			return ours, c.dial
		}
		if _, err := k.Scan(t.Context(), "a.test", 22); err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
