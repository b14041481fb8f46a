package hardware

import (
	"math"
	"net/netip"
	"os"
	"testing"
	"testing/fstest"
)

func TestNetwork(t *testing.T) {
	addresses := map[string][]netip.Prefix{"eno1": {netip.MustParsePrefix("192.0.2.7/24")}}
	n := machineTree(t, "poweredge").monitor(Limits{}, addresses).Network(moment)
	if len(n.Interfaces) != 4 {
		t.Fatalf("%d interfaces: %+v", len(n.Interfaces), n.Interfaces)
	}
	lo, eno1, eno2, eno3 := n.Interfaces[0], n.Interfaces[1], n.Interfaces[2], n.Interfaces[3]
	if lo.Index != 1 || lo.Name != "lo" || lo.Type != 24 || lo.MTU != 65536 || lo.State != Up || lo.Physical || lo.MAC != nil || lo.Speed != 0 {
		t.Errorf("lo is %+v", lo)
	}
	if eno1.Index != 2 || eno1.Type != 6 || eno1.State != Up || !eno1.Enabled || !eno1.Carrier || !eno1.Physical || eno1.MAC.String() != "4c:d9:8f:00:11:22" ||
		eno1.Speed != 1_000_000_000 || len(eno1.Addresses) != 1 || eno1.Changes != 2 {
		t.Errorf("eno1 is %+v", eno1)
	}
	if want := (Traffic{Bytes: 9213847123456, Packets: 17339990114, Errors: 2, Dropped: 40, Multicast: 81023}); eno1.In != want {
		t.Errorf("eno1 took %+v", eno1.In)
	}
	if want := (Traffic{Bytes: 7123984712345, Packets: 9320811733, Dropped: 1}); eno1.Out != want {
		t.Errorf("eno1 gave %+v", eno1.Out)
	}
	if eno2.State != Down || !eno2.Enabled || eno2.Carrier || eno2.Speed != 0 || eno3.Enabled || eno3.Carrier {
		t.Errorf("eno2 is %+v, eno3 %+v", eno2, eno3)
	}
	g := n.Groups
	if g.Counter("Ip", "InReceives") != 17340028219 || g.Number("Tcp", "MaxConn") != -1 || g.Counter("Udp", "IgnoredMulti") != 8812 || g.Number("Icmp", "InEchos") != 41090 ||
		!g.Has("Ip", "Forwarding") || g.Has("Ip", "Nothing") || g.Has("None", "Nothing") {
		t.Errorf("the groups are %v", g)
	}
}

func TestNetworkHostile(t *testing.T) {
	n := machineTree(t, "hostile").monitor(Limits{}, nil).Network(moment)
	if len(n.Interfaces) != 1 { // of two with one number the first, and none without
		t.Fatalf("%+v", n.Interfaces)
	}
	if i := n.Interfaces[0]; i.Index != 2 || i.Enabled || i.Speed != 0 || i.State != Unknown || i.MAC != nil || i.In.Bytes != 0 {
		t.Errorf("%+v", i)
	}
	if g := n.Groups; g.Counter("Udp", "Y") != math.MaxUint64 || g.Number("Icmp", "b") != math.MinInt64 || g.Has("Icmp", "a") || g.Number("Ip", "A") != 1 || g.Has("Ip", "B") {
		t.Errorf("%v", g)
	}
	if n := (&Monitor{Proc: fstest.MapFS{}, Sys: fstest.MapFS{}}).Network(moment); len(n.Interfaces) != 0 || len(n.Groups) != 0 {
		t.Errorf("of nothing there is %+v", n)
	}
	if n := machineTree(t, "epyc").monitor(Limits{}, nil).Network(moment); n.Interfaces[1].In.Bytes != math.MaxUint64 {
		t.Errorf("counters of 64 bits: %+v", n.Interfaces[1])
	}
}

func TestOperStatus(t *testing.T) {
	for _, c := range []struct {
		said string
		i    Interface
		want OperStatus
	}{
		{"up", Interface{}, Up}, {"down", Interface{Enabled: true, Carrier: true}, Down}, {"lowerlayerdown", Interface{}, LowerLayerDown}, {"dormant", Interface{}, Dormant},
		{"unknown", Interface{Enabled: true, Carrier: true}, Up}, {"unknown", Interface{Enabled: true}, Unknown}, {"unknown", Interface{}, Down},
		{"unknown", Interface{Enabled: true, Type: typeLoopback}, Up}, {"", Interface{Enabled: true, Carrier: true}, Unknown},
	} {
		if got := operStatus(c.said, c.i); got != c.want {
			t.Errorf("%q of %+v is %d, want %d", c.said, c.i, got, c.want)
		}
	}
}

// On the machine that runs the test there is at least a loopback interface with its address.
func TestNetworkForReal(t *testing.T) {
	if _, err := os.Stat("/sys/class/net/lo"); err != nil {
		t.Skip(err)
	}
	n := (&Monitor{}).Network(moment)
	for _, i := range n.Interfaces {
		if i.Name == "lo" && i.Type == 24 && i.MTU > 0 && len(i.Addresses) > 0 {
			return
		}
	}
	t.Errorf("%+v", n.Interfaces)
}
