package snmp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"

	"github.com/gosnmp/gosnmp"

	"postern/engine/config"
)

// message is a notification on its way to one address.
type message struct {
	agent  *Agent
	config *config.SNMP
	peer   *peer
	to     netip.Addr
	conn   net.Conn // its deadline ends all
}

var errNoEngine = errors.New("there is no SNMP engine yet that could sign")

// secured tells whether notifications go out in version 3.
func (m *message) secured() bool { return m.config.TrapVersion != "2c" }

// packet is what is told, without the words of its version.
func packet(kind gosnmp.PDUType, w waiting) *gosnmp.SnmpPacket {
	p := &gosnmp.SnmpPacket{Version: gosnmp.Version2c, PDUType: kind, RequestID: rand.Uint32() >> 1}
	for _, v := range w.variables(w.up) {
		p.Variables = append(p.Variables, pduOf(v))
	}
	return p
}

// trap sends a notification that nobody confirms. In version 3 the sender's engine is the authoritative one (RFC 3414
// section 1.5.1), so that nothing has to be asked before.
func (m *message) trap(w waiting) error {
	p := packet(gosnmp.SNMPv2Trap, w)
	if !m.secured() {
		p.Community = m.config.Community
		return m.send(p)
	}
	engine := m.agent.Engine()
	if engine == nil {
		return errNoEngine
	}
	user, err := engine.Security(m.config)
	if err != nil {
		return err
	}
	user.AuthoritativeEngineBoots, user.AuthoritativeEngineTime = engine.Boots, engine.Time()
	m.sign(p, user, engine.ID, levelOf(m.config))
	return m.send(p)
}

// levelOf is the security that notifications have: the lowest that the agent answers.
func levelOf(s *config.SNMP) gosnmp.SnmpV3MsgFlags {
	switch s.Level {
	case config.AuthPriv:
		return gosnmp.AuthPriv
	case config.AuthNoPriv:
		return gosnmp.AuthNoPriv
	}
	return gosnmp.NoAuthNoPriv
}

// sign makes a message of version 3. The context is the sender's own (RFC 3413 section 3.2); the salt is never used again.
func (m *message) sign(p *gosnmp.SnmpPacket, user *gosnmp.UsmSecurityParameters, context string, flags gosnmp.SnmpV3MsgFlags) {
	user.PrivacyParameters = m.agent.nextSalt()
	p.Version, p.MsgID, p.MsgMaxSize, p.MsgFlags = gosnmp.Version3, rand.Uint32()>>1, maxMessage, flags
	p.SecurityModel, p.SecurityParameters, p.ContextEngineID = gosnmp.UserSecurityModel, user, context
}

func (m *message) send(p *gosnmp.SnmpPacket) error {
	b, err := p.MarshalMsg()
	if err != nil {
		return fmt.Errorf("it cannot be encoded: %w", err)
	}
	_, err = m.conn.Write(b)
	return err
}
