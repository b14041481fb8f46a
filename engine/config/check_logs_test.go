package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A document without rows has the two logs that there have always been, shaped by [logs].
func TestLogsWithoutRows(t *testing.T) {
	d, err := parse([]byte("[logs]\nrollover_megabytes = 7\nrollover_age = \"2h\"\nkeep = 3\n"), "c.toml", "host.test")
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Subscriptions) != 2 || d.Subscriptions[0].Name != "mail_logs" || d.Subscriptions[1].Name != "status" {
		t.Fatalf("%+v", d.Subscriptions)
	}
	for i := range d.Subscriptions {
		l := &d.Subscriptions[i]
		if bytes, age, keep := d.Rollover(l); bytes != 7<<20 || age.Duration != 2*time.Hour || keep != 3 || l.Retrieval != RetrieveFile || l.Type != l.Name {
			t.Errorf("%+v: %d bytes, %s, %d files", l, bytes, age, keep)
		}
	}
	if d, err = parse([]byte("log = []"), "c.toml", "host.test"); err != nil || len(d.Subscriptions) != 0 {
		t.Errorf("no logs at all: %+v, %v", d, err)
	}
}

const pushes = `
[[log]]
name = "siem"
type = "mail_logs"
retrieval = "syslog"
host = "Logs.Example.COM"
protocol = "tls"
facility = "local4"
level = "warning"

[[log]]
name = "Archive"
type = "status"
retrieval = "scp"
host = "2001:DB8::1"
user = "logs"
directory = "/var/log/postern"
rollover_megabytes = 5
rollover_seconds = 600
keep = 2
`

func TestLogRows(t *testing.T) {
	d, err := parse([]byte(pushes), "c.toml", "host.test")
	if err != nil {
		t.Fatal(err)
	}
	siem, archive := d.SubscriptionNamed("SIEM"), d.SubscriptionNamed("archive")
	if siem.Endpoint() != "logs.example.com:6514" || siem.FacilityNumber() != 20 || siem.HasFiles() || siem.Format != "rfc5424" {
		t.Errorf("%+v", siem)
	}
	bytes, age, keep := d.Rollover(archive)
	if archive.Endpoint() != "[2001:db8::1]:22" || !archive.HasFiles() || bytes != 5<<20 || age.Duration != 10*time.Minute || keep != 2 {
		t.Errorf("%+v: %d bytes, %s, %d files", archive, bytes, age, keep)
	}
	again, err := Parse(Encode(d), "c.toml")
	if err != nil || len(Diff(d, again)) > 0 {
		t.Fatalf("read back: %v", err)
	}
	again.Subscriptions = append(again.Subscriptions[1:], NewLog("new", LogTypeMail))
	again.Subscriptions[0].Keep = 9
	var paths []string
	for _, c := range Diff(d, again) {
		paths = append(paths, c.Path)
	}
	if got, want := strings.Join(paths, " "), "log.siem log.Archive.keep log.new"; got != want {
		t.Errorf("what changes is %s, want %s", got, want)
	}
	if d.SubscriptionNamed("frog") != nil {
		t.Error("a log that is not there is found")
	}
}

// What could reach a terminal, a program's command line or a place outside is refused, with its place.
func TestHostileLogs(t *testing.T) {
	scp := `name = "a"` + "\n" + `type = "status"` + "\n" + `retrieval = "scp"` + "\n" + `user = "u"` + "\n"
	for _, c := range []struct{ row, want string }{
		{`type = "status"`, "1:3: log.name: is missing"},
		{`name = "a/../b"` + "\n" + `type = "status"`, "2:8: log.name: \"a/../b\" is not a name"},
		{`name = "a\nb"` + "\n" + `type = "status"`, "2:8: log.name: \"a?b\" has control characters"},
		{`name = "a"`, "log.type: is missing"},
		{`name = "All"` + "\n" + `type = "status"`, `"all" stands for every log`},
		{`name = "a"` + "\n" + `type = "spam"`, "allowed is mail_logs, status"},
		{`name = "a"` + "\n" + `type = "status"` + "\n" + `retrieval = "ftp"`, "allowed is file, syslog, scp"},
		{`name = "a"` + "\n" + `type = "status"` + "\n" + `retrieval = "syslog"`, "log.host: is missing"},
		{`name = "a"` + "\n" + `type = "status"` + "\n" + `host = "a.test"`, "4:8: log.host: is of no use"},
		{`name = "a"` + "\n" + `type = "status"` + "\n" + `rollover_seconds = 59`, "59 is too short"},
		{`name = "a"` + "\n" + `type = "status"` + "\n" + `authority = "/x"`, "is of use with"},
		{`name = "a"` + "\n" + `type = "status"` + "\n" + `facility = "kern"`, "log.facility:"},
		{`name = "a"` + "\n" + `type = "status"` + "\n" + `retrieval = "syslog"` + "\n" + `host = "-oProxyCommand=id"`, "is neither a host's name nor an address"},
		{`name = "a"` + "\n" + `type = "status"` + "\n" + `retrieval = "syslog"` + "\n" + `host = "0.0.0.0"`, "no log can be sent to"},
		{scp + `host = "a.test"`, "log.directory: is missing"},
		{scp + `host = "a.test"` + "\n" + `directory = "../x"`, "is not a directory"},
		{scp + `host = "a.test"` + "\n" + `directory = "x/-rm"`, "is not a directory"},
		{scp + `host = "a.test"` + "\n" + `directory = "a b"`, "is not a directory"},
		{scp + `host = "a.test"` + "\n" + `directory = "x"` + "\n" + `identity = "%h"`, "is not a file of keys"},
		{scp + `host = "a.test"` + "\n" + `directory = "x"` + "\n" + `known_hosts = "a/b"`, "is not a file of keys"},
		{strings.Replace(scp, `"u"`, `"-l"`, 1) + `host = "a.test"` + "\n" + `directory = "x"`, "is not the name of a user"},
	} {
		_, err := parse([]byte("[[log]]\n"+c.row+"\n"), "c.toml", "host.test")
		var faults *Errors
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), c.want) || strings.ContainsFunc(strings.ReplaceAll(err.Error(), "\n", ""), func(r rune) bool { return r < ' ' }) {
			t.Errorf("%s\ngives %v, want %s", c.row, err, c.want)
		}
	}
	many := ""
	for i := range maxSubscriptions + 1 {
		many += fmt.Sprintf("[[log]]\nname = \"l%d\"\ntype = \"status\"\n", i)
	}
	if _, err := parse([]byte(many), "c.toml", "host.test"); err == nil || !strings.Contains(err.Error(), "at most 32") {
		t.Error(err)
	}
	if _, err := parse([]byte("[[log]]\nname = \"a\"\ntype = \"status\"\n[[log]]\nname = \"A\"\ntype = \"status\"\n"), "c.toml", "host.test"); err == nil || !strings.Contains(err.Error(), "5:8") {
		t.Error(err)
	}
}
