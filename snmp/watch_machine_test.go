package snmp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/engine/config"
	"postern/hardware"
)

// everyTrap are the names of all that can be enabled.
func everyTrap() (names []string) {
	for _, n := range config.TrapNames {
		names = append(names, n.Name)
	}
	return names
}

// told are notifications in short.
func told(list []Notification) string {
	var out []string
	for _, n := range list {
		out = append(out, strings.TrimSpace(n.Name+" "+n.About))
	}
	return strings.Join(out, ", ")
}

// What each look makes of how things stand. A step is a look, five seconds after the one before it.
func TestMachine(t *testing.T) {
	cpu := func(rank int) []condition { return []condition{{rank: rank, tell: cpuTrap(97)}} }
	reason := func(n int) []condition { return []condition{{rank: n - 1, tell: conservationTrap(n)}} }
	supply := func(s hardware.Supply) []condition {
		bad := s == hardware.SupplyFaulty || s == hardware.SupplyNoAC
		return []condition{{object: "PS1", rank: truth(bad), state: int(s), tell: powerSupplyTrap(&hardware.PowerSupply{Index: 1, Name: "PS1", Status: s})}}
	}
	drive := func(status hardware.DriveStatus, gone bool) []condition {
		s := &hardware.Sensors{Drives: []hardware.Drive{{Index: 1, ID: "md0 sda", Status: status}}}
		if gone {
			s.Drives, s.Gone = nil, s.Drives
		}
		return (&snapshot{sensors: s, network: &hardware.Network{}}).hardware(nil)
	}
	hot := func(rank int) []condition {
		return []condition{{object: "CPU", rank: rank, tell: temperatureTrap(&hardware.Temperature{Index: 1, Name: "CPU"})}}
	}
	update := func(done, failed uint64) []condition {
		u := &Update{"rules", done, failed}
		return []condition{{object: u.Service, done: done, failed: failed, tell: updateTrap(u, 1)}}
	}
	times := func(n int, c []condition) (out [][]condition) {
		for range n {
			out = append(out, c)
		}
		return out
	}
	const none, atOnce = "", "CPUUtilizationExceeded"
	for name, c := range map[string]struct {
		looks [][]condition
		want  map[int]string // by the look, from 1 on; the others say nothing
	}{
		"good":                     {times(50, cpu(0)), nil},
		"bad from the beginning":   {times(50, cpu(1)), map[int]string{1: atOnce}},
		"becomes bad":              {slices.Concat(times(3, cpu(0)), times(40, cpu(1))), map[int]string{4: atOnce}},
		"bad again too soon":       {slices.Concat(cpus(cpu, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)), map[int]string{1: atOnce}},
		"bad again":                {slices.Concat(times(1, cpu(1)), times(13, cpu(0)), times(2, cpu(1))), map[int]string{1: atOnce, 15: atOnce}},
		"gone, and bad again":      {slices.Concat(times(1, cpu(1)), times(13, nil), times(2, cpu(1))), map[int]string{1: atOnce, 15: atOnce}},
		"worse, less, worse again": {[][]condition{reason(2), reason(3), reason(2), reason(3), reason(4), reason(1)}, map[int]string{1: trapConservation, 2: trapConservation, 5: trapConservation}},
		"less for long": {slices.Concat(times(1, reason(4)), times(14, reason(2)), times(1, reason(3))),
			map[int]string{1: trapConservation, 16: trapConservation}},
		"a supply that is good at the start": {[][]condition{supply(2), supply(2), supply(3), supply(3), supply(2), supply(4)},
			map[int]string{3: "powerSupplyStatusChange PS1", 5: "powerSupplyStatusChange PS1", 6: "powerSupplyStatusChange PS1"}},
		"a supply that is bad at the start":    {[][]condition{supply(3), supply(3)}, map[int]string{1: "powerSupplyStatusChange PS1"}},
		"a supply that nobody has put in":      {[][]condition{supply(1), supply(1)}, nil},
		"a supply that is away for some looks": {[][]condition{supply(2), nil, nil, supply(2), supply(3)}, map[int]string{5: "powerSupplyStatusChange PS1"}},
		"a supply that is pulled":              {[][]condition{supply(2), supply(1), supply(1), supply(2)}, map[int]string{2: "powerSupplyStatusChange PS1", 4: "powerSupplyStatusChange PS1"}},
		"a drive that vanishes": {[][]condition{drive(1, false), drive(1, true), drive(1, true), drive(3, false)},
			map[int]string{2: "RAIDStatusChange md0 sda is gone", 4: "RAIDStatusChange md0 sda"}},
		"a drive that fails and is taken out": {[][]condition{drive(2, false), drive(2, true)}, map[int]string{1: "RAIDStatusChange md0 sda", 2: "RAIDStatusChange md0 sda is gone"}},
		"a drive that vanished long ago":      {[][]condition{drive(1, true), drive(1, true)}, nil},
		"heat lasts":                          {[][]condition{hot(0), hot(1), hot(1), hot(1), hot(0), hot(1)}, map[int]string{2: "highTemperature CPU", 3: "highTemperature CPU", 4: "highTemperature CPU", 6: "highTemperature CPU"}},
		"an update never succeeds":            {[][]condition{update(0, 0), update(0, 1), update(0, 2)}, map[int]string{2: "updateFailure rules"}},
		"an update fails after many":          {slices.Concat(times(2, update(9, 3)), times(9, update(9, 4)), times(14, update(10, 4)), times(2, update(10, 5))), map[int]string{3: "updateFailure rules", 26: "updateFailure rules"}},
	} {
		m, now := machine{}, noon
		for i, look := range c.looks {
			if got := told(m.next(now, everyTrap(), look)); got != c.want[i+1] {
				t.Errorf("%s: look %d says %q, want %q", name, i+1, got, c.want[i+1])
			}
			now = now.Add(watchEvery)
		}
	}
}

func cpus(of func(int) []condition, ranks ...int) (out [][]condition) {
	for _, r := range ranks {
		out = append(out, of(r))
	}
	return out
}

// What lasts is said to be repeated, so that logs need not tell it each time.
func TestRepeated(t *testing.T) {
	m := machine{}
	hot := []condition{{object: "fan1", rank: 1, tell: fanTrap(&hardware.Fan{Index: 1, Name: "fan1"})}}
	for i, want := range []bool{false, true, true} {
		if got := m.next(noon.Add(time.Duration(i)*watchEvery), everyTrap(), hot); len(got) != 1 || got[0].Repeated != want {
			t.Errorf("look %d: %v", i, got)
		}
	}
	if got := m.next(noon.Add(2*watchEvery+time.Second), everyTrap(), hot); len(got) != 0 {
		t.Errorf("a look that is early repeats %s", told(got))
	}
}

// Only what is enabled is told, and what is enabled later is told as it stands then.
func TestOnlyEnabled(t *testing.T) {
	m := machine{}
	list := []condition{{rank: 1, tell: cpuTrap(97)}, {rank: 1, tell: memoryTrap(98)}}
	for i, c := range []struct {
		enabled []string
		want    string
	}{
		{[]string{trapMemory}, trapMemory}, {[]string{trapMemory}, ""}, {[]string{trapMemory, trapCPU}, trapCPU}, {nil, ""}, {[]string{trapMemory}, trapMemory},
	} {
		if got := told(m.next(noon.Add(time.Duration(i)*watchEvery), c.enabled, list)); got != c.want {
			t.Errorf("look %d says %q, want %q", i, got, c.want)
		}
	}
	d := snmpSection(t, config.NoAuthNoPriv, "trap_targets = ['127.0.0.1']")
	if got, want := sendable(&d.SNMP), []string{trapRAID, trapFan, trapTemperature, trapKey, trapLink, trapPowerSupply, trapConservation, trapUpdate}; !slices.Equal(got, want) {
		t.Errorf("by default %v are sent, want %v: no FIPS mode, no failover", got, want)
	}
	for _, of := range []func(*config.SNMP){func(s *config.SNMP) { s.Enabled = false }, func(s *config.SNMP) { s.TrapTargets = nil }} {
		s := d.SNMP
		if of(&s); sendable(&s) != nil {
			t.Error("something is sent to nobody")
		}
	}
}

// Everything flaps with each look, for an hour: what is told stays bounded, and so does what is remembered.
func TestFlapping(t *testing.T) {
	m, all := machine{}, 0
	const things, looks = 500, 720
	for i := range looks {
		var list []condition
		for k := range things {
			name := fmt.Sprintf("md0 sd%d", k)
			list = append(list, condition{object: name, rank: i % 2, state: 1 + i%2, tell: raidTrap(&hardware.Drive{Index: k + 1, ID: name})})
		}
		list = append(list, condition{rank: i % 2, tell: cpuTrap(99)})
		out := m.next(noon.Add(time.Duration(i)*watchEvery), everyTrap(), list)
		if len(out) > maxAtOnce {
			t.Fatalf("one look says %d", len(out))
		}
		all += len(out)
	}
	if most := things*(changeBurst+60+1) + 1; all > most || all < things*50 || len(m.known) != things+1 {
		t.Errorf("%d notifications, at most %d; %d things remembered", all, most, len(m.known))
	}
	// What it comes to is told in the end, whatever was held back before.
	m = machine{}
	drive := func(state hardware.DriveStatus) []condition {
		return []condition{{object: "d", rank: truth(state != hardware.DriveHealthy), state: int(state), tell: raidTrap(&hardware.Drive{Index: 1, ID: "d", Status: state})}}
	}
	now, last := noon, hardware.DriveHealthy
	for i := range 200 {
		state := hardware.DriveFailure
		if i < 20 && i%2 == 0 {
			state = hardware.DriveHealthy
		}
		if len(m.next(now, everyTrap(), drive(state))) > 0 {
			last = state
		}
		now = now.Add(watchEvery)
	}
	if last != hardware.DriveFailure {
		t.Errorf("what was told last is %v", last)
	}
}

// Things that come and go under new names do not fill the memory, and come to their end.
func TestForgotten(t *testing.T) {
	m := machine{}
	for i := range 3 * 720 {
		var list []condition
		for k := range 20 {
			name := fmt.Sprintf("drive %d of look %d", k, i)
			list = append(list, condition{object: name, rank: 1, state: 2, tell: raidTrap(&hardware.Drive{Index: 1, ID: name})})
		}
		m.next(noon.Add(time.Duration(i)*watchEvery), everyTrap(), list)
		if len(m.known) > maxStanding {
			t.Fatalf("%d remembered", len(m.known))
		}
	}
	if m.next(noon.Add(24*time.Hour), everyTrap(), nil); len(m.known) != 0 {
		t.Errorf("%d are remembered that have been gone for a day", len(m.known))
	}
}

// Each reading makes the conditions that it should, with the objects that its notification carries.
func TestConditions(t *testing.T) {
	d := snmpSection(t, config.NoAuthNoPriv, "cpu_threshold = 90")
	r := &snapshot{now: noon, document: d, conservation: queueFull, cpu: 91, memory: 95, url: "https://example.com/", checked: true,
		keys: []Key{{Description: "engine", Perpetual: true}, {Description: "Certificate A", Expires: noon.Add(24 * time.Hour)},
			{Description: "Certificate B", Expires: noon.Add(-time.Second)}, {Description: "Certificate C", Expires: noon.Add(1000 * 24 * time.Hour)},
			{Description: "Certificate that nobody can read"}},
		updates: []Update{{"rules", 1, 2}},
		sensors: &hardware.Sensors{
			Temperatures:  []hardware.Temperature{{Index: 3, Name: "CPU 1", Severity: hardware.Critical}, {Index: 4, Name: "warm", Severity: hardware.Warning}},
			Fans:          []hardware.Fan{{Index: 2, Name: "fan2", Severity: hardware.Critical}},
			PowerSupplies: []hardware.PowerSupply{{Index: 1, Name: "PS1", Status: hardware.SupplyNoAC}},
			Drives:        []hardware.Drive{{Index: 7, ID: "md0 sdb1", Status: hardware.DriveFailure}},
			Gone:          []hardware.Drive{{Index: 8, ID: "md0 sdc1", Status: hardware.DriveFailure}},
			Links:         []hardware.Link{{Index: 2, Name: "eth0", Severity: hardware.Critical, Enabled: true}, {Index: 3, Name: "eth1"}, {Index: 5, Name: "tun0"}}},
		network: &hardware.Network{Interfaces: []hardware.Interface{{Index: 1, Name: "lo", State: hardware.Unknown}, {Index: 2, Name: "eth0", State: hardware.LowerLayerDown, Enabled: true},
			{Index: 3, Name: "eth1", State: hardware.Down}, {Index: 5, Name: "tun0", State: hardware.Unknown}}}}
	var got []string
	for _, c := range r.conditions() {
		line := fmt.Sprintf("%s %q %d %d:", c.tell.Name, c.object, c.rank, c.state)
		for _, v := range c.tell.variables(90 * time.Second)[1:] {
			line += fmt.Sprintf(" %s=%v", v.OID, v.Value.Data)
		}
		got = append(got, line)
	}
	const b, n, of = "1.3.6.1.4.1.15497.1.1.1.", ".1.3.6.1.4.1.15497.1.1.2.", " 1.3.6.1.6.3.1.1.4.1.0="
	want := []string{
		`resourceConservationMode "" 3 0:` + of + n + "1 " + b + "6.0=4",
		`CPUUtilizationExceeded "" 1 0:` + of + n + "10 " + b + "2.0=91",
		`memoryUtilizationExceeded "" 0 0:` + of + n + "9 " + b + "1.0=95",
		`connectivityFailure "https://example.com/" 1 0:` + of + n + "8 " + b + "21.0=https://example.com/",
		`keyExpiration "Certificate A" 1 0:` + of + n + "5 " + b + "12.1.2.2=Certificate A",
		`keyExpiration "Certificate B" 2 0:` + of + n + "5 " + b + "12.1.2.3=Certificate B",
		`keyExpiration "Certificate C" 0 0:` + of + n + "5 " + b + "12.1.2.4=Certificate C",
		`updateFailure "rules" 0 0:` + of + n + "6 " + b + "13.1.2.1=rules",
		`highTemperature "CPU 1" 1 0:` + of + n + "3 " + b + "9.1.3.3=CPU 1",
		`highTemperature "warm" 0 0:` + of + n + "3 " + b + "9.1.3.4=warm",
		`fanFailure "fan2" 1 0:` + of + n + "4 " + b + "10.1.3.2=fan2",
		`powerSupplyStatusChange "PS1" 1 3:` + of + n + "2 " + b + "8.1.2.1=3",
		`RAIDStatusChange "md0 sdb1" 1 2:` + of + n + "7 " + b + "18.1.3.7=md0 sdb1",
		`RAIDStatusChange "md0 sdc1" 0 4:` + of + n + "7 " + b + "18.1.3.8=md0 sdc1",
		`linkUpDown "eth0" 1 2:` + of + ".1.3.6.1.6.3.1.1.5.3 1.3.6.1.2.1.2.2.1.1.2=2 1.3.6.1.2.1.2.2.1.7.2=1 1.3.6.1.2.1.2.2.1.8.2=7",
		`linkUpDown "eth1" 0 2:` + of + ".1.3.6.1.6.3.1.1.5.3 1.3.6.1.2.1.2.2.1.1.3=3 1.3.6.1.2.1.2.2.1.7.3=2 1.3.6.1.2.1.2.2.1.8.3=2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	r.ignored = hardware.Ignored{PowerSupplies: true, RAID: true, Links: true}
	for _, c := range r.conditions() {
		if c.tell.Name == trapLink || c.tell.Name == trapRAID || c.tell.Name == trapPowerSupply {
			t.Errorf("%s is looked at, which nobody wants to hear of", c.tell.Name)
		}
	}
}
