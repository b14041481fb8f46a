package shell

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/engine/config"
	"postern/projections/logpush"
)

// scannedKey is a host key as ssh-keyscan prints it.
func scannedKey(host string) string {
	return host + " ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x03key"))
}

// pushKeys are keys for pushing whose programs are played.
func pushKeys(t *testing.T) *logpush.HostKeys {
	dir := t.TempDir()
	return &logpush.HostKeys{Dir: dir, Runner: func(_ context.Context, _, _, name string, args ...string) (out, said []byte, err error) {
		switch {
		case name == "ssh-keygen":
			return nil, nil, os.WriteFile(filepath.Join(dir, logpush.IdentityName+".pub"), []byte(scannedKey("")[1:]+" postern\n"), 0o644)
		case args[len(args)-1] == "10.10.0.30":
			return []byte(scannedKey("10.10.0.30") + "\n"), nil, nil
		}
		return nil, []byte("no route to host\n"), nil
	}}
}

// TestLogConfigTranscript goes through the whole dialogue.
func TestLogConfigTranscript(t *testing.T) {
	l, o := dialogued(t, twoInterfaces)
	l.Logs.Keys = pushKeys(t)
	l.Logs.Dir = "/data/logs"
	said := play(t, l, gmt, strings.Join([]string{"logconfig",
		"new", "1", "mail_logs", "a/b", "siem", "", "3", "-x", "Logs.example.com", "3", "", "local4", "2", "/etc/ssl/ca.pem",
		"new", "2", "archive", "3", "2", "10.10.0.30", "", "logs", "../etc", "/var/log/postern", "5", "30", "600", "",
		"hostkeyconfig", "scan", "10.10.0.31", "", "scan", "10.10.0.30", "", "y", "print", "1", "user", "delete", "1", "",
		"edit", "siem", "", "2", "", "", "2", "6000", "", "",
		"edit", "1", "mail", "", "1", "", "", "20",
		"delete", "2", "y", "setup", "50", "1s", "12h", "5", "",
		"commit", "logs"}, "\n")+"\n", nil)
	compareTranscript(t, "logconfig.txt", said)
	d, err := config.Parse([]byte(o.now.Text), "committed")
	if err != nil || len(o.commits) != 1 || len(d.Subscriptions) != 3 {
		t.Fatalf("%v, %+v", err, o.commits)
	}
	want := config.NewLog("siem", config.LogTypeMail)
	want.Level, want.Retrieval, want.Host, want.Protocol, want.Port, want.Facility, want.Format = "warning", "syslog", "logs.example.com", "tcp", 6000, "local4", "rfc3164"
	if got := *d.SubscriptionNamed("siem"); got != want {
		t.Errorf("%+v", got)
	}
	want = config.NewLog("archive", config.LogTypeStatus)
	want.Retrieval, want.Host, want.Port, want.User, want.Directory, want.Megabytes, want.Seconds = "scp", "10.10.0.30", 22, "logs", "/var/log/postern", 5, 600
	if got := *d.SubscriptionNamed("archive"); got != want {
		t.Errorf("%+v", got)
	}
	if l := d.SubscriptionNamed("mail"); l == nil || l.Keep != 20 || d.Logs.Keep != 5 || d.Logs.RolloverMegabytes != 50 || config.Text(&d.Logs, "rollover_age") != "12h" {
		t.Errorf("%+v, %+v", l, d.Logs)
	}
}

// TestLogConfigInBatch lists what holds, and changes keys by their names.
func TestLogConfigInBatch(t *testing.T) {
	l, o := dialogued(t, twoInterfaces+"[[log]]\nname = \"siem\"\ntype = \"mail_logs\"\nretrieval = \"syslog\"\nhost = \"10.0.0.1\"\n[[log]]\nname = \"x\"\ntype = \"status\"\n")
	l.Logs.Dir, l.Logs.Keys = "/data/logs", pushKeys(t)
	d, err := config.Parse([]byte(o.now.Text), "in force")
	if err != nil {
		t.Fatal(err)
	}
	l.Document = func() *config.Document { return d }
	l.Logs.Writers = func() []LogWriter { return []LogWriter{&fakeWriter{name: "x"}} }
	for _, c := range []struct{ line, want string }{
		{"logconfig", "Currently configured logs:\n1. \"siem\" Type: \"IronPort Text Mail Logs\" Retrieval: Syslog Push - Host 10.0.0.1\n2. \"x\" Type: \"Status Logs\" Retrieval: Local File\n"},
		{"logconfig --json", "[\n  {\n    \"name\": \"siem\",\n    \"type\": \"IronPort Text Mail Logs\",\n    \"retrieval\": \"Syslog Push - Host 10.0.0.1\"\n  },\n" +
			"  {\n    \"name\": \"x\",\n    \"type\": \"Status Logs\",\n    \"retrieval\": \"Local File\",\n    \"directory\": \"/data/logs\"\n  }\n]\n"},
		{"logconfig edit siem host a\x1bb", "error: "},
		{"logconfig edit siem directory /x", "is of no use with this retrieval"},
		{"logconfig edit x retrieval scp", "host is missing"},
		{"logconfig edit x retrieval scp 10.10.0.30 22 logs /x --yes", "Log x changed."},
		{"logconfig edit y keep 3", "There is no \"y\""},
		{"logconfig new status", "name is missing"},
		{"logconfig hostkeyconfig", "There are no installed host keys.\n"},
		{"logconfig hostkeyconfig frog", "hostkeyconfig does not know \"frog\""},
		{"logconfig hostkeyconfig scan a,b", "is neither a host's name nor an address"},
		{"logconfig hostkeyconfig scan 10.10.0.30", "error: no key was added: compare the fingerprints and repeat it with --yes"},
		{"logconfig hostkeyconfig", "There are no installed host keys.\n"},
		{"logconfig hostkeyconfig scan 10.10.0.30 --yes", "1 host key added for 10.10.0.30.\n"},
		{"logconfig hostkeyconfig user", "ssh-ed25519 AAAAC"},
		{"tail siem", "error: the log siem has no files here: Syslog Push - Host 10.0.0.1"},
		{"grep a siem", "error: the log siem has no files here: Syslog Push - Host 10.0.0.1"},
		{"rollovernow siem", "error: the log siem has no files here: Syslog Push - Host 10.0.0.1"},
		{"rollovernow mail_logs", "error: there is no log \"mail_logs\"; there are siem, x"},
		{"rollovernow X", "error: there is no log \"X\"; there are siem, x"},
		{"rollovernow all", "Log files successfully rolled over.\n"},
	} {
		got, err := dialogue(t, t.Context(), l, c.line, "batch")
		if err != nil {
			got += "error: " + err.Error()
		}
		if !strings.Contains(got, c.want) || strings.ContainsRune(got, '\x1b') {
			t.Errorf("%s:\nhave %q\nwant %q", c.line, got, c.want)
		}
	}
}

// TestHostKeysOverTheSocket gives keys through the socket as they are.
func TestHostKeysOverTheSocket(t *testing.T) {
	l := &Local{}
	l.Logs.Keys = pushKeys(t)
	g := overSocket(t, l)
	keys, err := g.ScanHostKeys(t.Context(), "10.10.0.30", 22)
	if err != nil || len(keys) != 1 {
		t.Fatalf("%+v, %v", keys, err)
	}
	if err := g.AddHostKey(t.Context(), keys[0]); err != nil {
		t.Fatal(err)
	}
	if list, err := g.HostKeys(t.Context()); err != nil || len(list) != 1 || list[0] != keys[0] {
		t.Errorf("%+v, %v", list, err)
	}
	if err := g.RemoveHostKey(t.Context(), keys[0]); err != nil {
		t.Fatal(err)
	}
	if err := g.RemoveHostKey(t.Context(), keys[0]); err == nil {
		t.Error("a key goes twice")
	}
	if _, err := g.ScanHostKeys(t.Context(), "10.10.0.30", 0); err == nil {
		t.Error("port 0 is asked")
	}
	if own, err := g.PushKey(t.Context()); err != nil || !strings.HasPrefix(own, "ssh-ed25519 AAAAC") {
		t.Errorf("%q, %v", own, err)
	}
	if _, err := (&Local{}).HostKeys(t.Context()); err == nil {
		t.Error("a gateway without keys lists some")
	}
}
