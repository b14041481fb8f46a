package hardware

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
)

// sound fails when a reading breaks what its readers rely on.
func sound(t *testing.T, s *Sensors) {
	t.Helper()
	last := map[What]int{}
	for _, c := range s.Components() {
		if c.Index <= last[c.What] || c.Severity < Normal || c.Severity > Critical || strings.ContainsFunc(c.Name+c.Text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%+v after %d", c, last[c.What])
		}
		last[c.What] = c.Index
	}
	for _, a := range s.Temperatures {
		if a.Celsius < coldest || a.Celsius > hottest || a.Critical < 0 || a.Critical > hottest || a.Index > maxTemperatures {
			t.Errorf("%+v", a)
		}
	}
	for _, f := range s.Fans {
		if f.RPM < 0 || f.RPM > 60_000 || f.Minimum < 0 || f.Index > maxFans {
			t.Errorf("%+v", f)
		}
	}
	for _, p := range s.PowerSupplies {
		if p.Status < SupplyNotInstalled || p.Status > SupplyFaulty || p.Redundancy < RedundancyOK || p.Redundancy > RedundancyLost || p.Index > maxPowerSupplies {
			t.Errorf("%+v", p)
		}
	}
	for _, d := range s.Drives {
		if d.Status < DriveHealthy || d.Status > DriveRebuild || (d.LastError == noError) != (d.Status == DriveHealthy) || d.Index > maxDrives {
			t.Errorf("%+v", d)
		}
	}
}

func FuzzBMC(f *testing.F) {
	for _, name := range []string{"poweredge", "intel-server-board", "hostile"} {
		tree := machineTree(f, name)
		f.Add(tree.ipmitool["sdr elist"], tree.ipmitool["sensor"])
	}
	f.Fuzz(func(t *testing.T, elist, sensor string) {
		m := &Monitor{Proc: fstest.MapFS{}, Sys: fstest.MapFS{}, Dev: fstest.MapFS{"ipmi0": &fstest.MapFile{}},
			Command: func(_ context.Context, _ int, _ string, arguments ...string) ([]byte, error) {
				if len(arguments) == 1 {
					return []byte(sensor), nil
				}
				return []byte(elist), nil
			}}
		m.Ask(t.Context())
		sound(t, m.Sensors(moment))
	})
}

func FuzzMdstat(f *testing.F) {
	for _, name := range []string{"epyc", "rebuilding", "hostile"} {
		f.Add(string(machineTree(f, name).proc["mdstat"].Data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := &Monitor{Proc: fstest.MapFS{"mdstat": &fstest.MapFile{Data: []byte(text)}}, Sys: fstest.MapFS{}, Dev: fstest.MapFS{}}
		sound(t, m.Sensors(moment))
	})
}

func FuzzNetworkGroups(f *testing.F) {
	for _, name := range []string{"poweredge", "hostile"} {
		f.Add(string(machineTree(f, name).proc["self/net/snmp"].Data), string(machineTree(f, name).proc["self/net/dev"].Data))
	}
	f.Fuzz(func(t *testing.T, snmp, dev string) {
		for group, figures := range groupsOf(snmp) {
			if strings.ContainsAny(group, "\n:") || len(figures) > maxFigures {
				t.Errorf("group %q of %d figures", group, len(figures))
			}
		}
		if all := trafficOf(dev); len(all) > maxInterfaces {
			t.Errorf("%d interfaces", len(all))
		}
	})
}

// BenchmarkSensors reads a server with two processors and a management controller: SNMP has it read each second.
func BenchmarkSensors(b *testing.B) {
	m := machineTree(b, "poweredge").monitor(Limits{}, nil)
	m.Ask(b.Context())
	for b.Loop() {
		m.read(moment)
	}
}

// BenchmarkThisMachine reads the one that runs the benchmark.
func BenchmarkThisMachine(b *testing.B) {
	m := &Monitor{}
	now := moment
	for b.Loop() {
		now = now.Add(levelsEvery)
		m.read(now)
	}
}

// BenchmarkNetwork is what a second's first question about the network costs.
func BenchmarkNetwork(b *testing.B) {
	m := &Monitor{}
	m.running.Store(true)
	m.interfacesOf(moment, levelsEvery)
	for b.Loop() {
		m.network = nil
		m.Network(moment)
	}
}
