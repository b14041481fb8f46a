package projections

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLogText is how many octets of one text from outside go into a line; what is longer is cut and ends in "...".
const maxLogText = 2048

const hexDigits = "0123456789abcdef"

// appendQuoted appends s as Python's repr writes a string: single quotes, or double quotes when the text holds a single
// quote and no double one; backslash and the quote escaped; control and format characters, and octets that are no UTF-8,
// as escapes. Printable characters of any script stay.
func appendQuoted(dst []byte, s string) []byte {
	quote := byte('\'')
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		quote = '"'
	}
	dst = append(dst, quote)
	dst = appendEscaped(dst, s, quote)
	return append(dst, quote)
}

// appendPlain appends s without quotes: only what could break the line, or deceive a terminal, is escaped.
func appendPlain(dst []byte, s string) []byte { return appendEscaped(dst, s, 0) }

// appendEscaped escapes s; with a quote, backslashes and that quote too.
func appendEscaped(dst []byte, s string, quote byte) []byte {
	s, isCut := cutText(s)
	from := 0 // what stands from here to i needs no escape
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f && (quote == 0 || c != '\\' && c != quote) {
			i++
			continue
		}
		r, n := rune(c), 1
		if c >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
			if n > 1 && unicode.IsPrint(r) {
				i += n
				continue
			}
			if n == 1 {
				r = rune(c)
			}
		}
		dst = append(dst, s[from:i]...)
		dst = appendEscape(dst, r)
		i += n
		from = i
	}
	dst = append(dst, s[from:]...)
	if isCut {
		dst = append(dst, "..."...)
	}
	return dst
}

func appendEscape(dst []byte, r rune) []byte {
	switch {
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r == '\t':
		return append(dst, `\t`...)
	case r >= ' ' && r < 0x7f: // a backslash or the quote
		return append(dst, '\\', byte(r))
	case r < 0x100:
		return append(dst, '\\', 'x', hexDigits[r>>4], hexDigits[r&15])
	case r < 0x10000:
		return appendHex(append(dst, `\u`...), r, 4)
	}
	return appendHex(append(dst, `\U`...), r, 8)
}

func appendHex(dst []byte, r rune, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[r>>shift&15])
	}
	return dst
}

// cutText bounds a text, not in the midst of a character.
func cutText(s string) (string, bool) {
	if len(s) <= maxLogText {
		return s, false
	}
	end := maxLogText
	for end > maxLogText-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end], true
}
