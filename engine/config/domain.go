package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const domainForm = "letters, digits and hyphens in labels of at most 63, parted by dots, at most 253 in all"

var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false))

// normalDomain gives a domain name in lower case and in its ASCII form (RFC 5890), or says what is wrong with it.
// Underscores are let through: they stand in names of hosts that exist.
func normalDomain(s string) (string, error) {
	ascii, err := asciiDomain(s)
	if err != nil {
		return "", errors.New("is not a domain name; allowed are " + domainForm)
	}
	if _, err := netip.ParseAddr(ascii); err == nil {
		return "", fmt.Errorf("is an address, not a domain name; an address is written as [%s]", ascii)
	}
	if len(ascii) > 253 {
		return "", errors.New("is not a domain name; allowed are " + domainForm)
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if !isLabel(label) {
			return "", errors.New("is not a domain name; allowed are " + domainForm)
		}
	}
	return ascii, nil
}

// asciiDomain is what lookups compare: lower case, and the A-labels of a domain that is not ASCII. It allocates nothing
// for a domain that is in that form already.
func asciiDomain(s string) (string, error) {
	for i := range len(s) {
		if s[i] >= 0x80 && !utf8.ValidString(s) {
			return "", errors.New("is not UTF-8")
		}
		if s[i] >= 0x80 {
			return toASCII.ToASCII(s)
		}
	}
	return strings.ToLower(s), nil
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// normalPattern reads what names domains: ALL, example.com, .example.com for its sub-domains, or an address literal.
func normalPattern(s string) (string, error) {
	switch {
	case strings.EqualFold(s, all):
		return all, nil
	case strings.HasPrefix(s, "["):
		return normalLiteral(s)
	case strings.HasPrefix(s, "."):
		d, err := normalDomain(s[1:])
		return "." + d, err
	}
	return normalDomain(s)
}

// normalLiteral reads an address literal (RFC 5321 section 4.1.3).
func normalLiteral(s string) (string, error) {
	inside, ok := strings.CutPrefix(s, "[")
	inside, closed := strings.CutSuffix(inside, "]")
	v6 := len(inside) > 5 && strings.EqualFold(inside[:5], "ipv6:")
	if v6 {
		inside = inside[5:]
	}
	addr, err := netip.ParseAddr(inside)
	if !ok || !closed || err != nil || addr.Zone() != "" || v6 && !addr.Is6() {
		return "", errors.New("is not an address literal; allowed are [192.0.2.1] and [IPv6:2001:db8::1]")
	}
	if addr.Is6() {
		return "[ipv6:" + addr.String() + "]", nil
	}
	return "[" + addr.String() + "]", nil
}
