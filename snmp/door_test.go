package snmp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
	"go.uber.org/goleak"

	"postern/engine/config"
)

// ask sends a request and gives what comes back within a short time; nil: nothing.
func ask(t *testing.T, to netip.AddrPort, datagram []byte) []byte {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(datagram); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 65_536)
	n, err := c.Read(b)
	if err != nil {
		return nil
	}
	return b[:n]
}

func TestServe(t *testing.T) {
	a, _ := newAgent(t, snmpSection(t, config.AuthPriv))
	if got := shown(opened(t, a, ask(t, a.Addr(), right.secured(t, a, asked(gosnmp.GetRequest, oneName))))); got != oneName+" OctetString Rack 7" {
		t.Errorf("got %q", got)
	}
}

func TestDisabledAgentDoesNothing(t *testing.T) {
	a := &Agent{EngineFile: filepath.Join(t.TempDir(), "engine.json"), Listen: func(context.Context, netip.AddrPort) (*net.UDPConn, error) {
		t.Error("it listens")
		return nil, errors.New("no")
	}}
	serveAgent(t, a, config.Default())
	if a.Answer(bytesOf(t, asked(gosnmp.GetRequest, oneName)), home) != nil || a.Addr().IsValid() || a.Engine() != nil {
		t.Error("it answers")
	}
	if _, err := os.Stat(a.EngineFile); err == nil {
		t.Error("it keeps an engine")
	}
}

// A new configuration is in force at once; what cannot be had leaves the old one as it is.
func TestConfigure(t *testing.T) {
	var refuse atomic.Bool
	a, said := newAgent(t, snmpSection(t, config.AuthPriv))
	bind := a.Listen
	a.Listen = func(ctx context.Context, at netip.AddrPort) (*net.UDPConn, error) {
		if refuse.Load() {
			return nil, errors.New("the port is busy")
		}
		return bind(ctx, at)
	}
	community := func() *gosnmp.SnmpPacket { return asked(gosnmp.GetRequest, oneName) }
	before := a.Addr()

	// The same port: it goes on, with the new words.
	changed := snmpSection(t, config.NoAuthNoPriv, withCommunity("'127.0.0.1/32'"))
	changed.SNMP.Location = "Rack 8"
	if err := a.Configure(changed); err != nil {
		t.Fatal(err)
	}
	boots := a.Engine().Boots
	var got string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && !strings.Contains(got, "Rack 8"); { // a reading is kept for a second
		got = shown(opened(t, a, ask(t, before, bytesOf(t, community()))))
	}
	if a.Addr() != before || !strings.Contains(got, "Rack 8") || boots != 1 {
		t.Errorf("on %s instead of %s it says %q, %d starts", a.Addr(), before, got, boots)
	}

	// Another port, which cannot be had; then it can.
	elsewhere := snmpSection(t, config.NoAuthNoPriv, withCommunity("'127.0.0.1/32'"), "port = 1161")
	refuse.Store(true)
	if err := a.Configure(elsewhere); err == nil || err.Error() != "snmp cannot listen on 127.0.0.1:1161: the port is busy" {
		t.Errorf("a busy port gives %v", err)
	}
	if ask(t, before, bytesOf(t, community())) == nil {
		t.Error("after a refusal it does not answer any more")
	}
	refuse.Store(false)
	c, err := a.Prepare(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	c.Discard()
	if err := a.Configure(elsewhere); err != nil || a.Addr() == before {
		t.Errorf("%v, it is still on %s", err, a.Addr())
	}
	if ask(t, a.Addr(), bytesOf(t, community())) == nil {
		t.Error("on the new port nobody answers")
	}

	// Another engine begins with another start; off is silence, and on again needs no new start.
	other := snmpSection(t, config.NoAuthNoPriv, withCommunity("'127.0.0.1/32'"), "port = 1161")
	other.SNMP.EngineID = "80007ed905ff"
	if err := a.Configure(other); err != nil || a.Engine().ID != "\x80\x00\x7e\xd9\x05\xff" || a.Engine().Boots != 2 {
		t.Errorf("%v: %+v", err, a.Engine())
	}
	off := snmpSection(t, config.NoAuthNoPriv)
	off.SNMP.Enabled, off.SNMP.EngineID = false, other.SNMP.EngineID
	if err := a.Configure(off); err != nil || a.Addr().IsValid() || a.Answer(bytesOf(t, community()), home) != nil {
		t.Errorf("switched off: %v, %s", err, a.Addr())
	}
	if err := a.Configure(other); err != nil || !a.Addr().IsValid() || a.Engine().Boots != 2 {
		t.Errorf("switched on again: %v, %s, %d", err, a.Addr(), a.Engine().Boots)
	}
	if said.all() != "" {
		t.Errorf("it complained: %s", said.all())
	}
}

// A change that is refused leaves no engine behind; without an id in the configuration the file's engine comes back.
func TestEngineOfRefusedChange(t *testing.T) {
	a, _ := newAgent(t, config.Default())
	bind := a.Listen
	a.Listen = func(context.Context, netip.AddrPort) (*net.UDPConn, error) {
		return nil, errors.New("the port is busy")
	}
	with := func(id string) *config.Document {
		d := snmpSection(t, config.NoAuthNoPriv)
		d.SNMP.EngineID = id
		return d
	}
	if err := a.Configure(with("80007ed905ff")); err == nil || a.Engine() != nil {
		t.Errorf("%v, the engine is %+v", err, a.Engine())
	}
	a.Listen = bind
	if err := a.Configure(with("")); err != nil || a.Engine().ID == "\x80\x00\x7e\xd9\x05\xff" {
		t.Errorf("%v, the engine is %+v", err, a.Engine())
	}
	own := a.Engine()
	for _, id := range []string{"80007ed905ff", ""} {
		if err := a.Configure(with(id)); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.Engine(); got.ID != own.ID || got.Boots <= own.Boots {
		t.Errorf("without an id the engine is %+v, not %+v", got, own)
	}
}

// A port that cannot be bound is told once and tried again.
func TestBindIsRetried(t *testing.T) {
	var busy atomic.Bool
	busy.Store(true)
	said := &complaints{}
	a := &Agent{EngineFile: filepath.Join(t.TempDir(), "engine.json"), OnProblem: said.add}
	a.Listen = func(_ context.Context, at netip.AddrPort) (*net.UDPConn, error) {
		if busy.Load() {
			return nil, errors.New("address already in use")
		}
		return net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	}
	serveAgent(t, a, snmpSection(t, config.NoAuthNoPriv))
	a.retry()
	a.retry()
	if said.all() != "snmp cannot listen on 127.0.0.1:161: address already in use" || a.Addr().IsValid() {
		t.Errorf("it is said %q, on %s", said.all(), a.Addr())
	}
	// Meanwhile another part of the configuration may change; what is wanted of the agent itself may not, but to leave it.
	other := snmpSection(t, config.NoAuthNoPriv)
	other.Hostname = "other.example.com"
	if err := a.Configure(other); err != nil {
		t.Errorf("another part cannot change: %v", err)
	}
	if err := a.Configure(snmpSection(t, config.NoAuthNoPriv, withCommunity("'127.0.0.1/32'"))); err == nil {
		t.Error("the agent can change though its port is busy")
	}
	busy.Store(false)
	a.retry()
	if got := a.inForce.Load().document; got != other {
		t.Errorf("in force is that of %s", got.Hostname)
	}
	if ask(t, a.Addr(), at(gosnmp.NoAuthNoPriv).secured(t, a, asked(gosnmp.GetRequest, oneName))) == nil {
		t.Error("bound at last, it does not answer")
	}
}

// Whatever was bound, replaced and discarded: at the end nothing of the agent runs.
func TestNoGoroutineIsLeft(t *testing.T) {
	others := goleak.IgnoreCurrent()
	a := &Agent{EngineFile: filepath.Join(t.TempDir(), "engine.json")}
	bound := 0
	a.Listen = func(context.Context, netip.AddrPort) (*net.UDPConn, error) {
		bound++
		return net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	}
	stop := serveAgent(t, a, snmpSection(t, config.NoAuthNoPriv))
	for _, port := range []string{"1", "2", "3"} {
		c, err := a.Prepare(snmpSection(t, config.NoAuthNoPriv, "port = "+port))
		if err != nil {
			t.Fatal(err)
		}
		if port == "2" {
			c.Discard()
			continue
		}
		c.Activate()
		if ask(t, a.Addr(), at(gosnmp.NoAuthNoPriv).secured(t, a, asked(gosnmp.GetRequest, oneName))) == nil {
			t.Errorf("on port %s nobody answers", port)
		}
	}
	stop()
	c, err := a.Prepare(snmpSection(t, config.NoAuthNoPriv, "port = 4"))
	if err != nil {
		t.Fatal(err)
	}
	c.Activate() // too late
	if err := goleak.Find(others); err != nil || bound != 5 {
		t.Errorf("%d ports were bound: %v", bound, err)
	}
}

// An interface may have an address of either family.
func TestServeIPv6(t *testing.T) {
	if c, err := net.ListenPacket("udp", "[::1]:0"); err != nil {
		t.Skip("this machine has no IPv6")
	} else {
		c.Close()
	}
	d := snmpSection(t, config.NoAuthNoPriv, withCommunity("'::1/128'"))
	d.Interfaces[0].Address = netip.MustParsePrefix("::1/128")
	a, _ := newAgent(t, d)
	for level, datagram := range map[string][]byte{"2c": bytesOf(t, asked(gosnmp.GetRequest, oneName)), "3": at(gosnmp.NoAuthNoPriv).secured(t, a, asked(gosnmp.GetRequest, oneName))} {
		if got := shown(opened(t, a, ask(t, a.Addr(), datagram))); got != oneName+" OctetString Rack 7" {
			t.Errorf("in version %s on %s: %q", level, a.Addr(), got)
		}
	}
}
