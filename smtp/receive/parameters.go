package receive

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"postern/journal"
)

// mailParameters are those of MAIL that EHLO offers.
type mailParameters struct {
	size     uint64 // 0: not given
	form     journal.BodyForm
	smtpUTF8 bool
	ret      journal.Return
	envID    string
}

// rcptParameters are those of RCPT that EHLO offers.
type rcptParameters struct {
	notify journal.Notify
	orcpt  string
}

// eachParameter calls use for each KEY or KEY=VALUE in s (RFC 5321 section 4.1.2), the key in upper case. Its result is the
// refusal, "" if there is none.
func eachParameter(s string, use func(key, value string, valued bool) string) string {
	seen := make([]string, 0, 8)
	for s != "" {
		var p string
		p, s, _ = strings.Cut(strings.TrimLeft(s, " "), " ")
		if p == "" {
			continue
		}
		key, value, valued := strings.Cut(p, "=")
		key = strings.ToUpper(key)
		if key == "" || valued && (value == "" || strings.IndexByte(value, '=') >= 0) {
			return replyBadParameter
		}
		for _, k := range seen {
			if k == key {
				return replyBadParameter
			}
		}
		if len(seen) == cap(seen) {
			return replyUnknownParameter
		}
		seen = append(seen, key)
		if refusal := use(key, value, valued); refusal != "" {
			return refusal
		}
	}
	return ""
}

// parseMailParameters reads what follows MAIL's path.
func parseMailParameters(s string) (m mailParameters, refusal string) {
	if s == "" {
		return m, ""
	}
	refusal = eachParameter(s, func(key, value string, valued bool) string {
		ok := valued
		switch key {
		case "SIZE":
			var err error
			m.size, err = strconv.ParseUint(value, 10, 64)
			ok = err == nil && len(value) <= 20
		case "BODY":
			switch strings.ToUpper(value) {
			case "7BIT":
				m.form = journal.Body7Bit
			case "8BITMIME":
				m.form = journal.Body8Bit
			default:
				ok = false
			}
		case "SMTPUTF8":
			m.smtpUTF8, ok = true, !valued
		case "RET":
			switch strings.ToUpper(value) {
			case "FULL":
				m.ret = journal.ReturnFull
			case "HDRS":
				m.ret = journal.ReturnHeaders
			default:
				ok = false
			}
		case "ENVID":
			m.envID, ok = xtext(value)
			ok = ok && len(m.envID) <= 100 && printable(m.envID)
		default:
			return replyUnknownParameter
		}
		if !ok {
			return replyBadParameter
		}
		return ""
	})
	return m, refusal
}

// parseRcptParameters reads what follows RCPT's path.
func parseRcptParameters(s string, smtpUTF8 bool) (r rcptParameters, refusal string) {
	if s == "" {
		return r, ""
	}
	refusal = eachParameter(s, func(key, value string, _ bool) string {
		var ok bool
		switch key {
		case "NOTIFY":
			r.notify, ok = parseNotify(value)
		case "ORCPT":
			r.orcpt, ok = parseOriginal(value, smtpUTF8)
		default:
			return replyUnknownParameter
		}
		if !ok {
			return replyBadParameter
		}
		return ""
	})
	return r, refusal
}

// parseNotify reads RFC 3461 section 4.1.
func parseNotify(s string) (n journal.Notify, ok bool) {
	for _, word := range strings.Split(s, ",") {
		var bit journal.Notify
		switch strings.ToUpper(word) {
		case "NEVER":
			bit = journal.NotifyNever
		case "SUCCESS":
			bit = journal.NotifySuccess
		case "FAILURE":
			bit = journal.NotifyFailure
		case "DELAY":
			bit = journal.NotifyDelay
		}
		if bit == 0 || n&bit != 0 {
			return 0, false
		}
		n |= bit
	}
	return n, n&journal.NotifyNever == 0 || n == journal.NotifyNever
}

// parseOriginal reads ORCPT's type;address (RFC 3461 section 4.2, RFC 6533 section 3), decoded.
func parseOriginal(s string, smtpUTF8 bool) (string, bool) {
	kind, address, ok := strings.Cut(s, ";")
	if !ok || kind == "" || len(s) > 500 || !printable(kind) {
		return "", false
	}
	if strings.EqualFold(kind, "utf-8") {
		address, ok = utf8Xtext(address)
		if !smtpUTF8 && !ascii(address) || !utf8.ValidString(address) || hasControl(address) {
			return "", false
		}
	} else {
		address, ok = xtext(address)
		ok = ok && printable(address)
	}
	return strings.ToLower(kind) + ";" + address, ok && address != ""
}

// xtext decodes RFC 3461 section 4.
func xtext(s string) (string, bool) {
	if strings.IndexByte(s, '+') < 0 {
		return s, s != "" && ascii(s)
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '+' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), ascii(b.String())
}

// utf8Xtext decodes utf-8-addr-xtext and utf-8-addr-unitext: \x{HEX} among other characters.
func utf8Xtext(s string) (string, bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `\x{`)
		b.WriteString(before)
		if !found {
			return b.String(), strings.IndexByte(b.String(), 0) < 0
		}
		hex, rest, closed := strings.Cut(after, "}")
		n, err := strconv.ParseUint(hex, 16, 32)
		if !closed || err != nil || len(hex) > 6 || !utf8.ValidRune(rune(n)) {
			return "", false
		}
		b.WriteRune(rune(n))
		s = rest
	}
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func printable(s string) bool { return ascii(s) && !hasControl(s) }

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}
