package config

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// The limits of what the agent says and whom it tells.
const (
	maxTrapTargets = 10
	maxCommunity   = 64  // bytes; the wire takes 127
	maxSystemText  = 255 // bytes (RFC 3418, DisplayString)
	maxModel       = 64
	maxURL         = 2048
)

func (r *reader) snmp(d *Document) {
	s := &d.SNMP
	r.snmpInterface(d)
	if _, err := ParseEngineID(s.EngineID); err != nil {
		r.fail("snmp.engine_id", "%s %v", quoted(s.EngineID), err)
	}
	s.EngineID = strings.ToLower(s.EngineID)
	r.snmpKeys(s)
	r.snmpCommunity(s)
	r.snmpNetworks(s)
	r.trapTargets(s)
	r.traps(s)
	r.connectivityURL(s)
	r.systemText(s.Location, "snmp.location", maxSystemText)
	r.systemText(s.Contact, "snmp.contact", maxSystemText)
	r.systemText(s.Model, "snmp.model", maxModel)
}

func (r *reader) snmpInterface(d *Document) {
	if d.SNMPInterface() != nil || len(d.Interfaces) == 0 {
		return
	}
	names := make([]string, len(d.Interfaces))
	for i := range d.Interfaces {
		names[i] = d.Interfaces[i].Name
	}
	r.fail("snmp.interface", "%s is not an interface; allowed are %s", quoted(d.SNMP.Interface), printable(strings.Join(names, ", ")))
}

// snmpKeys checks the keys without showing them: who does not know better writes the passphrase there.
func (r *reader) snmpKeys(s *SNMP) {
	for _, k := range []struct {
		key    *string
		path   string
		needed bool
	}{
		{&s.AuthKey, "snmp.auth_key", s.Enabled && s.Level != NoAuthNoPriv},
		{&s.PrivKey, "snmp.priv_key", s.Enabled && s.Level == AuthPriv},
	} {
		_, err := ParseSNMPKey(*k.key)
		switch {
		case err != nil:
			r.fail(k.path, "%v", err)
		case *k.key == "" && k.needed:
			r.fail(k.path, "is missing; the level %s needs one, which snmpconfig or \"postern config snmpkey\" makes of a passphrase", s.Level)
		}
		*k.key = strings.ToLower(*k.key)
	}
	if s.PrivKey != "" && s.AuthKey == "" {
		r.fail("snmp.priv_key", "is a key for privacy without one for authentication; there is no such level")
	}
}

func (r *reader) snmpCommunity(s *SNMP) {
	const path = "snmp.community"
	switch {
	case len(s.Community) > maxCommunity || strings.ContainsFunc(s.Community, func(c rune) bool { return c <= ' ' || c > '~' }):
		r.fail(path, "is not allowed; allowed are at most %d printable ASCII characters without a space", maxCommunity)
	case s.Community != "" || !s.Enabled:
	case s.V1V2c:
		r.fail(path, "is missing; versions 1 and 2c need one")
	case s.TrapVersion == "2c" && len(s.TrapTargets) > 0:
		r.fail(path, "is missing; traps of version 2c need one")
	}
}

func (r *reader) snmpNetworks(s *SNMP) {
	const path = "snmp.v1v2c_networks"
	for i, p := range s.Networks {
		if addr := p.Addr(); addr.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(addr.Unmap(), p.Bits()-96)
		}
		s.Networks[i] = p // as it was written: the dialogue shows it again
	}
	if s.Enabled && s.V1V2c && len(s.Networks) == 0 {
		r.fail(path, "is empty; versions 1 and 2c need at least one network whose requests are answered")
	}
}

func (r *reader) trapTargets(s *SNMP) {
	const path = "snmp.trap_targets"
	if len(s.TrapTargets) > maxTrapTargets {
		r.fail(path, "has %d targets; at most %d are allowed", len(s.TrapTargets), maxTrapTargets)
		return
	}
	seen := map[string]bool{}
	for i, text := range s.TrapTargets {
		t, err := ParseTrapTarget(text)
		switch at := element(path, i); {
		case r.failed[at]:
		case err != nil:
			r.fail(at, "%s %v", quoted(text), err)
		case seen[t.String()]:
			r.fail(at, "%s stands here twice", t)
		default:
			seen[t.String()] = true
			s.TrapTargets[i] = t.String()
		}
	}
}

func (r *reader) traps(s *SNMP) {
	const path = "snmp.traps"
	known := make([]string, len(TrapNames))
	for i := range TrapNames {
		known[i] = TrapNames[i].Name
	}
	seen := map[string]bool{}
	for i, name := range s.Traps {
		switch at := element(path, i); {
		case r.failed[at]:
		case !slices.Contains(known, name):
			r.fail(at, "%s is not the name of a trap; allowed are %s", quoted(name), strings.Join(known, ", "))
			return
		case seen[name]:
			r.fail(at, "%s stands here twice", name)
		}
		seen[name] = true
	}
}

func (r *reader) connectivityURL(s *SNMP) {
	const path = "snmp.connectivity_url"
	if s.ConnectivityURL == "" {
		if slices.Contains(s.Traps, "connectivityFailure") {
			r.fail(path, "is missing; the trap connectivityFailure needs one")
		}
		return
	}
	u, err := url.Parse(s.ConnectivityURL)
	if err != nil || len(s.ConnectivityURL) > maxURL || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		r.fail(path, `is not an address of the web; allowed is one such as "https://www.example.com/" without a user`)
	}
}

// systemText checks what the system group says: it goes to terminals far away.
func (r *reader) systemText(s, path string, limit int) {
	if len(s) > limit || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
		r.fail(path, "is not allowed; allowed are at most %d printable ASCII characters", limit)
	}
}
