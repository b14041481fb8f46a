package snmp

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/gosnmp/gosnmp"

	"postern/engine/config"
)

// peer is the engine of a target that confirms: for informs it is the authoritative one. Zero: it is not known.
type peer struct {
	at          netip.Addr // where it was found
	engineID    string
	boots, time uint32    // as it has told them with a signature; 0, 0: not yet
	told        time.Time // when
}

// now is what the peer's clock shows (RFC 3414 section 2.3).
func (p *peer) now() (boots, seconds uint32) {
	if p.told.IsZero() {
		return 0, 0
	}
	return p.boots, uint32(min(int64(p.time)+int64(time.Since(p.told)/time.Second), maxBoots))
}

// set takes the clock out of a message that is authentic.
func (p *peer) set(e *envelope) {
	p.boots, p.time, p.told = uint32(e.boots), uint32(e.time), time.Now()
}

// maxRounds is how often a target may tell what was wrong with an inform: it has another engine, then another time.
const maxRounds = 4

var (
	errNoAnswer  = errors.New("it does not answer informs")
	errUnsigned  = errors.New("it does not take the signature of informs: it has another user, other passphrases or another level")
	errEndless   = errors.New("it answers informs with ever new reports")
	errConfusing = errors.New("its answer to informs is none")
)

// inform sends a notification and waits until the target says that it has it.
func (m *message) inform(w waiting) error {
	if !m.secured() {
		p := packet(gosnmp.InformRequest, w)
		p.Community = m.config.Community
		if err := m.send(p); err != nil {
			return err
		}
		return m.await(func(datagram []byte) (bool, error) { return m.confirmed(p, datagram) })
	}
	if m.peer.at != m.to {
		*m.peer = peer{at: m.to}
	}
	for range maxRounds {
		if m.peer.engineID == "" {
			if err := m.discover(); err != nil {
				return err
			}
		}
		again, err := m.informSecured(w)
		if err != nil || !again {
			return err
		}
	}
	return errEndless
}

// confirmed tells whether a datagram is the answer to an inform of version 2c.
func (m *message) confirmed(p *gosnmp.SnmpPacket, datagram []byte) (bool, error) {
	r, err := decoded(&gosnmp.GoSNMP{}, datagram)
	if err != nil || r.Version != p.Version || r.Community != p.Community || r.PDUType != gosnmp.GetResponse || r.RequestID != p.RequestID {
		return false, nil // a stranger's
	}
	return true, refusedWith(r)
}

func refusedWith(r *gosnmp.SnmpPacket) error {
	if r.Error != gosnmp.NoError {
		return fmt.Errorf("it refuses informs: %v", r.Error)
	}
	return nil
}

// discover asks for the peer's engine id (RFC 3414 section 4).
func (m *message) discover() error {
	p := &gosnmp.SnmpPacket{PDUType: gosnmp.GetRequest}
	m.sign(p, &gosnmp.UsmSecurityParameters{AuthenticationProtocol: gosnmp.NoAuth, PrivacyProtocol: gosnmp.NoPriv}, "", gosnmp.NoAuthNoPriv|gosnmp.Reportable)
	if err := m.send(p); err != nil {
		return err
	}
	return m.await(func(datagram []byte) (bool, error) {
		e := replyTo(p, datagram)
		if e == nil || e.level() != gosnmp.NoAuthNoPriv || e.engineID == "" {
			return false, nil
		}
		m.peer.engineID = e.engineID
		return true, nil
	})
}

// informSecured sends the notification once, with keys that belong to the peer. again: the peer has told what it wants
// otherwise.
func (m *message) informSecured(w waiting) (again bool, err error) {
	engine := m.agent.Engine()
	if engine == nil {
		return false, errNoEngine
	}
	user, err := (&Engine{ID: m.peer.engineID}).Security(m.config)
	if err != nil {
		return false, err
	}
	user.AuthoritativeEngineBoots, user.AuthoritativeEngineTime = m.peer.now()
	p := packet(gosnmp.InformRequest, w)
	m.sign(p, user, engine.ID, levelOf(m.config)|gosnmp.Reportable)
	if err := m.send(p); err != nil {
		return false, err
	}
	err = m.await(func(datagram []byte) (done bool, err error) {
		e := replyTo(p, datagram)
		if e == nil {
			return false, nil
		}
		again, done, err = m.judge(e, p, user, datagram)
		return done, err
	})
	return again, err
}

// judge looks at what came back. What is not authentic is believed only in that the peer is another one or does not know us.
func (m *message) judge(e *envelope, p *gosnmp.SnmpPacket, user *gosnmp.UsmSecurityParameters, datagram []byte) (again, done bool, err error) {
	if e.engineID != m.peer.engineID {
		*m.peer = peer{at: m.to, engineID: e.engineID}
		return true, true, nil
	}
	r, err := openReply(user, e, datagram)
	if err != nil {
		return false, false, nil // forged, or damaged on its way
	}
	signed := e.level()&gosnmp.AuthNoPriv != 0
	if signed {
		m.peer.set(e)
	}
	switch {
	case r.PDUType == gosnmp.GetResponse && r.RequestID == p.RequestID && e.level() == p.MsgFlags&gosnmp.AuthPriv:
		return false, true, refusedWith(r)
	case r.PDUType != gosnmp.Report || len(r.Variables) == 0:
		return false, false, nil
	case signed && r.Variables[0].Name == usmStats.Append(notInTimeWindows, 0).dotted():
		return true, true, nil
	}
	return false, true, errUnsigned
}

// await hands what comes to look until that says that it is done, or the deadline ends it.
func (m *message) await(look func(datagram []byte) (done bool, err error)) error {
	buffer := make([]byte, maxMessage)
	for range maxReplies {
		n, err := m.conn.Read(buffer)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errNoAnswer
		case err != nil:
			return err
		}
		if done, err := look(buffer[:n]); done || err != nil {
			return err
		}
	}
	return errConfusing
}

// replyTo reads the envelope of a message of version 3 that has the id of a request; nil: it is none.
func replyTo(p *gosnmp.SnmpPacket, datagram []byte) *envelope {
	e := &envelope{}
	version, message, ok := openVersion(datagram)
	if !ok || version != int64(gosnmp.Version3) {
		return nil
	}
	parameters, rest, ok := e.openHeader(message)
	if !ok || e.id != int64(p.MsgID) || e.model != int64(gosnmp.UserSecurityModel) || !e.openSecurity(parameters, rest) {
		return nil
	}
	if e.encrypted != (e.level() == gosnmp.AuthPriv) {
		return nil
	}
	if _, err := config.ParseEngineID(fmt.Sprintf("%x", e.engineID)); err != nil {
		return nil
	}
	return e
}

// openReply verifies, decrypts and decodes what a peer has sent.
func openReply(user *gosnmp.UsmSecurityParameters, e *envelope, datagram []byte) (*gosnmp.SnmpPacket, error) {
	if e.level() == gosnmp.NoAuthNoPriv {
		return decoded(&gosnmp.GoSNMP{}, datagram)
	}
	if e.level() > gosnmp.AuthNoPriv && user.PrivacyProtocol == gosnmp.NoPriv || user.AuthenticationProtocol == gosnmp.NoAuth {
		return nil, errConfusing
	}
	return decoded(decoderOf(user, e.level()), datagram)
}

// decoded runs the codec over a stranger's bytes, which it writes into.
func decoded(decoder *gosnmp.GoSNMP, datagram []byte) (p *gosnmp.SnmpPacket, err error) {
	defer func() {
		if r := recover(); r != nil { // the codec's fault
			p, err = nil, fmt.Errorf("the codec: %v", r)
		}
	}()
	if decoder.Version == gosnmp.Version3 {
		return decoder.UnmarshalTrap(slices.Clone(datagram), true)
	}
	return decoder.SnmpDecodePacket(slices.Clone(datagram))
}
