package receive

import (
	"bytes"
	"strings"
)

// verb is a command's name, as far as it is known.
type verb uint8

const (
	verbUnknown verb = iota
	verbUnimplemented
	verbHELO
	verbEHLO
	verbMAIL
	verbRCPT
	verbDATA
	verbBDAT
	verbRSET
	verbNOOP
	verbVRFY
	verbQUIT
	verbSTARTTLS
)

// command is one line of a client, split; argument is a copy that outlives the buffer.
type command struct {
	verb     verb
	argument string
}

// malformed tells whether a line holds what no command may: NUL, a CR of its own, another control character.
func malformed(line []byte) bool {
	for _, b := range line {
		if b < ' ' && b != '\t' || b == 0x7f {
			return true
		}
	}
	return false
}

// parseCommand splits a line at its first space (RFC 5321 section 4.1.1). Trailing white space is dropped, as section
// 4.1.1 asks for.
func parseCommand(line []byte) command {
	line = bytes.TrimRight(line, " \t")
	name, argument, _ := bytes.Cut(line, []byte{' '})
	c := command{verb: verbOf(name)}
	if c.verb > verbUnimplemented && len(argument) > 0 {
		c.argument = strings.TrimLeft(string(argument), " ")
	}
	return c
}

// verbOf finds a verb without regard to case.
func verbOf(name []byte) verb {
	var upper [8]byte
	if len(name) < 4 || len(name) > len(upper) {
		return verbUnknown
	}
	for i, b := range name {
		if 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		upper[i] = b
	}
	switch string(upper[:len(name)]) {
	case "HELO":
		return verbHELO
	case "EHLO":
		return verbEHLO
	case "MAIL":
		return verbMAIL
	case "RCPT":
		return verbRCPT
	case "DATA":
		return verbDATA
	case "BDAT":
		return verbBDAT
	case "RSET":
		return verbRSET
	case "NOOP":
		return verbNOOP
	case "VRFY":
		return verbVRFY
	case "QUIT":
		return verbQUIT
	case "STARTTLS":
		return verbSTARTTLS
	case "HELP", "EXPN", "ETRN", "TURN", "ATRN", "SEND", "SOML", "SAML", "AUTH", "BURL", "XCLIENT", "XFORWARD":
		return verbUnimplemented
	}
	return verbUnknown
}

// cutFold removes a prefix without regard to (ASCII) case.
func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// path takes "<address> parameters" apart, after "FROM:" or "TO:". The address keeps its quoting and has lost its angle
// brackets and its source route (RFC 5321 section 4.1.1.3 and appendix C).
func path(argument string) (address, parameters string, ok bool) {
	s := strings.TrimLeft(argument, " ") // a space before the bracket is common and harmless
	if s == "" || s[0] != '<' {
		return "", "", false
	}
	end := closing(s)
	if end < 0 {
		return "", "", false
	}
	address, parameters = s[1:end], s[end+1:]
	if parameters != "" && parameters[0] != ' ' {
		return "", "", false
	}
	if strings.HasPrefix(address, "@") {
		route := strings.IndexByte(address, ':')
		if route < 0 {
			return "", "", false
		}
		address = address[route+1:]
	}
	return address, parameters, true
}

// closing finds the '>' of a path that begins with '<'; one within a quoted string does not count.
func closing(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if quoted {
				i++
			}
		case '"':
			quoted = !quoted
		case '>':
			if !quoted {
				return i
			}
		}
	}
	return -1
}
