package hardware

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// native turns addresses that a little-endian kernel wrote into those of this machine.
func native(table string) string {
	one := make([]byte, 4)
	binary.NativeEndian.PutUint32(one, 1)
	if one[0] == 1 {
		return table
	}
	words := strings.Fields(table)
	for _, w := range words {
		host, _, ok := strings.Cut(w, ":")
		b, err := hex.DecodeString(host)
		if !ok || err != nil || len(b)%4 != 0 {
			continue
		}
		for i := 0; i < len(b); i += 4 {
			slices.Reverse(b[i : i+4])
		}
		table = strings.ReplaceAll(table, host, strings.ToUpper(hex.EncodeToString(b)))
	}
	return table
}

func TestListening(t *testing.T) {
	link := func(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(native(text))} }
	proc := fstest.MapFS{
		"self/fd/0": link("/dev/null"), "self/fd/3": link("socket:[11]"), "self/fd/4": link("socket:[12]"), "self/fd/5": link("socket:[13]"),
		"self/fd/6": link("socket:[14]"), "self/fd/7": link("socket:[15]"), "self/fd/8": link("anon_inode:[eventpoll]"),
		"self/net/tcp": file("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
			"   0: 0100007F:09DD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0\n" +
			"   1: 00000000:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 99 1 0 100 0 0 10 0\n" +
			"   2: 0100007F:09DD 0200007F:8F19 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100 0 0 10 0\n" +
			"torn"),
		"self/net/tcp6": file("  sl  local_address                         remote_address                        st\n" +
			"   0: B80D0120000000000000000001000000:0019 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 13 1 0 100 0 0 10 0\n"),
		"self/net/udp": file("  sl  local_address rem_address   st\n" +
			"   0: 00000000:00A1 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 14 1 0 100 0 0 10 0\n" +
			"   1: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 88 1 0 100 0 0 10 0\n" +
			"   2: 00000000:00A1 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 89 1 0 100 0 0 10 0\n" +
			"   3: 0100007F:9C40 0100007F:0035 01 00000000:00000000 00:00000000 00000000     0        0 90 1 0 100 0 0 10 0\n"),
		"self/net/unix": file("Num       RefCount Protocol Flags    Type St Inode Path\n" +
			"00000000a2b51656: 00000002 00000000 00000000 0001 03 15\n" +
			"0000000090bd7d27: 00000002 00000000 00010000 0001 01 15 /var/lib/my mail/admin.sock\n" +
			"0000000090bd7d28: 00000002 00000000 00010000 0001 01 77 /run/other\n"),
	}
	got, err := Listening(proc)
	want := []Socket{{Network: "tcp", Address: netip.MustParseAddrPort("127.0.0.1:2525")},
		{Network: "tcp", Address: netip.MustParseAddrPort("[2001:db8::1]:25")},
		{Network: "udp", Address: netip.MustParseAddrPort("0.0.0.0:161")}, {Network: "unix", Path: "/var/lib/my mail/admin.sock"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("have %v, %v\nwant %v", got, err, want)
	}
	if got, want := listenersOfUDP(proc), []netip.AddrPort{want[2].Address, netip.MustParseAddrPort("127.0.0.1:53")}; !slices.Equal(got, want) {
		t.Errorf("of UDP are %v, want %v", got, want)
	}
	if _, err := Listening(fstest.MapFS{}); err == nil {
		t.Error("a process whose descriptors cannot be seen has no sockets")
	}
}

// TestListeningForReal finds this process's own sockets in the kernel's tables.
func TestListeningForReal(t *testing.T) {
	if _, err := os.Stat("/proc/self/net/tcp"); err != nil {
		t.Skip(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	path := filepath.Join(t.TempDir(), "a.sock")
	unix, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	got, err := Listening(os.DirFS("/proc"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Socket{{Network: "tcp", Address: netip.MustParseAddrPort(tcp.Addr().String())}, {Network: "unix", Path: path}} {
		if !slices.Contains(got, want) {
			t.Errorf("%v is not among %v", want, got)
		}
	}
}

func TestIdentify(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	sys := fstest.MapFS{"class/dmi/id/sys_vendor": file("QEMU\n"), "class/dmi/id/product_name": file("Standard PC  (i440FX)\n"),
		"class/dmi/id/bios_vendor": file("SeaBIOS\n"), "class/dmi/id/bios_version": file("1.16.2\n"), "class/dmi/id/bios_date": file("04/01/2014\n")}
	proc := fstest.MapFS{"mdstat": file("Personalities : [raid1] [raid6]\nmd1 : active raid1 sdb2[1](F) sda2[0]\n      1000 blocks super 1.2 [2/1] [U_]\n      " +
		"[>....]  recovery = 0.0%\n\nmd0 : active (auto-read-only) raid1 sdb1[1] sda1[0]\n      500 blocks [2/2] [UU]\n\nunused devices: <none>\n")}
	want := Identity{Model: "QEMU Standard PC (i440FX)", BIOS: "SeaBIOS 1.16.2 04/01/2014", RAID: "md1 raid1 active degraded, md0 raid1 active"}
	if got := Identify(proc, sys); got != want {
		t.Errorf("have %+v\nwant %+v", got, want)
	}
	processors := "processor\t: 0\nmodel name\t: Fast  CPU\nflags\t\t: fpu%s sse\n\nprocessor\t: 1\nmodel name\t: Fast CPU\nflags\t\t: fpu%[1]s sse\n"
	for flag, want := range map[string]string{"": "machine (Fast CPU)", " hypervisor": "virtual machine (Fast CPU)"} {
		if got := Identify(fstest.MapFS{"cpuinfo": file(fmt.Sprintf(processors, flag))}, fstest.MapFS{}); got != (Identity{Model: want}) {
			t.Errorf("without a name of its own: %+v", got)
		}
	}
	if got := Identify(fstest.MapFS{"mdstat": file("Personalities : \nunused devices: <none>\n")}, fstest.MapFS{"firmware/devicetree/base/model": file("Board 5\x00")}); got != (Identity{Model: "Board 5"}) {
		t.Errorf("%+v", got)
	}
}
