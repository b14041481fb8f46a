package shell

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"postern/engine/config"
)

// snmpSection is snmpconfig.
var snmpSection = &section{
	show:  showSNMP,
	names: interfaceNames,
	keys:  snmpKeys(),
	value: snmpValue,
	operations: []operation{
		{key: "SETUP", title: "Configure SNMP.", words: "[KEY VALUE]", run: setupSNMP},
		{key: "PRINT", reads: true, run: printed(showSNMP)},
	},
}

var _ = register(snmpSection.command("snmpconfig", "the SNMP agent and its traps",
	`The user of version 3 is v3get, with SHA and AES. Passphrases are neither shown nor kept: the configuration holds keys that are made
of them, and remembers those also while SNMP is disabled; Enter keeps one that is there. An agent set to a level refuses lower ones.
Trap targets are at most ten; a host name is resolved when something is sent. Port 162 is the usual one, HOST:PORT another.
The traps FIPSMODEDisableFailure, FIPSMODEEnableFailure, FailoverHealthy and FailoverUnhealthy are listed, as they are in AsyncOS, but are
never sent: the gateway has neither a FIPS mode nor a failover group, and no public MIB defines these traps.
SETUP KEY VALUE sets one key as the configuration spells it, passphrases left out. For scripts "postern config snmpkey" makes of one what
auth_key or priv_key of the configuration file is, and "postern config reload" takes the file up.`))

// snmpSecrets are the keys that are made of passphrases.
var snmpSecrets = []string{"auth_key", "priv_key"}

// snmpKeys are the keys that batch may set.
func snmpKeys() []string {
	return slices.DeleteFunc(config.Keys(&config.SNMP{}), func(key string) bool { return slices.Contains(snmpSecrets, key) })
}

// snmpValue is the settings for programs. Of keys it only tells whether they are there.
func snmpValue(d *config.Document) any {
	values := config.Values(&d.SNMP)
	for _, key := range snmpSecrets {
		values[key+"_set"] = values[key] != ""
		delete(values, key)
	}
	return values
}

func showSNMP(d *config.Document) string {
	s := &d.SNMP
	var b strings.Builder
	b.WriteString("Current SNMP settings:\n")
	if !s.Enabled {
		return b.String() + "SNMP Disabled.\n"
	}
	if in := d.SNMPInterface(); in != nil {
		fmt.Fprintf(&b, "Listening on interface %q %s port %d.\n", in.Name, in.Address, s.Port)
	}
	b.WriteString("SNMP v3: Enabled.\nSecurity level: " + s.Level + "\n")
	if s.Level != config.NoAuthNoPriv {
		b.WriteString("Authentication Protocol: SHA\n")
	}
	if s.Level == config.AuthPriv {
		b.WriteString("Encryption Protocol: AES\n")
	}
	if s.V1V2c {
		fmt.Fprintf(&b, "SNMP v1/v2: Enabled, accepting requests from subnet %s.\nSNMP v1/v2 Community String: %s\n", networksText(s.Networks), s.Community)
	} else {
		b.WriteString("SNMP v1/v2: Disabled.\n")
	}
	if len(s.TrapTargets) == 0 {
		b.WriteString("Trap target: None\n")
	} else {
		fmt.Fprintf(&b, "Trap version: V%s\nTrap target: %s\n", s.TrapVersion, strings.Join(s.TrapTargets, ", "))
	}
	return b.String() + "Location: " + s.Location + "\nSystem Contact: " + s.Contact + "\n"
}

func networksText(networks []netip.Prefix) string {
	texts := make([]string, len(networks))
	for i, n := range networks {
		texts[i] = n.String()
	}
	return strings.Join(texts, ",")
}

func setupSNMP(ctx context.Context, t *turn) (string, error) {
	s := &t.document.SNMP
	if len(t.words) > 0 {
		return "SNMP settings changed.\n", t.keyValue(ctx, s, t.setSNMP)
	}
	if t.Asker == nil {
		return "", &UsageError{t.Command, "say which key is to have which value"}
	}
	enable, err := t.Confirm(ctx, "\nDo you want to enable SNMP?", true)
	if err != nil {
		return "", err
	}
	before := s.Enabled
	s.Enabled = false // until all that it takes is there
	if !enable {
		return "", nil
	}
	t.Say("SNMP default version is V3")
	for _, ask := range []func(context.Context, *config.SNMP) error{t.snmpInterface, t.snmpLevel, t.snmpVersions,
		func(ctx context.Context, s *config.SNMP) error { return t.snmpTraps(ctx, s, before) }, t.snmpSystem} {
		if err := ask(ctx, s); err != nil {
			return "", err
		}
	}
	s.Enabled = true
	return "", nil
}

// setSNMP gives a key a value in batch.
func (t *turn) setSNMP(key, word string) error {
	if slices.Contains(snmpSecrets, key) {
		return fmt.Errorf("%s is made of a passphrase, which is asked for: run \"postern shell\", or feed it the answers; in a script write into the file what \"postern config snmpkey\" makes of it, and run \"postern config reload\"", key)
	}
	return t.set(&t.document.SNMP, key, "snmp."+key, word)
}

// snmpInterface asks where the agent listens.
func (t *turn) snmpInterface(ctx context.Context, s *config.SNMP) error {
	d := t.document
	p := Param{Name: "interface", Question: "Choose an IP interface for SNMP requests.", Default: d.SNMPInterface().Name}
	for i := range d.Interfaces {
		p.Choices = append(p.Choices, Choice{d.Interfaces[i].Name, interfaceLine(&d.Interfaces[i])})
	}
	name, err := t.ask(ctx, p)
	if err != nil {
		return err
	}
	if s.Interface != "" || name != d.Interfaces[0].Name {
		s.Interface = name
	}
	return t.field(ctx, "Which port shall the SNMP daemon listen on?", s, "port", "snmp.port")
}

// snmpLevels is the menu of levels.
var snmpLevels = []Choice{
	{config.NoAuthNoPriv, "noAuthNoPriv - Authentication is done using the SNMPv3 username, and no privacy is activated."},
	{config.AuthNoPriv, "authNoPriv - Authentication is done using the SNMPv3 authentication passphrase, and no privacy is activated."},
	{config.AuthPriv, "authPriv - Authentication is done using the SNMPv3 authentication passphrase, and privacy is activated using the SNMPv3 privacy passphrase."},
}

// snmpLevel asks for the level and for what it takes.
func (t *turn) snmpLevel(ctx context.Context, s *config.SNMP) (err error) {
	if s.Level, err = t.ask(ctx, Param{Name: "level", Question: "Select SNMPv3 security level:", Default: s.Level, Choices: snmpLevels}); err != nil {
		return err
	}
	if s.Level == config.NoAuthNoPriv {
		return nil
	}
	if _, err = t.ask(ctx, Param{Name: "auth", Question: "Select SNMPv3 authentication type:", Default: "SHA", Choices: []Choice{{"SHA", "SHA"}}}); err != nil {
		return err
	}
	if s.Level == config.AuthPriv {
		if _, err = t.ask(ctx, Param{Name: "priv", Question: "Select SNMPv3 privacy protocol:", Default: "AES", Choices: []Choice{{"AES", "AES"}}}); err != nil {
			return err
		}
	}
	return t.snmpPassphrases(ctx, s)
}

// snmpPassphrases asks for those that the level takes, and again when they are the same and that is not wanted.
func (t *turn) snmpPassphrases(ctx context.Context, s *config.SNMP) (err error) {
	for {
		if s.AuthKey, err = t.passphrase(ctx, "authentication", s.AuthKey); err != nil || s.Level != config.AuthPriv {
			return err
		}
		if s.PrivKey, err = t.passphrase(ctx, "privacy", s.PrivKey); err != nil || s.PrivKey != s.AuthKey {
			return err
		}
		t.Say("Warning: The same authentication and privacy passwords reduce the security of the system.")
		others, err := t.Confirm(ctx, "\nDo you want to set other passwords?", true)
		if err != nil || !others {
			return err
		}
		s.AuthKey, s.PrivKey = "", ""
	}
}

// passphrase asks for a passphrase until it is long enough and the same twice, and gives the key that is made of it. Enter
// keeps the key that is there.
func (t *turn) passphrase(ctx context.Context, kind, now string) (key string, err error) {
	question := "\nEnter the SNMPv3 " + kind + " passphrase"
	kept := ""
	if now != "" {
		kept = "********"
	}
	for {
		first, err := t.Asker.Secret(ctx, question+".\n["+kept+"]> ")
		t.newScreen()
		if err != nil {
			return "", err
		}
		if first == "" && now != "" {
			return now, nil
		}
		if key, err = config.SNMPKey(first); err != nil {
			t.Say("\n" + badPassphrase(first))
			continue
		}
		again, err := t.Asker.Secret(ctx, question+" again to confirm.\n[]> ")
		if err != nil {
			return "", err
		}
		if again == first {
			return key, nil
		}
		t.Say("\nThe passphrases are not the same.")
	}
}

func badPassphrase(text string) string {
	if len(text) < config.MinPassphrase {
		return fmt.Sprintf("The SNMPv3 passphrase must be at least %d characters.", config.MinPassphrase)
	}
	return fmt.Sprintf("The SNMPv3 passphrase must be at most %d characters.", config.MaxPassphrase)
}

const snmpCommunity = "ironport" // that is proposed

// snmpVersions asks whether v1 and v2c are answered, and to whom.
func (t *turn) snmpVersions(ctx context.Context, s *config.SNMP) error {
	was := s.V1V2c
	wanted, err := t.Confirm(ctx, "\nService SNMP V1/V2c requests?", was)
	s.V1V2c = wanted
	if err != nil || !wanted {
		return err
	}
	proposed := snmpCommunity
	if s.Community != "" {
		proposed = s.Community
	}
	check := func(word string) error { return t.set(s, "community", "snmp.community", word) }
	community, err := t.ask(ctx, Param{Name: "community", Question: "Enter the SNMP V1/V2c community string.", Default: proposed, Check: check})
	if err != nil {
		return err
	}
	s.Community = community
	for {
		if err := t.snmpNetworks(ctx, s, was); err != nil {
			return err
		}
		if len(s.Networks) > 0 {
			return nil
		}
		t.Say("\nThere is no network left whose requests are serviced: at least one is needed.")
	}
}

// snmpNetworks asks for networks of the one family, and of the other where the machine has it.
func (t *turn) snmpNetworks(ctx context.Context, s *config.SNMP, was bool) error {
	var four, six []netip.Prefix
	for _, n := range s.Networks {
		if n.Addr().Is4() {
			four = append(four, n)
		} else {
			six = append(six, n)
		}
	}
	four, err := t.networksOf(ctx, "IPv4", four, "127.0.0.1/32", was)
	if err != nil {
		return err
	}
	if hasIPv6(t.document) {
		if six, err = t.networksOf(ctx, "IPv6", six, "::1/128", was); err != nil {
			return err
		}
	}
	s.Networks = append(four, six...)
	return nil
}

func hasIPv6(d *config.Document) bool {
	for i := range d.Interfaces {
		if d.Interfaces[i].Address.Addr().Is6() {
			return true
		}
	}
	return false
}

// networksOf asks for networks of one family: none, those that are there, or others.
func (t *turn) networksOf(ctx context.Context, family string, now []netip.Prefix, proposed string, was bool) ([]netip.Prefix, error) {
	yes, err := t.Confirm(ctx, "\nShall SNMP V2c requests be serviced from "+family+" addresses?", len(now) > 0 || !was)
	if err != nil || !yes {
		return nil, err
	}
	if len(now) > 0 {
		proposed = networksText(now)
	}
	read := func(word string) (list []netip.Prefix, err error) {
		var trial config.SNMP
		if err := config.Set(&trial, "v1v2c_networks", word); err != nil {
			return nil, err
		}
		for _, n := range trial.Networks {
			if n.Addr().Is4() != (family == "IPv4") {
				return nil, fmt.Errorf("%s is not an %s network", n, family)
			}
		}
		if len(trial.Networks) == 0 || len(trial.Networks) > maxSNMPNetworks {
			return nil, fmt.Errorf("give 1 to %d networks", maxSNMPNetworks)
		}
		return trial.Networks, nil
	}
	answer, err := t.ask(ctx, Param{Name: "v1v2c_networks", Default: proposed,
		Question: "From which " + family + " networks shall SNMP V1/V2c requests be allowed? Separate multiple networks with commas.",
		Check:    func(word string) error { _, err := read(word); return err }})
	if err != nil {
		return nil, err
	}
	return read(answer)
}

// maxSNMPNetworks is how many networks of a family may be given.
const maxSNMPNetworks = 100

// snmpSystem asks what the system group says of the place.
func (t *turn) snmpSystem(ctx context.Context, s *config.SNMP) error {
	if err := t.field(ctx, "Enter the System Location string.", s, "location", "snmp.location"); err != nil {
		return err
	}
	return t.field(ctx, "Enter the System Contact string.", s, "contact", "snmp.contact")
}

// trapVersions is the menu of versions.
var trapVersions = []Choice{{"2c", "2c"}, {"3", "3"}}
