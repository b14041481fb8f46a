package hardware

import (
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Network is what the kernel showed of its network at one moment. It is shared by all who ask within a second: nobody
// changes it.
type Network struct {
	Time       time.Time
	Interfaces []Interface // ascending by Index
	Groups     Groups
	Listeners  []netip.AddrPort // sockets of UDP over IPv4 that wait for whoever sends something, ascending, each once
}

// Interface is a network interface of the machine. What cannot be read is zero.
type Interface struct {
	Index     int // the kernel's
	Name      string
	Alias     string // that an administrator gave it
	Type      int    // of the IANA's ifType: 6 ethernetCsmacd, 24 softwareLoopback, ...
	MTU       int
	Speed     uint64           // bits in a second; 0: unknown
	MAC       net.HardwareAddr // empty: it has none
	Enabled   bool             // an administrator wants it up (ifAdminStatus)
	State     OperStatus
	Since     time.Time // when it was first seen in that state; zero: it has had it since the process watches
	Carrier   bool      // a signal is there, as far as the interface knows
	Changes   uint64
	Physical  bool           // it is a device, and not made by the kernel
	Promisc   bool           // it takes all frames that it sees
	Addresses []netip.Prefix // in the kernel's order

	In, Out Traffic

	portless bool // a bridge to which nothing is attached
}

// Traffic is what has gone through an interface in one direction since it was made. The kernel counts in 64 bits.
type Traffic struct {
	Bytes, Packets, Errors, Dropped uint64
	Multicast                       uint64 // of Packets; only In, the kernel does not tell them apart on the way out
}

// OperStatus is ifOperStatus of RFC 2863.
type OperStatus int

// The states of an interface.
const (
	Up             OperStatus = 1
	Down           OperStatus = 2
	Testing        OperStatus = 3
	Unknown        OperStatus = 4
	Dormant        OperStatus = 5
	NotPresent     OperStatus = 6
	LowerLayerDown OperStatus = 7
)

// operStates are the kernel's words for them.
var operStates = map[string]OperStatus{"up": Up, "down": Down, "testing": Testing, "unknown": Unknown, "dormant": Dormant,
	"notpresent": NotPresent, "lowerlayerdown": LowerLayerDown}

// maxInterfaces bounds what is read; a machine with more of them is a switch.
const maxInterfaces = 1024

// withTraffic gives the interfaces with what /proc/net/dev has counted.
func withTraffic(list []Interface, dev string) []Interface {
	traffic, out := trafficOf(dev), slices.Clone(list)
	for i := range out {
		out[i].In, out[i].Out = traffic[out[i].Name].in, traffic[out[i].Name].out
	}
	return out
}

// interfaces reads all that the kernel has, by their numbers, without their traffic. addresses has those of each, by name.
func interfaces(sys fs.FS, addresses map[string][]netip.Prefix) (out []Interface) {
	for _, name := range names(sys, "class/net", maxInterfaces) {
		i, ok := readInterface(sys, name)
		if !ok {
			continue
		}
		i.Addresses = addresses[name]
		out = append(out, i)
	}
	slices.SortFunc(out, func(a, b Interface) int { return a.Index - b.Index })
	return slices.CompactFunc(out, func(a, b Interface) bool { return a.Index == b.Index })
}

// since says of each interface when it came into its state; before are those of the reading before.
func since(now time.Time, list, before []Interface) {
	for i := range list {
		in := &list[i]
		at, known := slices.BinarySearchFunc(before, in.Index, func(was Interface, index int) int { return was.Index - index })
		if known && before[at].State == in.State {
			in.Since = before[at].Since
		} else {
			in.Since = now
		}
	}
}

func readInterface(sys fs.FS, name string) (i Interface, ok bool) {
	dir := "class/net/" + name + "/"
	number := func(file string) int64 { n, _ := integer(sys, dir+file); return n }
	i = Interface{Name: name, Index: int(number("ifindex")), Alias: word(sys, dir+"ifalias"), MTU: int(number("mtu")),
		Carrier: number("carrier") == 1, Changes: uint64(max(0, number("carrier_changes"))), Physical: exists(sys, dir+"device")}
	if i.Index <= 0 || i.Index > 1<<31-1 {
		return i, false
	}
	if i.Carrier { // else the driver would be asked for nothing
		if megabits := number("speed"); megabits > 0 && megabits < 1<<32 { // -1: unknown
			i.Speed = uint64(megabits) * 1_000_000
		}
	}
	if flags, err := strconv.ParseUint(strings.TrimPrefix(word(sys, dir+"flags"), "0x"), 16, 64); err == nil {
		i.Enabled, i.Promisc = flags&0x1 != 0, flags&0x100 != 0 // IFF_UP, IFF_PROMISC
	}
	i.MAC = hardwareAddress(word(sys, dir+"address"))
	i.Type = ifType(number("type"), exists(sys, dir+"wireless"))
	i.State = operStatus(word(sys, dir+"operstate"), i)
	if exists(sys, dir+"brif") {
		i.portless = len(names(sys, dir+"brif", 1)) == 0
	}
	return i, true
}

// operStatus reads the kernel's word. A driver that keeps no state says "unknown": then it is the carrier that counts, and a
// loopback interface is up when it is wanted.
func operStatus(said string, i Interface) OperStatus {
	s, ok := operStates[said]
	switch {
	case !ok:
		return Unknown
	case s != Unknown:
		return s
	case i.Enabled && (i.Carrier || i.Type == typeLoopback):
		return Up
	case !i.Enabled:
		return Down
	}
	return Unknown
}

const (
	typeOther    = 1
	typeEthernet = 6
	typeLoopback = 24
	typeTunnel   = 131
)

// ifTypes are the IANA's numbers for the kernel's kinds of hardware (include/uapi/linux/if_arp.h).
var ifTypes = map[int64]int{1: typeEthernet, 32: 199, 512: 23, 772: typeLoopback, 768: typeTunnel, 769: typeTunnel, 776: typeTunnel, 778: typeTunnel,
	823: typeTunnel, 801: 71, 802: 71, 803: 71, 24: 144, 774: 15, 519: typeTunnel, 65534: typeTunnel}

func ifType(kernels int64, wireless bool) int {
	if wireless {
		return 71 // ieee80211
	}
	if t, ok := ifTypes[kernels]; ok {
		return t
	}
	return typeOther
}

// hardwareAddress reads "52:54:00:12:34:56"; a loopback interface's zeros are none.
func hardwareAddress(s string) net.HardwareAddr {
	mac, err := net.ParseMAC(s)
	if err != nil || !slices.ContainsFunc(mac, func(b byte) bool { return b != 0 }) {
		return nil
	}
	return mac
}

type bothWays struct{ in, out Traffic }

// trafficOf reads /proc/net/dev (proc(5)): a heading of two lines, then "name: bytes packets errs drop fifo frame compressed
// multicast bytes packets errs drop fifo colls carrier compressed".
func trafficOf(dev string) map[string]bothWays {
	out := map[string]bothWays{}
	for line := range strings.SplitSeq(dev, "\n") {
		name, rest, ok := strings.Cut(line, ":")
		words := strings.Fields(rest)
		if !ok || len(words) < 16 || len(out) >= maxInterfaces {
			continue
		}
		var n [16]uint64
		for i := range n {
			n[i], _ = strconv.ParseUint(words[i], 10, 64)
		}
		out[strings.TrimSpace(name)] = bothWays{
			in:  Traffic{Bytes: n[0], Packets: n[1], Errors: n[2], Dropped: n[3], Multicast: n[7]},
			out: Traffic{Bytes: n[8], Packets: n[9], Errors: n[10], Dropped: n[11]},
		}
	}
	return out
}

// ownAddresses asks the system for the addresses of all interfaces, by their names.
func ownAddresses() map[string][]netip.Prefix {
	out := map[string][]netip.Prefix{}
	list, err := net.Interfaces()
	if err != nil {
		return out
	}
	for _, i := range list[:min(len(list), maxInterfaces)] {
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				out[i.Name] = append(out[i.Name], p)
			}
		}
	}
	return out
}
