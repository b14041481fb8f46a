package hardware

import (
	"strconv"
	"strings"
)

// Groups is the kernel's account of its protocols, /proc/net/snmp: for each of Ip, Icmp, IcmpMsg, Tcp, Udp, UdpLite the
// figures by the kernel's names, which are those of RFC 1213 without the prefix: Ip has Forwarding, DefaultTTL, InReceives.
type Groups map[string]map[string]int64

// maxFigures bounds the figures of a group; Icmp has the most, some thirty.
const maxFigures = 512

// Number is a figure as it stands, such as MaxConn of Tcp, which may be -1. Nothing counts as 0.
func (g Groups) Number(group, name string) int64 { return g[group][name] }

// Counter is a figure that only grows, in 64 bits.
func (g Groups) Counter(group, name string) uint64 { return uint64(g[group][name]) }

// Has tells whether the kernel gives a figure.
func (g Groups) Has(group, name string) bool {
	_, ok := g[group][name]
	return ok
}

// groupsOf reads pairs of lines: "Ip: Forwarding DefaultTTL ..." and "Ip: 1 64 ...".
func groupsOf(snmp string) Groups {
	out := Groups{}
	var heads []string
	for line := range strings.SplitSeq(snmp, "\n") {
		group, rest, ok := strings.Cut(line, ":")
		words := strings.Fields(rest)
		if !ok || len(words) > maxFigures {
			heads = nil
			continue
		}
		if len(heads) == 0 || heads[0] != group {
			heads = append([]string{group}, words...)
			continue
		}
		figures := make(map[string]int64, len(words))
		for i, name := range heads[1:min(len(heads), len(words)+1)] {
			if n, ok := figure(words[i]); ok {
				figures[name] = n
			}
		}
		out[group], heads = figures, nil
	}
	return out
}

// figure reads a number of 64 bits with a sign or without: what is beyond 63 bits is kept as the same bits.
func figure(s string) (int64, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return int64(n), err == nil
}
