package shell

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"postern/hardware"
)

// server is a reading with one of everything, good and bad.
var server = &hardware.Sensors{Time: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC), Model: "C170",
	Temperatures: []hardware.Temperature{{Index: 1, Name: "coretemp Package id 0", Kind: hardware.CPU, Celsius: 47, Critical: 90},
		{Index: 2, Name: "Inlet Temp", Kind: hardware.Ambient, Celsius: 43.25, Critical: 47, Severity: hardware.Warning}, {Index: 3, Name: "VRM\x1b[2J", Kind: hardware.Other, Celsius: -3}},
	Fans: []hardware.Fan{{Index: 1, Name: "Fan1A", RPM: 9240, Minimum: 600}, {Index: 2, Name: "Fan1B", Severity: hardware.Critical},
		{Index: 3, Name: "Fan 3 DutyCycle", Percent: 21.95}},
	PowerSupplies: []hardware.PowerSupply{{Index: 1, Name: "Power Supply 1", Status: hardware.SupplyHealthy, Redundancy: hardware.RedundancyLost, Charge: -1, Severity: hardware.Warning},
		{Index: 2, Name: "Power Supply 2", Status: hardware.SupplyNoAC, Redundancy: hardware.RedundancyLost, Charge: -1, Severity: hardware.Critical},
		{Index: 3, Name: "BAT0", Status: hardware.SupplyHealthy, Redundancy: hardware.RedundancyOK, Charge: 97}},
	Arrays: []hardware.Array{{Name: "md0", Level: "raid1", State: hardware.ArrayRebuilding, Task: "recovery", Progress: 12.6, Severity: hardware.Warning}},
	Drives: []hardware.Drive{{Index: 1, ID: "md0 sda1", Status: hardware.DriveHealthy, LastError: "No Error"},
		{Index: 2, ID: "md0 sdb1", Status: hardware.DriveRebuild, LastError: "it is being rebuilt", Severity: hardware.Warning}},
	Links:   []hardware.Link{{Index: 2, Name: "eno1", Up: true, Enabled: true, Speed: 1_000_000_000}, {Index: 3, Name: "eno2", Enabled: true, Severity: hardware.Critical}, {Index: 4, Name: "eno3"}},
	Problem: "The sensors have not answered since then: a drive or a chip hangs.",
	BMC:     hardware.BMC{Present: true, Problem: "The management controller (BMC) could not be asked: x."}}

func TestHardwareStatus(t *testing.T) {
	g := &Local{Program: Program{Sensors: func(context.Context) *hardware.Sensors { return server }}}
	want := `Hardware status as of: Sun Mar 01 09:30:00 2026 UTC
The sensors have not answered since then: a drive or a chip hangs.
Thresholds of model:   C170
Overall:               Critical (3), Warning (4)

Temperatures
Name                   Kind     Celsius  Critical  Status
=====================  =======  =======  ========  =======
coretemp Package id 0  CPU      47.0     90.0      Normal
Inlet Temp             ambient  43.2     47.0      Warning
VRM\x1b[2J             other    -3.0     -         Normal

Fans
Name             RPM   Lowest  Status
===============  ====  ======  ========
Fan1A            9240  600     Normal
Fan1B            0     -       Critical
Fan 3 DutyCycle  22 %  -       Normal

Power supplies
Name            State                Redundancy  Status
==============  ===================  ==========  ========
Power Supply 1  healthy              lost        Warning
Power Supply 2  without power        lost        Critical
BAT0            healthy, charge 97%  ok          Normal

RAID
Name      Level  State                            Status
========  =====  ===============================  =======
md0       raid1  rebuilding, recovery 12.6%       Warning
md0 sda1  drive  healthy                          Normal
md0 sdb1  drive  rebuilding: it is being rebuilt  Warning

Links
Name  State     Mbit/s  Status
====  ========  ======  ========
eno1  up        1000    Normal
eno2  down      -       Critical
eno3  disabled  -       Normal

The management controller (BMC) could not be asked: x.
`
	for _, g := range []Gateway{g, overSocket(t, g), &Offline{Program: g.Program}} {
		if got, err := dialogue(t, t.Context(), g, "hardwarestatus", "batch"); err != nil || got != want {
			t.Errorf("%T: have %s, %v\nwant %s", g, got, err, want)
		}
		got, err := dialogue(t, t.Context(), g, "hardwarestatus --json", "batch")
		var again hardware.Sensors
		if err2 := json.Unmarshal([]byte(got), &again); err != nil || err2 != nil || !reflect.DeepEqual(&again, server) {
			t.Errorf("%T: %s, %v, %v", g, got, err, err2)
		}
	}
}

// A machine without sensors says so, and its JSON has empty lists.
func TestHardwareStatusOfNothing(t *testing.T) {
	g := &Local{Program: Program{Sensors: func(context.Context) *hardware.Sensors { return &hardware.Sensors{Time: server.Time} }}}
	want := `Hardware status as of: Sun Mar 01 09:30:00 2026 UTC
Overall:               Unknown (nothing is measured)

Temperatures
No temperature sensors were found: the kernel shows none, as in a virtual machine.

Fans
No fans were found: nothing here measures one that turns.

Power supplies
No power supplies were found: none here reports its status.

RAID
No RAID was found: the kernel has no software array, and no drive bay is watched.

Links
No network links were found.
`
	if got, err := dialogue(t, t.Context(), g, "hardwarestatus", "batch"); err != nil || got != want {
		t.Errorf("have %s, %v\nwant %s", got, err, want)
	}
	got, err := dialogue(t, t.Context(), &Offline{}, "hardwarestatus --json", "batch") // the machine that runs the test
	if err != nil || strings.Contains(got, "null") || !strings.Contains(got, `"temperatures": [`) {
		t.Errorf("%s, %v", got, err)
	}
}
