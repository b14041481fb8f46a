package hardware

import (
	"strings"
	"testing"
	"testing/fstest"
)

// What controllers say in rarer words than those of the captured machines.
func TestWordsOfControllers(t *testing.T) {
	for _, c := range []struct{ name, list, limits, want string }{
		{"Fahrenheit", "Ambient | 04h | ok | 39.1 | 77 degrees F\n", "Ambient | 77.000 | degrees F | ok | na | na | na | na | 113.000 | na\n", "1 Ambient | ambient | 25.0 of 45.0 | Normal"},
		{"below zero", "Inlet Temp | 04h | ok | 55.1 | -7 degrees C\n", "", "1 Inlet Temp | ambient | -7.0 of 0.0 | Normal"},
		{"a measure and a state", "Temp 2 | 02h | ok | 3.1 | 40 degrees C, Transition to OK\n", "", "1 Temp 2 | CPU | 40.0 of 0.0 | Normal"},
		{"air of a power supply", "Ambient Temp | 07h | ok | 10.1 | 48 degrees C\n39-P/S 1 Inlet | 08h | ok | 7.1 | 48 degrees C\n", "",
			"1 Ambient Temp | other | 48.0 of 0.0 | Normal\n2 39-P/S 1 Inlet | other | 48.0 of 0.0 | Normal"},
		{"parts of a processor's supply", "CPU_VRMIN Temp | 04h | ok | 7.4 | 50 degrees C\nCPU0_DIMMA1 | 05h | ok | 3.1 | 44 degrees C\n", "",
			"1 CPU_VRMIN Temp | other | 50.0 of 0.0 | Normal\n2 CPU0_DIMMA1 | other | 44.0 of 0.0 | Normal"},
		{"the board's and a part's", "Temp | 04h | ok | 7.1 | 30 degrees C\nTemp | 05h | ok | 32.2 | 40 degrees C\n", "",
			"1 System Board Temp | other | 30.0 of 0.0 | Normal\n2 Memory 2 Temp | other | 40.0 of 0.0 | Normal"},
		{"a driven fan that has failed", "Fan 1 | 40h | ok | 29.1 | Transition to Degraded\nFan 1 DutyCycle | 41h | ok | 29.1 | 29.01 percent\nFan 2 DutyCycle | 42h | ok | 29.2 | 29.01 percent\nCPU Utilization | 43h | ok | 3.1 | 4 percent\n", "",
			"fan 1 Fan 1 DutyCycle | 29.01%, at least 0 | Critical\nfan 2 Fan 2 DutyCycle | 29.01%, at least 0 | Normal"},
		{"a fan and its state", "Fan 1 | 40h | ok | 7.1 | 3600 RPM, Transition to Running\n", "", "fan 1 Fan 1 | 3600, at least 0 | Normal"},
		{"an empty bay without a word", "Power Supply 1 | 32h | ok | 10.1 | 40 Watts, Presence detected\nPS 1 Presence | 3Fh | ok | 10.1 | Device Present\nPower Supply 2 | 33h | ok | 10.2 | \nPS 2 Output | 3Bh | ns | 10.2 | Disabled\n", "",
			"power supply 1 Power Supply 1 | status 2, redundancy 1, predicted false, charge -1 | Normal\npower supply 2 Power Supply 2 | status 1, redundancy 1, predicted false, charge -1 | Normal"},
		{"instances that go the other way", "PS2 Status | 50h | ok | 10.1 | Presence detected\nPS1 Status | 51h | ok | 10.2 | Presence detected, Power Supply AC lost\n", "",
			"power supply 1 Power Supply 1 | status 3, redundancy 2, predicted false, charge -1 | Critical\npower supply 2 Power Supply 2 | status 2, redundancy 2, predicted false, charge -1 | Warning"},
		{"instances that begin elsewhere", "PS1 Status | C8h | ok | 10.96 | Presence detected\nPS2 Status | C9h | ok | 10.97 | Presence detected, Failure detected\n", "",
			"power supply 1 Power Supply 1 | status 2, redundancy 2, predicted false, charge -1 | Warning\npower supply 2 Power Supply 2 | status 4, redundancy 2, predicted false, charge -1 | Critical"},
	} {
		t.Run(c.name, func(t *testing.T) {
			machine := tree{fstest.MapFS{}, fstest.MapFS{}, fstest.MapFS{"ipmi0": {}}, map[string]string{"sdr elist": c.list, "sensor": c.limits}}
			m := machine.monitor(Limits{}, nil)
			m.Ask(t.Context())
			if got := strings.TrimSuffix(summary(m.Sensors(moment)), "\nBMC: true \n"); got != c.want {
				t.Errorf("have\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// Thresholds as real controllers list them: an HPE ProLiant, an IBM x3650, a Dell PowerEdge R710 and a Supermicro board, as
// their owners published them.
func TestLimitsOfControllers(t *testing.T) {
	limits := bmcLimitsOf(`UID              | 0x0        | discrete   | 0x0180| na        | na        | na        | na        | na        | na
01-Inlet Ambient | 32.000     | degrees C  | ok    | na        | na        | na        | na        | 62.000    | 66.000
04-P1 PMM 1-6    | na         |            | na    | na        | na        | na        | na        | 82.000    | na
51-CPU 1 PkgTmp  | 74.000     | degrees C  | ok    | na        | na        | na        | na        | na        | na
15.2-PCI 1-SFP28 | 41.000     | degrees C  | ok    | na        | na        | na        | 73.000    | 78.000    | 0.000
Fan 1 DutyCycle  | 21.952     | percent    | ok    | na        | na        | na        | na        | na        | na
Ambient Temp     | 32.000     | degrees C  | ok    | na        | na        | na        | 38.000    | 41.000    | 45.000    
Altitude         | 2680.000   | feet       | ok    | na        | na        | na        | na        | na        | na        
Fan 1A Tach      | 3393.000   | RPM        | ok    | na        | 290.000   | na        | na        | na        | na        
FAN 2 RPM        | 3840.000   | RPM        | ok    | na        | 720.000   | na        | na        | na        | na
CPU Temp         | 31.000     | degrees C  | ok    | 5.000     | 5.000     | 10.000    | 90.000    | 95.000    | 95.000    
M2NVMeSSD Temp1  | na         |            | na    | na        | na        | na        | na        | na        | na        
`)
	for name, want := range map[string]bmcLimits{"UID": {}, "01-Inlet Ambient": {upper: 62}, "04-P1 PMM 1-6": {upper: 82}, "51-CPU 1 PkgTmp": {}, "15.2-PCI 1-SFP28": {upper: 78},
		"Fan 1 DutyCycle": {}, "Ambient Temp": {upper: 41}, "Altitude": {}, "Fan 1A Tach": {lower: 290}, "FAN 2 RPM": {lower: 720}, "CPU Temp": {lower: 5, upper: 95}, "M2NVMeSSD Temp1": {}} {
		if got, there := limits[name+"\x001"]; !there || got != want {
			t.Errorf("%s: %+v, %t, want %+v", name, got, there, want)
		}
	}
}

// Alerts say of a fan that is driven in per cent what is known of it, and no turns.
func TestDrivenFanInWords(t *testing.T) {
	for want, f := range map[string]Fan{"The fan Fan 2 is driven at 30 % of its full speed.": {Name: "Fan 2", Percent: 29.6},
		"The fan Fan 2 has failed; it is driven at 30 % of its full speed.": {Name: "Fan 2", Percent: 29.6, Failed: true}, "The fan Fan 2 turns 0 times a minute.": {Name: "Fan 2"}} {
		s := Sensors{Fans: []Fan{f}}
		if got := s.Components()[0].Text; got != want {
			t.Errorf("%+v: %q, want %q", f, got, want)
		}
	}
}
