package projections

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"postern/journal"
)

// A log of a level holds the lines of that level and above, in its file as elsewhere.
func TestSubscriptionLevels(t *testing.T) {
	b := newLogBed(t)
	facts := mailLogExamples()
	b.append(facts...)
	for least, levels := range map[LineLevel]string{LineInfo: "Info Warning", LineWarning: "Warning", LineCritical: ""} {
		s := LogSubscription{Name: "a", Type: MailLogType, Least: least}
		records, err := b.journal.Read(0, 1<<20, nil)
		if err != nil {
			t.Fatal(err)
		}
		var file, framed []byte
		seen, appendTo := map[string]bool{}, s.appender(b.options.Zone)
		for i := range records {
			file = appendTo(file, &records[i])
			for _, l := range s.Lines(records[i], b.options.Zone, nil) {
				framed = AppendFramed(framed, records[i].Time.Time(), b.options.Zone, l)
				seen[l.Level.String()] = true
			}
		}
		if string(file) != string(framed) {
			t.Errorf("at %v the file and the lines differ", least)
		}
		for _, level := range strings.Fields(levels) {
			if !seen[level] {
				t.Errorf("at %v there is no %s", least, level)
			}
			delete(seen, level)
		}
		delete(seen, "Critical")
		if len(seen) > 0 {
			t.Errorf("at %v there is %v", least, seen)
		}
	}
}

// A log of another name goes on like those that there have always been; retired, its files are closed and stay, and one
// that gets the name later begins anew.
func TestSubscriptionRetires(t *testing.T) {
	b := newLogBed(t)
	s := LogSubscription{Name: "archive", Type: MailLogType}
	run := func(s LogSubscription, retire bool) {
		t.Helper()
		f := NewLogFollower(s, b.journal, b.options)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if retire {
			f.Retire()
		}
		if err := f.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
	run(s, false)
	b.traffic(3)
	run(s, true)
	names := b.names()
	if want := []string{"archive.@20070602T050500.s"}; !slices.Equal(names, want) && !slices.Equal(names, []string{"archive.@20070602T090500.s"}) {
		t.Fatalf("%v", names)
	}
	text := b.read(names[0])
	if !strings.HasSuffix(text, "Info: End Logfile\n") || !strings.Contains(text, "Message finished MID 3 done\n") {
		t.Errorf("%s", text)
	}
	if m, err := loadMarks(b.journal.Rows("log:archive")); len(m.candidates()) > 0 || err != nil {
		t.Errorf("its place is kept: %+v, %v", m, err)
	}
	b.append(&journal.Started{Boot: 2, Version: "1.0.0", Hostname: "mail3.example.com", Clean: true}, &journal.Sampled{})
	s.Type = StatusLogType
	run(s, false)
	if names = b.names(); len(names) != 3 || !strings.Contains(b.read(names[1]), "Status: CPULd") || strings.Contains(b.read(names[1]), "Message") {
		t.Errorf("%v", names)
	}
	if got := b.read(names[0]); got != text {
		t.Error("the file of before has changed")
	}
}

// A log that is retired and subscribed again has each line once, those of between included.
func TestSubscriptionComesBack(t *testing.T) {
	b := newLogBed(t)
	for range 3 {
		f := b.follower()
		b.turn(f)
		b.traffic(2)
		f.Retire()
		if err := f.stop(); err != nil {
			t.Fatal(err)
		}
		b.traffic(1)
	}
	b.turn(b.follower())
	b.check()
}

// A log whose type was changed while nobody looked begins a new file.
func TestSubscriptionChangesType(t *testing.T) {
	b := newLogBed(t)
	for _, kind := range []LogType{MailLogType, StatusLogType} {
		f := NewLogFollower(LogSubscription{Name: "x", Type: kind}, b.journal, b.options)
		b.traffic(1)
		b.append(&journal.Sampled{})
		b.turn(f)
		if err := f.stop(); err != nil {
			t.Fatal(err)
		}
	}
	current, err := os.ReadFile(filepath.Join(b.options.Dir, "x.current"))
	if err != nil || strings.Contains(string(current), "Message") || !strings.Contains(string(current), "Status:") {
		t.Errorf("%s, %v", current, err)
	}
	if names := b.names(); len(names) != 3 || !strings.HasSuffix(names[0], ".s") {
		t.Errorf("%v", names)
	}
}
