package snmp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gosnmp/gosnmp"
)

// timeWindow is by how many seconds a signed message may be early or late (RFC 3414 section 2.2.3).
const timeWindow = 150

// answerSecured answers version 3, in the order of RFC 3412 section 7.2 and RFC 3414 section 3.2.
func (a *Agent) answerSecured(s *state, datagram, message []byte, from netip.AddrPort) []byte {
	e := &envelope{}
	parameters, rest, ok := e.openHeader(message)
	switch {
	case !ok:
		a.count.parseErrors.Add(1)
		return nil
	case e.model != int64(gosnmp.UserSecurityModel):
		a.count.unknownModels.Add(1)
		return nil
	case e.level() == gosnmp.AuthPriv&^gosnmp.AuthNoPriv: // encrypted without a signature
		a.count.invalidMessages.Add(1)
		return nil
	case !e.openSecurity(parameters, rest):
		a.count.parseErrors.Add(1)
		return nil
	}
	switch {
	case e.engineID != s.engine.ID: // that of somebody who does not know it yet is empty
		a.sayForeign(e, s, from)
		return a.report(s, e, unknownEngineIDs)
	case e.user != User:
		return a.report(s, e, unknownUserNames)
	case e.level() > s.highest:
		return a.report(s, e, unsupportedSecLevels)
	}
	p, fault := a.unseal(s, e, datagram)
	switch {
	case fault != 0:
		return a.report(s, e, fault)
	case p == nil:
		a.count.parseErrors.Add(1)
		return nil
	}
	return a.answerScoped(s, e, p, len(datagram))
}

// unseal verifies, decrypts and decodes. The fault is one of usmStats; without one, nil is a message that is no SNMP inside.
func (a *Agent) unseal(s *state, e *envelope, datagram []byte) (p *gosnmp.SnmpPacket, fault int) {
	signed, encrypted := e.level()&gosnmp.AuthNoPriv != 0, e.level() == gosnmp.AuthPriv
	if !signed {
		if p, err := (&gosnmp.GoSNMP{}).SnmpDecodePacket(slices.Clone(datagram)); err == nil && !e.encrypted {
			return p, 0
		}
		return nil, 0
	}
	p, err := decoderOf(s.user, e.level()).UnmarshalTrap(slices.Clone(datagram), true)
	if err != nil && (strings.Contains(err.Error(), "not authentic") || strings.Contains(err.Error(), "msgAuthenticationParameters")) {
		return nil, wrongDigests
	}
	early := e.time - int64(s.engine.Time())
	switch {
	case e.boots != int64(s.engine.Boots) || s.engine.Boots == maxBoots || early > timeWindow || early < -timeWindow:
		return nil, notInTimeWindows
	case encrypted && (err != nil || !e.encrypted): // a text in clear that claims to be encrypted is no request of that level
		return nil, decryptionErrors
	case err != nil || e.encrypted && !encrypted:
		return nil, 0
	}
	return p, 0
}

// decoderOf is the codec for signed messages. Of its exported calls UnmarshalTrap alone verifies the signature; it takes any
// PDU.
func decoderOf(user *gosnmp.UsmSecurityParameters, level gosnmp.SnmpV3MsgFlags) *gosnmp.GoSNMP {
	return &gosnmp.GoSNMP{Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgFlags: level, SecurityParameters: user.Copy()}
}

// An answer to what nobody has signed is at most so many times as long as that, since anybody may have sent it in the name of
// whom it goes to; a short one is allowed to whatever asks, so that every object can be read.
const (
	unsignedFactor = 3
	unsignedLeast  = 512 // bytes; no variable with all that is around it needs more
)

// answerScoped answers a message of that length which is what it claims to be.
func (a *Agent) answerScoped(s *state, e *envelope, p *gosnmp.SnmpPacket, length int) []byte {
	if p.PDUType == gosnmp.GetResponse || p.PDUType == gosnmp.Report {
		a.count.unknownHandlers.Add(1) // nobody here has asked
		return nil
	}
	if p.ContextEngineID != s.engine.ID && p.ContextEngineID != "" {
		return a.reportOf(s, e, a.count.unknownHandlers.Add(1), mpdStats.Append(3, 0), e.level())
	}
	if p.ContextName != "" {
		return a.reportOf(s, e, a.count.unknownContexts.Add(1), targetGroup.Append(5, 0), e.level())
	}
	size := int(min(e.maxSize, maxMessage))
	if e.level() == gosnmp.NoAuthNoPriv {
		size = min(size, frameSize, max(unsignedLeast, unsignedFactor*length)) // its sender may be forged, and shall not be buried
	}
	var r *gosnmp.SnmpPacket
	if e.level() < s.lowest && confirmed(p.PDUType) {
		r = reply(p) // without the variables: who may not ask shall not have long answers sent to a forged address
		r.Error = gosnmp.AuthorizationError
	} else {
		var ok bool
		if r, ok = a.respond(p, min(size, frameSize)-overhead); !ok {
			return nil
		}
	}
	r.MsgID, r.MsgMaxSize, r.MsgFlags, r.SecurityModel = uint32(e.id), maxMessage, e.level(), gosnmp.UserSecurityModel
	r.ContextEngineID = s.engine.ID
	return a.fit(r, p, size, func() { r.SecurityParameters = a.signature(s) })
}

// confirmed tells whether a PDU of that kind, which an agent serves, is answered at all (RFC 3411 section 2.8).
func confirmed(kind gosnmp.PDUType) bool {
	switch kind {
	case gosnmp.GetRequest, gosnmp.GetNextRequest, gosnmp.GetBulkRequest, gosnmp.SetRequest:
		return true
	}
	return false
}

// signature is what one message, and never a second one, is signed and encrypted with: boots, time and salt make the
// vector of the cipher (RFC 3826 section 3.1.2.1).
func (a *Agent) signature(s *state) *gosnmp.UsmSecurityParameters {
	u := s.user.Copy().(*gosnmp.UsmSecurityParameters)
	u.AuthoritativeEngineBoots, u.AuthoritativeEngineTime = s.engine.Boots, s.engine.Time()
	u.PrivacyParameters = a.nextSalt()
	return u
}

// nextSalt is one that no message of this process has had.
func (a *Agent) nextSalt() []byte { return binary.BigEndian.AppendUint64(nil, a.salt.Add(1)) }

// report counts a fault, and tells the sender if it wants to hear of it. Only who could sign is told of the time in a
// signed report: without that, everybody could set its clock.
func (a *Agent) report(s *state, e *envelope, fault int) []byte {
	n := a.count.security[fault].Add(1)
	level := gosnmp.NoAuthNoPriv
	if fault == notInTimeWindows {
		level = gosnmp.AuthNoPriv
	}
	return a.reportOf(s, e, n, usmStats.Append(uint32(fault), 0), level)
}

func (a *Agent) reportOf(s *state, e *envelope, n uint64, object OID, level gosnmp.SnmpV3MsgFlags) []byte {
	if !e.reportable() {
		return nil
	}
	u := a.signature(s)
	if level == gosnmp.NoAuthNoPriv {
		u.UserName = e.user
	}
	r := &gosnmp.SnmpPacket{Version: gosnmp.Version3, MsgID: uint32(e.id), MsgMaxSize: maxMessage, MsgFlags: level,
		SecurityModel: gosnmp.UserSecurityModel, SecurityParameters: u, ContextEngineID: s.engine.ID, PDUType: gosnmp.Report,
		Variables: []gosnmp.SnmpPDU{pduOf(Variable{object, Counter32(n)})}}
	b, err := r.MarshalMsg()
	if err != nil {
		return nil
	}
	return b
}

// sayForeign tells that somebody means another engine.
func (a *Agent) sayForeign(e *envelope, s *state, from netip.AddrPort) {
	if e.engineID != "" {
		a.say(&a.said.foreign, fmt.Errorf("%s asks for the SNMP engine %x, which is not this one (%x): it has an older id of this gateway, or means another", from, e.engineID, s.engine.ID))
	}
}
