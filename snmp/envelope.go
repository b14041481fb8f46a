package snmp

import (
	"github.com/gosnmp/gosnmp"
)

// envelope is what a datagram says before anything is decrypted. The codec reads the same bytes, but generously: it cuts
// numbers, and takes a text in clear for an encrypted one. What it is given has passed here.
type envelope struct { // of version 3: RFC 3412 section 6, RFC 3414 section 2.4
	id, maxSize, model int64
	flags              byte
	engineID           string
	boots, time        int64
	user               string
	auth, salt         []byte
	encrypted          bool // the scoped PDU is
}

// The limits of what a message says of itself.
const (
	minMaxSize    = 484 // RFC 3412 section 6.3
	maxUserName   = 32  // RFC 3414 section 5, usmUserName
	maxEngineID   = 32
	maxParameters = 64 // octets of a signature or salt; ours have 12 and 8
)

// level is the security that the message claims.
func (e *envelope) level() gosnmp.SnmpV3MsgFlags {
	return gosnmp.SnmpV3MsgFlags(e.flags) & gosnmp.AuthPriv
}

// reportable tells whether the sender wants to hear what is wrong with it.
func (e *envelope) reportable() bool { return gosnmp.SnmpV3MsgFlags(e.flags)&gosnmp.Reportable != 0 }

// openVersion reads the outermost sequence, which must be the whole datagram, and the version in it.
func openVersion(datagram []byte) (version int64, rest []byte, ok bool) {
	tag, content, behind, ok := element(datagram)
	if !ok || tag != tagSequence || len(behind) > 0 {
		return 0, nil, false
	}
	return integer(content)
}

// openHeader reads the header of version 3, and gives the security parameters and what follows them.
func (e *envelope) openHeader(message []byte) (parameters, rest []byte, ok bool) {
	tag, header, rest, ok := element(message)
	if !ok || tag != tagSequence {
		return nil, nil, false
	}
	var ok1, ok2, ok3, ok4 bool
	var flags []byte
	e.id, header, ok1 = integer(header)
	e.maxSize, header, ok2 = integer(header)
	flags, header, ok3 = octets(header)
	e.model, header, ok4 = integer(header)
	if !(ok1 && ok2 && ok3 && ok4) || len(header) > 0 || len(flags) != 1 || !isCount(e.id) || e.maxSize < minMaxSize || !isCount(e.maxSize) || e.model < 1 || !isCount(e.model) {
		return nil, nil, false
	}
	e.flags = flags[0]
	parameters, rest, ok = octets(rest)
	return parameters, rest, ok
}

// openSecurity reads the parameters of the user-based security model, and looks at how the rest begins.
func (e *envelope) openSecurity(parameters, rest []byte) bool {
	tag, p, behind, ok := element(parameters)
	if !ok || tag != tagSequence || len(behind) > 0 {
		return false
	}
	var ok1, ok2, ok3, ok4, ok5, ok6 bool
	var engineID, user []byte
	engineID, p, ok1 = octets(p)
	e.boots, p, ok2 = integer(p)
	e.time, p, ok3 = integer(p)
	user, p, ok4 = octets(p)
	e.auth, p, ok5 = octets(p)
	e.salt, p, ok6 = octets(p)
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) || len(p) > 0 || !isCount(e.boots) || !isCount(e.time) ||
		len(engineID) > maxEngineID || len(user) > maxUserName || len(e.auth) > maxParameters || len(e.salt) > maxParameters {
		return false
	}
	e.engineID, e.user = string(engineID), string(user)
	tag, _, behind, ok = element(rest)
	e.encrypted = tag == tagOctetString
	return ok && len(behind) == 0 && (e.encrypted || tag == tagSequence)
}

// The tags of ASN.1 that an envelope is made of.
const (
	tagInteger     = 0x02
	tagOctetString = 0x04
	tagSequence    = 0x30
)

// element splits the first element off: a tag of one octet and a definite length (RFC 3417 section 8).
func element(b []byte) (tag byte, content, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	n, at := int(b[1]), 2
	if n >= 0x80 {
		octets := n - 0x80
		if octets == 0 || octets > 4 || len(b) < at+octets {
			return 0, nil, nil, false
		}
		n = 0
		for _, c := range b[at : at+octets] {
			n = n<<8 | int(c)
		}
		at += octets
	}
	if n > len(b)-at {
		return 0, nil, nil, false
	}
	return b[0], b[at : at+n], b[at+n:], true
}

// integer splits a number of at most 32 bits off.
func integer(b []byte) (n int64, rest []byte, ok bool) {
	tag, content, rest, ok := element(b)
	if !ok || tag != tagInteger || len(content) == 0 || len(content) > 5 {
		return 0, nil, false
	}
	n = int64(int8(content[0]))
	for _, c := range content[1:] {
		n = n<<8 | int64(c)
	}
	return n, rest, true
}

func octets(b []byte) (content, rest []byte, ok bool) {
	tag, content, rest, ok := element(b)
	return content, rest, ok && tag == tagOctetString
}

// isCount tells whether a number is from 0 to 2^31-1, as all of an envelope are.
func isCount(n int64) bool { return n >= 0 && n <= 1<<31-1 }
