package snmp

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"postern/engine/config"
	"postern/hardware"
)

const beast = ".1.3.6.1.4.1.32473.1."

func TestRequests(t *testing.T) {
	a, _ := newAgent(t, snmpSection(t, config.NoAuthNoPriv, withCommunity("'127.0.0.1/32'")))
	v1 := func(p *gosnmp.SnmpPacket) *gosnmp.SnmpPacket { p.Version = gosnmp.Version1; return p }
	set := func(name string) *gosnmp.SnmpPacket {
		p := asked(gosnmp.SetRequest)
		p.Variables = []gosnmp.SnmpPDU{{Name: name, Type: gosnmp.OctetString, Value: "x"}}
		return p
	}
	once := func(n uint8, p *gosnmp.SnmpPacket) *gosnmp.SnmpPacket { p.NonRepeaters = n; return p }
	for name, c := range map[string]struct {
		ask  *gosnmp.SnmpPacket
		want string
	}{
		"get":                     {asked(gosnmp.GetRequest, ".1.3.6.1.2.1.1.6.0", beast+"1.1"), ".1.3.6.1.2.1.1.6.0 OctetString Rack 7; " + beast + "1.1 Integer -7"},
		"no instance, no object":  {asked(gosnmp.GetRequest, ".1.3.6.1.2.1.1.6.1", ".1.3.6.1.2.1.1.99.0"), ".1.3.6.1.2.1.1.6.1 NoSuchInstance; .1.3.6.1.2.1.1.99.0 NoSuchObject"},
		"the name of a group":     {asked(gosnmp.GetRequest, ".1.3.6.1.2.1.1"), ".1.3.6.1.2.1.1 NoSuchObject"},
		"get in v1":               {v1(asked(gosnmp.GetRequest, ".1.3.6.1.2.1.1.6.0")), ".1.3.6.1.2.1.1.6.0 OctetString Rack 7"},
		"no such name in v1":      {v1(asked(gosnmp.GetRequest, ".1.3.6.1.2.1.1.6.0", ".1.3.6.1.2.1.1.6.1")), "NoSuchName 2 .1.3.6.1.2.1.1.6.0 Null; .1.3.6.1.2.1.1.6.1 Null"},
		"Counter64":               {asked(gosnmp.GetRequest, beast+"1.0"), beast + "1.0 Counter64 1099511627776"},
		"Counter64 in v1":         {v1(asked(gosnmp.GetRequest, beast+"1.0")), "NoSuchName 1 " + beast + "1.0 Null"},
		"Counter64 is passed":     {v1(asked(gosnmp.GetNextRequest, beast+"1", beast+"1.7")), beast + "1.1 Integer -7; " + beast + "2.1.1.1 Integer 0"},
		"next":                    {asked(gosnmp.GetNextRequest, beast+"1", beast+"2.1.1.150"), beast + "1.0 Counter64 1099511627776; " + beast + "2.1.2.1 OctetString mx0.example.com"},
		"the end":                 {asked(gosnmp.GetNextRequest, ".1.3.7"), ".1.3.7 EndOfMibView"},
		"the end in v1":           {v1(asked(gosnmp.GetNextRequest, ".1.3.6", ".1.3.7")), "NoSuchName 2 .1.3.6 Null; .1.3.7 Null"},
		"set":                     {set(".1.3.6.1.2.1.1.6.0"), "NotWritable 1 .1.3.6.1.2.1.1.6.0 OctetString x"},
		"set in v1":               {v1(set(".1.3.6.1.2.1.1.6.0")), "ReadOnly 1 .1.3.6.1.2.1.1.6.0 OctetString x"},
		"bulk":                    {bulk(2, beast+"1.1", beast+"2.1.1"), beast + "1.2 Gauge32 4294967295; " + beast + "2.1.1.1 Integer 0; " + beast + "1.3 Counter32 4294967295; " + beast + "2.1.1.2 Integer 1"},
		"bulk with some once":     {once(1, bulk(2, ".1.3.6.1.2.1.1.3.0", beast+"1.3")), ".1.3.6.1.2.1.1.4.0 OctetString ops@example.com; " + beast + "1.4 IPAddress 192.0.2.1; " + beast + "1.5 OctetString \x00\xff\x80"},
		"bulk of nothing":         {bulk(0, beast+"1.1"), ""},
		"bulk, all once":          {once(9, bulk(5, beast+"1.0", beast+"1.1")), beast + "1.1 Integer -7; " + beast + "1.2 Gauge32 4294967295"},
		"bulk at the end":         {bulk(100, ".1.3.6.1.6.3.15.1.1.5.0"), ".1.3.6.1.6.3.15.1.1.6.0 Counter32 0; .1.3.6.1.6.3.15.1.1.6.0 EndOfMibView"},
		"no variables":            {asked(gosnmp.GetRequest), ""},
		"an id that is negative":  {&gosnmp.SnmpPacket{Version: gosnmp.Version2c, Community: secret, PDUType: gosnmp.GetRequest, RequestID: 1<<31 + 5}, ""},
		"the same name again":     {asked(gosnmp.GetRequest, beast+"1.1", beast+"1.1"), beast + "1.1 Integer -7; " + beast + "1.1 Integer -7"},
		"a name of many big arcs": {asked(gosnmp.GetNextRequest, ".1.3.6.1.4.1.32473.1.4294967295.4294967295"), ".1.3.6.1.6.3.10.2.1.1.0 OctetString \x80\x00~\xd9\x05\x01\x02\x03\x04\x05\x06\a\b"},
	} {
		p := opened(t, a, a.Answer(bytesOf(t, c.ask), home))
		if got := shown(p); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
		if p.Version != c.ask.Version || p.Community != secret || p.RequestID != c.ask.RequestID {
			t.Errorf("%s: it is answered in %v to %q, %d", name, p.Version, p.Community, p.RequestID)
		}
	}
}

func TestSystemGroup(t *testing.T) {
	a, _ := newAgent(t, snmpSection(t, config.NoAuthNoPriv, withCommunity("'127.0.0.1/32'"), "model = 'Postern X'"))
	var names []string
	for _, arc := range []string{"1", "2", "4", "5", "6", "7"} {
		names = append(names, ".1.3.6.1.2.1.1."+arc+".0")
	}
	want := ".1.3.6.1.2.1.1.1.0 OctetString Cisco Model Postern X, AsyncOS Version: 1.2.3-004, Build Date: 2026-11-02, Serial #: OF-gw.example.com; " +
		".1.3.6.1.2.1.1.2.0 ObjectIdentifier .1.3.6.1.4.1.15497.1.1; .1.3.6.1.2.1.1.4.0 OctetString ops@example.com; " +
		".1.3.6.1.2.1.1.5.0 OctetString gw.example.com; .1.3.6.1.2.1.1.6.0 OctetString Rack 7; .1.3.6.1.2.1.1.7.0 Integer 72"
	if got := shown(opened(t, a, a.Answer(bytesOf(t, asked(gosnmp.GetRequest, names...)), home))); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// The MIB modules that are answered are named, each once, and nothing else.
func TestModules(t *testing.T) {
	g, _ := busyGateway()
	a := &Agent{Branches: append(NetworkBranches(func(time.Time) *hardware.Network { return &hardware.Network{} }, nil), g.Branch()), EngineFile: filepath.Join(t.TempDir(), "e.json"),
		Listen: func(context.Context, netip.AddrPort) (*net.UDPConn, error) {
			return net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		}}
	serveAgent(t, a, snmpSection(t, config.NoAuthNoPriv))
	var ids []string
	for _, name := range walk(a.tree, "1.3.6.1.2.1.1.8", nil) {
		v, _ := a.tree.Get(MustOID(name))
		if strings.HasPrefix(name, "1.3.6.1.2.1.1.9.1.2.") {
			ids = append(ids, v.Value.Data.(string))
		} else if strings.HasPrefix(name, "1.3.6.1.2.1.1.9.1.4.") && v.Value != TimeTicks(0) {
			t.Errorf("%s is %v", name, v.Value)
		}
	}
	slices.Sort(ids)
	want := []string{".1.3.6.1.2.1.31", ".1.3.6.1.2.1.48", ".1.3.6.1.2.1.49", ".1.3.6.1.2.1.50", ".1.3.6.1.4.1.15497.1.1.1", ".1.3.6.1.4.1.32473.2525.1",
		".1.3.6.1.6.3.1", ".1.3.6.1.6.3.10", ".1.3.6.1.6.3.11", ".1.3.6.1.6.3.12", ".1.3.6.1.6.3.15"}
	if !slices.Equal(ids, want) {
		t.Errorf("the modules are %v, want %v", ids, want)
	}
	for _, name := range walk(a.tree, "1", nil) { // everything belongs to one of them, or to RFC 1213, of which they are the heirs
		if !slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix("."+name+".", id+".") }) && !strings.HasPrefix(name, "1.3.6.1.2.1.") {
			t.Errorf("%s is of no module", name)
		}
	}
}

// However it is asked, a walk meets every variable of the tree once, in order.
func TestWholeTree(t *testing.T) {
	a, _ := newAgent(t, snmpSection(t, config.AuthPriv, withCommunity("'127.0.0.1/32'")))
	all := walk(a.tree, "0", nil)
	if len(all) < 330 {
		t.Fatalf("the tree has only %d variables", len(all))
	}
	for _, repetitions := range []uint32{1, 7, 1000} {
		for _, c := range []*client{nil, {user: User, auth: authPass, priv: privPass, level: gosnmp.AuthPriv, size: minMaxSize}} {
			got, from := []string{}, ".0.0"
			for ended := false; !ended; {
				datagram := bytesOf(t, bulk(repetitions, from))
				if c != nil {
					datagram = c.secured(t, a, bulk(repetitions, from))
				}
				p := opened(t, a, a.Answer(datagram, home))
				if len(p.Variables) == 0 {
					t.Fatalf("nothing behind %s: %v", from, p.Error)
				}
				for _, v := range p.Variables {
					if ended = ended || v.Type == gosnmp.EndOfMibView; !ended {
						got, from = append(got, strings.TrimPrefix(v.Name, ".")), v.Name
					}
				}
			}
			if strings.Join(got, " ") != strings.Join(all, " ") {
				t.Errorf("by %d a walk meets %d variables of %d", repetitions, len(got), len(all))
			}
		}
	}
}

func TestReplySizes(t *testing.T) {
	a, _ := newAgent(t, snmpSection(t, config.AuthPriv, withCommunity("'127.0.0.1/32'")))
	long := make([]string, 60)
	for i := range long {
		long[i] = beast + "3.0"
	}
	v1 := asked(gosnmp.GetRequest, long...)
	v1.Version = gosnmp.Version1
	small := right
	small.size = minMaxSize
	huge := make([]string, 70)
	for i := range huge {
		huge[i] = beast + "3.0"
	}
	for name, c := range map[string]struct {
		datagram []byte
		size     int
		want     string
	}{
		"bulk fits in a frame":          {bytesOf(t, bulk(1000, beast+"2")), frameSize, beast + "2.1.1.1 Integer 0"},
		"bulk in what the client takes": {small.secured(t, a, bulk(1000, beast+"2")), minMaxSize, beast + "2.1.1.1 Integer 0"},
		"get of a lot":                  {bytesOf(t, asked(gosnmp.GetRequest, long...)), maxMessage, beast + "3.0 OctetString long"},
		"get of too much":               {bytesOf(t, asked(gosnmp.GetRequest, huge...)), frameSize, "TooBig 0"},
		"for what the client takes":     {small.secured(t, a, asked(gosnmp.GetRequest, beast+"3.0", beast+"3.0")), minMaxSize, "TooBig 0"},
		"get of too much in v1": {bytesOf(t, func() *gosnmp.SnmpPacket {
			p := asked(gosnmp.GetRequest, huge...)
			p.Version = gosnmp.Version1
			return p
		}()), maxMessage, "TooBig 0 " + beast + "3.0 Null"},
		"one that is long alone is sent": {bytesOf(t, bulk(10, beast+"2.1.2.150")), frameSize, beast + "3.0 OctetString long"},
	} {
		b := a.Answer(c.datagram, home)
		got := shown(opened(t, a, b))
		if len(b) > c.size || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %d bytes: %.200s", name, len(b), got)
		}
	}
	if n := a.count.outTooBigs.Load(); n != 3 {
		t.Errorf("%d replies were too big", n)
	}
}
