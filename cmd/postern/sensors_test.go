package main

import (
	"reflect"
	"testing"
	"time"

	"postern/engine/config"
	"postern/hardware"
)

// What is critical of the machine is an alert of its own, and stands until it is normal.
func TestHardwareAlerts(t *testing.T) {
	fan := func(s hardware.Severity) func(time.Time) *hardware.Sensors {
		return func(time.Time) *hardware.Sensors {
			return &hardware.Sensors{Fans: []hardware.Fan{{Index: 1, Name: "Fan1A", Severity: s}, {Index: 2, Name: "Fan1B"}}}
		}
	}
	for name, c := range map[string]struct {
		severity hardware.Severity
		stands   bool
		want     int
	}{
		"normal": {hardware.Normal, false, 0}, "near its limit": {hardware.Warning, false, 0}, "critical": {hardware.Critical, false, 1},
		"a little better": {hardware.Warning, true, 1}, "well again": {hardware.Normal, true, 0},
	} {
		l, _ := wellBeing()
		l.sensors = fan(c.severity)
		list := l.wrong(moment, func(kind, object string) bool { return c.stands && kind == alertHardware && object == "Fan1A" })
		if len(list) != c.want || c.want == 1 && (list[0].Kind != "hardware" || list[0].Object != "Fan1A" || list[0].Severity != "Critical" ||
			list[0].Text != "The fan Fan1A turns 0 times a minute." || overText(list[0].Kind, list[0].Object) != "Fan1A of the machine is normal again, or not there any more.") {
			t.Errorf("%s: %+v", name, list)
		}
	}
	l, _ := wellBeing()
	l.sensors = func(time.Time) *hardware.Sensors {
		s := &hardware.Sensors{}
		for i := range 100 {
			s.Drives = append(s.Drives, hardware.Drive{Index: i + 1, ID: time.Duration(i).String(), Status: hardware.DriveFailure, LastError: "x", Severity: hardware.Critical})
		}
		return s
	}
	if n := len(l.wrong(moment, func(string, string) bool { return false })); n != maxHardwareAlerts {
		t.Errorf("%d alerts when 100 drives have failed", n)
	}
}

var moment = time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)

// The row of the configured model is what readings are judged by.
func TestLimitsOf(t *testing.T) {
	for text, want := range map[string]hardware.Limits{
		"":                           {},
		"[hardware]\nmodel = 'C170'": {Model: "C170", Celsius: map[hardware.Kind]float64{hardware.CPU: 90, hardware.Ambient: 47}},
		"[hardware]\nmodel = 'x'\n[[hardware.threshold]]\nmodel = 'X'\nriser = 70\nbackplane = 60\nfan = 500\nlink = 'ignore'\nraid = 'ignore'\npower_supply = 'ignore'": {Model: "X", Fan: 500,
			Celsius: map[hardware.Kind]float64{hardware.Riser: 70, hardware.Backplane: 60}, Ignore: hardware.Ignored{PowerSupplies: true, RAID: true, Links: true}},
		"[hardware]\nmodel = 'X'\n[[hardware.threshold]]\nmodel = 'X'\nfan_check = 'chip'": {Model: "X", Fan: -1, Celsius: map[hardware.Kind]float64{}},
	} {
		d, err := config.Parse([]byte(text), "c.toml")
		if err != nil {
			t.Fatal(err)
		}
		if got := limitsOf(d); !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngives %+v\nwant  %+v", text, got, want)
		}
	}
}
