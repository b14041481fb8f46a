package snmp

import (
	"net"
	"net/netip"
	"slices"

	"postern/hardware"
)

// figure is an object that the kernel has under a name of its own in one of the groups of /proc/net/snmp.
type figure struct {
	arc  uint32
	name string
	kind func(n int64) Value
}

func asInteger(n int64) Value   { return Integer(int(n)) }
func asCounter32(n int64) Value { return Counter32(uint64(n)) }
func asGauge32(n int64) Value   { return Gauge32(nonNegative(n)) }

// figuresOf are the scalars of a group. One that this kernel does not have is left out.
func figuresOf(root OID, group string, figures []figure) (out []part[hardware.Network]) {
	for _, f := range figures {
		out = append(out, scalarOf(root.Append(f.arc), func(n *hardware.Network) Value {
			if !n.Groups.Has(group, f.name) {
				return Value{}
			}
			return f.kind(n.Groups.Number(group, f.name))
		}))
	}
	return out
}

// ipGroup is 1.3.6.1.2.1.4, without the route and the ARP table.
func ipGroup() []part[hardware.Network] {
	ip := mib2.Append(4)
	return append(figuresOf(ip, "Ip", []figure{
		{1, "Forwarding", asInteger}, // forwarding(1), notForwarding(2): the kernel's numbers are these
		{2, "DefaultTTL", asInteger},
		{3, "InReceives", asCounter32},
		{4, "InHdrErrors", asCounter32},
		{5, "InAddrErrors", asCounter32},
		{6, "ForwDatagrams", asCounter32},
		{7, "InUnknownProtos", asCounter32},
		{8, "InDiscards", asCounter32},
		{9, "InDelivers", asCounter32},
		{10, "OutRequests", asCounter32},
		{11, "OutDiscards", asCounter32},
		{12, "OutNoRoutes", asCounter32},
		{13, "ReasmTimeout", asInteger},
		{14, "ReasmReqds", asCounter32},
		{15, "ReasmOKs", asCounter32},
		{16, "ReasmFails", asCounter32},
		{17, "FragOKs", asCounter32},
		{18, "FragFails", asCounter32},
		{19, "FragCreates", asCounter32},
	}), ipAddrTable(ip.Append(20, 1)))
}

// maxAddresses is as many rows as ipAddrTable has at most.
const maxAddresses = 4096

// ipAddress is an IPv4 address of the machine; RFC 1213 knows no others.
type ipAddress struct {
	address netip.Addr
	bits    int
	on      int
}

func ipAddrTable(entry OID) part[hardware.Network] {
	return tableOf(entry, ipAddresses, func(_ int, a *ipAddress) OID { return byText(string(a.address.AsSlice())) },
		column[ipAddress]{1, func(a *ipAddress) Value { return IPAddress(a.address) }},
		column[ipAddress]{2, func(a *ipAddress) Value { return Integer(a.on) }},
		column[ipAddress]{3, func(a *ipAddress) Value {
			mask, _ := netip.AddrFromSlice(net.CIDRMask(a.bits, 32))
			return IPAddress(mask)
		}},
		column[ipAddress]{4, func(*ipAddress) Value { return Integer(1) }},     // ipAdEntBcastAddr: broadcasts end in ones
		column[ipAddress]{5, func(*ipAddress) Value { return Integer(65535) }}, // ipAdEntReasmMaxSize
	)
}

// ipAddresses lists them in the order of the index. Of one that several interfaces have, the first counts.
func ipAddresses(n *hardware.Network) (out []ipAddress) {
	for _, i := range interfacesOf(n) {
		for _, p := range i.Addresses {
			if a := p.Addr().Unmap(); a.Is4() && p.Bits() <= 32 && len(out) < maxAddresses {
				out = append(out, ipAddress{a, p.Bits(), i.Index})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b ipAddress) int { return a.address.Compare(b.address) })
	return slices.CompactFunc(out, func(a, b ipAddress) bool { return a.address == b.address })
}

// icmpGroup is 1.3.6.1.2.1.5.
func icmpGroup() []part[hardware.Network] {
	kinds := []string{"Msgs", "Errors", "DestUnreachs", "TimeExcds", "ParmProbs", "SrcQuenchs", "Redirects", "Echos", "EchoReps",
		"Timestamps", "TimestampReps", "AddrMasks", "AddrMaskReps"}
	var figures []figure
	for _, way := range []string{"In", "Out"} {
		for _, kind := range kinds {
			figures = append(figures, figure{uint32(len(figures) + 1), way + kind, asCounter32})
		}
	}
	return figuresOf(mib2.Append(5), "Icmp", figures)
}

// tcpGroup is 1.3.6.1.2.1.6, without the table of connections: of a gateway at work it would be most of a walk, to read it takes
// the kernel milliseconds, and topin and hoststatus show what matters of it.
func tcpGroup() []part[hardware.Network] {
	return figuresOf(mib2.Append(6), "Tcp", []figure{
		{1, "RtoAlgorithm", asInteger}, // the kernel says other(1)
		{2, "RtoMin", asInteger},       // milliseconds
		{3, "RtoMax", asInteger},
		{4, "MaxConn", asInteger}, // -1: no limit
		{5, "ActiveOpens", asCounter32},
		{6, "PassiveOpens", asCounter32},
		{7, "AttemptFails", asCounter32},
		{8, "EstabResets", asCounter32},
		{9, "CurrEstab", asGauge32},
		{10, "InSegs", asCounter32},
		{11, "OutSegs", asCounter32},
		{12, "RetransSegs", asCounter32},
		{14, "InErrs", asCounter32},
		{15, "OutRsts", asCounter32},
	})
}

// udpGroup is 1.3.6.1.2.1.7.
func udpGroup() []part[hardware.Network] {
	udp := mib2.Append(7)
	return append(figuresOf(udp, "Udp", []figure{
		{1, "InDatagrams", asCounter32}, {2, "NoPorts", asCounter32}, {3, "InErrors", asCounter32}, {4, "OutDatagrams", asCounter32},
	}), udpTable(udp.Append(5, 1)))
}

// udpTable has the sockets that wait for datagrams; RFC 1213 knows those of IPv4 alone.
func udpTable(entry OID) part[hardware.Network] {
	index := func(_ int, a *netip.AddrPort) OID {
		return append(byText(string(a.Addr().AsSlice())), uint32(a.Port()))
	}
	return tableOf(entry, func(n *hardware.Network) []netip.AddrPort { return n.Listeners }, index,
		column[netip.AddrPort]{1, func(a *netip.AddrPort) Value { return IPAddress(a.Addr()) }},
		column[netip.AddrPort]{2, func(a *netip.AddrPort) Value { return Integer(int(a.Port())) }})
}
