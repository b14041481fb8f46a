package config

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// TrapTarget is who gets traps.
type TrapTarget struct {
	Host    string     // lower case; resolved when something is sent
	Address netip.Addr // when Host is ""
	Port    uint16     // UDP
}

// trapPort is where targets listen when none is given.
const trapPort = 162

var errTrapTarget = errors.New("is not a target for traps; allowed are host, host:port, 192.0.2.1, 192.0.2.1:port, 2001:db8::1, [2001:db8::1]:port")

// ParseTrapTarget reads one target.
func ParseTrapTarget(s string) (TrapTarget, error) {
	bare := s
	if inside, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inside, "]") {
		bare = inside[:len(inside)-1]
	}
	if addr, err := netip.ParseAddr(bare); err == nil {
		return trapAddress(addr, trapPort)
	}
	if at, err := netip.ParseAddrPort(s); err == nil {
		return trapAddress(at.Addr(), at.Port())
	}
	host, digits, ported := strings.Cut(s, ":")
	t := TrapTarget{Port: trapPort}
	if ported {
		var ok bool
		if t.Port, ok = parsePort(digits); !ok {
			return TrapTarget{}, errTrapTarget
		}
	}
	var err error
	if t.Host, err = normalDomain(host); err != nil {
		return TrapTarget{}, errTrapTarget
	}
	return t, nil
}

func trapAddress(addr netip.Addr, port uint16) (TrapTarget, error) {
	if addr.IsUnspecified() || addr.IsMulticast() || port == 0 || strings.ContainsAny(addr.Zone(), "[]:% ") {
		return TrapTarget{}, errTrapTarget
	}
	return TrapTarget{Address: addr.Unmap(), Port: port}, nil
}

// String writes the target so that ParseTrapTarget reads it back; the usual port is left out.
func (t TrapTarget) String() string {
	switch {
	case t.Host == "" && t.Port == trapPort:
		return t.Address.String()
	case t.Host == "":
		return netip.AddrPortFrom(t.Address, t.Port).String()
	case t.Port == trapPort:
		return t.Host
	}
	return t.Host + ":" + strconv.Itoa(int(t.Port))
}
