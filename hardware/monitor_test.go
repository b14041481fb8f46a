package hardware

import (
	"context"
	"errors"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// machine is a tree whose files change.
type machine struct{ proc, sys *changing }

func changingMachine(t *testing.T, name string) (*Monitor, machine) {
	tree := machineTree(t, name)
	c := machine{&changing{under: tree.proc, over: fstest.MapFS{}}, &changing{under: tree.sys, over: fstest.MapFS{}}}
	m := tree.monitor(Limits{}, nil)
	m.Proc, m.Sys = c.proc, c.sys
	return m, c
}

func severityOf(s *Sensors, name string) Severity {
	for _, c := range s.Components() {
		if c.Name == name {
			return c.Severity
		}
	}
	return -1
}

// A reading is shared for a second.
func TestReadingIsKept(t *testing.T) {
	m, c := changingMachine(t, "nuc")
	first := m.Sensors(moment)
	c.sys.set("class/hwmon/hwmon4/temp1_input", "100000\n")
	if again := m.Sensors(moment.Add(999 * time.Millisecond)); again != first || severityOf(again, "coretemp Package id 0") != Warning {
		t.Error("within a second it was read again")
	}
	if later := m.Sensors(moment.Add(time.Second)); severityOf(later, "coretemp Package id 0") != Critical {
		t.Error("after a second it was not read again")
	}
	n := m.Network(moment.Add(time.Second))
	if m.Network(moment.Add(1500*time.Millisecond)) != n || m.Network(moment.Add(3*time.Second)) == n {
		t.Error("the network's reading is kept too long, or not")
	}
}

// A fan that has stopped is a warning; one that comes again has its number.
func TestFansThatStop(t *testing.T) {
	m, c := changingMachine(t, "nuc")
	const fan = "class/hwmon/hwmon5/fan%_input"
	at := moment
	look := func(number, rpm string) *Sensors {
		c.sys.set(strings.Replace(fan, "%", number, 1), rpm+"\n")
		at = at.Add(time.Second)
		return m.Sensors(at)
	}
	if s := look("2", "1180"); len(s.Fans) != 1 || s.Fans[0].Index != 1 {
		t.Errorf("%+v", s.Fans)
	}
	if s := look("1", "700"); len(s.Fans) != 2 || s.Fans[0].Name != "nct6793 fan2" || s.Fans[1].Index != 2 { // the first keeps its number
		t.Errorf("%+v", s.Fans)
	}
	if s := look("2", "0"); severityOf(s, "nct6793 fan2") != Warning || len(s.Fans) != 2 {
		t.Errorf("%+v", s.Fans)
	}
	if s := look("2", "1000"); severityOf(s, "nct6793 fan2") != Normal {
		t.Errorf("%+v", s.Fans)
	}
}

// A link that was never up and has no address is a plug without a cable.
func TestLinks(t *testing.T) {
	m, c := changingMachine(t, "poweredge")
	s := m.Sensors(moment)
	if severityOf(s, "eno1") != Normal || severityOf(s, "eno2") != Normal || severityOf(s, "lo") != -1 {
		t.Errorf("%+v", s.Links)
	}
	since := func(at time.Time) time.Time {
		list := m.Network(at).Interfaces
		return list[slices.IndexFunc(list, func(i Interface) bool { return i.Name == "eno1" })].Since
	}
	if got := since(moment); !got.IsZero() {
		t.Errorf("it is as it is since %v", got)
	}
	c.sys.set("class/net/eno1/operstate", "down\n")
	if s = m.Sensors(moment.Add(5 * time.Second)); severityOf(s, "eno1") != Critical {
		t.Errorf("%+v", s.Links)
	}
	for _, later := range []time.Duration{5, 60} {
		if got := since(moment.Add(later * time.Second)); !got.Equal(moment.Add(5 * time.Second)) {
			t.Errorf("after %d s it is down since %v", later, got)
		}
	}
	c.sys.set("class/net/eno1/flags", "0x1002\n")
	if s = m.Sensors(moment.Add(100 * time.Second)); severityOf(s, "eno1") != Normal { // an administrator wants it so
		t.Errorf("%+v", s.Links)
	}
	addresses := map[string][]netip.Prefix{"eno2": {netip.MustParsePrefix("192.0.2.8/24")}, "docker0": {netip.MustParsePrefix("172.17.0.1/16")}}
	if s = machineTree(t, "poweredge").monitor(Limits{}, addresses).Sensors(moment); severityOf(s, "eno2") != Critical {
		t.Errorf("%+v", s.Links)
	}
	if s = machineTree(t, "nuc").monitor(Limits{}, addresses).Sensors(moment); severityOf(s, "docker0") != Normal { // a bridge without a port
		t.Errorf("%+v", s.Links)
	}
}

// TestRun: the management controller is asked every thirty seconds by Run alone; who asks for a reading does not wait.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := machineTree(t, "poweredge")
		m := tree.monitor(Limits{}, nil)
		inner, asked := m.Command, map[string]int{}
		var silent atomic.Bool
		m.Command = func(ctx context.Context, limit int, name string, arguments ...string) ([]byte, error) {
			asked[strings.Join(arguments, " ")]++
			if silent.Load() {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return inner(ctx, limit, name, arguments...)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go m.Run(ctx)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if s := m.Sensors(time.Now()); len(s.Fans) != 4 || s.BMC.Asked.IsZero() {
			t.Errorf("%+v", s)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if asked["sdr elist"] != 21 || asked["sensor"] != 1 {
			t.Errorf("in ten minutes it was asked %v", asked)
		}
		m.Sensors(time.Now())
		synctest.Wait()
		last := m.sensors.Load()
		time.Sleep(2 * time.Second)
		if m.Sensors(time.Now()) != last { // what is there is given at once
			t.Error("somebody waited")
		}
		synctest.Wait()
		if m.Sensors(time.Now()) == last {
			t.Error("nothing was read for the next")
		}
		events := last.RAIDEvents
		silent.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := m.Sensors(time.Now()); len(s.Fans) != 4 || !strings.Contains(s.BMC.Problem, "did not end within 20s") {
			t.Errorf("%+v", s.BMC)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if s := m.Sensors(time.Now()); len(s.Fans) != 0 || !s.BMC.Present || s.RAIDEvents != events || len(s.Gone)+len(s.PowerSupplies) != 0 { // what it said is too old; its drives are as they were
			t.Errorf("%+v", s)
		}
		silent.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := m.Sensors(time.Now()); len(s.Fans) != 4 || s.RAIDEvents != events {
			t.Errorf("after the outage there are %d events, %d before: %+v", s.RAIDEvents, events, s)
		}
		cancel()
		synctest.Wait()
	})
}

func TestAsk(t *testing.T) {
	asked := 0
	none := func(context.Context, int, string, ...string) ([]byte, error) {
		asked++
		return nil, &exec.Error{Name: "ipmitool", Err: exec.ErrNotFound}
	}
	m := &Monitor{Proc: fstest.MapFS{}, Sys: fstest.MapFS{}, Dev: fstest.MapFS{}, Command: none}
	m.Ask(t.Context())
	if s := m.Sensors(moment); asked != 0 || s.BMC != (BMC{}) {
		t.Errorf("without the device it was asked %d times, %+v", asked, s.BMC)
	}
	m.Dev = fstest.MapFS{"ipmi/0": &fstest.MapFile{}}
	for want, f := range map[string]Command{
		"is not installed": none,
		"could not be asked: Could not open device?[2J.": func(context.Context, int, string, ...string) ([]byte, error) {
			return nil, errors.New("Could not open device\x1b[2J")
		},
		"could not be asked: ipmitool listed no sensors.": func(context.Context, int, string, ...string) ([]byte, error) { return []byte("Nothing\n"), nil },
	} {
		m.Command = f
		m.Ask(t.Context())
		moment := moment.Add(time.Hour * time.Duration(len(want)))
		if s := m.Sensors(moment); !strings.Contains(s.BMC.Problem, want) || !s.BMC.Present {
			t.Errorf("have %q, want %q", s.BMC.Problem, want)
		}
	}
	// What could be read counts, though the program ended with an error.
	m.Command = func(context.Context, int, string, ...string) ([]byte, error) {
		return []byte("Fan1 | 30h | ok | 7.1 | 9240 RPM\n"), errors.New("exit status 1")
	}
	m.Ask(t.Context())
	if s := m.Sensors(moment.Add(1000 * time.Hour)); len(s.Fans) != 1 || s.BMC.Problem != "" {
		t.Errorf("%+v", s)
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
