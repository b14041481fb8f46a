package snmp

import (
	"time"

	"postern/hardware"
)

// Notification is what a trap or an inform tells, before it is made ready for a target. It is not changed once made.
type Notification struct {
	Name     string // as the configuration has it, such as linkUpDown
	About    string // which one of its kind, for people; "": there is only one
	Repeated bool   // it was told before, and is told again because it lasts
	oid      OID    // snmpTrapOID
	objects  []Variable
}

// The names of the notifications in the configuration. FIPS mode and failover have names there, too; nothing here makes them.
const (
	trapCPU          = "CPUUtilizationExceeded"
	trapRAID         = "RAIDStatusChange"
	trapConnectivity = "connectivityFailure"
	trapFan          = "fanFailure"
	trapTemperature  = "highTemperature"
	trapKey          = "keyExpiration"
	trapLink         = "linkUpDown"
	trapMemory       = "memoryUtilizationExceeded"
	trapPowerSupply  = "powerSupplyStatusChange"
	trapConservation = "resourceConservationMode"
	trapUpdate       = "updateFailure"
)

var (
	asyncosNotifications = enterprises.Append(15497, 1, 1, 2)
	standardTraps        = MustOID("1.3.6.1.6.3.1.1.5")     // snmpTraps of RFC 3418
	trapOID              = MustOID("1.3.6.1.6.3.1.1.4.1.0") // snmpTrapOID.0
	upTime               = systemGroup.Append(3, 0)         // sysUpTime.0
)

// asyncosTrap makes one of AsyncOS's notifications; arcs name the object that it carries.
func asyncosTrap(name, about string, arc uint32, v Value, arcs ...uint32) Notification {
	return Notification{Name: name, About: about, oid: asyncosNotifications.Append(arc), objects: []Variable{{asyncosObjects.Append(arcs...), v}}}
}

func conservationTrap(reason int) Notification {
	return asyncosTrap(trapConservation, "", 1, Integer(reason), 6, 0)
}

func powerSupplyTrap(p *hardware.PowerSupply) Notification {
	return asyncosTrap(trapPowerSupply, p.Name, 2, Integer(int(p.Status)), 8, 1, 2, uint32(p.Index))
}

func temperatureTrap(t *hardware.Temperature) Notification {
	return asyncosTrap(trapTemperature, t.Name, 3, DisplayString(t.Name), 9, 1, 3, uint32(t.Index))
}

func fanTrap(f *hardware.Fan) Notification {
	return asyncosTrap(trapFan, f.Name, 4, DisplayString(f.Name), 10, 1, 3, uint32(f.Index))
}

// keyTrap names a key by its row, which is its place from 1 on.
func keyTrap(k *Key, row int) Notification {
	return asyncosTrap(trapKey, k.Description, 5, DisplayString(k.Description), 12, 1, 2, uint32(row))
}

func updateTrap(u *Update, row int) Notification {
	return asyncosTrap(trapUpdate, u.Service, 6, DisplayString(u.Service), 13, 1, 2, uint32(row))
}

func raidTrap(d *hardware.Drive) Notification {
	return asyncosTrap(trapRAID, d.ID, 7, DisplayString(d.ID), 18, 1, 3, uint32(d.Index))
}

// goneTrap tells of a drive that is not there any more; its row is not either.
func goneTrap(d *hardware.Drive) Notification {
	n := raidTrap(d)
	n.About += " is gone"
	return n
}

func connectivityTrap(url string) Notification {
	return asyncosTrap(trapConnectivity, url, 8, DisplayString(url), 21, 0)
}

func memoryTrap(percent int64) Notification {
	return asyncosTrap(trapMemory, "", 9, percentage(percent), 1, 0)
}

func cpuTrap(percent int64) Notification {
	return asyncosTrap(trapCPU, "", 10, percentage(percent), 2, 0)
}

// linkTrap is IF-MIB's linkDown or linkUp (RFC 2863).
func linkTrap(i *hardware.Interface) Notification {
	row, which, now := mib2.Append(2, 2, 1), uint32(3), " is down"
	if i.State == hardware.Up {
		which, now = 4, " is up"
	}
	index := uint32(i.Index)
	return Notification{Name: trapLink, About: i.Name + now, oid: standardTraps.Append(which), objects: []Variable{
		{row.Append(1, index), Integer(i.Index)},
		{row.Append(7, index), adminStatus(i)},
		{row.Append(8, index), operStatus(i)},
	}}
}

// variables are all that goes on the wire, in the order of RFC 3416 section 4.2.6.
func (n *Notification) variables(up time.Duration) []Variable {
	return append([]Variable{{upTime, TimeTicks(up)}, {trapOID, ObjectID(n.oid)}}, n.objects...)
}
