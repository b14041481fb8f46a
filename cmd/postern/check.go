package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"slices"

	"postern/engine/config"
	"postern/shell"
)

// configTool is "postern config check": what a start would refuse, and what it would only find out later, without a start;
// "postern config reload", and what makes of secrets what the document holds of them.
func configTool(f flags, stdout, stderr io.Writer) int {
	args := f.args[1:]
	if len(args) == 1 && secretMakers[args[0]].make != nil {
		return failing(stderr, secretMakers[args[0]].run(os.Stdin, stdout, stderr))
	}
	if len(args) > 0 && args[0] == "reload" {
		return reloadConfiguration(f, args[1:], stdout, stderr)
	}
	bind := len(args) == 2 && args[1] == "--bind"
	if len(args) == 0 || args[0] != "check" || len(args) > 1 && !bind {
		fmt.Fprint(stderr, "usage: postern config check [--bind] [--config FILE] | reload [--comment TEXT] | password | snmpkey\n")
		return exitUsage
	}
	name, doc, err := documentToCheck(f)
	if err != nil {
		return failing(stderr, err)
	}
	faults := findFaults(doc, nil)
	if bind {
		own, err := ownPorts(f)
		if err != nil {
			fmt.Fprintf(stderr, "postern: which ports the running gateway has itself could not be asked, they count as busy: %v\n", err)
		}
		faults = append(faults, findBusy(doc, own)...)
	}
	for _, fault := range faults {
		fmt.Fprintf(stderr, "postern: %s: %v\n", name, fault)
	}
	if len(faults) > 0 {
		return exitRefused
	}
	fmt.Fprintf(stdout, "%s: good.\n", name)
	return exitDone
}

// documentToCheck reads the configuration that a start would read, without making a data directory, and says what it is
// called.
func documentToCheck(f flags) (string, *config.Document, error) {
	if f.config != "" {
		doc, err := config.Load(f.config)
		return f.config, doc, err
	}
	data, err := f.dataDirectory(false)
	if err != nil && (f.data != "" || os.Getenv("POSTERN_DATA") != "") {
		return "", nil, err
	}
	if err != nil { // none was named, and there is none yet
		return "the embedded defaults (there is no data directory)", config.Default(), nil
	}
	path := filepath.Join(data, configName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("the embedded defaults (there is no %s)", path), config.Default(), nil
	}
	doc, err := config.Load(path)
	return path, doc, err
}

// pairsOf are the certificates of a configuration with their keys.
func pairsOf(d *config.Document) map[[2]string]bool {
	pairs := make(map[[2]string]bool)
	if d == nil {
		return pairs
	}
	for i := range d.Listeners {
		pairs[[2]string{d.Listeners[i].Certificate, d.Listeners[i].Key}] = true
	}
	pairs[[2]string{d.HTTP.Certificate, d.HTTP.Key}] = true
	return pairs
}

// findFaults looks at what a configuration names outside of itself: certificates, users, groups. Certificates of the one in
// force (nil: there is none) have been read, perhaps by a user who may: it is not asked for them again.
func findFaults(d, inForce *config.Document) (faults []error) {
	read := pairsOf(inForce)
	for i := range d.Listeners {
		l := &d.Listeners[i]
		if l.Certificate == "" || read[[2]string{l.Certificate, l.Key}] {
			continue
		}
		if _, err := tls.LoadX509KeyPair(l.Certificate, l.Key); err != nil {
			faults = append(faults, fmt.Errorf("listener %q: certificate %s with key %s: %w", l.Name, l.Certificate, l.Key, err))
		}
	}
	if h := &d.HTTP; h.Certificate != "" && !read[[2]string{h.Certificate, h.Key}] {
		if _, err := tls.LoadX509KeyPair(h.Certificate, h.Key); err != nil {
			faults = append(faults, fmt.Errorf("http: certificate %s with key %s: %w", h.Certificate, h.Key, err))
		}
	}
	if _, err := lookUpAccount(d.Daemon); err != nil {
		faults = append(faults, err)
	}
	if d.Admin.Group != "" {
		if _, err := user.LookupGroup(d.Admin.Group); err != nil {
			faults = append(faults, fmt.Errorf("admin.group: %w", err))
		}
	}
	return faults
}

// ownPorts are those on which the gateway of the data directory listens; none when it does not run.
func ownPorts(f flags) ([]shell.Socket, error) {
	data, err := f.dataDirectory(false)
	if err != nil || !isServed(data) {
		return nil, nil // there is none yet
	}
	ctx, cancel := context.WithTimeout(context.Background(), readerPatience)
	defer cancel()
	s, err := (&shell.Remote{Data: data}).Services(ctx)
	return s.Sockets, err
}

// has tells whether a port is among sockets: at the same address, or at all of them.
func has(sockets []shell.Socket, network string, at netip.AddrPort) bool {
	return slices.ContainsFunc(sockets, func(s shell.Socket) bool {
		if s.Name == fmt.Sprintf("*:%d", at.Port()) {
			return s.Node == network
		}
		own, err := netip.ParseAddrPort(s.Name)
		return err == nil && s.Node == network && own.Port() == at.Port() && (own.Addr() == at.Addr() || at.Addr().IsUnspecified())
	})
}

// findBusy tries to listen where the listeners would, all at once, and to send from the interfaces. What the running gateway
// has itself a commit takes over or lets go of.
func findBusy(d *config.Document, own []shell.Socket) (faults []error) {
	p := &ports{}
	defer p.close()
	faults = p.bindAll(d, own)
	if at, wanted := snmpAddress(d); wanted && !has(own, "UDP", at) {
		if err := findBusySNMP(d); err != nil {
			faults = append(faults, err)
		}
	}
	for _, in := range d.Interfaces {
		address := net.JoinHostPort(in.Address.Addr().String(), "0")
		c, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
		if err != nil {
			faults = append(faults, fmt.Errorf("interface %q: %w", in.Name, err))
			continue
		}
		c.Close()
	}
	return faults
}
