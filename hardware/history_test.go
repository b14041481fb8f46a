package hardware

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// A drive that fails, and is rebuilt, is three events.
func TestRAIDEvents(t *testing.T) {
	m, c := changingMachine(t, "epyc")
	at := moment
	look := func(mdstat string) *Sensors {
		if mdstat != "" {
			c.proc.set("mdstat", mdstat)
		}
		at = at.Add(time.Second)
		return m.Sensors(at)
	}
	if s := look(""); s.RAIDEvents != 0 {
		t.Errorf("what was there before is %d events", s.RAIDEvents)
	}
	good := "md0 : active raid1 b[1] a[0]\n   1 blocks [2/2] [UU]\n"
	look(good)
	before := look("").RAIDEvents
	s := look("md0 : active raid1 b[1](F) a[0]\n   1 blocks [2/1] [U_]\n")
	if s.RAIDEvents != before+1 || s.Arrays[0].State != ArrayDegraded || severityOf(s, "md0 b") != Critical || s.Drives[1].LastError == noError {
		t.Errorf("%d events, %+v", s.RAIDEvents, s.Drives)
	}
	s = look("md0 : active raid1 b[1] a[0]\n   1 blocks [2/1] [U_]\n   [>...]  recovery =  0.1% (1/2) finish=1min\n")
	if s.RAIDEvents != before+2 || s.Arrays[0].State != ArrayRebuilding || severityOf(s, "md0 b") != Warning || severityOf(s, "md0 a") != Normal {
		t.Errorf("%d events, %+v", s.RAIDEvents, s.Drives)
	}
	if s = look(good); s.RAIDEvents != before+3 || severityOf(s, "md0 b") != Normal {
		t.Errorf("%d events, %+v", s.RAIDEvents, s.Drives)
	}
	if s = look(""); s.RAIDEvents != before+3 {
		t.Errorf("%d events without a change", s.RAIDEvents)
	}
}

// Drives that are gone are kept aside until they come back; a place that was empty and is filled is no such drive.
func TestGoneDrives(t *testing.T) {
	m, c := changingMachine(t, "epyc")
	at := moment
	for _, look := range []struct{ mdstat, gone string }{
		{"md0 : active raid1 b[1] a[0]\n   1 blocks [2/2] [UU]\n", ""},
		{"md0 : active raid1 a[0]\n   1 blocks [2/1] [U_]\n", "md0 b"},
		{"md0 : active raid1 c[1] a[0]\n   1 blocks [2/2] [UU]\n", "md0 b"},
		{"", "md0 a, md0 b, md0 c"},
		{"md0 : active raid1 b[1] a[0]\n   1 blocks [2/2] [UU]\n", "md0 c"},
	} {
		c.proc.set("mdstat", look.mdstat)
		at = at.Add(time.Second)
		var gone []string
		for _, d := range m.Sensors(at).Gone {
			if strings.HasPrefix(d.ID, "md0 ") {
				gone = append(gone, d.ID)
			}
		}
		slices.Sort(gone)
		if got := strings.Join(gone, ", "); got != look.gone {
			t.Errorf("with %q gone are %q, want %q", look.mdstat, got, look.gone)
		}
	}
}

// A power supply that was pulled has an empty bay, and the other one has nothing to fall back on.
func TestPulledSupply(t *testing.T) {
	sys := fstest.MapFS{}
	plug := func(name string) {
		sys["class/power_supply/"+name+"/type"] = &fstest.MapFile{Data: []byte("Mains\n")}
		sys["class/power_supply/"+name+"/online"] = &fstest.MapFile{Data: []byte("1\n")}
	}
	pull := func(name string) {
		for _, file := range []string{"/type", "/online"} {
			delete(sys, "class/power_supply/"+name+file)
		}
	}
	m := &Monitor{Proc: fstest.MapFS{}, Sys: sys, Dev: fstest.MapFS{}, Addresses: func() map[string][]netip.Prefix { return nil }}
	at := moment
	expect := func(want string) {
		t.Helper()
		at = at.Add(time.Second)
		var got []string
		for _, p := range m.Sensors(at).PowerSupplies {
			got = append(got, fmt.Sprint(p.Index, " ", p.Name, " ", p.Status, " ", p.Redundancy))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	plug("AC1")
	expect("1 AC1 healthy ok")
	plug("AC2")
	expect("1 AC1 healthy ok, 2 AC2 healthy ok")
	pull("AC1")
	expect("1 AC1 not installed lost, 2 AC2 healthy lost")
	plug("AC1")
	expect("1 AC1 healthy ok, 2 AC2 healthy ok")
	for i := range 20 { // new names all the time
		pull("AC1")
		pull(fmt.Sprint("new", i-1))
		plug(fmt.Sprint("new", i))
		at = at.Add(time.Second)
		if got := m.Sensors(at).PowerSupplies; len(got) > maxPowerSupplies || !slices.ContainsFunc(got, func(p PowerSupply) bool { return p.Name == fmt.Sprint("new", i) }) {
			t.Errorf("after %d new ones: %+v", i+1, got)
		}
	}
}

// A management controller's listing that is cut short once has lost nothing; what it lacks twice is gone.
func TestListingsCutShort(t *testing.T) {
	const first, second = "Status | 85h | ok | 10.1 | Presence detected\nDrive 0 | A0h | ok | 26.1 | Drive Present\n", "Status | 86h | ok | 10.2 | Presence detected\n"
	at, failure := moment, errors.New("exit status 1")
	m := &Monitor{Proc: fstest.MapFS{}, Sys: fstest.MapFS{}, Dev: fstest.MapFS{"ipmi0": &fstest.MapFile{}}, Addresses: func() map[string][]netip.Prefix { return nil }}
	for i, look := range []struct {
		out  string
		err  error
		want string
	}{
		{first + second, nil, "1 healthy, 2 healthy, 1 drives, 0 gone"},
		{second, failure, "1 healthy, 2 healthy, 1 drives, 0 gone"},
		{first + second, failure, "1 healthy, 2 healthy, 1 drives, 0 gone"},
		{second, failure, "1 healthy, 2 healthy, 1 drives, 0 gone"},
		{second, failure, "1 not installed, 2 healthy, 0 drives, 1 gone"},
		{first + second, nil, "1 healthy, 2 healthy, 1 drives, 0 gone"},
		{first, nil, "1 healthy, 2 not installed, 1 drives, 0 gone"},
	} {
		m.Command = func(context.Context, int, string, ...string) ([]byte, error) { return []byte(look.out), look.err }
		m.Ask(t.Context())
		at = at.Add(time.Minute)
		s, got := m.Sensors(at), ""
		for _, p := range s.PowerSupplies {
			got += fmt.Sprint(p.Index, " ", p.Status, ", ")
		}
		if got += fmt.Sprint(len(s.Drives), " drives, ", len(s.Gone), " gone"); got != look.want {
			t.Errorf("look %d: %s, want %s", i+1, got, look.want)
		}
	}
}
