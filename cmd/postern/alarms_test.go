package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern/engine"
	"postern/engine/config"
	"postern/projections"
)

// told is who listens to alarms in a test.
type told struct {
	list []string
	fail error
}

func (s *told) tell(_ context.Context, a engine.Alert) error {
	if s.fail != nil {
		return s.fail
	}
	what := a.Severity
	if a.Over {
		what = "over"
	}
	s.list = append(s.list, strings.TrimSpace(fmt.Sprintf("%s %s %s", what, a.Kind, a.Object)))
	return nil
}

// hears returns what was told since it was last asked.
func (s *told) hears() string {
	defer func() { s.list = nil }()
	return strings.Join(s.list, ", ")
}

func TestAlarms(t *testing.T) {
	var s told
	var wrong []engine.Alert
	problems := 0
	a := &alarms{tell: s.tell, interval: func() time.Duration { return time.Hour }, problem: func(error) { problems++ },
		levels: func(time.Time, func(string, string) bool) []engine.Alert { return wrong }}
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	host := func(name, severity string) engine.Alert {
		return engine.Alert{Kind: "hostDown", Object: name, Severity: severity}
	}
	for i, step := range []struct {
		after time.Duration
		wrong []engine.Alert
		want  string
	}{
		{0, nil, ""},
		{time.Minute, []engine.Alert{host("a", "Warning"), host("b", "Warning")}, "Warning hostDown a, Warning hostDown b"},
		{10 * time.Hour, []engine.Alert{host("a", "Warning"), host("b", "Warning")}, ""}, // stands
		{time.Minute, []engine.Alert{host("b", "Warning")}, "over hostDown a"},
		{time.Minute, []engine.Alert{host("a", "Warning"), host("b", "Warning")}, "Warning hostDown a"},
		{time.Minute, []engine.Alert{host("b", "Warning")}, "over hostDown a"},
		{time.Minute, []engine.Alert{host("a", "Warning"), host("b", "Warning")}, ""}, // told within the hour
		{30 * time.Minute, []engine.Alert{host("b", "Warning")}, ""},                  // and was never told: nothing is over
		{time.Minute, []engine.Alert{host("a", "Warning"), host("b", "Critical")}, "Critical hostDown b"},
		{40 * time.Minute, []engine.Alert{host("a", "Warning"), host("b", "Warning")}, "Warning hostDown a"}, // still wrong after the hour
		{time.Minute, nil, "over hostDown a, over hostDown b"},
	} {
		now, wrong = now.Add(step.after), step.wrong
		a.look(context.Background(), now)
		if got := s.hears(); got != step.want {
			t.Errorf("step %d: told %q, want %q", i, got, step.want)
		}
	}
	a.look(context.Background(), now.Add(24*time.Hour))
	if len(a.known) != 0 {
		t.Errorf("remembered for ever: %+v", a.known)
	}
	// What could not be told is told later.
	wrong, s.fail = []engine.Alert{host("c", "Warning")}, errors.New("disk")
	a.look(context.Background(), now)
	s.fail = nil
	a.look(context.Background(), now)
	if got := s.hears(); got != "Warning hostDown c" || problems != 1 {
		t.Errorf("after a failure told %q, %d problems", got, problems)
	}
}

// A start repeats nothing that the run before has told, and tells what is over meanwhile.
func TestAlarmsAfterRestart(t *testing.T) {
	var s told
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	wrong := []engine.Alert{{Kind: "queueSpace", Severity: "Warning"}, {Kind: "hostDown", Object: "a", Severity: "Warning"}, {Kind: "hostDown", Object: "b", Severity: "Warning"}}
	a := &alarms{tell: s.tell, interval: func() time.Duration { return time.Hour },
		levels: func(time.Time, func(string, string) bool) []engine.Alert { return wrong }}
	a.takeOver([]projections.Alert{ // the newest first
		{Time: now.Add(-time.Minute), Kind: "hostDown", Object: "a", Severity: "Warning", Cleared: now},
		{Time: now.Add(-2 * time.Minute), Kind: "followerBehind", Object: "status", Severity: "Warning"},
		{Time: now.Add(-3 * time.Minute), Kind: "queueSpace", Severity: "Warning"},
		{Time: now.Add(-5 * time.Hour), Kind: "hostDown", Object: "a", Severity: "Warning"},
	})
	a.look(context.Background(), now)
	if got, want := s.hears(), "Warning hostDown b, over followerBehind status"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

// wellBeing is a gateway of which a test says how it is.
func wellBeing() (*levels, *config.Document) {
	d := config.Default()
	return &levels{document: func() *config.Document { return d }, lags: &lags{},
		conservation: func() (int, []string) { return 0, nil },
		queue:        func() (int64, int64) { return 0, 1 << 30 },
		down:         func(time.Time, uint64) []projections.HostStatus { return nil },
		expiries:     func(time.Time) []expiry { return nil },
		history:      func() (int64, int64) { return 1 << 30, 1 << 40 }}, d
}

func TestAlarmLevels(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	many := func(n int, each uint64) (out []projections.HostStatus) {
		for i := range n {
			out = append(out, projections.HostStatus{Host: fmt.Sprint("h", i), Active: each, DownReason: "refused"})
		}
		return out
	}
	for name, c := range map[string]struct {
		set    func(*levels)
		stands bool
		want   string
	}{
		"well": {func(*levels) {}, false, ""},
		"slowing": {func(l *levels) { l.conservation = func() (int, []string) { return 7, []string{"memoryShortage"} } }, false,
			"Warning resourceConservation"},
		"refusing": {func(l *levels) { l.conservation = func() (int, []string) { return 999, nil } }, false,
			"Warning resourceConservation, Critical mailRefused"},
		"queue at 74 %":              {func(l *levels) { l.queue = func() (int64, int64) { return 740, 260 } }, false, ""},
		"queue at 75 %":              {func(l *levels) { l.queue = func() (int64, int64) { return 750, 250 } }, false, "Warning queueSpace"},
		"queue at 66 %, stands":      {func(l *levels) { l.queue = func() (int64, int64) { return 660, 340 } }, true, "Warning queueSpace"},
		"queue at 64 %, stands":      {func(l *levels) { l.queue = func() (int64, int64) { return 640, 360 } }, true, ""},
		"queue beyond its limit":     {func(l *levels) { l.queue = func() (int64, int64) { return 740, -1 } }, false, "Warning queueSpace"},
		"few wait":                   {func(l *levels) { l.down = func(time.Time, uint64) []projections.HostStatus { return many(1, 999) } }, false, ""},
		"few are left":               {func(l *levels) { l.down = func(time.Time, uint64) []projections.HostStatus { return many(1, 999) } }, true, "Warning hostDown h0"},
		"many wait":                  {func(l *levels) { l.down = func(time.Time, uint64) []projections.HostStatus { return many(1, 1000) } }, false, "Warning hostDown h0"},
		"certificate in 31 days":     {func(l *levels) { l.expiries = func(time.Time) []expiry { return []expiry{{"In", now.Add(31 * day)}} } }, false, ""},
		"certificate in 30 days":     {func(l *levels) { l.expiries = func(time.Time) []expiry { return []expiry{{"In", now.Add(30 * day)}} } }, false, "Warning certificateExpiry In"},
		"certificate ended":          {func(l *levels) { l.expiries = func(time.Time) []expiry { return []expiry{{"In", now}} } }, false, "Critical certificateExpiry In"},
		"journal with room":          {func(l *levels) { l.history = func() (int64, int64) { return 4000, 1000 } }, false, ""},
		"journal with room, stood":   {func(l *levels) { l.history = func() (int64, int64) { return 4000, 1000 } }, true, "Warning historySpace"},
		"journal without":            {func(l *levels) { l.history = func() (int64, int64) { return 4000, 999 } }, false, "Warning historySpace"},
		"disk below the watermark":   {func(l *levels) { l.history = func() (int64, int64) { return 4000, -5 } }, false, "Warning historySpace"},
		"nobody knows":               {func(l *levels) { l.history = func() (int64, int64) { return 0, 0 } }, false, ""},
		"a follower a minute behind": {func(l *levels) { l.lags.watch("status", nil).age.Store(int64(time.Minute)) }, false, "Warning followerBehind status"},
		"a follower a bit behind":    {func(l *levels) { l.lags.watch("status", nil).age.Store(int64(59 * time.Second)) }, false, ""},
		"not yet caught up":          {func(l *levels) { l.lags.watch("status", nil).age.Store(int64(11 * time.Second)) }, true, "Warning followerBehind status"},
		"mail is in doubt":           {func(l *levels) { l.doubts = func() (int, time.Time) { return 3, now } }, false, "Warning mailInDoubt"},
		"no mail is in doubt":        {func(l *levels) { l.doubts = func() (int, time.Time) { return 0, time.Time{} } }, true, ""},
		"the journal is damaged":     {func(l *levels) { l.damage = func() string { return "The journal x is damaged." } }, false, "Critical journalDamaged"},
		"the journal is whole":       {func(l *levels) { l.damage = func() string { return "" } }, true, ""},
		"a log's disk is full":       {func(l *levels) { l.lags.watch("mail_logs", nil).broken.Store(true) }, false, "Warning followerBehind mail_logs"},
	} {
		l, _ := wellBeing()
		c.set(l)
		var s told
		for _, a := range l.wrong(now, func(string, string) bool { return c.stands }) {
			if a.Text == "" || len(a.Text) > 400 || strings.ContainsAny(a.Text, "\r\n") || overText(a.Kind, a.Object) == "" {
				t.Errorf("%s: the text is %q", name, a.Text)
			}
			_ = s.tell(context.Background(), a)
		}
		if got := s.hears(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	// When everything is down, some alerts are enough; those that stand are not said to be over.
	l, _ := wellBeing()
	l.down = func(time.Time, uint64) []projections.HostStatus { return many(100, 5000) }
	if n := len(l.wrong(now, func(string, string) bool { return false })); n != maxHostAlerts {
		t.Errorf("%d alerts when 100 hosts are down", n)
	}
	if n := len(l.wrong(now, func(string, string) bool { return true })); n != 100 {
		t.Errorf("%d of 100 alerts go on", n)
	}
}

// A follower that stands still slows mail; one that cannot write does not, for that would help nobody.
func TestLags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		durable, seen := uint64(0), uint64(0)
		l := &lags{durable: func() uint64 { durable += 10; return durable }}
		f := l.watch("status", func() uint64 { return seen })
		ctx, cancel := context.WithCancel(context.Background())
		go func() { _ = l.run(ctx) }()
		<-time.After(30*time.Second + time.Millisecond)
		synctest.Wait()
		if d := l.Behind(); d != 29*time.Second {
			t.Errorf("behind by %v", d)
		}
		f.broken.Store(true)
		<-time.After(time.Second)
		synctest.Wait()
		if d := l.Behind(); d != 0 || f.age.Load() != int64(30*time.Second) {
			t.Errorf("one that cannot write counts %v; it is %v behind", d, time.Duration(f.age.Load()))
		}
		cancel()
		synctest.Wait()
	})
}
