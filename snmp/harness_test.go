package snmp

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"postern/engine/config"
)

const (
	authPass = "ironport" // as in the guide's own call
	privPass = "privates of it"
	secret   = "s3cret-community"
)

// snmpSection makes a configuration's [snmp]; key=value lines in more stand behind the rest.
func snmpSection(t testing.TB, level string, more ...string) *config.Document {
	t.Helper()
	text := "hostname = 'gw.example.com'\n[snmp]\nenabled = true\nengine_id = '80007ed9050102030405060708'\nlocation = 'Rack 7'\ncontact = 'ops@example.com'\n" +
		"level = '" + level + "'\n"
	if level != config.NoAuthNoPriv {
		text += "auth_key = '" + keyOf(t, authPass) + "'\n"
	}
	if level == config.AuthPriv {
		text += "priv_key = '" + keyOf(t, privPass) + "'\n"
	}
	d, err := config.Parse([]byte(text+strings.Join(more, "\n")+"\n"), "test")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func withCommunity(networks string) string {
	return "v1v2c = true\ncommunity = '" + secret + "'\nv1v2c_networks = [" + networks + "]"
}

var keys sync.Map // of passphrases; each takes a while

func keyOf(t testing.TB, passphrase string) string {
	t.Helper()
	if key, ok := keys.Load(passphrase); ok {
		return key.(string)
	}
	key, err := config.SNMPKey(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	keys.Store(passphrase, key)
	return key
}

// complaints collects what an agent says to operators.
type complaints struct {
	mu   sync.Mutex
	said []string
}

func (c *complaints) add(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, err.Error())
}

func (c *complaints) all() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.said, "\n")
}

// newAgent starts an agent with some objects of all types, on a port of its own, until the test ends.
func newAgent(t testing.TB, d *config.Document) (*Agent, *complaints) {
	t.Helper()
	said := &complaints{}
	a := &Agent{
		Branches:   []Branch{zoo()},
		Program:    Program{Version: "1.2.3-004", Built: time.Date(2026, 11, 2, 3, 4, 5, 0, time.UTC), Serial: func(host string) string { return "OF-" + host }},
		EngineFile: filepath.Join(t.TempDir(), "snmp-engine.json"),
		OnProblem:  said.add,
		Listen: func(_ context.Context, at netip.AddrPort) (*net.UDPConn, error) {
			return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at.Addr(), 0)))
		},
	}
	serveAgent(t, a, d)
	return a, said
}

// serveAgent runs an agent until the test ends, or until stop is called.
func serveAgent(t testing.TB, a *Agent, d *config.Document) (stop func()) {
	t.Helper()
	a.Start(d)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// zoo is a branch with every type, and enough rows that one reply cannot hold them.
func zoo() Branch {
	root := MustOID("1.3.6.1.4.1.32473.1")
	return Branch{Root: root, Objects: []OID{root.Append(1), root.Append(2, 1, 1), root.Append(2, 1, 2), root.Append(3)}, Read: func(time.Time) []Variable {
		out := []Variable{
			{root.Append(1, 0), Counter64(1 << 40)}, {root.Append(1, 1), Integer(-7)}, {root.Append(1, 2), Gauge32(1 << 40)},
			{root.Append(1, 3), Counter32(1<<32 - 1)}, {root.Append(1, 4), IPAddress(netip.MustParseAddr("192.0.2.1"))},
			{root.Append(1, 5), OctetString("\x00\xff\x80")}, {root.Append(1, 6), ObjectID(Appliance)}, {root.Append(1, 7), TimeTicks(time.Minute)},
			{root.Append(1, 8), Counter64(1<<64 - 1)},
		}
		for i := range uint32(150) {
			out = append(out, Variable{root.Append(2, 1, 1, i+1), Integer(int(i))})
		}
		for i := range uint32(150) {
			out = append(out, Variable{root.Append(2, 1, 2, i+1), DisplayString(fmt.Sprintf("mx%d.example.com", i))})
		}
		return append(out, Variable{root.Append(3, 0), OctetString(strings.Repeat("long", 60))})
	}}
}

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// home is whom the requests of these tests come from.
var home = netip.MustParseAddrPort("127.0.0.1:40000")

// asked makes a request of version 2c.
func asked(pdu gosnmp.PDUType, names ...string) *gosnmp.SnmpPacket {
	p := &gosnmp.SnmpPacket{Version: gosnmp.Version2c, Community: secret, PDUType: pdu, RequestID: 4711}
	for _, name := range names {
		p.Variables = append(p.Variables, gosnmp.SnmpPDU{Name: name, Type: gosnmp.Null})
	}
	return p
}

func bulk(repetitions uint32, names ...string) *gosnmp.SnmpPacket {
	p := asked(gosnmp.GetBulkRequest, names...)
	p.MaxRepetitions = repetitions
	return p
}

func bytesOf(t testing.TB, p *gosnmp.SnmpPacket) []byte {
	t.Helper()
	b, err := p.MarshalMsg()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// client is somebody who asks in version 3.
type client struct {
	user, auth, priv string // passphrases
	level            gosnmp.SnmpV3MsgFlags
	boots, late      int // off the agent's own
	size             uint32
	engineID         string // "": the agent's
}

var salts atomic.Uint64

// secured makes a request of version 3 out of one of version 2c.
func (c client) secured(t testing.TB, a *Agent, p *gosnmp.SnmpPacket) []byte {
	t.Helper()
	e := a.Engine()
	if c.engineID == "" {
		c.engineID = e.ID
	}
	u, err := (&Engine{ID: c.engineID}).Security(&config.SNMP{AuthKey: keyOf(t, c.auth), PrivKey: keyOf(t, c.priv)})
	if err != nil {
		t.Fatal(err)
	}
	u.UserName = c.user
	u.AuthoritativeEngineBoots, u.AuthoritativeEngineTime = uint32(int(e.Boots)+c.boots), uint32(int(e.Time())+c.late)
	u.PrivacyParameters = binary.BigEndian.AppendUint64(nil, salts.Add(1))
	q := *p
	q.Version, q.MsgID, q.MsgMaxSize, q.MsgFlags = gosnmp.Version3, 99, max(c.size, minMaxSize), c.level|gosnmp.Reportable
	q.SecurityModel, q.SecurityParameters, q.ContextEngineID = gosnmp.UserSecurityModel, u, c.engineID
	return bytesOf(t, &q)
}

// right is the client that knows all.
var right = client{user: User, auth: authPass, priv: privPass, level: gosnmp.AuthPriv, size: 65_000}

func at(level gosnmp.SnmpV3MsgFlags) client {
	c := right
	c.level = level
	return c
}

// opened decodes a reply, and verifies its signature if it bears one.
func opened(t testing.TB, a *Agent, reply []byte) *gosnmp.SnmpPacket {
	t.Helper()
	if reply == nil {
		t.Fatal("there is no answer")
	}
	version, message, ok := openVersion(reply)
	var p *gosnmp.SnmpPacket
	var err error
	if e := (&envelope{}); ok && version == 3 {
		if _, _, ok := e.openHeader(message); !ok {
			t.Fatalf("the header of the answer cannot be read: %x", reply)
		}
		if e.level() != gosnmp.NoAuthNoPriv {
			decoder := &gosnmp.GoSNMP{Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgFlags: e.level(), SecurityParameters: a.inForce.Load().user.Copy()}
			p, err = decoder.UnmarshalTrap(slices.Clone(reply), true)
		}
	}
	if p == nil && err == nil {
		p, err = (&gosnmp.GoSNMP{}).SnmpDecodePacket(slices.Clone(reply))
	}
	if err != nil {
		t.Fatalf("the answer cannot be read: %v: %x", err, reply)
	}
	return p
}

// shown is a response in short: its error, and its variables.
func shown(p *gosnmp.SnmpPacket) string {
	var b strings.Builder
	if p.PDUType != gosnmp.GetResponse {
		fmt.Fprintf(&b, "%v ", p.PDUType)
	}
	if p.Error != gosnmp.NoError {
		fmt.Fprintf(&b, "%v %d ", p.Error, p.ErrorIndex)
	}
	for _, v := range p.Variables {
		value := v.Value
		if text, ok := value.([]byte); ok {
			value = string(text)
		}
		if value == nil {
			fmt.Fprintf(&b, "%s %v; ", v.Name, v.Type)
		} else {
			fmt.Fprintf(&b, "%s %v %v; ", v.Name, v.Type, value)
		}
	}
	return strings.TrimSuffix(strings.TrimSpace(b.String()), ";")
}

// resign signs a datagram anew whose signature stands in mac, a part of it.
func resign(t testing.TB, a *Agent, datagram, mac []byte) {
	t.Helper()
	clear(mac)
	h := hmac.New(sha1.New, a.inForce.Load().user.SecretKey)
	h.Write(datagram)
	copy(mac, h.Sum(nil))
}
