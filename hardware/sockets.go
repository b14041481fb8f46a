package hardware

import (
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
)

// Socket is a socket that waits for somebody to connect, or, of UDP, for whoever sends something.
type Socket struct {
	Network string         // tcp, udp, unix
	Address netip.AddrPort // of tcp and udp
	Path    string         // of unix
}

// The kernel's numbers for the states of sockets that wait (net/tcp_states.h).
const (
	accepting   = "0A"
	unconnected = "07"
)

// maxListeners bounds what is told of the machine's sockets.
const maxListeners = 1024

// listenersOfUDP lists what anybody on the machine waits on for datagrams over IPv4.
func listenersOfUDP(proc fs.FS) (out []netip.AddrPort) {
	for _, words := range rows(proc, "self/net/udp") {
		if len(words) < 4 || words[3] != unconnected {
			continue
		}
		if a, ok := addressOf(words[1]); ok && a.Addr().Is4() {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	out = slices.Compact(out)
	return out[:min(len(out), maxListeners)]
}

// Listening lists the sockets of this process that wait for others, as the kernel has them, in its order.
func Listening(proc fs.FS) ([]Socket, error) {
	own, err := ownSockets(proc)
	if err != nil {
		return nil, err
	}
	var out []Socket
	for _, table := range []struct{ file, network, state string }{
		{"tcp", "tcp", accepting}, {"tcp6", "tcp", accepting}, {"udp", "udp", unconnected}, {"udp6", "udp", unconnected},
	} {
		for _, words := range rows(proc, "self/net/"+table.file) {
			if len(words) < 10 || words[3] != table.state || !own[words[9]] {
				continue
			}
			if a, ok := addressOf(words[1]); ok {
				out = append(out, Socket{Network: table.network, Address: a})
			}
		}
	}
	for _, words := range rows(proc, "self/net/unix") {
		const acceptsConnections = "00010000" // __SO_ACCEPTCON
		if len(words) > 7 && words[3] == acceptsConnections && own[words[6]] {
			out = append(out, Socket{Network: "unix", Path: strings.Join(words[7:], " ")})
		}
	}
	return out, nil
}

// rows reads a table of the kernel without its heading. The sockets that listen come first, so that of many connections
// none of theirs is cut off.
func rows(proc fs.FS, name string) (out [][]string) {
	lines := strings.Split(text(proc, name), "\n")
	for _, line := range lines[min(1, len(lines)):] {
		if words := strings.Fields(line); len(words) > 0 {
			out = append(out, words)
		}
	}
	return out
}

// ownSockets are the inodes of this process's sockets.
func ownSockets(proc fs.FS) (map[string]bool, error) {
	entries, err := fs.ReadDir(proc, "self/fd")
	if err != nil {
		return nil, err
	}
	own := make(map[string]bool)
	for _, e := range entries {
		to, err := fs.ReadLink(proc, "self/fd/"+e.Name())
		if inode, ok := strings.CutPrefix(to, "socket:["); ok && err == nil {
			own[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return own, nil
}

// addressOf reads "0100007F:09DD": the address in words of the machine's byte order, the port as a number.
func addressOf(s string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(s, ":")
	address, err1 := hex.DecodeString(host)
	number, err2 := hex.DecodeString(port)
	if err1 != nil || err2 != nil || len(number) != 2 || len(address) != 4 && len(address) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(address); i += 4 {
		binary.NativeEndian.PutUint32(address[i:], binary.BigEndian.Uint32(address[i:]))
	}
	a, _ := netip.AddrFromSlice(address)
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(number)), true
}
