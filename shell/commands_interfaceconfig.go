package shell

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"postern/engine/config"
)

// interfaceSection is interfaceconfig.
var interfaceSection = &section{
	show:  showInterfaces,
	names: interfaceNames,
	keys:  config.Keys(&config.Interface{}),
	value: func(d *config.Document) any {
		list := make([]interfaceValue, len(d.Interfaces))
		for i, in := range d.Interfaces {
			list[i] = interfaceValue{in.Name, in.Address.String(), in.Hostname}
		}
		return list
	},
	operations: []operation{
		{key: "NEW", title: "Create a new interface.", words: "NAME ADDRESS/BITS [HOSTNAME]", run: newInterface},
		{key: "EDIT", title: "Modify an interface.", words: "NAME [KEY VALUE]", run: editInterface},
		{key: "DELETE", title: "Remove an interface.", words: "NAME", run: deleteInterface, when: func(d *config.Document) bool { return len(d.Interfaces) > 1 }},
		{key: "PRINT", words: "", reads: true, run: printed(showInterfaces)},
	},
}

var _ = register(interfaceSection.command("interfaceconfig", "the addresses of this machine that the gateway knows by name",
	"The keys of an interface are name, address (192.0.2.1/24) and hostname. The address itself is the system's business: the gateway\n"+
		"uses what the machine has. Whatever refers to an interface follows when its name or its address is changed."))

// interfaceValue is an interface for programs.
type interfaceValue struct {
	Name     string `json:"name"`
	Address  string `json:"address"`
	Hostname string `json:"hostname"`
}

// printed is an operation that only shows.
func printed(show func(*config.Document) string) func(context.Context, *turn) (string, error) {
	return func(_ context.Context, t *turn) (string, error) { return show(t.document), nil }
}

// interfaceLine is an interface as menus list it: Management (10.10.4.5/27: mail1.example.com).
func interfaceLine(in *config.Interface) string {
	return fmt.Sprintf("%s (%s: %s)", in.Name, in.Address, in.Hostname)
}

func interfaceLines(d *config.Document) []string {
	return eachOf(d.Interfaces, interfaceLine)
}

func interfaceNames(d *config.Document) []string {
	return eachOf(d.Interfaces, func(r *config.Interface) string { return r.Name })
}

func showInterfaces(d *config.Document) string {
	return "Currently configured interfaces:\n" + menuLines(interfaceLines(d))
}

func newInterface(ctx context.Context, t *turn) (string, error) {
	d := t.document
	d.Interfaces = append(d.Interfaces, config.Interface{Hostname: d.Hostname})
	in := &d.Interfaces[len(d.Interfaces)-1]
	if err := t.interfaceQuestions(ctx, in, `Please enter a name for this IP interface (Ex: "InternalNet"):`); err != nil {
		return "", err
	}
	return "Interface " + in.Name + " created.\n", nil
}

func (t *turn) interfaceQuestions(ctx context.Context, in *config.Interface, name string) error {
	if _, err := t.ask(ctx, Param{Name: "NAME", Question: name, Default: in.Name, Required: in.Name == "",
		Check: func(word string) error { return t.nameInterface(in, word) }}); err != nil {
		return err
	}
	if err := t.interfaceAddress(ctx, in); err != nil {
		return err
	}
	return t.field(ctx, "Hostname:", in, "hostname", "interface.hostname")
}

// nameInterface gives an interface a name, and what refers to it too.
func (t *turn) nameInterface(in *config.Interface, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	d, before := t.document, in.Name
	delivery, snmp := d.Delivery.Interface, d.SNMP.Interface
	if before != "" && delivery == before {
		d.Delivery.Interface = name
	}
	if before != "" && snmp == before {
		d.SNMP.Interface = name
	}
	err := t.set(in, "name", "interface.name", name)
	if err != nil {
		d.Delivery.Interface, d.SNMP.Interface = delivery, snmp
	}
	return err
}

// interfaceAddress asks for an address and then for its network, which may stand behind the address too.
func (t *turn) interfaceAddress(ctx context.Context, in *config.Interface) error {
	before, now := in.Address, ""
	if before.IsValid() {
		now = before.Addr().String()
	}
	answer, err := t.ask(ctx, Param{Name: "ADDRESS/BITS", Question: "IP Address (Ex: 192.168.1.2 or 2001:db8::2):", Default: now, Required: now == "",
		Check: func(word string) error { return t.set(in, "address", "interface.address", word) }})
	if err != nil || strings.Contains(answer, "/") {
		return err
	}
	addr := in.Address.Addr()
	length := map[bool]int{true: 24, false: 64}[addr.Is4()]
	if before.IsValid() && before.Addr().Is4() == addr.Is4() {
		length = before.Bits()
	}
	mask, err := t.ask(ctx, Param{Name: "NETMASK", Question: `Netmask (Ex: "24", "255.255.255.0" or "0xffffff00"):`, Default: strconv.Itoa(length),
		Check: func(word string) error { _, err := netmaskBits(word, addr); return err }})
	if err != nil {
		return err
	}
	if length, err = netmaskBits(mask, addr); err == nil {
		in.Address = netip.PrefixFrom(addr, length)
	}
	return err
}

// netmaskBits reads the length of an address's network: 24, 255.255.255.0 or 0xffffff00.
func netmaskBits(word string, addr netip.Addr) (int, error) {
	mask, err := strconv.ParseUint(strings.ToLower(word), 0, 32)
	if dotted, wrong := netip.ParseAddr(word); wrong == nil && dotted.Is4() {
		octets := dotted.As4()
		mask, err = uint64(binary.BigEndian.Uint32(octets[:])), nil
	} else if n, wrong := strconv.Atoi(word); wrong == nil && n >= 0 && n <= addr.BitLen() {
		return n, nil
	}
	ones := bits.LeadingZeros32(^uint32(mask))
	if err != nil || mask == 0 || !addr.Is4() || bits.OnesCount32(uint32(mask)) != ones {
		return 0, fmt.Errorf("%.60q is not a netmask of %s: a number of bits from 0 to %d will do", word, addr, addr.BitLen())
	}
	return ones, nil
}

func editInterface(ctx context.Context, t *turn) (string, error) {
	d := t.document
	i, err := t.pick(ctx, "Enter the number of the interface you wish to edit.", interfaceNames(d))
	if err != nil {
		return "", err
	}
	in := &d.Interfaces[i]
	before := in.Address.Addr()
	if len(t.words) > 0 {
		err = t.keyValue(ctx, in, func(key, word string) error {
			if key == "name" {
				return t.nameInterface(in, word)
			}
			return t.set(in, key, "interface."+key, word)
		})
	} else {
		err = t.interfaceQuestions(ctx, in, `IP interface name (Ex: "InternalNet"):`)
	}
	if err != nil {
		return "", err
	}
	return "Interface " + in.Name + " changed.\n" + moveListeners(d, before, in.Address.Addr()), nil
}

// moveListeners has the listeners on an interface's old address listen on its new one, and says so.
func moveListeners(d *config.Document, old, now netip.Addr) string {
	var said strings.Builder
	for i := range d.Listeners {
		if l := &d.Listeners[i]; old != now && l.Address.Addr().Unmap() == old {
			l.Address = netip.AddrPortFrom(now, l.Address.Port())
			fmt.Fprintf(&said, "Listener %s moves to %s.\n", l.Name, l.Address)
		}
	}
	return said.String()
}

func deleteInterface(ctx context.Context, t *turn) (string, error) {
	d := t.document
	if len(d.Interfaces) < 2 {
		return "", &RefusedError{"This is the last interface: the gateway needs one."}
	}
	i, err := t.pick(ctx, "Enter the number of the interface you wish to delete.", interfaceNames(d))
	if err != nil {
		return "", err
	}
	in := d.Interfaces[i]
	if users := usersOf(d, &in); len(users) > 0 {
		return "", &RefusedError{fmt.Sprintf("Interface %s is in use by %s: change that first.", in.Name, strings.Join(users, ", "))}
	}
	d.Interfaces = slices.Delete(d.Interfaces, i, i+1)
	return "Interface " + in.Name + " removed.\n", nil
}

// usersOf tells what refers to an interface.
func usersOf(d *config.Document, in *config.Interface) (users []string) {
	for i := range d.Listeners {
		if d.Listeners[i].Address.Addr().Unmap() == in.Address.Addr() {
			users = append(users, "listener "+d.Listeners[i].Name)
		}
	}
	if d.Delivery.Interface == in.Name {
		users = append(users, "deliveries")
	}
	if d.SNMP.Interface == in.Name || d.SNMP.Enabled && d.SNMPInterface().Name == in.Name {
		users = append(users, "the SNMP agent")
	}
	return users
}
