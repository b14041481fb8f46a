package snmp

import (
	"math"
	"time"

	"postern/hardware"
)

// mib2 is the root of the standard objects, RFC 1213 and what came after it with the same names.
var mib2 = MustOID("1.3.6.1.2.1")

// NetworkBranches are the interfaces, ip, icmp, tcp and udp groups of RFC 1213, and ifXTable of RFC 2863, as far as Linux
// gives them: an object of which the kernel says nothing is left out, rather than answered with a figure that nobody has
// counted. network gives a reading of the moment, and does not wait; uptime is the agent's sysUpTime.
func NetworkBranches(network func(now time.Time) *hardware.Network, uptime func() time.Duration) []Branch {
	interfaces, ip := Module{mib2.Append(31), "IF-MIB: network interfaces (RFC 2863)"}, Module{mib2.Append(48), "IP-MIB: IP and ICMP (RFC 2011)"}
	return []Branch{
		branchOf(mib2.Append(2), network, interfacesGroup(uptime)...).of(interfaces),
		branchOf(mib2.Append(4), network, ipGroup()...).of(ip),
		branchOf(mib2.Append(5), network, icmpGroup()...).of(ip),
		branchOf(mib2.Append(6), network, tcpGroup()...).of(Module{mib2.Append(49), "TCP-MIB: TCP (RFC 2012)"}),
		branchOf(mib2.Append(7), network, udpGroup()...).of(Module{mib2.Append(50), "UDP-MIB: UDP (RFC 2013)"}),
		branchOf(mib2.Append(31, 1, 1), network, ifXTable()).of(interfaces),
	}
}

// maxInterfaces is as many rows as ifTable has at most.
const maxInterfaces = 1024

func interfacesOf(n *hardware.Network) []hardware.Interface {
	return firstOf(n.Interfaces, maxInterfaces)
}

func byIfIndex(_ int, i *hardware.Interface) OID { return OID{uint32(i.Index)} }

// interfacesGroup is 1.3.6.1.2.1.2. Missing are ifInUnknownProtos, ifOutNUcastPkts, ifOutQLen and ifSpecific: the kernel keeps
// no such figures.
func interfacesGroup(uptime func() time.Duration) []part[hardware.Network] {
	interfaces := mib2.Append(2)
	type col = column[hardware.Interface]
	return []part[hardware.Network]{
		scalarOf(interfaces.Append(1), func(n *hardware.Network) Value { return Integer(len(interfacesOf(n))) }),
		tableOf(interfaces.Append(2, 1), interfacesOf, byIfIndex,
			col{1, func(i *hardware.Interface) Value { return Integer(i.Index) }},
			col{2, func(i *hardware.Interface) Value { return DisplayString(i.Name) }}, // ifDescr
			col{3, func(i *hardware.Interface) Value { return Integer(i.Type) }},
			col{4, func(i *hardware.Interface) Value { return Integer(max(i.MTU, 0)) }},
			col{5, func(i *hardware.Interface) Value { return Gauge32(i.Speed) }},
			col{6, func(i *hardware.Interface) Value { return OctetString(string(i.MAC)) }},
			col{7, adminStatus},
			col{8, operStatus},
			col{9, func(i *hardware.Interface) Value { return lastChange(i, uptime()) }},
			col{10, func(i *hardware.Interface) Value { return Counter32(i.In.Bytes) }},
			col{11, func(i *hardware.Interface) Value { return Counter32(inUnicast(i)) }},
			col{12, func(i *hardware.Interface) Value { return Counter32(i.In.Multicast) }}, // ifInNUcastPkts
			col{13, func(i *hardware.Interface) Value { return Counter32(i.In.Dropped) }},
			col{14, func(i *hardware.Interface) Value { return Counter32(i.In.Errors) }},
			col{16, func(i *hardware.Interface) Value { return Counter32(i.Out.Bytes) }},
			col{17, func(i *hardware.Interface) Value { return Counter32(i.Out.Packets) }},
			col{19, func(i *hardware.Interface) Value { return Counter32(i.Out.Dropped) }},
			col{20, func(i *hardware.Interface) Value { return Counter32(i.Out.Errors) }},
		),
	}
}

// ifXTable is 1.3.6.1.2.1.31.1.1, without what the kernel does not tell apart: broadcasts, and multicasts on the way out.
func ifXTable() part[hardware.Network] {
	type col = column[hardware.Interface]
	return tableOf(mib2.Append(31, 1, 1, 1), interfacesOf, byIfIndex,
		col{1, func(i *hardware.Interface) Value { return DisplayString(i.Name) }},
		col{2, func(i *hardware.Interface) Value { return Counter32(i.In.Multicast) }},
		col{6, func(i *hardware.Interface) Value { return Counter64(i.In.Bytes) }}, // ifHCInOctets
		col{7, func(i *hardware.Interface) Value { return Counter64(inUnicast(i)) }},
		col{8, func(i *hardware.Interface) Value { return Counter64(i.In.Multicast) }},
		col{10, func(i *hardware.Interface) Value { return Counter64(i.Out.Bytes) }},
		col{11, func(i *hardware.Interface) Value { return Counter64(i.Out.Packets) }},
		col{15, func(i *hardware.Interface) Value { return Gauge32(megabits(i.Speed)) }}, // ifHighSpeed
		col{16, func(i *hardware.Interface) Value { return truthValue(i.Promisc) }},
		col{17, func(i *hardware.Interface) Value { return truthValue(i.Physical) }},
		col{18, func(i *hardware.Interface) Value { return DisplayString(i.Alias) }},
	)
}

// adminStatus is up(1) or down(2).
func adminStatus(i *hardware.Interface) Value { return truthValue(i.Enabled) }

// operStatus is unknown(4) where a reading says what RFC 2863 does not know.
func operStatus(i *hardware.Interface) Value {
	if i.State < hardware.Up || i.State > hardware.LowerLayerDown {
		return Integer(int(hardware.Unknown))
	}
	return Integer(int(i.State))
}

// lastChange is ifLastChange: the agent's sysUpTime when the interface was first seen as it is; 0: that was before it.
func lastChange(i *hardware.Interface, up time.Duration) Value {
	if i.Since.IsZero() {
		return TimeTicks(0)
	}
	return TimeTicks(up - time.Since(i.Since))
}

// inUnicast is what came to this machine alone. The kernel reads the two figures one after the other.
func inUnicast(i *hardware.Interface) uint64 {
	return i.In.Packets - min(i.In.Packets, i.In.Multicast)
}

// megabits rounds to millions of bits a second, as ifHighSpeed wants it.
func megabits(speed uint64) uint64 {
	if speed > math.MaxUint64-500_000 {
		return speed / 1_000_000
	}
	return (speed + 500_000) / 1_000_000
}
