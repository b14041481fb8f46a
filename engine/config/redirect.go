package config

import (
	"errors"
	"fmt"
	"strings"
)

// maxRedirectTarget is a little more than a domain of 253, brackets and a port take.
const maxRedirectTarget = 270

// CanonicalTarget reads what an operator wants mail redirected to: a host or an address, in brackets or not, with a port or
// not. It gives the name of the destination that the mail then stands at, in the one form that is compared:
//
//	example2.com          as mail for that domain: its smtp_route, else its exchangers, else its addresses
//	[192.0.2.1]           as mail for that address literal; also [IPv6:2001:db8::1]
//	[example2.com]        the addresses of the host, whatever exchangers or routes it has
//	example2.com:2526     that port, without a look at routes; also [example2.com]:2526
//	192.0.2.1:2526        also [2001:db8::1]:2526
//
// The canonical form of a canonical form is itself. The error is a sentence for the operator.
func CanonicalTarget(s string) (destination string, err error) {
	s = strings.TrimSpace(s)
	if err := refuseTarget(s); err != nil {
		return "", err
	}
	text, tagged := s, len(s) > 6 && strings.EqualFold(s[:6], "[IPv6:")
	if tagged {
		text = "[" + s[6:]
	}
	if !strings.HasPrefix(text, "[") {
		text = strings.TrimSuffix(text, ".")
	}
	t, err := ParseTarget(text)
	if err != nil || tagged && !t.Address.Is6() || t.Address.Zone() != "" || isNumeric(t.Host) {
		return "", fmt.Errorf("%s is neither a host nor an address that mail can be sent to; "+
			"allowed are host, host:port, [host], 192.0.2.1, 192.0.2.1:port, [2001:db8::1] and [2001:db8::1]:port", quoted(s))
	}
	if t.Kind == TargetAddress && t.Port == 0 {
		return literalOf(t), nil
	}
	return t.String(), nil
}

// refuseTarget says what is wrong with words that stand for no host.
func refuseTarget(s string) error {
	switch {
	case s == "":
		return errors.New("the host to redirect to is missing")
	case len(s) > maxRedirectTarget:
		return fmt.Errorf("a text of %d characters is not the name of a host", len(s))
	case s == "/dev/null":
		return errors.New("/dev/null is not a host: mail that is not wanted is deleted, not redirected")
	case strings.EqualFold(s, "USEDNS"), strings.EqualFold(s, all):
		return fmt.Errorf("%s names no host: it is a word of smtp_route; give the host or the address to redirect to", quoted(s))
	case strings.Contains(s, "@"):
		return fmt.Errorf("%s is an address of somebody: give the host only; recipients stay who they are", quoted(s))
	}
	return nil
}

// isNumeric tells whether a name ends in a number, as only a mistyped address does (RFC 3696 section 2).
func isNumeric(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return host != "" && strings.Trim(last, "0123456789") == ""
}

// literalOf writes an address as mail for it has it (RFC 5321 section 4.1.3).
func literalOf(t Target) string {
	if t.Address.Is6() {
		return "[IPv6:" + t.Address.String() + "]"
	}
	return "[" + t.Address.String() + "]"
}

// TargetRoute is the route that an attempt to a destination goes by: the same text where the destination is a redirect's
// target that says more than a domain or an address does, a port or "addresses only", else "".
func TargetRoute(destination string) string {
	if strings.IndexByte(destination, ':') < 0 && !strings.HasPrefix(destination, "[") {
		return ""
	}
	if t, err := ParseTarget(destination); err == nil && (t.Port != 0 || t.Kind == TargetHost) {
		return destination
	}
	return ""
}
