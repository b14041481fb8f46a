package snmp

import (
	"math"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosnmp/gosnmp"

	"postern/hardware"
)

// standardTypes are the types of the standard objects that are answered, by the arcs below mib-2 (RFC 1213, RFC 2863).
var standardTypes = map[gosnmp.Asn1BER][]string{
	gosnmp.Integer: {"2.1", "2.2.1.1", "2.2.1.3", "2.2.1.4", "2.2.1.7", "2.2.1.8", "31.1.1.1.16", "31.1.1.1.17", "4.1", "4.2", "4.13", "4.20.1.2", "4.20.1.4",
		"4.20.1.5", "6.1", "6.2", "6.3", "6.4", "7.5.1.2"},
	gosnmp.TimeTicks:   {"2.2.1.9"},
	gosnmp.Gauge32:     {"2.2.1.5", "31.1.1.1.15", "6.9"},
	gosnmp.OctetString: {"2.2.1.2", "2.2.1.6", "31.1.1.1.1", "31.1.1.1.18"},
	gosnmp.IPAddress:   {"4.20.1.1", "4.20.1.3", "7.5.1.1"},
	gosnmp.Counter64:   {"31.1.1.1.6", "31.1.1.1.7", "31.1.1.1.8", "31.1.1.1.10", "31.1.1.1.11"},
	gosnmp.Counter32: {"2.2.1.10", "2.2.1.11", "2.2.1.12", "2.2.1.13", "2.2.1.14", "2.2.1.16", "2.2.1.17", "2.2.1.19", "2.2.1.20", "31.1.1.1.2",
		"4.3", "4.4", "4.5", "4.6", "4.7", "4.8", "4.9", "4.10", "4.11", "4.12", "4.14", "4.15", "4.16", "4.17", "4.18", "4.19",
		"5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "5.7", "5.8", "5.9", "5.10", "5.11", "5.12", "5.13", "5.14", "5.15", "5.16", "5.17", "5.18", "5.19", "5.20",
		"5.21", "5.22", "5.23", "5.24", "5.25", "5.26", "6.5", "6.6", "6.7", "6.8", "6.10", "6.11", "6.12", "6.14", "6.15", "7.1", "7.2", "7.3", "7.4"},
}

func networkOf(n *hardware.Network) *Tree {
	return NewTree(NetworkBranches(func(time.Time) *hardware.Network { return n }, func() time.Duration { return time.Hour })...)
}

// checkStandard walks all of it and holds it to the types; all tells that every object must have an instance.
func checkStandard(t *testing.T, tree *Tree, all bool) (values map[string]Value) {
	t.Helper()
	kinds := map[string]gosnmp.Asn1BER{}
	for kind, arcs := range standardTypes {
		for _, a := range arcs {
			kinds[mib2.Append(MustOID(a)...).String()] = kind
		}
	}
	answered := map[string]gosnmp.Asn1BER{}
	for _, b := range tree.branches {
		for _, o := range b.Objects {
			answered[o.String()] = kinds[o.String()]
		}
	}
	if len(answered) != len(kinds) {
		t.Errorf("%d objects are answered, want %d", len(answered), len(kinds))
	}
	values = map[string]Value{}
	for o := mib2; ; {
		v, ok := tree.Next(o, nil)
		if !ok {
			break
		}
		if v.OID.Compare(o) <= 0 {
			t.Fatalf("%s comes behind %s", v.OID, o)
		}
		o = v.OID
		values[o[len(mib2):].String()] = v.Value
		object := o[:len(o)-1]
		for _, entry := range []OID{mib2.Append(4, 20, 1), mib2.Append(7, 5, 1)} { // whose indices have many arcs
			if o.HasPrefix(entry) {
				object = o[:len(entry)+1]
			}
		}
		if want, known := kinds[object.String()]; !known || v.Value.Type != want {
			t.Errorf("%s is of type %v, want %v", o, v.Value.Type, want)
		}
		delete(answered, object.String())
	}
	if all && len(answered) > 0 {
		t.Errorf("there is no instance of %v", answered)
	}
	return values
}

// kernels is what Linux 6 writes into /proc/net/snmp.
func kernels() hardware.Groups {
	g := hardware.Groups{"Ip": {"Forwarding": 2, "DefaultTTL": 64, "ReasmTimeout": 30}, "Icmp": {}, "Udp": {}, "Tcp": {"RtoAlgorithm": 1, "RtoMin": 200, "RtoMax": 120000, "MaxConn": -1, "CurrEstab": 17}}
	for group := range g {
		for _, name := range []string{"InReceives", "InHdrErrors", "InAddrErrors", "ForwDatagrams", "InUnknownProtos", "InDiscards", "InDelivers", "OutRequests",
			"OutDiscards", "OutNoRoutes", "ReasmReqds", "ReasmOKs", "ReasmFails", "FragOKs", "FragFails", "FragCreates", "InMsgs", "InErrors", "InDestUnreachs",
			"InTimeExcds", "InParmProbs", "InSrcQuenchs", "InRedirects", "InEchos", "InEchoReps", "InTimestamps", "InTimestampReps", "InAddrMasks", "InAddrMaskReps",
			"OutMsgs", "OutErrors", "OutDestUnreachs", "OutTimeExcds", "OutParmProbs", "OutSrcQuenchs", "OutRedirects", "OutEchos", "OutEchoReps", "OutTimestamps",
			"OutTimestampReps", "OutAddrMasks", "OutAddrMaskReps", "ActiveOpens", "PassiveOpens", "AttemptFails", "EstabResets", "InSegs", "OutSegs", "RetransSegs",
			"InErrs", "OutRsts", "InDatagrams", "NoPorts", "OutDatagrams"} {
			g[group][name] = int64(len(name))
		}
	}
	g["Tcp"]["InSegs"] = 1<<32 + 232
	return g
}

func TestNetworkBranches(t *testing.T) {
	prefix := netip.MustParsePrefix
	n := &hardware.Network{Groups: kernels(), Listeners: []netip.AddrPort{addrPort("0.0.0.0:53"), addrPort("127.0.0.1:161")}, Interfaces: []hardware.Interface{
		{Index: 1, Name: "lo", Type: 24, MTU: 65536, Enabled: true, State: hardware.Up, Addresses: []netip.Prefix{prefix("127.0.0.1/8"), prefix("::1/128")},
			In: hardware.Traffic{Bytes: 1<<32 + 7, Packets: 12, Multicast: 20}, Out: hardware.Traffic{Bytes: 1 << 40, Packets: 9}},
		{Index: 300, Name: "eth0\x1b[31m", Alias: "uplink", Type: 6, MTU: 1500, Speed: 25_000_000_000, MAC: net.HardwareAddr{2, 0, 0xff, 0, 1, 2}, Enabled: false,
			State: 99, Since: time.Now().Add(-time.Minute), Physical: true, Promisc: true, Addresses: []netip.Prefix{prefix("192.0.2.7/26"), prefix("10.1.2.3/32"), prefix("127.0.0.1/8")},
			In: hardware.Traffic{Bytes: 5, Packets: 100, Multicast: 30, Errors: 2, Dropped: 3}, Out: hardware.Traffic{Errors: 4, Dropped: 1 << 32}},
	}}
	values := checkStandard(t, networkOf(n), true)
	for name, want := range map[string]Value{
		"2.1.0": Integer(2), "2.2.1.1.300": Integer(300), "2.2.1.2.300": DisplayString("eth0?[31m"), "2.2.1.3.1": Integer(24), "2.2.1.5.300": Gauge32(math.MaxUint32),
		"2.2.1.5.1": Gauge32(0), "2.2.1.6.1": OctetString(""), "2.2.1.6.300": OctetString("\x02\x00\xff\x00\x01\x02"), "2.2.1.7.1": Integer(1), "2.2.1.7.300": Integer(2),
		"2.2.1.8.1": Integer(1), "2.2.1.8.300": Integer(4), "2.2.1.10.1": Counter32(7), "2.2.1.11.1": Counter32(0), "2.2.1.11.300": Counter32(70),
		"2.2.1.12.300": Counter32(30), "2.2.1.13.300": Counter32(3), "2.2.1.14.300": Counter32(2), "2.2.1.16.1": Counter32(0), "2.2.1.19.300": Counter32(0), "2.2.1.20.300": Counter32(4),
		"31.1.1.1.6.1": Counter64(1<<32 + 7), "31.1.1.1.10.1": Counter64(1 << 40), "31.1.1.1.15.300": Gauge32(25_000), "31.1.1.1.16.300": Integer(1),
		"31.1.1.1.17.1": Integer(2), "31.1.1.1.18.300": DisplayString("uplink"),
		"4.1.0": Integer(2), "4.2.0": Integer(64), "4.20.1.1.10.1.2.3": IPAddress(netip.MustParseAddr("10.1.2.3")), "4.20.1.2.127.0.0.1": Integer(1),
		"4.20.1.2.192.0.2.7": Integer(300), "4.20.1.3.192.0.2.7": IPAddress(netip.MustParseAddr("255.255.255.192")), "4.20.1.3.10.1.2.3": IPAddress(netip.MustParseAddr("255.255.255.255")),
		"2.2.1.9.1": TimeTicks(0), "7.5.1.1.127.0.0.1.161": IPAddress(netip.MustParseAddr("127.0.0.1")), "7.5.1.2.0.0.0.0.53": Integer(53),
		"6.4.0": Integer(-1), "6.9.0": Gauge32(17), "6.10.0": Counter32(232), "7.4.0": Counter32(uint64(len("OutDatagrams"))),
	} {
		if got := values[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// An interface that has changed tells the agent's time of then.
func TestLastChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &hardware.Interface{Since: time.Now()}
		time.Sleep(time.Minute)
		if got := lastChange(i, time.Hour); got != TimeTicks(59*time.Minute) {
			t.Errorf("it is %v", got)
		}
		if got := lastChange(i, time.Second); got != TimeTicks(0) { // the agent came later
			t.Errorf("before the agent it is %v", got)
		}
	})
}

// TestNetworkOfNothing: where the kernel shows nothing there is nothing to answer, and a table of no rows.
func TestNetworkOfNothing(t *testing.T) {
	values := checkStandard(t, networkOf(&hardware.Network{}), false)
	if len(values) != 1 || values["2.1.0"] != Integer(0) {
		t.Errorf("of nothing it says %v", values)
	}
}

// TestNetworkForReal reads this machine's.
func TestNetworkForReal(t *testing.T) {
	if _, err := os.Stat("/proc/net/snmp"); err != nil {
		t.Skip(err)
	}
	m := &hardware.Monitor{}
	values := checkStandard(t, NewTree(NetworkBranches(m.Network, func() time.Duration { return 0 })...), false)
	for _, name := range []string{"2.2.1.2.1", "4.20.1.3.127.0.0.1", "6.9.0", "7.1.0"} {
		if _, there := values[name]; !there {
			t.Errorf("this machine has no %s", name)
		}
	}
}
