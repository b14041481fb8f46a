package snmp

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/netip"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gosnmp/gosnmp"
)

// Answer gives the reply to one datagram, nil for none. Whatever the datagram is, it costs a bounded amount of work, is
// counted, and leaves nothing behind.
func (a *Agent) Answer(datagram []byte, from netip.AddrPort) (reply []byte) {
	s := a.inForce.Load()
	if s == nil || !s.enabled {
		return nil
	}
	if !a.limits.admit(from.Addr(), time.Now()) {
		a.count.limited.Add(1)
		a.sayLimited(from)
		return nil
	}
	a.count.inPkts.Add(1)
	defer func() {
		if r := recover(); r != nil { // the codec's fault; the datagram is the only one that suffers
			a.count.panics.Add(1)
			a.say(&a.said.panic, fmt.Errorf("a datagram of %s was too much for the SNMP agent: %v\n%s", from, r, debug.Stack()))
			reply = nil
		}
		if reply != nil {
			a.count.outPkts.Add(1)
		}
	}()
	version, message, ok := openVersion(datagram)
	switch {
	case !ok || len(datagram) > maxMessage:
		a.count.parseErrors.Add(1)
	case version == int64(gosnmp.Version3):
		return a.answerSecured(s, datagram, message, from)
	case (version == int64(gosnmp.Version1) || version == int64(gosnmp.Version2c)) && s.document.SNMP.V1V2c:
		return a.answerCommunity(s, datagram, from)
	default:
		a.count.badVersions.Add(1)
	}
	return nil
}

// answerCommunity answers versions 1 and 2c. Who does not know the community, or asks from elsewhere, hears nothing.
func (a *Agent) answerCommunity(s *state, datagram []byte, from netip.AddrPort) []byte {
	p, err := (&gosnmp.GoSNMP{}).SnmpDecodePacket(slices.Clone(datagram)) // it writes into what it reads
	if p == nil || err != nil && p.Community == "" {
		a.count.parseErrors.Add(1)
		return nil
	}
	given := sha256.Sum256([]byte(p.Community)) // of one length, so that the time tells nothing
	known := subtle.ConstantTimeCompare(given[:], s.community[:]) == 1
	if !known || !s.document.SNMP.MayAskSNMP(from.Addr()) {
		a.count.badCommunities.Add(1)
		return nil
	}
	if err != nil {
		a.count.parseErrors.Add(1)
		return nil
	}
	r, ok := a.respond(p, frameSize-overhead-len(p.Community))
	if !ok {
		return nil
	}
	r.Community = p.Community
	return a.fit(r, p, maxMessage, func() {})
}
