package snmp

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/gosnmp/gosnmp"

	"postern/engine/config"
)

// counts is what an agent has counted of what was wrong, in short.
func counts(a *Agent) (got [7]uint64) {
	c := &a.count
	got[0], got[1], got[2], got[3] = c.parseErrors.Load(), c.badVersions.Load(), c.badCommunities.Load(), c.unknownModels.Load()
	got[4], got[5], got[6] = c.invalidMessages.Load(), c.unknownHandlers.Load(), c.inTraps.Load()+c.responses.Load()
	return got
}

// Each of these is silence, and counted where the standard says.
func TestHostileDatagrams(t *testing.T) {
	a, said := newAgent(t, snmpSection(t, config.AuthNoPriv, withCommunity("'127.0.0.1/32'")))
	good := bytesOf(t, asked(gosnmp.GetRequest, oneName))
	signed := at(gosnmp.AuthNoPriv).secured(t, a, asked(gosnmp.GetRequest, oneName))
	with := func(b []byte, old, new string) []byte {
		t.Helper()
		if strings.Count(string(b), old) == 0 || len(old) != len(new) {
			t.Fatalf("%x does not stand in %x", old, b)
		}
		return []byte(strings.Replace(string(b), old, new, 1))
	}
	pdu := func(kind gosnmp.PDUType) []byte { return bytesOf(t, asked(kind, oneName)) }
	stranger := asked(gosnmp.GetRequest, oneName)
	stranger.Community = "public"
	bulkV1 := bulk(5, oneName)
	bulkV1.Version = gosnmp.Version1
	const parse, version, community, model, invalid, handler, other = 0, 1, 2, 3, 4, 5, 6
	for name, c := range map[string]struct {
		datagram []byte
		counted  int
	}{
		"nothing":                       {nil, parse},
		"one byte":                      {[]byte{0x30}, parse},
		"an empty message":              {[]byte{0x30, 0}, parse},
		"seven bytes that hurt a codec": {unhex("30050201030400"), parse},
		"not SNMP":                      {[]byte("GET / HTTP/1.1\r\n\r\n"), parse},
		"an indefinite length":          {append([]byte{0x30, 0x80}, good[2:]...), parse},
		"a length of four gigabytes":    {append([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, good[2:]...), parse},
		"a length of eight octets":      {append([]byte{0x30, 0x88, 0, 0, 0, 0, 0, 0, 0}, good[1:]...), parse},
		"something behind it":           {append(slices.Clone(good), 0), parse},
		"too long":                      {append([]byte{0x30, 0x83, 0, 0x7f, 0xff}, make([]byte, 0x7fff)...), parse},
		"truncated":                     {good[:len(good)-1], parse},
		"a version that is no number":   {with(good, "\x02\x01\x01\x04", "\x04\x01\x01\x04"), parse},
		"version 2 of long ago":         {with(good, "\x02\x01\x01\x04", "\x02\x01\x02\x04"), version},
		"a version below zero":          {with(good, "\x02\x01\x01\x04", "\x02\x01\xff\x04"), version},
		"another community":             {bytesOf(t, stranger), community},
		"the community in capitals":     {with(good, secret, strings.ToUpper(secret)), community},
		"a broken PDU":                  {with(good, "\xa0", "\xbf"), parse},
		"a PDU of another length":       {with(good, "\x30\x0e", "\x30\x7e"), parse},
		"a name that does not end":      {with(good, "\x01\x06\x00", "\x01\x06\x80"), parse},
		"GETBULK in version 1":          {bytesOf(t, bulkV1), parse},
		"a response":                    {pdu(gosnmp.GetResponse), other},
		"a trap":                        {pdu(gosnmp.SNMPv2Trap), other},
		"an inform":                     {pdu(gosnmp.InformRequest), other},
		"a report":                      {pdu(gosnmp.Report), parse},
		"v3 with a negative id":         {with(signed, "\x02\x04\x00\x00\x00\x63", "\x02\x04\x80\x00\x00\x63"), parse},
		"v3 that takes nothing":         {with(signed, "\x02\x03\x00\xfd\xe8", "\x02\x03\x00\x01\xe3"), parse},
		"v3 with two octets of flags":   {with(signed, "\x04\x01\x05\x02\x01\x03", "\x04\x02\x05\x05\x01\x03"), parse},
		"v3 of another model":           {with(signed, "\x04\x01\x05\x02\x01\x03", "\x04\x01\x05\x02\x01\x02"), model},
		"v3, encrypted but not signed":  {with(signed, "\x04\x01\x05\x02\x01\x03", "\x04\x01\x06\x02\x01\x03"), invalid},
		"v3 with a broken scoped PDU":   {with(at(gosnmp.NoAuthNoPriv).secured(t, a, asked(gosnmp.GetRequest, oneName)), "\xa0", "\xbf"), parse},
		"v3, a response":                {at(gosnmp.AuthNoPriv).secured(t, a, asked(gosnmp.GetResponse, oneName)), handler},
		"v3, a report":                  {at(gosnmp.AuthNoPriv).secured(t, a, asked(gosnmp.Report, oneName)), handler},
		"v3, a trap":                    {at(gosnmp.AuthNoPriv).secured(t, a, asked(gosnmp.SNMPv2Trap, oneName)), other},
	} {
		want := counts(a)
		want[c.counted]++
		if reply := a.Answer(c.datagram, home); reply != nil {
			t.Errorf("%s is answered with %q", name, shown(opened(t, a, reply)))
		}
		if got := counts(a); got != want {
			t.Errorf("%s is counted as %v, want %v", name, got, want)
		}
	}
	// Two that must be answered all the same.
	for _, c := range [][]byte{good, signed} {
		if a.Answer(c, home) == nil {
			t.Error("after all that nobody is answered")
		}
	}
	if said.all() != "" || a.count.panics.Load() != 0 {
		t.Errorf("it is said: %s", said.all())
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Versions 1 and 2c are for those who may, and only where they are switched on.
func TestCommunityIsForSome(t *testing.T) {
	a, _ := newAgent(t, snmpSection(t, config.NoAuthNoPriv, withCommunity("'127.0.0.1/32', '10.0.0.0/8', 'fe80::1/64'")))
	for from, want := range map[string]bool{
		"127.0.0.1:1": true, "127.0.0.2:1": false, "10.9.8.7:161": true, "[::ffff:10.9.8.7]:161": true, "11.0.0.1:9": false, "[fe80::9%eth0]:9": true, "[fe81::1]:9": false,
	} {
		if reply := a.Answer(bytesOf(t, asked(gosnmp.GetRequest, oneName)), addrPort(from)); (reply != nil) != want {
			t.Errorf("%s is answered: %t", from, reply != nil)
		}
	}
	if n := a.count.badCommunities.Load(); n != 3 {
		t.Errorf("%d are counted", n)
	}
	off, _ := newAgent(t, snmpSection(t, config.NoAuthNoPriv))
	if reply := off.Answer(bytesOf(t, asked(gosnmp.GetRequest, oneName)), home); reply != nil || off.count.badVersions.Load() != 1 {
		t.Errorf("where they are off version 2c is answered with %x, counted %d", reply, off.count.badVersions.Load())
	}
	none := asked(gosnmp.GetRequest, oneName)
	none.Community = ""
	if off.Answer(bytesOf(t, none), home) != nil || a.Answer(bytesOf(t, none), home) != nil {
		t.Error("without a community there is an answer")
	}
}

// A fault of the codec costs one datagram, and is told.
func TestPanicIsContained(t *testing.T) {
	d := snmpSection(t, config.NoAuthNoPriv, withCommunity("'127.0.0.1/32'"))
	a, said := newAgent(t, d)
	broken := *a.inForce.Load()
	broken.user = nil
	a.inForce.Store(&broken)
	for range 3 {
		if a.Answer(at(gosnmp.NoAuthNoPriv).secured(t, a, asked(gosnmp.GetRequest, oneName)), home) != nil {
			t.Error("it is answered")
		}
	}
	if a.count.panics.Load() != 3 || strings.Count(said.all(), "a datagram of 127.0.0.1:40000 was too much for the SNMP agent") != 1 {
		t.Errorf("%d panics, said %s", a.count.panics.Load(), said.all())
	}
	if a.Answer(bytesOf(t, asked(gosnmp.GetRequest, oneName)), home) == nil {
		t.Error("after it nobody is answered")
	}
}

// Whatever comes: no panic, no reply that is longer than allowed or cannot be read, nothing but one reply.
func FuzzAnswer(f *testing.F) {
	a, said := newAgent(f, snmpSection(f, config.AuthPriv, withCommunity("'127.0.0.1/32'")))
	for _, level := range []gosnmp.SnmpV3MsgFlags{gosnmp.NoAuthNoPriv, gosnmp.AuthNoPriv, gosnmp.AuthPriv} {
		f.Add(at(level).secured(f, a, bulk(20, ".1.3.6.1", beast+"2.1")), false)
	}
	for _, version := range []gosnmp.SnmpVersion{gosnmp.Version1, gosnmp.Version2c} {
		for _, p := range []*gosnmp.SnmpPacket{asked(gosnmp.GetRequest, oneName), asked(gosnmp.GetNextRequest, ".1.3", ".1.4"), bulk(100, ".1.3.6.1"), asked(gosnmp.SetRequest, oneName)} {
			p.Version = version
			f.Add(bytesOf(f, p), false)
		}
	}
	f.Add(at(gosnmp.AuthNoPriv).secured(f, a, asked(gosnmp.GetNextRequest, ".1.3")), true)
	f.Add(unhex("30050201030400"), false)
	f.Fuzz(func(t *testing.T, datagram []byte, sign bool) {
		if sign { // so that what lies behind the signature is met too
			signAgain(t, a, datagram)
		}
		before := string(datagram)
		a.limits = limiter{}
		reply := a.Answer(datagram, home)
		if a.count.panics.Load() > 0 {
			t.Fatal(said.all())
		}
		if string(datagram) != before {
			t.Fatal("the datagram was changed")
		}
		if reply == nil {
			return
		}
		if len(reply) > maxMessage {
			t.Fatalf("the reply has %d bytes", len(reply))
		}
		opened(t, a, reply)
	})
}

// signAgain signs a datagram as somebody would who knows the key, if it has a place for that.
func signAgain(t testing.TB, a *Agent, datagram []byte) {
	_, message, ok := openVersion(datagram)
	if !ok {
		return
	}
	e := &envelope{}
	parameters, rest, ok := e.openHeader(message)
	if ok && e.openSecurity(parameters, rest) && len(e.auth) == 12 {
		resign(t, a, datagram, e.auth)
	}
}
