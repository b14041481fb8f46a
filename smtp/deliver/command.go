package deliver

import (
	"fmt"
	"strconv"
	"strings"

	"postern/journal"
)

// appendMail writes MAIL with the parameters that the peer knows and the message calls for.
func (conn *connection) appendMail(b []byte, m *journal.MessageInjected) []byte {
	b = append(b, "MAIL FROM:<"...)
	b = append(b, m.Sender...)
	b = append(b, '>')
	if conn.ext.size > 0 && m.Size > 0 {
		b = strconv.AppendInt(append(b, " SIZE="...), m.Size, 10)
	}
	switch {
	case m.Form == journal.Body8Bit && conn.ext.eightBit:
		b = append(b, " BODY=8BITMIME"...)
	case m.Form == journal.BodyBinary && conn.ext.binary:
		b = append(b, " BODY=BINARYMIME"...)
	}
	if conn.ext.utf8 && needsUTF8(m) {
		b = append(b, " SMTPUTF8"...)
	}
	if m.RequireTLS && conn.ext.requireTLS {
		b = append(b, " REQUIRETLS"...)
	}
	if conn.ext.dsn {
		switch m.Return {
		case journal.ReturnFull:
			b = append(b, " RET=FULL"...)
		case journal.ReturnHeaders:
			b = append(b, " RET=HDRS"...)
		}
		if id := xtext(m.EnvID); id != "" && len(id) <= 100 {
			b = append(append(b, " ENVID="...), id...)
		}
	}
	return append(b, '\r', '\n')
}

// appendRecipient writes RCPT.
func (conn *connection) appendRecipient(b []byte, r *journal.InjectedRecipient) []byte {
	b = append(b, "RCPT TO:<"...)
	b = append(b, r.Local...)
	if r.Domain != "" {
		b = append(append(b, '@'), r.Domain...)
	}
	b = append(b, '>')
	if conn.ext.dsn {
		b = appendNotify(b, r.Notify)
		if o := originalRecipient(r.ORcpt); o != "" && len(o) <= 500 {
			b = append(append(b, " ORCPT="...), o...)
		}
	}
	return append(b, '\r', '\n')
}

func appendNotify(b []byte, n journal.Notify) []byte {
	if n == 0 {
		return b
	}
	b = append(b, " NOTIFY="...)
	if n&journal.NotifyNever != 0 {
		return append(b, "NEVER"...)
	}
	comma := false
	for _, m := range [...]struct {
		member journal.Notify
		name   string
	}{{journal.NotifySuccess, "SUCCESS"}, {journal.NotifyFailure, "FAILURE"}, {journal.NotifyDelay, "DELAY"}} {
		if n&m.member != 0 {
			if comma {
				b = append(b, ',')
			}
			b, comma = append(b, m.name...), true
		}
	}
	return b
}

// xtext encodes a parameter's value (RFC 3461 4). Empty when it has bytes that xtext cannot carry honestly.
func xtext(s string) string {
	if plainXtext(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 0x80:
			return ""
		case c > ' ' && c < 0x7f && c != '+' && c != '=':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "+%02X", c)
		}
	}
	return b.String()
}

func plainXtext(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '+' || c == '=' {
			return false
		}
	}
	return true
}

// originalRecipient encodes ORCPT: the type, and the address as xtext. A UTF-8 address is written as
// utf-8-addr-xtext (RFC 6533 3), which every peer that knows DSN can carry.
func originalRecipient(orcpt string) string {
	kind, addr, ok := strings.Cut(orcpt, ";")
	if !ok || kind == "" || !plainXtext(kind) || isNonASCII(kind) {
		return ""
	}
	if isNonASCII(addr) {
		if !strings.EqualFold(kind, "utf-8") {
			return ""
		}
		var b strings.Builder
		for _, r := range addr {
			if r < 0x80 {
				b.WriteRune(r)
			} else {
				fmt.Fprintf(&b, `\x{%X}`, r)
			}
		}
		addr = b.String()
	}
	if addr = xtext(addr); addr == "" {
		return ""
	}
	return kind + ";" + addr
}

func isNonASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return true
		}
	}
	return false
}

// needsUTF8: the sender said so, or an address leaves no choice (RFC 6531 3.4).
func needsUTF8(m *journal.MessageInjected) bool {
	if m.SMTPUTF8 || isNonASCII(m.Sender) {
		return true
	}
	for i := range m.Recipients {
		if r := &m.Recipients[i]; isNonASCII(r.Local) || isNonASCII(r.Domain) {
			return true
		}
	}
	return false
}

// isPath tells whether an address can stand between angle brackets without being anything else: no controls, and
// spaces and angle brackets in quotes only.
func isPath(s string) bool {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ' || c == 0x7f:
			return false
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			if i++; i == len(s) || s[i] < ' ' || s[i] == 0x7f {
				return false
			}
		case (c == ' ' || c == '<' || c == '>') && !quoted:
			return false
		}
	}
	return !quoted
}
