package config

import (
	"errors"
	"strings"
)

// minMemory is a little more than what an idle gateway takes, in megabytes.
const minMemory = 128

// maxAlerted bounds who gets alerts: each one is a recipient of every alert.
const maxAlerted = 100

func (r *reader) alerts(d *Document) {
	a := &d.Alerts
	if len(a.To) > maxAlerted {
		r.fail("alerts.to", "has %d addresses; at most %d are allowed", len(a.To), maxAlerted)
		return
	}
	seen := map[string]bool{}
	for i, s := range a.To {
		at := element("alerts.to", i)
		address, err := normalAddress(s)
		switch {
		case r.failed[at]:
		case err != nil:
			r.fail(at, "%s %v", quoted(s), err)
		case seen[address]:
			r.fail(at, "%s stands here twice", quoted(address))
		default:
			seen[address] = true
			a.To[i] = address
		}
	}
	if a.From == "" {
		return
	}
	if address, err := normalAddress(a.From); err != nil {
		r.fail("alerts.from", `%s %v; "" is the null sender`, quoted(a.From), err)
	} else {
		a.From = address
	}
}

var errAddress = errors.New(`is not a mail address; allowed is a name of letters, digits and signs such as - . _ +, and behind an @ a domain or an address literal`)

// normalAddress reads a mail address whose local part needs no quotes (RFC 5321 section 4.1.2, Dot-string).
func normalAddress(s string) (string, error) {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || len(local) > 64 || !isDotString(local) {
		return "", errAddress
	}
	normal := normalDomain
	if strings.HasPrefix(domain, "[") {
		normal = normalLiteral
	}
	domain, err := normal(domain)
	if err != nil {
		return "", errAddress
	}
	return local + "@" + domain, nil
}

func isDotString(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false
		}
		for i := range len(atom) {
			c := atom[i]
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", rune(c)) {
				return false
			}
		}
	}
	return true
}
