package shell

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"postern/engine/config"
)

// listenerSection is listenerconfig.
var listenerSection = &section{
	show:  showListeners,
	names: func(d *config.Document) []string { return append(listenerNames(d), interfaceNames(d)...) },
	keys:  append(config.Keys(&config.Listener{}), "public", "private", "blackhole"),
	value: func(d *config.Document) any { return valuesOf(d.Listeners) },
	operations: []operation{
		{key: "NEW", title: "Create a new listener.", words: "public|private|blackhole NAME INTERFACE|ADDRESS PORT [DOMAINS|NETWORKS]", run: newListener},
		{key: "EDIT", title: "Modify a listener.", words: "NAME [KEY VALUE]", run: editListener, when: hasListeners},
		{key: "DELETE", title: "Remove a listener.", words: "NAME", run: deleteListener, when: hasListeners},
		{key: "SETUP", title: "Change what all listeners have in common.", words: "[KEY VALUE]", run: setupListeners, when: hasListeners},
		{key: "PRINT", reads: true, run: printed(showListeners)},
	},
}

var _ = register(listenerSection.command("listenerconfig", "the ports on which mail is received",
	"A private listener relays for the hosts it names, a public one takes mail for the domains it names, a blackhole takes everything and\n"+
		"drops it. EDIT KEY VALUE sets one key as the configuration spells it ("+strings.Join(config.Keys(&config.Listener{}), ", ")+");\n"+
		"\"None\" empties a list. EDIT NAME certificate FILE KEY-FILE switches TLS on, certificate none off. SETUP sets one key for all listeners."))

func hasListeners(d *config.Document) bool { return len(d.Listeners) > 0 }

func listenerNames(d *config.Document) []string {
	return eachOf(d.Listeners, func(r *config.Listener) string { return r.Name })
}

func showListeners(d *config.Document) string {
	if len(d.Listeners) == 0 {
		return "There are no listeners: no mail is received.\n"
	}
	lines := make([]string, len(d.Listeners))
	for i := range d.Listeners {
		l := &d.Listeners[i]
		lines[i] = fmt.Sprintf("%s (on %s) SMTP TCP Port %d %s", l.Name, place(d, l), l.Address.Port(), kindTitle(l.Kind))
	}
	return "Currently configured listeners:\n" + menuLines(lines)
}

// place is where a listener listens, with the interface's name where it has that address.
func place(d *config.Document, l *config.Listener) string {
	addr := l.Address.Addr()
	for i := range d.Interfaces {
		if in := &d.Interfaces[i]; in.Address.Addr() == addr.Unmap() {
			return in.Name + ", " + addr.String()
		}
	}
	if addr.IsUnspecified() {
		return "all addresses, " + addr.String()
	}
	return addr.String()
}

func kindTitle(k config.Kind) string { return strings.ToUpper(string(k[:1])) + string(k[1:]) }

var kinds = []Choice{{string(config.Private), "Private"}, {string(config.Public), "Public"}, {string(config.Blackhole), "Blackhole"}}

func newListener(ctx context.Context, t *turn) (string, error) {
	kind, err := t.ask(ctx, Param{Name: "TYPE", Question: "Please select the type of listener you want to create.", Default: string(config.Public),
		Required: t.Asker == nil, Choices: kinds})
	if err != nil {
		return "", err
	}
	d := t.document
	l, err := t.bareListener(ctx, config.Kind(kind))
	if err != nil {
		return "", err
	}
	d.Listeners = append(d.Listeners, l)
	added := &d.Listeners[len(d.Listeners)-1]
	if err := t.listenerAddress(ctx, added); err != nil {
		return "", err
	}
	if err := t.whoMay(ctx, added); err != nil {
		return "", err
	}
	return fmt.Sprintf("Listener %s created.\nDefaults have been set for a %s listener.\nUse the listenerconfig->EDIT command to customize the listener.\n",
		l.Name, kindTitle(l.Kind)), nil
}

// bareListener is a listener with a name and the defaults of its kind.
func (t *turn) bareListener(ctx context.Context, kind config.Kind) (config.Listener, error) {
	l := config.NewListener(kind)
	_, err := t.ask(ctx, Param{Name: "NAME", Question: `Please create a name for this listener (Ex: "InboundMail"):`, Required: true,
		Check: func(word string) error {
			if slices.ContainsFunc(t.document.Listeners, func(o config.Listener) bool { return strings.EqualFold(o.Name, word) }) {
				return &RefusedError{fmt.Sprintf("There is a listener %.60q already.", word)}
			}
			l.Name = word
			return checkName(word)
		}})
	return l, err
}

// checkName tells why a word is no name of an interface or a listener.
func checkName(word string) error {
	if err := config.CheckName(word); err != nil {
		return fmt.Errorf("%.60q %w", word, err)
	}
	return nil
}

// listenerAddress asks for an interface, or an address that none has, and the port.
func (t *turn) listenerAddress(ctx context.Context, l *config.Listener) error {
	addr, err := t.chooseAddress(ctx, l)
	if err != nil {
		return err
	}
	port := "25"
	if l.Address.IsValid() {
		port = strconv.Itoa(int(l.Address.Port()))
	}
	before := l.Address
	at := func(port string) error {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("%.60q is not a port: allowed are 1 to 65535", port)
		}
		return t.try("listener.address", func() error { l.Address = netip.AddrPortFrom(addr, uint16(n)); return nil }, func() { l.Address = before })
	}
	for {
		answer, err := t.ask(ctx, Param{Name: "PORT", Question: "Please enter the TCP port for this listener.", Default: port, Check: at})
		if err != nil {
			return err
		}
		if err = at(answer); err == nil || t.Asker == nil { // the default may be taken too
			return err
		}
		t.Say(sentence(err.Error()))
	}
}

// chooseAddress asks where a listener is to listen.
func (t *turn) chooseAddress(ctx context.Context, l *config.Listener) (netip.Addr, error) {
	d := t.document
	p := Param{Name: "INTERFACE", Question: "Please choose an IP interface for this Listener.", Required: t.Asker == nil, Also: map[string]string{}}
	addrs := map[string]netip.Addr{}
	add := func(key, title string, addr netip.Addr) {
		p.Choices = append(p.Choices, Choice{key, title})
		addrs[key] = addr
		p.Also[addr.String()] = key
		if p.Default == "" || l.Address.Addr() == addr {
			p.Default = key
		}
	}
	for i := range d.Interfaces {
		add(d.Interfaces[i].Name, interfaceLine(&d.Interfaces[i]), d.Interfaces[i].Address.Addr())
	}
	add("0.0.0.0", "All IPv4 addresses (0.0.0.0)", netip.IPv4Unspecified())
	add("::", "All addresses, IPv6 and IPv4 (::)", netip.IPv6Unspecified())
	if now := l.Address.Addr(); now.IsValid() && p.Also[now.String()] == "" {
		add(now.String(), "Address "+now.String(), now)
	}
	if t.Asker == nil && len(t.words) > 0 && p.Also[t.words[0]] == "" { // an address of the machine that has no name
		if addr, err := netip.ParseAddr(t.words[0]); err == nil {
			add(t.words[0], t.words[0], addr)
		} else if !slices.ContainsFunc(p.Choices, func(c Choice) bool { return strings.EqualFold(c.Key, t.words[0]) }) {
			return addr, &RefusedError{fmt.Sprintf("There is no interface %.60q; there are %s. An address will do too.", t.words[0], strings.Join(interfaceNames(d), ", "))}
		}
	}
	key, err := t.ask(ctx, p)
	return addrs[key], err
}

const relayQuestion = "Please specify the systems allowed to relay email through the gateway.\n" +
	"IP addresses and networks such as 192.0.2.0/24 or 2001:db8::/32 are allowed.\n" +
	"Separate multiple entries with commas. \"None\" lets nobody relay."

const acceptQuestion = "Please specify the domain names you want to accept mail for.\n" +
	"Hostnames such as \"example.com\" are allowed.\nPartial hostnames such as \".example.com\" are allowed, and address literals such as [192.0.2.1].\n" +
	"\"ALL\" stands for every domain, \"None\" for none.\nSeparate multiple entries with commas."

// whoMay asks for whom a new listener is there.
func (t *turn) whoMay(ctx context.Context, l *config.Listener) error {
	switch l.Kind {
	case config.Public:
		return t.domains(ctx, l)
	case config.Private:
		return t.relays(ctx, l)
	}
	return nil
}

func (t *turn) relays(ctx context.Context, l *config.Listener) error {
	return t.emptyable(ctx, relayQuestion, l, "relay_from", "listener.relay_from")
}

func (t *turn) domains(ctx context.Context, l *config.Listener) error {
	return t.emptyable(ctx, acceptQuestion, l, "accept_domains", "listener.accept_domains")
}

func deleteListener(ctx context.Context, t *turn) (string, error) {
	d := t.document
	i, err := t.pick(ctx, "Enter the name or number of the listener you wish to remove.", listenerNames(d))
	if err != nil {
		return "", err
	}
	name := d.Listeners[i].Name
	if len(d.Listeners) == 1 {
		yes, err := t.confirm(ctx, "Listener "+name+" is the last one: without it no mail is received. Are you sure you want to remove it?")
		if err != nil || !yes {
			return unchanged, err
		}
	}
	d.Listeners = slices.Delete(d.Listeners, i, i+1)
	said := "Listener " + name + " removed.\n"
	if len(d.Listeners) == 0 {
		said += "There are no listeners left: no mail is received.\n"
	}
	return said, nil
}
