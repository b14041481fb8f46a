package config

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// TargetKind is how a route's target is reached.
type TargetKind uint8

// The kinds of targets.
const (
	TargetMX      TargetKind = iota + 1 // host, host:port: the MX records of Host, else its addresses
	TargetHost                          // [host], [host]:port: the addresses of Host, never its MX records
	TargetAddress                       // 192.0.2.1, [2001:db8::1]:26: Address itself
	TargetUseDNS                        // USEDNS: as if there were no route
	TargetNull                          // /dev/null: the mail is dropped
)

// Target is one place that a route sends mail to.
type Target struct {
	Kind    TargetKind
	Host    string     // lower case
	Address netip.Addr // TargetAddress only
	Port    uint16     // 0: the port of [delivery]
}

const targetForm = `host, [host], host:port, [host]:port, 192.0.2.1:port, [2001:db8::1]:port, USEDNS, /dev/null`

var errTarget = errors.New("is not a target of a route; allowed are " + targetForm)

// ParseTarget reads one target of a route.
func ParseTarget(s string) (Target, error) {
	switch {
	case strings.EqualFold(s, "USEDNS"):
		return Target{Kind: TargetUseDNS}, nil
	case s == "/dev/null":
		return Target{Kind: TargetNull}, nil
	case strings.HasPrefix(s, "["):
		return bracketed(s[1:])
	}
	if addr, err := netip.ParseAddr(s); err == nil {
		return addressTarget(addr, 0)
	}
	host, digits, ported := strings.Cut(s, ":")
	port := uint16(0)
	if ported {
		var ok bool
		if port, ok = parsePort(digits); !ok {
			return Target{}, errTarget
		}
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addressTarget(addr, port)
	}
	domain, err := normalDomain(host)
	if err != nil {
		return Target{}, errTarget
	}
	return Target{Kind: TargetMX, Host: domain, Port: port}, nil
}

// bracketed reads what follows the opening bracket.
func bracketed(s string) (Target, error) {
	inside, rest, closed := strings.Cut(s, "]")
	port := uint16(0)
	if closed && rest != "" {
		var ok bool
		if port, ok = parsePort(strings.TrimPrefix(rest, ":")); !ok || rest[0] != ':' {
			return Target{}, errTarget
		}
	}
	if addr, err := netip.ParseAddr(inside); closed && err == nil {
		return addressTarget(addr, port)
	}
	host, err := normalDomain(inside)
	if !closed || err != nil {
		return Target{}, errTarget
	}
	return Target{Kind: TargetHost, Host: host, Port: port}, nil
}

func addressTarget(addr netip.Addr, port uint16) (Target, error) {
	if addr.IsUnspecified() || addr.IsMulticast() {
		return Target{}, errors.New("is an address that no mail can be sent to; allowed are " + targetForm)
	}
	return Target{Kind: TargetAddress, Address: addr.Unmap(), Port: port}, nil
}

func parsePort(digits string) (uint16, bool) {
	n, err := strconv.ParseUint(digits, 10, 16)
	return uint16(n), err == nil && n > 0 && digits[0] != '0'
}

// String is the form that the documents have.
func (t Target) String() string {
	s := ""
	switch t.Kind {
	case TargetUseDNS:
		return "USEDNS"
	case TargetNull:
		return "/dev/null"
	case TargetAddress:
		if t.Port != 0 {
			return netip.AddrPortFrom(t.Address, t.Port).String()
		}
		return t.Address.String()
	case TargetHost:
		s = "[" + t.Host + "]"
	case TargetMX:
		s = t.Host
	}
	if t.Port != 0 {
		s += ":" + strconv.Itoa(int(t.Port))
	}
	return s
}
