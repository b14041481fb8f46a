package hardware

import "testing"

func TestSeverityOfTemperatures(t *testing.T) {
	for _, c := range []struct {
		limits   Limits
		t        Temperature
		want     Severity
		critical float64
	}{
		{c170, Temperature{Kind: CPU, Celsius: 80.9, Critical: 70}, Normal, 90}, // the model knows better than the chip
		{c170, Temperature{Kind: CPU, Celsius: 81, Critical: 70, bmc: Critical}, Warning, 90},
		{c170, Temperature{Kind: CPU, Celsius: 90}, Critical, 90},
		{c170, Temperature{Kind: Ambient, Celsius: 42.2}, Normal, 47},
		{c170, Temperature{Kind: Ambient, Celsius: 42.3}, Warning, 47},
		{c170, Temperature{Kind: Ambient, Celsius: 47}, Critical, 47},
		{c170, Temperature{Kind: Riser, Celsius: 60}, Normal, 0}, // not applicable, and the sensor says nothing
		{c170, Temperature{Kind: Riser, Celsius: 60, Critical: 60}, Critical, 60},
		{Limits{}, Temperature{Kind: CPU, Celsius: 199}, Normal, 0},
		{Limits{}, Temperature{Kind: CPU, Celsius: 89, Critical: 100}, Normal, 100},
		{Limits{}, Temperature{Kind: CPU, Celsius: 90, Critical: 100}, Warning, 100},
		{Limits{}, Temperature{Kind: CPU, Celsius: 100, Critical: 100}, Critical, 100},
		{Limits{}, Temperature{Kind: CPU, Celsius: 20, bmc: Critical}, Critical, 0},
		{Limits{}, Temperature{Kind: Other, Celsius: -20, Critical: 60}, Normal, 60},
	} {
		s := &Sensors{Temperatures: []Temperature{c.t}}
		c.limits.judge(s)
		if got := s.Temperatures[0]; got.Severity != c.want || got.Critical != c.critical {
			t.Errorf("%q: %+v is %s of %.0f, want %s of %.0f", c.limits.Model, c.t, got.Severity, got.Critical, c.want, c.critical)
		}
	}
}

func TestSeverityOfParts(t *testing.T) {
	byChip := Limits{Model: "X", Fan: -1}
	slow := Limits{Model: "X", Fan: 500}
	for _, c := range []struct {
		limits Limits
		f      Fan
		want   Severity
	}{
		{Limits{}, Fan{RPM: 900, Minimum: 600}, Normal}, {Limits{}, Fan{RPM: 599, Minimum: 600}, Critical}, {Limits{}, Fan{RPM: 0}, Normal},
		{Limits{}, Fan{RPM: 0, Stopped: true}, Warning}, {Limits{}, Fan{RPM: 900, Failed: true}, Critical},
		{c170, Fan{RPM: 0}, Critical}, {c170, Fan{RPM: 1, Minimum: 600}, Normal}, {c170, Fan{RPM: 900, Failed: true}, Critical},
		{slow, Fan{RPM: 500}, Critical}, {slow, Fan{RPM: 501}, Normal}, {byChip, Fan{RPM: 0}, Normal}, {byChip, Fan{RPM: 10, Minimum: 20}, Critical},
	} {
		if got := c.limits.fan(c.f); got != c.want {
			t.Errorf("%+v, %+v is %s, want %s", c.limits, c.f, got, c.want)
		}
	}
	for _, c := range []struct {
		p    PowerSupply
		want Severity
	}{
		{PowerSupply{Status: SupplyNotInstalled, Redundancy: RedundancyLost}, Normal}, {PowerSupply{Status: SupplyHealthy, Redundancy: RedundancyOK}, Normal},
		{PowerSupply{Status: SupplyHealthy, Redundancy: RedundancyLost}, Warning}, {PowerSupply{Status: SupplyHealthy, Predicted: true}, Warning},
		{PowerSupply{Status: SupplyNoAC}, Critical}, {PowerSupply{Status: SupplyFaulty}, Critical},
	} {
		if got := supply(c.p); got != c.want {
			t.Errorf("%+v is %s, want %s", c.p, got, c.want)
		}
	}
	all := func() *Sensors {
		return &Sensors{PowerSupplies: []PowerSupply{{Status: SupplyFaulty}}, Arrays: []Array{{State: ArrayDegraded}}, Drives: []Drive{{Status: DriveFailure}},
			Links: []Link{{Expected: true}}}
	}
	s, ignored := all(), all()
	c170.judge(s)
	Limits{Model: "X", Ignore: Ignored{true, true, true}}.judge(ignored)
	for i, c := range s.Components() {
		if c.Severity != Critical || ignored.Components()[i].Severity != Normal {
			t.Errorf("%+v; when it is ignored %+v", c, ignored.Components()[i])
		}
	}
}

func TestSeverityWords(t *testing.T) {
	for _, s := range []Severity{Normal, Warning, Critical} {
		var again Severity
		text, err := s.MarshalText()
		if err2 := again.UnmarshalText(text); err != nil || err2 != nil || again != s {
			t.Errorf("%d is %s, read back %d, %v, %v", s, text, again, err, err2)
		}
	}
	if s := new(Severity); s.UnmarshalText([]byte("normal")) == nil || Severity(7).String() != "unknown" || Supply(0).String() != "unknown" {
		t.Error("words that are none were taken")
	}
}

func TestKinds(t *testing.T) {
	for name, want := range map[string]Kind{
		"Inlet Temp": Ambient, "Ambient Temp": Ambient, "01-Inlet Ambient": Ambient, "Ctrl Panel Temp": Ambient, "CPU1 Temp": CPU, "CPU1 VRM Temp": Other,
		"02-CPU 1": CPU, "P1 DIMM 1-4": Other, "CPU_Core": CPU, "Backplane Temp": Backplane, "HSBP 1 Temp": Backplane, "BP1 Temp": Backplane, "PCIe Riser 2": Riser,
		"Exhaust Temp": Other, "System Temp": Other, "": Other, "Tctl": CPU, "Scpu": Other,
	} {
		if got := kindOfName(name); got != want {
			t.Errorf("%q is %s, want %s", name, got, want)
		}
	}
	for _, r := range []struct {
		row  bmcRow
		want Kind
	}{
		{bmcRow{name: "Temp", entity: 3}, CPU}, {bmcRow{name: "Temp", entity: 55}, Ambient}, {bmcRow{name: "Temp", entity: 15}, Backplane}, {bmcRow{name: "Temp", entity: 16}, Riser},
		{bmcRow{name: "Temp", entity: 7}, Other}, {bmcRow{name: "VRM Temp", entity: 3}, Other},
	} {
		if got := r.row.kind(); got != r.want {
			t.Errorf("%+v is %s, want %s", r.row, got, r.want)
		}
	}
}
