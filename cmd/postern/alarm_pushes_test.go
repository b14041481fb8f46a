package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"postern/engine/config"
	"postern/journal"
)

// A log that does not reach another host is told of after a minute, and what it waits for slows no mail.
func TestPushAlarms(t *testing.T) {
	now := time.Date(2026, 11, 26, 1, 2, 3, 0, time.UTC)
	for _, c := range []struct {
		age    time.Duration
		stands bool
		want   string
	}{
		{59 * time.Second, false, ""},
		{75 * time.Second, false, "The log siem is not pushed. Its lines wait to be sent to a.test:514, for 75 seconds now: connection refused"},
		{11 * time.Second, true, "The log siem is not pushed. Its lines wait to be sent to a.test:514, for 11 seconds now: connection refused"},
		{9 * time.Second, true, ""},
	} {
		l := &levels{stuck: func(time.Time) []stuck {
			return []stuck{{"siem", c.age, "Its lines wait to be sent to a.test:514", "connection refused"}}
		}}
		got := ""
		for _, a := range l.pushes(nil, now, func(string, string) bool { return c.stands }) {
			got += a.Text
		}
		if got != c.want {
			t.Errorf("after %s: %q, want %q", c.age, got, c.want)
		}
	}
	if text := overText(alertPush, "siem"); !strings.Contains(text, "The log siem reaches the host") {
		t.Error(text)
	}
	durable := uint64(0)
	l := &lags{durable: func() uint64 { return durable }}
	far := l.add(&lagging{name: "siem", seen: func() uint64 { return 0 }, elsewhere: true})
	for range 3 {
		durable++
		now = now.Add(time.Minute)
		l.look(now)
	}
	if l.Behind() != 0 || time.Duration(far.age.Load()) != 2*time.Minute {
		t.Errorf("mail is slowed for %s; the log is %s behind", l.Behind(), time.Duration(far.age.Load()))
	}
	if out := (&levels{lags: l}).followers(nil, func(string, string) bool { return false }); len(out) > 0 {
		t.Errorf("%+v", out)
	}
	l.unwatch(far)
	if len(l.followers()) > 0 {
		t.Error("a follower that is no more is watched")
	}
}

// A commit that changes something of a log, or of another, takes nothing back of what stands against its push; one that sends it
// elsewhere does.
func TestACommitLeavesAPushThatFails(t *testing.T) {
	j, err := journal.Open("push", journal.Options{Disk: journal.NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	g := &gateway{data: t.TempDir(), journal: j, log: zerolog.Nop()}
	g.lags.durable, g.logs.g = j.Durable, g
	siem := config.NewLog("siem", config.LogTypeMail)
	siem.Retrieval, siem.Protocol, siem.Host, siem.Port = config.RetrieveSyslog, "tcp", "127.0.0.1", 9
	d := config.Default()
	d.Subscriptions = []config.Log{siem}
	g.logs.build(d)
	one := g.logs.all()[0]
	if _, err := j.AppendEvents(0, &journal.ConnectionClosed{ICID: 1}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	one.stop = cancel
	one.running.Go(func() { _ = one.syslog.Run(ctx) })
	eventually(t, "it fails", func() bool { return one.syslog.Reason() != "" })
	now := time.Date(2026, 11, 26, 1, 2, 3, 0, time.UTC)
	for range 2 {
		g.lags.look(now)
		now = now.Add(75 * time.Second)
	}
	told := func() int {
		g.lags.look(now)
		return len((&levels{stuck: g.logs.stuck}).pushes(nil, now, func(string, string) bool { return true }))
	}
	if told() != 1 {
		t.Fatal("nobody is told")
	}
	for _, c := range []struct {
		change string
		do     func(*config.Document)
		want   int
	}{
		{"another log", func(d *config.Document) {
			d.Subscriptions = append(d.Subscriptions, config.NewLog("second", config.LogTypeStatus))
		}, 1},
		{"the host's name", func(d *config.Document) { d.Hostname = "mail9.example.com" }, 1},
		{"its level", func(d *config.Document) { d.Subscriptions[0].Level = "warning" }, 1},
		{"its server", func(d *config.Document) { d.Subscriptions[0].Host = "127.0.0.2" }, 0},
	} {
		next := config.Clone(d)
		c.do(next)
		if problems := g.logs.replace(next); len(problems) > 0 {
			t.Fatal(problems)
		}
		if got := told(); got != c.want {
			t.Errorf("%s changed: %d alerts, want %d", c.change, got, c.want)
		}
		d = next
	}
}

func TestLogAuthorities(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk.pem")
	if err := os.WriteFile(junk, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	next := config.Default()
	l := config.NewLog("siem", config.LogTypeMail)
	l.Retrieval, l.Protocol, l.Host = config.RetrieveSyslog, "tls", "a.test"
	for file, want := range map[string]string{"": "", junk: "holds no certificate", dir: "is no file of certificates", filepath.Join(dir, "none"): "is no file of certificates"} {
		l.Authority = file
		next.Subscriptions = []config.Log{l}
		_, err := new(gateway).prepareLogs(new(config.Document), next)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "log siem: log.authority")) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}
