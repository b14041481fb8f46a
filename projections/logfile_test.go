package projections

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern/journal"
)

// logBed is a journal in memory, a directory for logs and a clock that tests set.
type logBed struct {
	t       *testing.T
	journal *journal.Journal
	options LogOptions
	now     time.Time
	from    uint64 // Seq before the first record that the log shows
	mid     uint32
}

func newLogBed(t *testing.T) *logBed {
	b := &logBed{t: t, now: time.Date(2007, 6, 2, 9, 5, 0, 0, time.UTC)}
	j, err := journal.Open("store", journal.Options{Disk: journal.NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	b.journal = j
	b.options = LogOptions{Dir: filepath.Join(t.TempDir(), "logs"), Version: "1.0.0-001", Serial: "000BDBE64917-C4GYF31", Zone: time.UTC,
		Now: func() time.Time { return b.now }}
	b.append(&journal.Started{Boot: 1, Version: "1.0.0", Hostname: "mail3.example.com", Clean: true})
	return b
}

func (b *logBed) append(events ...journal.Event) {
	b.t.Helper()
	if _, err := b.journal.AppendEvents(journal.InstantOf(b.now), events...); err != nil {
		b.t.Fatal(err)
	}
}

// traffic appends the facts of n messages.
func (b *logBed) traffic(n int) {
	b.t.Helper()
	for range n {
		b.mid++
		rids := []uint32{0}
		b.append(
			&journal.MessageInjected{MID: b.mid, ICID: 1, Size: 100, Queued: true, Sender: "ann@example.com", Subject: fmt.Sprint("no. ", b.mid),
				Recipients: []journal.InjectedRecipient{{Local: "bob", Domain: "example.net"}}},
			&journal.AttemptStarted{MID: b.mid, RIDs: rids, Attempt: 1},
			&journal.Delivered{DCID: 1, MID: b.mid, RIDs: rids, Reply: "ok", Finished: true})
	}
}

func (b *logBed) follower() *LogFollower { return NewMailLogFollower(b.journal, b.options) }

// turn lets a follower write all there is, and forces its upkeep.
func (b *logBed) turn(f *LogFollower) {
	b.t.Helper()
	f.lastUpkeep = time.Time{}
	if err := f.turn(); err != nil {
		b.t.Fatal(err)
	}
}

// crash lets go of a follower's file as a dying process does.
func (b *logBed) crash(f *LogFollower) { f.file.handle.Close() }

func (b *logBed) names() []string {
	b.t.Helper()
	entries, err := os.ReadDir(b.options.Dir)
	if err != nil {
		b.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (b *logBed) read(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.options.Dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

var frameOfFiles = regexp.MustCompile(`(?m)^.{24} Info: (Begin Logfile|Version: \S+ SN: \S{20}|Time offset from UTC: 0 seconds|End Logfile|` + noticeNewLog + `.*)\n`)

// text is what all files hold together, without what belongs to the files themselves.
func (b *logBed) text() string {
	b.t.Helper()
	var all strings.Builder
	for _, name := range b.names() {
		if _, ext, ok := splitName(mailLogName, name); ok && ext != extCut {
			all.WriteString(frameOfFiles.ReplaceAllString(b.read(name), ""))
		}
	}
	return all.String()
}

// check fails unless the files hold the rendering of the journal: nothing less, nothing twice.
func (b *logBed) check() {
	b.t.Helper()
	records, err := b.journal.Read(b.from, 1<<20, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	want, got := mailLogText(records...), b.text()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			b.t.Fatalf("line %d of %d is\n%s\nand of %d should be\n%s\nfiles: %v", i+1, len(g), g[i], len(w), w[i], b.names())
		}
	}
	b.t.Fatalf("%d lines, should be %d; files: %v", len(g), len(w), b.names())
}

func TestLogFileHead(t *testing.T) {
	b := newLogBed(t)
	b.options.Zone = time.FixedZone("EDT", -4*3600)
	f := b.follower()
	b.turn(f)
	defer b.crash(f)
	want := "Sat Jun  2 05:05:00 2007 Info: Begin Logfile\n" +
		"Sat Jun  2 05:05:00 2007 Info: Version: 1.0.0-001 SN: 000BDBE64917-C4GYF31\n" +
		"Sat Jun  2 05:05:00 2007 Info: Time offset from UTC: -14400 seconds\n" +
		"Sat Jun  2 05:05:00 2007 Info: SMTP server starting\n"
	if got := b.read("mail_logs.current"); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if to, err := os.Readlink(filepath.Join(b.options.Dir, "mail_logs.current")); to != "mail_logs.@20070602T050500.c" {
		t.Errorf("current is %q, %v", to, err)
	}
}

func TestLogFileGoesOnAfterStop(t *testing.T) {
	b := newLogBed(t)
	for range 3 {
		f := b.follower()
		b.traffic(5)
		b.turn(f)
		b.traffic(5)
		if err := f.stop(); err != nil { // what is durable is written by then
			t.Fatal(err)
		}
		b.check()
		b.now = b.now.Add(time.Minute)
	}
	if got := len(b.names()); got != 2 {
		t.Errorf("%d files after three runs: %v", got, b.names())
	}
}

// TestLogFileHealsAfterCrash damages the file as a crash or a power cut does, and sees that the next run makes it whole.
func TestLogFileHealsAfterCrash(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 7))
			b := newLogBed(t)
			if rng.IntN(2) == 0 {
				b.options.MaxBytes = 4000 // some files are closed
				b.options.Keep = 1000
			}
			for range 3 {
				f := b.follower()
				for range 1 + rng.IntN(20) {
					b.traffic(rng.IntN(8))
					b.now = b.now.Add(upkeepEvery)
					b.turn(f)
				}
				b.traffic(rng.IntN(3)) // durable, and not yet written
				path := f.file.path()
				b.crash(f)
				damage(t, rng, path)
			}
			f := b.follower()
			b.turn(f)
			defer b.crash(f)
			b.check()
			b.traffic(3)
			b.turn(f)
			b.check()
			open := 0
			for _, name := range b.names() {
				if strings.HasSuffix(name, extCurrent) {
					open++
				}
			}
			if open != 1 {
				t.Errorf("%d current files: %v", open, b.names())
			}
		})
	}
}

// damage leaves of a file what a power cut may leave: a part of it, zeros, or nothing.
func damage(t *testing.T, rng *rand.Rand, path string) {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := rng.Int64N(info.Size() + 1)
	switch rng.IntN(4) {
	case 0:
		err = os.Truncate(path, cut)
	case 1:
		err = os.Truncate(path, 0)
	case 2: // a tail that was allocated and never written
		if err = os.Truncate(path, cut); err == nil {
			err = os.Truncate(path, cut+rng.Int64N(500))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestLogFileKeepsForeignText: a journal that was put back from a backup knows less than the file. What is cut off is
// kept beside it.
func TestLogFileKeepsForeignText(t *testing.T) {
	b := newLogBed(t)
	f := b.follower()
	b.traffic(3)
	b.turn(f)
	b.crash(f)
	path := f.file.path()
	foreign := "Sat Jun  2 09:07:00 2007 Info: MID 99 queued for delivery\n"
	text := b.read("mail_logs.current")
	if err := os.WriteFile(path, []byte(text+foreign), 0o600); err != nil {
		t.Fatal(err)
	}
	f = b.follower()
	b.turn(f)
	defer b.crash(f)
	b.check()
	if got := b.read(f.file.stem + extCut); got != foreign {
		t.Errorf("kept %q", got)
	}
}

func TestLogFileRollsOverBySize(t *testing.T) {
	b := newLogBed(t)
	b.options.MaxBytes, b.options.Keep = 5000, 3
	f := b.follower()
	for range 100 {
		b.traffic(1)
		b.turn(f)
	}
	defer b.crash(f)
	names := b.names()
	if len(names) != 5 { // three closed, the current one, the link
		t.Fatalf("files: %v", names)
	}
	for i, name := range names[:4] {
		text := b.read(name)
		if !strings.Contains(text[:80], "Info: Begin Logfile\n") {
			t.Errorf("%s begins with %q", name, text[:80])
		}
		if closed := strings.HasSuffix(text, " Info: End Logfile\n"); closed != (i < 3) || closed != strings.HasSuffix(name, extClosed) {
			t.Errorf("%s: ends in End Logfile: %v", name, closed)
		}
		if len(text) > 5000+1500 {
			t.Errorf("%s has %d bytes", name, len(text))
		}
	}
	if text := b.read(names[3]); b.read("mail_logs.current") != text {
		t.Error("the link does not name the current file")
	}
}

func TestLogFileBacklogIsRolledOver(t *testing.T) {
	b := newLogBed(t)
	b.options.MaxBytes, b.options.Keep = 5000, 1000
	b.traffic(500)
	f := b.follower()
	b.turn(f)
	defer b.crash(f)
	b.check()
	for _, name := range b.names() {
		if n := len(b.read(name)); n > 6500 {
			t.Errorf("%s has %d bytes", name, n)
		}
	}
}

func TestLogFileRollsOverByAge(t *testing.T) {
	b := newLogBed(t)
	b.options.MaxAge = time.Hour
	f := b.follower()
	b.turn(f)
	defer func() { b.crash(f) }()
	b.now = b.now.Add(59 * time.Minute)
	b.turn(f)
	if n := len(b.names()); n != 2 {
		t.Fatalf("too early: %v", b.names())
	}
	b.now = b.now.Add(time.Minute)
	b.turn(f)
	if n := len(b.names()); n != 3 {
		t.Fatalf("too late: %v", b.names())
	}
	b.now = b.now.Add(5 * time.Hour)
	b.turn(f)
	if n := len(b.names()); n != 3 {
		t.Fatalf("a file without lines was rolled over: %v", b.names())
	}
	b.traffic(1)
	b.turn(f)
	b.check()
}

func TestLogFileRolloverNow(t *testing.T) {
	b := newLogBed(t)
	f := b.follower()
	if err := f.RolloverNow(); err == nil {
		t.Error("a log that is not open was rolled over")
	}
	b.turn(f)
	b.traffic(4)
	for range 3 { // within a second, by the clock
		if err := f.RolloverNow(); err != nil {
			t.Fatal(err)
		}
	}
	b.check()
	if got := strings.Join(b.names(), " "); got != "mail_logs.@20070602T090500.s mail_logs.@20070602T090501.s mail_logs.@20070602T090502.s mail_logs.@20070602T090503.c mail_logs.current" {
		t.Error(got)
	}
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	b.traffic(4)
	f = b.follower()
	b.turn(f)
	defer b.crash(f)
	b.check()
}

// TestLogFileCrashAtRollover stops at each step of a rollover.
func TestLogFileCrashAtRollover(t *testing.T) {
	b := newLogBed(t)
	f := b.follower()
	b.traffic(4)
	b.turn(f)
	b.crash(f)
	old := f.file
	for _, step := range []func() error{
		func() error { return old.begin(b.now) },                                             // a new file, not yet a head in it
		func() error { return errors.Join(old.flush(), old.handle.Close()) },                 // the head
		func() error { return os.Remove(filepath.Join(b.options.Dir, "mail_logs.current")) }, // no link
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
		f = b.follower()
		b.turn(f)
		b.crash(f)
		b.check()
		if got := strings.Join(b.names(), " "); got != "mail_logs.@20070602T090500.s mail_logs.@20070602T090501.c mail_logs.current" {
			t.Error(got)
		}
		if got := b.read("mail_logs.@20070602T090500.s"); strings.Count(got, endLogfile) != 1 || !strings.HasSuffix(got, endLogfile+"\n") {
			t.Errorf("the closed file ends in %q", got[len(got)-120:])
		}
	}
}

// failingHandle writes a part and fails, as often as told.
type failingHandle struct {
	LogHandle
	fail *int
}

func (h failingHandle) WriteAt(p []byte, at int64) (int, error) {
	if *h.fail > 0 {
		*h.fail--
		n, _ := h.LogHandle.WriteAt(p[:len(p)/2], at)
		return n, errors.New("no space left on device")
	}
	return h.LogHandle.WriteAt(p, at)
}

func TestLogFileFailingDisk(t *testing.T) {
	b := newLogBed(t)
	fail := 0
	plain := b.options.withDefaults().Open
	b.options.Open = func(path string) (LogHandle, error) {
		h, err := plain(path)
		return failingHandle{h, &fail}, err
	}
	var told []string
	b.options.OnProblem = func(err error) { told = append(told, fmt.Sprint(err)) }
	f := b.follower()
	b.turn(f)
	defer b.crash(f)
	for _, fail = range []int{1, 3} {
		b.traffic(20)
		for fail > 0 {
			err := f.turn()
			f.problem(err)
			if err == nil {
				t.Fatal("the failure was not told")
			}
			if f.Lag() != 0 && len(f.file.pending) == 0 {
				t.Error("behind, with nothing pending")
			}
			b.traffic(1)
		}
		err := f.turn()
		f.problem(err)
		if err != nil {
			t.Fatal(err)
		}
		b.check()
	}
	if len(told) < 4 || !strings.Contains(told[0], "no space left on device") || told[1] != "<nil>" || told[len(told)-1] != "<nil>" {
		t.Errorf("told %q", told)
	}
}

func TestLogFileRemovedByOperator(t *testing.T) {
	b := newLogBed(t)
	f := b.follower()
	b.traffic(3)
	b.turn(f)
	if err := os.Remove(f.file.path()); err != nil {
		t.Fatal(err)
	}
	b.from = b.journal.Durable()
	b.now = b.now.Add(time.Minute)
	b.turn(f)
	b.traffic(3)
	b.turn(f)
	b.check()
	b.crash(f)

	// All files gone while nothing ran: the facts of this run of the daemon come back, and a line says so.
	if err := os.RemoveAll(b.options.Dir); err != nil {
		t.Fatal(err)
	}
	b.from = b.journal.Durable()
	b.append(&journal.Started{Boot: 2, Version: "1.0.0", Hostname: "mail3.example.com"})
	b.traffic(3)
	f = b.follower()
	b.turn(f)
	b.check()
	if want := fmt.Sprintf("Info: %s%d stands in the journal alone\n", noticeNewLog, b.from+1); !strings.Contains(b.read("mail_logs.current"), want) {
		t.Errorf("no %q", want)
	}
	b.crash(f)
	if err := os.Truncate(f.file.path(), 0); err != nil {
		t.Fatal(err)
	}
	f = b.follower()
	b.turn(f)
	defer b.crash(f)
	b.check()
}

// TestLogFileRun runs a follower in virtual time; that its goroutine ends is the bubble's to check.
func TestLogFileRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLogBed(t)
		b.options.Now = nil
		f := b.follower()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		synctest.Wait()
		for range 5 { // after a silence of whatever length, a line is written at once
			time.Sleep(upkeepEvery / 3)
			b.traffic(1)
			synctest.Wait()
			b.check()
		}
		b.traffic(10) // those that follow, soon
		time.Sleep(gatherFor)
		synctest.Wait()
		b.check()
		if err := f.RolloverNow(); err != nil {
			t.Fatal(err)
		}
		b.traffic(10)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		b.check()
		if f.Lag() != 0 {
			t.Errorf("%d behind after the end", f.Lag())
		}
	})
}

// BenchmarkLogFileFollower measures the whole way from the journal's memory to the file, for a relayed message.
func BenchmarkLogFileFollower(bench *testing.B) {
	j, err := journal.Open("store", journal.Options{Disk: journal.NewMemoryDisk(), Ring: 1 << 18})
	if err != nil {
		bench.Fatal(err)
	}
	defer j.Close()
	facts := mailLogStories()["delivered"]
	const messages = 5000
	for range messages {
		if _, err := j.AppendEvents(1, facts...); err != nil {
			bench.Fatal(err)
		}
	}
	f := NewMailLogFollower(j, LogOptions{Dir: bench.TempDir(), Zone: time.UTC})
	if err := f.open(); err != nil {
		bench.Fatal(err)
	}
	for bench.Loop() {
		f.seq.Store(0)
		if err := f.catchUp(); err != nil {
			bench.Fatal(err)
		}
	}
	bench.ReportMetric(float64(bench.Elapsed().Nanoseconds())/float64(bench.N)/messages, "ns/message")
	f.file.handle.Close()
}
