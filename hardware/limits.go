package hardware

// Limits is what a model of machine bears. The zero value knows no model: then each sensor's own limit holds.
type Limits struct {
	Model   string           // "": none
	Celsius map[Kind]float64 // from which on it is critical; kinds that are not named have the sensor's own limit
	Fan     int64            // RPM at or below which a fan has failed; less than 0, or without a model: as its chip says
	Ignore  Ignored          // whose changes of status are no alarm
}

// Ignored names components that may be down.
type Ignored struct{ PowerSupplies, RAID, Links bool }

// knowsFans tells whether the model says when a fan has failed.
func (l Limits) knowsFans() bool { return l.Model != "" && l.Fan >= 0 }

// nearly is the part of a critical temperature, in tenths, from which on it is worth concern.
const nearly = 9

// judge is the one place that says how bad each reading is, and against which limit.
func (l Limits) judge(s *Sensors) {
	s.Model = l.Model
	for i := range s.Temperatures {
		t := &s.Temperatures[i]
		if limit, ok := l.Celsius[t.Kind]; ok && l.Model != "" {
			t.Critical, t.bmc = limit, Normal
		}
		t.Severity = max(hot(t.Celsius, t.Critical), t.bmc)
	}
	for i := range s.Fans {
		s.Fans[i].Severity = l.fan(s.Fans[i])
	}
	for i := range s.PowerSupplies {
		if !l.Ignore.PowerSupplies {
			s.PowerSupplies[i].Severity = supply(s.PowerSupplies[i])
		}
	}
	for i := range s.Arrays {
		if !l.Ignore.RAID {
			s.Arrays[i].Severity = array(s.Arrays[i].State)
		}
	}
	for i := range s.Drives {
		if !l.Ignore.RAID {
			s.Drives[i].Severity = drive(s.Drives[i])
		}
	}
	for i := range s.Links {
		if k := &s.Links[i]; k.Expected && !k.Up && !l.Ignore.Links {
			k.Severity = Critical
		}
	}
}

func hot(celsius, critical float64) Severity {
	switch {
	case critical <= 0 || celsius*10 < critical*nearly:
		return Normal
	case celsius < critical:
		return Warning
	}
	return Critical
}

// fan judges a fan. Many stand still while it is cool, so that one which has stopped is a failure only where a chip, the
// management controller or the model says that it must turn.
func (l Limits) fan(f Fan) Severity {
	slow := l.knowsFans() && f.RPM <= l.Fan || !l.knowsFans() && f.RPM < f.Minimum
	switch {
	case f.Failed, slow && f.Percent == 0:
		return Critical
	case f.Stopped, f.bmc == Warning:
		return Warning
	}
	return Normal
}

func supply(p PowerSupply) Severity {
	switch {
	case p.Status == SupplyFaulty, p.Status == SupplyNoAC:
		return Critical
	case p.Status == SupplyHealthy && (p.Predicted || p.Redundancy == RedundancyLost):
		return Warning
	}
	return Normal
}

func array(s ArrayState) Severity {
	switch s {
	case ArrayHealthy:
		return Normal
	case ArrayRebuilding:
		return Warning
	}
	return Critical
}

func drive(d Drive) Severity {
	switch {
	case d.Status == DriveFailure:
		return Critical
	case d.Status == DriveRebuild, d.Predicted:
		return Warning
	}
	return Normal
}
