package projections

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// logDir is a directory of log files that a test writes itself.
type logDir struct {
	t   *testing.T
	dir string
}

func newLogDir(t *testing.T) *logDir { return &logDir{t, t.TempDir()} }

func (d *logDir) path(name string) string { return filepath.Join(d.dir, "mail_logs.@"+name) }

func (d *logDir) write(name, text string) {
	d.t.Helper()
	f, err := os.OpenFile(d.path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		d.t.Fatal(err)
	}
}

func (d *logDir) rename(from, to string) {
	d.t.Helper()
	if err := os.Rename(d.path(from), d.path(to)); err != nil {
		d.t.Fatal(err)
	}
}

// read gives what a reading hands out: "text", "text-" for context, and "--" for a gap between two.
func (d *logDir) read(q LogReading) []string {
	d.t.Helper()
	q.Dir, q.Log = d.dir, mailLogName
	var got []string
	if err := q.Read(d.t.Context(), d.collect(&got)); err != nil {
		d.t.Fatal(err)
	}
	return got
}

func (d *logDir) collect(into *[]string) func([]LogLine) error {
	return func(page []LogLine) error {
		for _, l := range page {
			if l.Gap && len(*into) > 0 {
				*into = append(*into, "--")
			}
			if l.Context {
				l.Text += "-"
			}
			*into = append(*into, l.Text)
		}
		return nil
	}
}

func (d *logDir) want(got []string, want ...string) {
	d.t.Helper()
	if !slices.Equal(got, want) {
		d.t.Errorf("have %q\nwant %q", got, want)
	}
}

func TestLogReadGoesThroughAllFiles(t *testing.T) {
	d := newLogDir(t)
	d.want(d.read(LogReading{}))
	d.write("20260101T000002.c", "c\nd\nunfinis")
	d.write("20260101T000001.s", "a\nb\ntorn")
	d.write("20260101T000000.cut", "not of the log\n")
	d.write("20260101T000003", "no log file\n")
	d.want(d.read(LogReading{}), "a", "b", "torn", "c", "d")
	d.want(d.read(LogReading{Last: 1}), "d")
	d.want(d.read(LogReading{Last: 2}), "c", "d")
	d.want(d.read(LogReading{Last: 50}), "c", "d")
	d.want(d.read(LogReading{Match: func(l []byte) bool { return string(l) == "b" }, Context: 1}), "a-", "b", "torn-")
}

func TestLogReadLastLines(t *testing.T) {
	d := newLogDir(t)
	var all []string
	for i := range 3000 { // more than one block
		all = append(all, fmt.Sprintf("%d %s", i, strings.Repeat("x", i%97)))
	}
	d.write("20260101T000001.c", strings.Join(all, "\n")+"\n")
	for _, n := range []int{1, 2, 10, 1500, 2999, 3000, 3001} {
		d.want(d.read(LogReading{Last: n}), all[max(0, len(all)-n):]...)
	}
}

func TestLogReadBoundsLines(t *testing.T) {
	d := newLogDir(t)
	d.write("20260101T000001.c", "first\n"+strings.Repeat("a", 3*maxLogRead+17)+"\nlast\n"+strings.Repeat("b", maxLogRead-1)+"\n")
	got := d.read(LogReading{})
	if len(got) != 4 || got[0] != "first" || got[2] != "last" || len(got[1]) != maxLogRead || !strings.HasSuffix(got[1], "a...") ||
		len(got[3]) != maxLogRead-1 {
		for _, l := range got {
			t.Errorf("%d bytes: %.20q", len(l), l)
		}
	}
}

// TestLogReadContext compares with a simple way to say what grep -C prints.
func TestLogReadContext(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 50 {
		d := newLogDir(t)
		var lines []string
		for i := range 1 + rng.IntN(60) {
			lines = append(lines, fmt.Sprint(i, " ", rng.IntN(6)))
		}
		cut := rng.IntN(len(lines) + 1)
		d.write("20260101T000001.s", strings.Join(lines[:cut], "\n")+"\n"[:min(1, cut)])
		d.write("20260101T000002.c", strings.Join(append(slices.Clone(lines[cut:]), ""), "\n"))
		context := rng.IntN(4)
		match := func(line []byte) bool { return bytes.HasSuffix(line, []byte(" 0")) }
		near := func(i int) bool {
			for k := max(0, i-context); k <= min(len(lines)-1, i+context); k++ {
				if match([]byte(lines[k])) {
					return true
				}
			}
			return false
		}
		var want []string
		for i, l := range lines {
			switch {
			case !near(i):
				continue
			case context > 0 && i > 0 && !near(i-1) && len(want) > 0:
				want = append(want, "--")
			}
			if !match([]byte(l)) {
				l += "-"
			}
			want = append(want, l)
		}
		d.want(d.read(LogReading{Match: match, Context: context}), want...)
	}
}

// TestLogReadFollows reads what is written after it began, across files that end in every order of their writer's steps.
func TestLogReadFollows(t *testing.T) {
	d := newLogDir(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		var got []string
		done := make(chan error, 1)
		go func() {
			done <- LogReading{Dir: d.dir, Log: mailLogName, Last: 1, Follow: true}.Read(ctx, d.collect(&got))
		}()
		afterSecond := func(want ...string) {
			t.Helper()
			time.Sleep(time.Second)
			synctest.Wait()
			d.want(got, want...)
			got = nil
		}
		afterSecond()
		d.write("20260101T000001.c", "a\nb")
		afterSecond("a")
		d.write("20260101T000001.c", "c\nd\n")
		afterSecond("bc", "d")
		d.write("20260101T000002.c", "f\n")
		afterSecond() // the end of the file before has not come yet
		d.write("20260101T000001.c", "e\n")
		d.rename("20260101T000001.c", "20260101T000001.s")
		afterSecond("e", "f")
		if err := os.Remove(d.path("20260101T000002.c")); err != nil { // by an operator
			t.Fatal(err)
		}
		d.write("20260101T000003.c", "g\n")
		afterSecond("g")
		d.write("20260101T000004.c", "h\n") // the writer died before it closed the third
		time.Sleep(logPatience)
		afterSecond("h")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestLogReadFollowsTheWriter has the real writer write, roll over and prune, and a reader follow: each line comes once.
func TestLogReadFollowsTheWriter(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(seed, 2))
		b := newLogBed(t)
		b.options.Now, b.options.Keep = nil, 1000
		f := b.follower()
		ctx, cancel := context.WithCancel(t.Context())
		writing := make(chan error, 1)
		go func() { writing <- f.Run(ctx) }()
		synctest.Wait()
		var got strings.Builder
		reading := make(chan error, 1)
		go func() {
			reading <- LogReading{Dir: b.options.Dir, Log: mailLogName, Follow: true}.Read(ctx, func(page []LogLine) error {
				for _, l := range page {
					got.WriteString(l.Text + "\n")
				}
				return nil
			})
		}()
		for range 60 {
			b.traffic(rng.IntN(40))
			time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
			if rng.IntN(4) == 0 {
				if err := f.RolloverNow(); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		cancel()
		if err := errors.Join(<-writing, <-reading); err != nil {
			t.Fatal(err)
		}
		if text := frameOfFiles.ReplaceAllString(got.String(), ""); text != b.text() {
			t.Errorf("followed %d bytes, the files hold %d", len(text), len(b.text()))
		}
	})
}

func TestLogReadEndsWhenNobodyListens(t *testing.T) {
	d := newLogDir(t)
	d.write("20260101T000001.c", "a\nb\n")
	enough := errors.New("enough")
	q := LogReading{Dir: d.dir, Log: mailLogName, Follow: true}
	if err := q.Read(t.Context(), func([]LogLine) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
}

func TestLogReadRests(t *testing.T) {
	d := newLogDir(t)
	d.write("20260101T000001.c", strings.Repeat(strings.Repeat("x", 999)+"\n", 3*logSlice/1000+10))
	rests := 0
	d.read(LogReading{Match: func([]byte) bool { return false }, Rest: func(time.Duration) { rests++ }})
	if rests != 3 {
		t.Errorf("rested %d times", rests)
	}
}
