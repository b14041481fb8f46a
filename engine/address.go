package engine

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The longest local part and domain that the queue takes. RFC 5321 section 4.5.3.1 would allow 64 octets of local part;
// return paths in use are longer.
const (
	maxLocal  = 255
	maxDomain = 255
	maxLabel  = 63
)

// NormalMailbox reads a mailbox (RFC 5321 section 4.1.2, RFC 6531) and writes it in the one way in which the queue keeps
// and compares it: the local part as it came (quoted where RFC 5321 asks for it), the domain as NormalDomain has it.
// Without a domain its domain is "". ok is false for what is no mailbox.
func NormalMailbox(s string) (local, domain string, ok bool) {
	if !utf8.ValidString(s) {
		return "", "", false
	}
	local = s
	if at := strings.LastIndexByte(s, '@'); at >= 0 && !endsQuoted(s) {
		local = s[:at]
		if domain, ok = NormalDomain(s[at+1:]); !ok {
			return "", "", false
		}
	}
	local, ok = normalLocal(local)
	return local, domain, ok
}

// endsQuoted tells whether s is nothing but a quoted string, so that an @ within it is no separator.
func endsQuoted(s string) bool {
	return len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"'
}

// normalLocal checks a local part. One that is neither a dot-string nor a quoted string but would be harmless in quotes
// (two dots in a row, a dot at the end, both in use in the world) gets them.
func normalLocal(s string) (string, bool) {
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

// NormalDomain writes a domain, or an address literal in its brackets, in the one way in which the queue keeps and compares
// it: in lower case and in A-labels. ok is false for what is neither.
func NormalDomain(s string) (domain string, ok bool) {
	if s == "" || len(s) > maxDomain {
		return "", false
	}
	if s[0] == '[' {
		return normalLiteral(s)
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

// normalLiteral reads [192.0.2.1] and [IPv6:2001:db8::1] (RFC 5321 section 4.1.3).
func normalLiteral(s string) (string, bool) {
	const tag = "IPv6:"
	if len(s) < 3 || s[len(s)-1] != ']' {
		return "", false
	}
	inner := s[1 : len(s)-1]
	tagged := len(inner) >= len(tag) && strings.EqualFold(inner[:len(tag)], tag)
	if tagged {
		inner = inner[len(tag):]
	}
	a, err := netip.ParseAddr(inner)
	if err != nil || a.Zone() != "" || a.Is4() == tagged {
		return "", false
	}
	if tagged {
		return "[IPv6:" + a.String() + "]", true
	}
	return "[" + a.String() + "]", true
}
