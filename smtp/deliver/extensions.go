package deliver

import (
	"bytes"
	"strconv"
	"strings"
)

// extensions is what a peer's answer to EHLO offers.
type extensions struct {
	pipelining bool
	eightBit   bool
	utf8       bool
	dsn        bool
	startTLS   bool
	binary     bool // BINARYMIME together with CHUNKING (RFC 3030)
	requireTLS bool
	size       int64 // the largest message taken, 0: not said
	rcptMax    int   // RFC 9422, 0: not said
	mailMax    int
}

// parseExtensions reads the reply to EHLO; its first line is the peer's name.
func parseExtensions(r *reply) extensions {
	var x extensions
	var binary, chunking bool
	_, rest, _ := bytes.Cut(r.text, []byte{'\n'})
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		keyword, parameters, _ := strings.Cut(strings.ToUpper(string(bytes.TrimSpace(line))), " ")
		switch keyword {
		case "PIPELINING":
			x.pipelining = true
		case "8BITMIME":
			x.eightBit = true
		case "SMTPUTF8":
			x.utf8 = true
		case "DSN":
			x.dsn = true
		case "STARTTLS":
			x.startTLS = true
		case "BINARYMIME":
			binary = true
		case "CHUNKING":
			chunking = true
		case "REQUIRETLS":
			x.requireTLS = true
		case "SIZE":
			if n, err := strconv.ParseInt(strings.TrimSpace(parameters), 10, 64); err == nil && n > 0 {
				x.size = n
			}
		case "LIMITS":
			x.limits(parameters)
		}
	}
	x.binary = binary && chunking
	return x
}

func (x *extensions) limits(parameters string) {
	for _, p := range strings.Fields(parameters) {
		name, value, _ := strings.Cut(p, "=")
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			continue
		}
		switch name {
		case "RCPTMAX":
			x.rcptMax = n
		case "MAILMAX":
			x.mailMax = n
		}
	}
}
