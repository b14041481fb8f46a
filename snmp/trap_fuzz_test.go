package snmp

import (
	"testing"

	"github.com/gosnmp/gosnmp"

	"postern/engine/config"
)

// What a target answers to an inform may be anything: it is the answer, or it is a bounded piece of work.
func FuzzAnswerToInform(f *testing.F) {
	section := snmpSection(f, config.AuthPriv).SNMP
	const engineID = "\x80\x00\x7e\xd9\x05its own"
	user, err := (&Engine{ID: engineID}).Security(&section)
	if err != nil {
		f.Fatal(err)
	}
	m := &message{agent: &Agent{}, config: &section, peer: &peer{engineID: engineID}}
	request := packet(gosnmp.InformRequest, waiting{Notification: cpuTrap(97)})
	m.sign(request, user, engineID, gosnmp.AuthPriv|gosnmp.Reportable)
	for _, level := range []gosnmp.SnmpV3MsgFlags{gosnmp.NoAuthNoPriv, gosnmp.AuthNoPriv, gosnmp.AuthPriv} {
		for _, kind := range []gosnmp.PDUType{gosnmp.GetResponse, gosnmp.Report} {
			r := *request
			r.PDUType, r.MsgFlags = kind, level
			u := user.Copy().(*gosnmp.UsmSecurityParameters)
			u.PrivacyParameters = m.agent.nextSalt()
			r.SecurityParameters = u
			f.Add(bytesOf(f, &r))
		}
	}
	community := packet(gosnmp.InformRequest, waiting{Notification: cpuTrap(97)})
	community.Community = secret
	f.Add(bytesOf(f, community))
	f.Add([]byte{0x30, 0x05, 2, 1, 3, 0x04, 0x00})
	f.Fuzz(func(t *testing.T, datagram []byte) {
		m.peer = &peer{engineID: engineID}
		if _, err := m.confirmed(community, datagram); err != nil {
			t.Logf("refused: %v", err)
		}
		e := replyTo(request, datagram)
		if e == nil {
			return
		}
		again, done, err := m.judge(e, request, user, datagram)
		if again && !done || m.peer.engineID == "" {
			t.Errorf("again %v, done %v, %v, peer %q", again, done, err, m.peer.engineID)
		}
		if done && err == nil && !again && e.level() != gosnmp.AuthPriv {
			t.Errorf("it takes an answer of the level %v", e.level())
		}
	})
}
