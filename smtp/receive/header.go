package receive

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"postern/engine/config"
)

// header is what is read of a message's header.
type header struct {
	messageID string // with its angle brackets
	subject   string // raw, unfolded
	received  int
	date      bool
	missing   bool // the content does not begin with a header field
	fields    int
}

// maxRemembered bounds what is kept of a field.
const maxRemembered = 1 << 10

// readHeader reads the header at the beginning of b, which may end before the header does.
func readHeader(b []byte) (h header) {
	h.missing = len(b) == 0
	for len(b) > 0 {
		field, rest := cutField(b)
		if len(field) <= 2 && len(bytes.TrimRight(field, "\r\n")) == 0 {
			break
		}
		name, value, ok := bytes.Cut(field, []byte{':'})
		name = bytes.TrimRight(name, " \t")
		if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t\r\n") {
			h.missing = h.fields == 0
			break
		}
		h.fields++
		h.note(name, value)
		b = rest
	}
	return h
}

// cutField takes the first field with its folded lines off b.
func cutField(b []byte) (field, rest []byte) {
	end := 0
	for {
		i := bytes.IndexByte(b[end:], '\n')
		if i < 0 {
			return b, nil
		}
		end += i + 1
		if end == len(b) || b[end] != ' ' && b[end] != '\t' {
			return b[:end], b[end:]
		}
		if end <= 2 { // the empty line: what follows is body
			return b[:end], b[end:]
		}
	}
}

func (h *header) note(name, value []byte) {
	switch len(name) {
	case 4:
		h.date = h.date || bytes.EqualFold(name, []byte("Date"))
	case 7:
		if h.subject == "" && bytes.EqualFold(name, []byte("Subject")) {
			h.subject = unfold(value)
		}
	case 8:
		if bytes.EqualFold(name, []byte("Received")) {
			h.received++
		}
	case 10:
		if h.messageID == "" && bytes.EqualFold(name, []byte("Message-ID")) {
			h.messageID = unfold(value)
		}
	}
}

// unfold makes one bounded line of a field's value. Control characters become spaces.
func unfold(value []byte) string {
	value = bytes.TrimSpace(value)
	out := make([]byte, 0, min(len(value), maxRemembered))
	for _, b := range value {
		if b == '\r' || b == '\n' {
			continue
		}
		if b < ' ' && b != '\t' || b == 0x7f {
			b = ' '
		}
		if out = append(out, b); len(out) == maxRemembered {
			break
		}
	}
	return strings.ToValidUTF8(string(out), "?")
}

// appendTrace appends our header fields: Received (RFC 5321 section 4.4), and on a private listener what a client may leave
// to its relay (RFC 6409 section 8).
func (c *conversation) appendTrace(b []byte, h *header) []byte {
	now := c.server.Now()
	b = c.appendReceived(b, now)
	if c.policy.Kind == config.Private {
		if !h.date {
			b = append(b, "Date: "...)
			b = now.AppendFormat(b, time.RFC1123Z)
			b = append(b, crlf...)
		}
		if h.messageID == "" {
			at := len(b)
			b = append(b, "Message-ID: <"...)
			b = now.UTC().AppendFormat(b, "20060102150405.000000.")
			b = strconv.AppendUint(b, uint64(c.transaction.mid), 10)
			b = append(b, '@')
			b = append(b, c.host...)
			b = append(b, ">\r\n"...)
			h.messageID = string(b[at+len("Message-ID: ") : len(b)-2])
		}
	}
	if h.missing {
		b = append(b, crlf...)
	}
	return b
}

func (c *conversation) appendReceived(b []byte, now time.Time) []byte {
	b = append(b, "Received: from "...)
	b = appendSafe(b, c.hello)
	b = append(b, " ("...)
	if c.reverse.name != "" {
		b = append(b, c.reverse.name...)
		b = append(b, ' ')
	}
	b = append(b, '[')
	if c.client.address.Is6() {
		b = append(b, "IPv6:"...)
	}
	if c.client.address.IsValid() {
		b = c.client.address.AppendTo(b)
	}
	b = append(b, "])\r\n\tby "...)
	b = append(b, c.host...)
	b = append(b, " with "...)
	b = append(b, c.with()...)
	b = append(b, " id "...)
	b = strconv.AppendUint(b, uint64(c.transaction.mid), 10)
	if c.protocol != "" {
		b = append(b, "\r\n\t(using "...)
		b = append(b, c.protocol...)
		b = append(b, " with cipher "...)
		b = append(b, c.cipher...)
		b = append(b, ')')
	}
	b = append(b, ";\r\n\t"...)
	b = now.AppendFormat(b, time.RFC1123Z)
	return append(b, crlf...)
}

// with is the protocol's registered name (RFC 3848, RFC 6531 section 4.3).
func (c *conversation) with() string {
	switch {
	case c.transaction.parameters.smtpUTF8 && c.protocol != "":
		return "UTF8SMTPS"
	case c.transaction.parameters.smtpUTF8:
		return "UTF8SMTP"
	case c.protocol != "":
		return "ESMTPS"
	case c.extended:
		return "ESMTP"
	}
	return "SMTP"
}

// appendSafe appends a client's name; what has a meaning in a header becomes a question mark.
func appendSafe(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._:[]", c) >= 0:
			b = append(b, c)
		default:
			b = append(b, '?')
		}
	}
	return b
}
