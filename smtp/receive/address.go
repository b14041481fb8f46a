package receive

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The longest local part and domain that are taken. RFC 5321 section 4.5.3.1 would allow 64 octets of local part; return
// paths in use are longer.
const (
	maxLocal  = 255
	maxDomain = 255
	maxLabel  = 63
)

// mailbox is an address: the local part as the client wrote it (quoted where RFC 5321 asks for it), the domain in lower
// case and in A-labels, or an address literal in its brackets.
type mailbox struct {
	local, domain string
	utf8          bool // it was written with non-ASCII characters
}

func (m mailbox) String() string {
	if m.domain == "" {
		return m.local
	}
	return m.local + "@" + m.domain
}

// parseMailbox reads a mailbox (RFC 5321 section 4.1.2, RFC 6531). Without a domain its domain is "".
func parseMailbox(s string) (m mailbox, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			m.utf8 = true
			break
		}
	}
	if m.utf8 && !utf8.ValidString(s) {
		return m, false
	}
	local, domain := s, ""
	if at := strings.LastIndexByte(s, '@'); at >= 0 && !endsQuoted(s) {
		local, domain = s[:at], s[at+1:]
		if m.domain, ok = parseDomain(domain); !ok {
			return m, false
		}
	}
	m.local, ok = parseLocal(local)
	return m, ok
}

// endsQuoted tells whether s is nothing but a quoted string, so that an @ within it is no separator.
func endsQuoted(s string) bool {
	return len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"'
}

// parseLocal checks a local part. One that is neither a dot-string nor a quoted string but would be harmless in quotes
// (two dots in a row, a dot at the end, both in use in the world) gets them.
func parseLocal(s string) (string, bool) {
	if s == "" || len(s) > maxLocal {
		return "", false
	}
	if s[0] == '"' {
		return s, quotedString(s)
	}
	dots := s[0] == '.' || s[len(s)-1] == '.'
	for i := 0; i < len(s); i++ {
		if s[i] == '.' {
			dots = dots || i > 0 && s[i-1] == '.'
		} else if !atext(s[i]) {
			return "", false
		}
	}
	if dots {
		return `"` + s + `"`, true
	}
	return s, true
}

// quotedString checks RFC 5321's Quoted-string.
func quotedString(s string) bool {
	if len(s) < 3 || s[len(s)-1] != '"' {
		return false
	}
	for i := 1; i < len(s)-1; i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
			if i == len(s)-1 || s[i] < ' ' || s[i] > '~' {
				return false
			}
		case c == '"' || c < ' ' || c == 0x7f:
			return false
		}
	}
	return true
}

func atext(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c >= utf8.RuneSelf:
		return true
	}
	return strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// parseDomain checks a domain or an address literal and writes it in the one way that is compared.
func parseDomain(s string) (string, bool) {
	if s == "" || len(s) > maxDomain {
		return "", false
	}
	if s[0] == '[' {
		return parseLiteral(s)
	}
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			ascii, err := idna.Lookup.ToASCII(s)
			if err != nil || len(ascii) > maxDomain {
				return "", false
			}
			s = ascii
			break
		}
	}
	label := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '.':
			if label == 0 {
				return "", false
			}
			label = 0
			continue
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-' && label > 0:
		default:
			return "", false
		}
		if label++; label > maxLabel {
			return "", false
		}
	}
	return strings.ToLower(s), label > 0
}

// parseLiteral reads [192.0.2.1] and [IPv6:2001:db8::1] (RFC 5321 section 4.1.3).
func parseLiteral(s string) (string, bool) {
	if len(s) < 3 || s[len(s)-1] != ']' {
		return "", false
	}
	inner := s[1 : len(s)-1]
	six, tagged := cutFold(inner, "IPv6:")
	a, err := netip.ParseAddr(six)
	if err != nil || a.Zone() != "" || a.Is4() == tagged {
		return "", false
	}
	if tagged {
		return "[IPv6:" + a.String() + "]", true
	}
	return "[" + a.String() + "]", true
}
