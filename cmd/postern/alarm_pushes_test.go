package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/engine/config"
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
