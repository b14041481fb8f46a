package hardware

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// tree is a machine of testdata/machines: its files, and what ipmitool prints on it.
type tree struct {
	proc, sys, dev fstest.MapFS
	ipmitool       map[string]string // by the arguments
}

// machineTree reads one: "== path" begins a file, its lines follow.
func machineTree(tb testing.TB, name string) tree {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata/machines", name+".txt"))
	if err != nil {
		tb.Fatal(err)
	}
	t := tree{fstest.MapFS{}, fstest.MapFS{}, fstest.MapFS{}, map[string]string{}}
	for _, part := range strings.Split("\n"+string(b), "\n== ")[1:] {
		at, text, _ := strings.Cut(part, "\n")
		top, rest, _ := strings.Cut(at, "/")
		switch fsys := map[string]fstest.MapFS{"proc": t.proc, "sys": t.sys, "dev": t.dev}[top]; {
		case strings.HasPrefix(at, "ipmitool "):
			t.ipmitool[strings.TrimPrefix(at, "ipmitool ")] = text
		case strings.HasSuffix(rest, "/"):
			fsys[strings.TrimSuffix(rest, "/")] = &fstest.MapFile{Mode: os.ModeDir | 0o755}
		default:
			fsys[rest] = &fstest.MapFile{Data: []byte(text + "\n")}
		}
	}
	return t
}

func (t tree) monitor(limits Limits, addresses map[string][]netip.Prefix) *Monitor {
	return &Monitor{Proc: t.proc, Sys: t.sys, Dev: t.dev, Limits: func() Limits { return limits },
		Addresses: func() map[string][]netip.Prefix { return addresses },
		Command: func(_ context.Context, _ int, name string, arguments ...string) ([]byte, error) {
			out, ok := t.ipmitool[strings.Join(arguments, " ")]
			if !ok || name != "ipmitool" {
				return nil, &exec.Error{Name: name, Err: exec.ErrNotFound}
			}
			return []byte(out), nil
		}}
}

// c170 is the shipped row.
var c170 = Limits{Model: "C170", Celsius: map[Kind]float64{CPU: 90, Ambient: 47}}

var moment = time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)

// summary writes a reading a line each, for the golden files.
func summary(s *Sensors) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, t := range s.Temperatures {
		line("%d %s | %s | %.1f of %.1f | %s", t.Index, t.Name, t.Kind, t.Celsius, t.Critical, t.Severity)
	}
	for _, f := range s.Fans {
		speed := strconv.FormatInt(f.RPM, 10)
		if f.Percent > 0 {
			speed = fmt.Sprintf("%.2f%%", f.Percent)
		}
		line("fan %d %s | %s, at least %d | %s", f.Index, f.Name, speed, f.Minimum, f.Severity)
	}
	for _, p := range s.PowerSupplies {
		line("power supply %d %s | status %d, redundancy %d, predicted %t, charge %d | %s", p.Index, p.Name, p.Status, p.Redundancy, p.Predicted, p.Charge, p.Severity)
	}
	for _, a := range s.Arrays {
		line("array %s %s | %s %s %.1f%% | %s", a.Name, a.Level, a.State, a.Task, a.Progress, a.Severity)
	}
	for _, d := range s.Drives {
		line("drive %d %s | status %d, %s | %s", d.Index, d.ID, d.Status, d.LastError, d.Severity)
	}
	for _, l := range s.Links {
		line("link %d %s | up %t, enabled %t, %d bit/s | %s", l.Index, l.Name, l.Up, l.Enabled, l.Speed, l.Severity)
	}
	line("BMC: %t %s", s.BMC.Present, s.BMC.Problem)
	return b.String()
}

// TestMachines reads machines of many kinds, without a model and as a C170.
func TestMachines(t *testing.T) {
	files, err := filepath.Glob("testdata/machines/*.txt")
	if err != nil || len(files) < 9 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".txt")
		t.Run(name, func(t *testing.T) {
			got := ""
			for _, limits := range []Limits{{}, c170} {
				m := machineTree(t, name).monitor(limits, nil)
				m.Ask(t.Context())
				got += "model " + orElse(limits.Model, "none") + "\n" + summary(m.Sensors(moment)) + "\n"
			}
			golden := strings.TrimSuffix(f, ".txt") + ".want"
			if *rewrite {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || string(want) != got {
				t.Errorf("%v, have\n%s\nwant\n%s", err, got, want)
			}
		})
	}
}
