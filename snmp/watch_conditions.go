package snmp

import (
	"slices"
	"time"

	"postern/engine/config"
	"postern/hardware"
)

// condition is how one thing stands that a notification can tell of.
type condition struct {
	object string // which one of the notification's kind
	rank   int    // 0 is good; more is worse
	state  int    // where every change counts: how it stands, bad or not
	failed uint64 // of updates: how often one has failed, and
	done   uint64 // has not
	tell   Notification
}

// snapshot is how all levels stand at one moment.
type snapshot struct {
	now      time.Time
	document *config.Document
	enabled  []string // the names of what is sent

	conservation     int
	cpu, memory      int64
	sensors          *hardware.Sensors
	network          *hardware.Network
	ignored          hardware.Ignored
	keys             []Key
	updates          []Update
	url              string // that was checked; "": none
	reached, checked bool
}

func (r *snapshot) wants(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(r.enabled, name) })
}

// conditions lists all that is looked at; the machine leaves out what is not enabled.
func (r *snapshot) conditions() (out []condition) {
	out = append(out,
		condition{rank: r.conservation - noResourceConservation, tell: conservationTrap(r.conservation)},
		condition{rank: truth(r.cpu > int64(r.document.SNMP.CPUThreshold)), tell: cpuTrap(r.cpu)},
		condition{rank: truth(r.memory > int64(r.document.SNMP.MemoryThreshold)), tell: memoryTrap(r.memory)})
	if r.checked {
		out = append(out, condition{object: r.url, rank: truth(!r.reached), tell: connectivityTrap(r.url)})
	}
	out = r.keyEnds(out)
	for i := range r.updates {
		u := &r.updates[i]
		out = append(out, condition{object: u.Service, failed: u.Failures, done: u.Updates, tell: updateTrap(u, i+1)})
	}
	return r.hardware(out)
}

// The ranks of a key.
const (
	keyEndsSoon = 1 // within alerts.certificate_days
	keyEnded    = 2
)

func (r *snapshot) keyEnds(out []condition) []condition {
	soon := time.Duration(r.document.Alerts.CertificateDays) * 24 * time.Hour
	for i := range r.keys {
		k := &r.keys[i]
		c := condition{object: k.Description, tell: keyTrap(k, i+1)}
		switch left := k.Expires.Sub(r.now); {
		case k.Perpetual, k.Expires.IsZero():
			continue
		case left <= 0:
			c.rank = keyEnded
		case left <= soon:
			c.rank = keyEndsSoon
		}
		out = append(out, c)
	}
	return out
}

func (r *snapshot) hardware(out []condition) []condition {
	s := r.sensors
	for i := range s.Temperatures {
		t := &s.Temperatures[i]
		out = append(out, condition{object: t.Name, rank: truth(t.Severity == hardware.Critical), tell: temperatureTrap(t)})
	}
	for i := range s.Fans {
		f := &s.Fans[i]
		out = append(out, condition{object: f.Name, rank: truth(f.Severity == hardware.Critical), tell: fanTrap(f)})
	}
	for i := range s.PowerSupplies {
		p := &s.PowerSupplies[i]
		if !r.ignored.PowerSupplies {
			bad := p.Status != hardware.SupplyHealthy && p.Status != hardware.SupplyNotInstalled
			out = append(out, condition{object: p.Name, rank: truth(bad), state: int(p.Status), tell: powerSupplyTrap(p)})
		}
	}
	for i := range s.Drives {
		d := &s.Drives[i]
		if !r.ignored.RAID {
			out = append(out, condition{object: d.ID, rank: truth(d.Status != hardware.DriveHealthy), state: int(d.Status), tell: raidTrap(d)})
		}
	}
	for i := range s.Gone {
		d := &s.Gone[i]
		if !r.ignored.RAID {
			out = append(out, condition{object: d.ID, state: driveGone, tell: goneTrap(d)})
		}
	}
	if r.ignored.Links {
		return out
	}
	return r.links(out)
}

// driveGone is the state of a drive that is not there any more, beside the MIB's.
const driveGone = int(hardware.DriveRebuild) + 1

// The states of a link, as far as linkUp and linkDown tell them apart.
const (
	linkUp   = 1
	linkDown = 2
)

// links tells of the links that the sensors watch. One whose state the kernel does not know is neither up nor down; one that
// is down from the beginning is bad only when somebody would miss it.
func (r *snapshot) links(out []condition) []condition {
	for i := range r.network.Interfaces {
		in := &r.network.Interfaces[i]
		at := slices.IndexFunc(r.sensors.Links, func(l hardware.Link) bool { return l.Index == in.Index })
		if at < 0 {
			continue
		}
		c := condition{object: in.Name, tell: linkTrap(in)}
		switch in.State {
		case hardware.Up:
			c.state = linkUp
		case hardware.Down, hardware.LowerLayerDown, hardware.NotPresent:
			c.state, c.rank = linkDown, truth(r.sensors.Links[at].Severity == hardware.Critical)
		default:
			continue
		}
		out = append(out, c)
	}
	return out
}
