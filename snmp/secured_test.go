package snmp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gosnmp/gosnmp"

	"postern/engine/config"
)

const oneName = ".1.3.6.1.2.1.1.6.0"

// Who may ask what at which level, and what all others hear.
func TestSecurityLevels(t *testing.T) {
	type answers struct{ noAuth, auth, priv string }
	const (
		data        = oneName + " OctetString Rack 7"
		tooLow      = "AuthorizationError 0"
		unsupported = "Report .1.3.6.1.6.3.15.1.1.1.0 Counter32 "
	)
	for level, want := range map[string]answers{
		config.NoAuthNoPriv: {data, unsupported, unsupported},
		config.AuthNoPriv:   {tooLow, data, unsupported},
		config.AuthPriv:     {tooLow, tooLow, data},
	} {
		a, _ := newAgent(t, snmpSection(t, level))
		for l, want := range map[gosnmp.SnmpV3MsgFlags]string{gosnmp.NoAuthNoPriv: want.noAuth, gosnmp.AuthNoPriv: want.auth, gosnmp.AuthPriv: want.priv} {
			p := opened(t, a, a.Answer(at(l).secured(t, a, asked(gosnmp.GetRequest, oneName)), home))
			if got := shown(p); !strings.HasPrefix(got, want) {
				t.Errorf("at the level %s a request of %v hears %q, want %q", level, l, got, want)
			}
			if p.PDUType == gosnmp.GetResponse && p.MsgFlags != l {
				t.Errorf("a request of %v is answered at %v", l, p.MsgFlags)
			}
		}
	}
	// With the keys for it a higher level than the one that is asked for may be used.
	a, _ := newAgent(t, snmpSection(t, config.AuthNoPriv, "priv_key = '"+keyOf(t, privPass)+"'"))
	if got := shown(opened(t, a, a.Answer(right.secured(t, a, asked(gosnmp.GetRequest, oneName)), home))); got != data {
		t.Errorf("a higher level is answered with %q", got)
	}
}

// Who does not sign gets no answer that is much longer than the question, nor one that is longer than a frame; and still may
// read everything.
func TestUnsignedAnswersAreShort(t *testing.T) {
	a, _ := newAgent(t, snmpSection(t, config.NoAuthNoPriv))
	for _, names := range []int{1, 5, 20} {
		datagram := at(gosnmp.NoAuthNoPriv).secured(t, a, bulk(1000, slices.Repeat([]string{".1.3"}, names)...))
		reply := a.Answer(datagram, home)
		if got := len(opened(t, a, reply).Variables); len(reply) > max(unsignedLeast, unsignedFactor*len(datagram)) || len(reply) > frameSize || got == 0 {
			t.Errorf("%d bytes bring %d, with %d variables", len(datagram), len(reply), got)
		}
	}
	d := snmpSection(t, config.NoAuthNoPriv)
	d.SNMP.EngineID, d.SNMP.Location = "80007ed904"+strings.Repeat("61", 27), strings.Repeat("x", 255) // the longest
	a, _ = newAgent(t, d)
	for name := ".1.3"; ; {
		p := opened(t, a, a.Answer(at(gosnmp.NoAuthNoPriv).secured(t, a, asked(gosnmp.GetNextRequest, name)), home))
		if p.Error != gosnmp.NoError || p.Variables[0].Type == gosnmp.EndOfMibView {
			if p.Error != gosnmp.NoError {
				t.Errorf("behind %s it says %q", name, shown(p))
			}
			break
		}
		name = p.Variables[0].Name
	}
	a, _ = newAgent(t, snmpSection(t, config.NoAuthNoPriv))
	q := asked(gosnmp.GetRequest, slices.Repeat([]string{oneName}, 100)...)
	if got := shown(opened(t, a, a.Answer(at(gosnmp.NoAuthNoPriv).secured(t, a, q), home))); got != "TooBig 0" {
		t.Errorf("the answer is %.200q", got)
	}
}

// What asks for nothing hears nothing, at whatever level it comes.
func TestUnconfirmedIsNotAnswered(t *testing.T) {
	for _, level := range []string{config.NoAuthNoPriv, config.AuthPriv} {
		a, _ := newAgent(t, snmpSection(t, level))
		for i, kind := range []gosnmp.PDUType{gosnmp.SNMPv2Trap, gosnmp.InformRequest, gosnmp.GetResponse, gosnmp.Report} {
			if reply := a.Answer(at(gosnmp.NoAuthNoPriv).secured(t, a, asked(kind, oneName)), home); reply != nil {
				t.Errorf("at the level %s a PDU of kind %v is answered with %q", level, kind, shown(opened(t, a, reply)))
			}
			if got := a.count.inTraps.Load(); got != uint64(min(i+1, 2)) {
				t.Errorf("at the level %s, after %v: %d traps are counted", level, kind, got)
			}
		}
	}
}

func TestSecurityFaults(t *testing.T) {
	a, said := newAgent(t, snmpSection(t, config.AuthPriv))
	request := func(c client) []byte { return c.secured(t, a, asked(gosnmp.GetRequest, oneName)) }
	change := func(c client, f func(*client)) client { f(&c); return c }
	tampered := request(at(gosnmp.AuthNoPriv))
	tampered[len(tampered)-3] ^= 1 // in the name
	cut := request(right)
	for name, c := range map[string]struct {
		datagram []byte
		report   int // of usmStats
		level    gosnmp.SnmpV3MsgFlags
	}{
		"nobody knows the engine yet":    {request(change(at(gosnmp.NoAuthNoPriv), func(c *client) { c.engineID, c.user = "\x80\x00\x00\x00\x00", "" })), unknownEngineIDs, gosnmp.NoAuthNoPriv},
		"another engine":                 {request(change(right, func(c *client) { c.engineID = "\x80\x00\x00\x00\x09" })), unknownEngineIDs, gosnmp.NoAuthNoPriv},
		"another user":                   {request(change(right, func(c *client) { c.user = "v3set" })), unknownUserNames, gosnmp.NoAuthNoPriv},
		"a longer user":                  {request(change(right, func(c *client) { c.user = User + "\x00" })), unknownUserNames, gosnmp.NoAuthNoPriv},
		"a wrong passphrase":             {request(change(right, func(c *client) { c.auth = "not ironport" })), wrongDigests, gosnmp.NoAuthNoPriv},
		"a wrong one, nothing encrypted": {request(change(at(gosnmp.AuthNoPriv), func(c *client) { c.auth = "not ironport" })), wrongDigests, gosnmp.NoAuthNoPriv},
		"a changed message":              {tampered, wrongDigests, gosnmp.NoAuthNoPriv},
		"a wrong passphrase for privacy": {request(change(right, func(c *client) { c.priv = "not these" })), decryptionErrors, gosnmp.NoAuthNoPriv},
		"another start":                  {request(change(right, func(c *client) { c.boots = -1 })), notInTimeWindows, gosnmp.AuthNoPriv},
		"a coming start":                 {request(change(right, func(c *client) { c.boots = 1 })), notInTimeWindows, gosnmp.AuthNoPriv},
		"too early":                      {request(change(right, func(c *client) { c.late = 160 })), notInTimeWindows, gosnmp.AuthNoPriv},
	} {
		before := a.count.security[c.report].Load()
		p := opened(t, a, a.Answer(c.datagram, home))
		want := fmt.Sprintf("Report .1.3.6.1.6.3.15.1.1.%d.0 Counter32 %d", c.report, before+1)
		if got := shown(p); got != want || p.MsgFlags != c.level || p.MsgID != 99 {
			t.Errorf("%s: %q at %v, want %q at %v", name, got, p.MsgFlags, want, c.level)
		}
	}
	if a.Answer(cut[:len(cut)-1], home) != nil {
		t.Error("a truncated message is answered")
	}
	if want := "127.0.0.1:40000 asks for the SNMP engine "; strings.Count(said.all(), want) != 1 || !strings.Contains(said.all(), "which is not this one (80007ed9050102030405060708)") {
		t.Errorf("of foreign engines is said %q", said.all())
	}
	// Early and late within the window is no fault.
	for _, late := range []int{0, 149} {
		c := right
		c.late = late
		if got := shown(opened(t, a, a.Answer(request(c), home))); got != oneName+" OctetString Rack 7" {
			t.Errorf("%d s off: %q", late, got)
		}
	}
}

// Who does not ask for reports gets none, and they are counted all the same.
func TestReportsOnlyWhereWanted(t *testing.T) {
	a, _ := newAgent(t, snmpSection(t, config.NoAuthNoPriv))
	c := at(gosnmp.NoAuthNoPriv)
	c.user = "nobody"
	datagram := c.secured(t, a, asked(gosnmp.GetRequest, oneName))
	i := strings.Index(string(datagram), "\x04\x01\x04") // msgFlags
	datagram[i+2] = 0
	if reply := a.Answer(datagram, home); reply != nil || a.count.security[unknownUserNames].Load() != 1 {
		t.Errorf("the answer is %x, counted %d", reply, a.count.security[unknownUserNames].Load())
	}
}

func TestContexts(t *testing.T) {
	a, _ := newAgent(t, snmpSection(t, config.NoAuthNoPriv))
	ask := func(engineID, name string) string {
		p := asked(gosnmp.GetRequest, oneName)
		u, _ := a.Engine().Security(&config.SNMP{})
		p.Version, p.MsgID, p.MsgMaxSize, p.MsgFlags, p.SecurityModel, p.SecurityParameters = gosnmp.Version3, 1, 2000, gosnmp.Reportable, gosnmp.UserSecurityModel, u
		p.ContextEngineID, p.ContextName = engineID, name
		return shown(opened(t, a, a.Answer(bytesOf(t, p), home)))
	}
	for _, c := range [][3]string{
		{a.Engine().ID, "", oneName + " OctetString Rack 7"}, {"", "", oneName + " OctetString Rack 7"},
		{a.Engine().ID, "bridge1", "Report .1.3.6.1.6.3.12.1.5.0 Counter32 1"}, {"\x80\x00\x00\x00\x09", "", "Report .1.3.6.1.6.3.11.2.1.3.0 Counter32 1"},
	} {
		if got := ask(c[0], c[1]); got != c[2] {
			t.Errorf("engine %x, context %q: %q", c[0], c[1], got)
		}
	}
}

// What is flagged as encrypted must be: who knows one passphrase only gets no answer for knowing both.
func TestClearTextIsNotTakenForEncrypted(t *testing.T) {
	a, _ := newAgent(t, snmpSection(t, config.AuthPriv))
	c := at(gosnmp.AuthNoPriv)
	datagram := c.secured(t, a, asked(gosnmp.GetRequest, oneName))
	i := strings.Index(string(datagram), "\x04\x01\x05")
	datagram[i+2] = 7
	e := &envelope{}
	_, message, _ := openVersion(datagram)
	parameters, rest, _ := e.openHeader(message)
	if !e.openSecurity(parameters, rest) {
		t.Fatal("the request cannot be read")
	}
	resign(t, a, datagram, e.auth)
	if got := shown(opened(t, a, a.Answer(datagram, home))); !strings.HasPrefix(got, "Report .1.3.6.1.6.3.15.1.1.6.0") {
		t.Errorf("got %q", got)
	}
}

// Boots, time and salt make the vector of the cipher: together they must never come twice, in shortened replies neither.
func TestSaltsAreFresh(t *testing.T) {
	a, _ := newAgent(t, snmpSection(t, config.AuthPriv))
	seen := map[string]bool{}
	small := right
	small.size = minMaxSize
	last := uint64(0)
	for i := range 200 {
		datagram := small.secured(t, a, asked(gosnmp.GetRequest, slices.Repeat([]string{beast + "3.0"}, 1+i%3)...))
		before := a.salt.Load()
		reply := a.Answer(datagram, home)
		e := &envelope{}
		_, message, _ := openVersion(reply)
		parameters, rest, _ := e.openHeader(message)
		if !e.openSecurity(parameters, rest) || !e.encrypted || len(e.salt) != 8 || seen[string(e.salt)] {
			t.Fatalf("reply %d has the salt %x", i, e.salt)
		}
		seen[string(e.salt)] = true
		last = max(last, a.salt.Load()-before)
	}
	if last != 2 {
		t.Errorf("a reply that is written again takes %d salts", last)
	}
}
