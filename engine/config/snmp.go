package config

import (
	"net/netip"
)

// SNMP is the agent that monitoring systems ask, and where it sends traps. Its user is always v3get, with SHA and AES.
type SNMP struct {
	Enabled   bool   `toml:"enabled"`
	Interface string `toml:"interface"`                                       // whose address it listens on; "" (default): the first one's
	Port      uint16 `toml:"port" limits:"1 65535"`                           // UDP; default 161
	EngineID  string `toml:"engine_id"`                                       // hexadecimal, 5 to 32 octets; "" (default): made at random, and kept in the data directory
	Level     string `toml:"level" choice:"noAuthNoPriv authNoPriv authPriv"` // the lowest that is answered; default authPriv
	AuthKey   string `toml:"auth_key" secret:"yes"`                           // see SNMPKey; never the passphrase itself
	PrivKey   string `toml:"priv_key" secret:"yes"`                           // the same

	V1V2c     bool           `toml:"v1v2c"`                  // whether these versions are answered too
	Community string         `toml:"community" secret:"yes"` // theirs, and that of 2c traps
	Networks  []netip.Prefix `toml:"v1v2c_networks"`         // who may ask in these versions; default 127.0.0.1/32

	TrapVersion     string   `toml:"trap_version" choice:"2c 3"`      // default 3
	Inform          bool     `toml:"inform"`                          // traps are repeated until their target says that it has them
	TrapTargets     []string `toml:"trap_targets"`                    // host, host:port, address, [address]:port; at most ten; see ParseTrapTarget
	Traps           []string `toml:"traps"`                           // the names of those that are sent; see TrapNames
	CPUThreshold    int      `toml:"cpu_threshold" limits:"1 100"`    // percent; default 95
	MemoryThreshold int      `toml:"memory_threshold" limits:"1 100"` // percent; default 95
	ConnectivityURL string   `toml:"connectivity_url"`                // that is asked for connectivityFailure

	Location string `toml:"location"` // sysLocation
	Contact  string `toml:"contact"`  // sysContact
	Model    string `toml:"model"`    // in sysDescr; default Postern
}

// The security levels, from the lowest.
const (
	NoAuthNoPriv = "noAuthNoPriv" // the name of the user is enough
	AuthNoPriv   = "authNoPriv"   // who asks shows that it knows the authentication passphrase
	AuthPriv     = "authPriv"     // and all is encrypted
)

// TrapName is a notification that can be switched on.
type TrapName struct {
	Name     string
	Default  bool // sent where the document does not say what is
	Hardware bool // only machines with sensors have it
}

// TrapNames lists all notifications, in the order in which they are shown.
var TrapNames = []TrapName{
	{"CPUUtilizationExceeded", false, false},
	{"FIPSMODEDisableFailure", true, false},
	{"FIPSMODEEnableFailure", true, false},
	{"FailoverHealthy", true, false},
	{"FailoverUnhealthy", true, false},
	{"RAIDStatusChange", true, true},
	{"connectivityFailure", false, false},
	{"fanFailure", true, true},
	{"highTemperature", true, true},
	{"keyExpiration", true, false},
	{"linkUpDown", true, false},
	{"memoryUtilizationExceeded", false, false},
	{"powerSupplyStatusChange", true, true},
	{"resourceConservationMode", true, false},
	{"updateFailure", true, false},
}

func defaultSNMP() SNMP {
	s := SNMP{
		Port:            161,
		Level:           AuthPriv,
		Networks:        []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		TrapVersion:     "3",
		CPUThreshold:    95,
		MemoryThreshold: 95,
		Location:        "Unknown: Not Yet Configured",
		Contact:         "snmp@localhost",
		Model:           "Postern",
	}
	for _, n := range TrapNames {
		if n.Default {
			s.Traps = append(s.Traps, n.Name)
		}
	}
	return s
}

// SNMPInterface is the interface on whose address the agent listens; the check of a document holds that there is one.
func (d *Document) SNMPInterface() *Interface {
	for i := range d.Interfaces {
		if in := &d.Interfaces[i]; d.SNMP.Interface == "" || in.Name == d.SNMP.Interface {
			return in
		}
	}
	return nil
}

// MayAskSNMP says whether v1 and v2c are answered to a client at that address.
func (s *SNMP) MayAskSNMP(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("") // a prefix never contains a mapped or zoned address
	for _, p := range s.Networks {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
