package receive

import (
	"strings"
	"unicode/utf8"

	"postern/engine"
)

// maxDomain is the longest name that a client may give for itself.
const maxDomain = 255

// mailbox is an address as engine.NormalMailbox gives it.
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

// parseMailbox reads a mailbox. Without a domain its domain is "".
func parseMailbox(s string) (m mailbox, ok bool) {
	m.utf8 = strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
	m.local, m.domain, ok = engine.NormalMailbox(s)
	return m, ok
}
