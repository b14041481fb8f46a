package shell

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"postern/engine/config"
)

// maxServers is how many DNS servers there may be: each failing lookup asks all of them.
const maxServers = 10

// dnsSection is dnsconfig.
var dnsSection = &section{
	show:  showDNS,
	names: serverTexts,
	keys:  []string{"timeout", "tries", "cache"},
	value: func(d *config.Document) any { return config.Values(&d.DNS) },
	operations: []operation{
		{key: "NEW", title: "Add a new server.", words: "ADDRESS[:PORT]", run: newServer},
		{key: "EDIT", title: "Edit a server.", words: "SERVER ADDRESS[:PORT]", run: editServer, when: hasServers},
		{key: "DELETE", title: "Remove a server.", words: "SERVER", run: deleteServer, when: hasServers},
		{key: "SETUP", title: "Configure general settings.", words: "[timeout|tries|cache VALUE]", run: setupDNS},
		{key: "PRINT", reads: true, run: printed(showDNS)},
	},
}

var _ = register(dnsSection.command("dnsconfig", "the DNS servers that the gateway asks",
	"Without a server of its own the gateway asks those of the system. Servers are asked in their order, the next when one does not\n"+
		"answer in time; tries is how many rounds there are, cache how many answers are remembered."))

func hasServers(d *config.Document) bool { return len(d.DNS.Servers) > 0 }

// serverText is a server without the port that all have.
func serverText(s netip.AddrPort) string {
	if s.Port() == 53 {
		return s.Addr().String()
	}
	return s.String()
}

func serverTexts(d *config.Document) []string {
	texts := make([]string, len(d.DNS.Servers))
	for i, s := range d.DNS.Servers {
		texts[i] = serverText(s)
	}
	return texts
}

func showDNS(d *config.Document) string {
	var b strings.Builder
	if len(d.DNS.Servers) == 0 {
		b.WriteString("Currently using the DNS servers of the system.\n")
	} else {
		b.WriteString("Currently using your own DNS servers:\n" + menuLines(serverTexts(d)))
	}
	fmt.Fprintf(&b, "\nA server has %s to answer; all are asked up to %s. %s answers are cached.\n", d.DNS.Timeout, times(d.DNS.Tries), Thousands(uint64(d.DNS.Cache)))
	return b.String()
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// readServer reads a server that is not on the list yet.
func readServer(d *config.Document, word string) (s netip.AddrPort, err error) {
	if addr, wrong := netip.ParseAddr(strings.Trim(word, "[]")); wrong == nil {
		s = netip.AddrPortFrom(addr, 53)
	} else if s, err = netip.ParseAddrPort(word); err != nil {
		return s, fmt.Errorf("%.60q is not the address of a server: allowed are such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353", word)
	}
	switch {
	case s.Port() == 0 || s.Addr().IsUnspecified() || s.Addr().IsMulticast():
		return s, fmt.Errorf("%s cannot be asked", s)
	case slices.Contains(d.DNS.Servers, s):
		return s, &RefusedError{serverText(s) + " is on the list already."}
	}
	return s, nil
}

func (t *turn) server(ctx context.Context, question, now string) (s netip.AddrPort, err error) {
	answer, err := t.ask(ctx, Param{Name: "ADDRESS[:PORT]", Question: question, Required: now == "", Default: now,
		Check: func(word string) (err error) {
			if word != now {
				_, err = readServer(t.document, word)
			}
			return err
		}})
	if err != nil || answer == now {
		return s, err
	}
	return readServer(t.document, answer)
}

func newServer(ctx context.Context, t *turn) (string, error) {
	d := t.document
	if len(d.DNS.Servers) >= maxServers {
		return "", &RefusedError{fmt.Sprintf("There are %d servers already: more are not allowed.", len(d.DNS.Servers))}
	}
	s, err := t.server(ctx, "Please enter the IP address of your DNS server.\nSeparate a port that is not 53 with a colon (Ex: 192.0.2.53:5353).", "")
	if err != nil {
		return "", err
	}
	d.DNS.Servers = append(d.DNS.Servers, s)
	return "DNS server " + serverText(s) + " added.\n", nil
}

func editServer(ctx context.Context, t *turn) (string, error) {
	d := t.document
	i, err := t.pick(ctx, "Enter the number of the server you wish to edit.", serverTexts(d))
	if err != nil {
		return "", err
	}
	s, err := t.server(ctx, "Please enter the IP address of your DNS server.", serverText(d.DNS.Servers[i]))
	if err == nil && s.IsValid() {
		d.DNS.Servers[i] = s
	}
	return "DNS server " + serverText(d.DNS.Servers[i]) + " is number " + fmt.Sprint(i+1) + ".\n", err
}

func deleteServer(ctx context.Context, t *turn) (string, error) {
	d := t.document
	i, err := t.pick(ctx, "Enter the number of the server you wish to remove.", serverTexts(d))
	if err != nil {
		return "", err
	}
	said := "DNS server " + serverText(d.DNS.Servers[i]) + " removed.\n"
	if d.DNS.Servers = slices.Delete(d.DNS.Servers, i, i+1); len(d.DNS.Servers) == 0 {
		said += "The DNS servers of the system are asked now.\n"
	}
	return said, nil
}

func setupDNS(ctx context.Context, t *turn) (string, error) {
	dns := &t.document.DNS
	if len(t.words) > 0 {
		return "DNS settings changed.\n", t.keyValue(ctx, dns, func(key, word string) error {
			if key == "servers" {
				return errors.New("servers come and go by NEW, EDIT and DELETE")
			}
			return t.set(dns, key, "dns."+key, word)
		})
	}
	return "DNS settings changed.\n", t.fields(ctx, dns, "dns", []question{
		{"timeout", "Enter the time that a server has to answer (Ex: 2s)."},
		{"tries", "Enter the number of times that all servers are asked."},
		{"cache", "Enter the number of answers to remember."},
	})
}
