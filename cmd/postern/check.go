package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"

	"postern/engine/config"
)

// configTool is "postern config check": what a start would refuse, and what it would only find out later, without a start;
// "postern config reload" and "postern config password".
func configTool(f flags, stdout, stderr io.Writer) int {
	args := f.args[1:]
	if len(args) == 1 && args[0] == "password" {
		return failing(stderr, makePassword(os.Stdin, stdout, stderr))
	}
	if len(args) > 0 && args[0] == "reload" {
		return reloadConfiguration(f, args[1:], stdout, stderr)
	}
	bind := len(args) == 2 && args[1] == "--bind"
	if len(args) == 0 || args[0] != "check" || len(args) > 1 && !bind {
		fmt.Fprint(stderr, "usage: postern config check [--bind] [--config FILE] | reload [--comment TEXT] | password\n")
		return exitUsage
	}
	name, doc, err := documentToCheck(f)
	if err != nil {
		return failing(stderr, err)
	}
	faults := findFaults(doc, nil)
	if bind {
		faults = append(faults, findBusy(doc)...)
		if data, err := f.dataDirectory(false); err == nil && len(faults) > 0 && isServed(data) {
			fmt.Fprintf(stderr, "postern: the gateway of %s is running: its own ports are busy\n", data)
		}
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

// findBusy tries to listen where the listeners would, all at once, and to send from the interfaces.
func findBusy(d *config.Document) (faults []error) {
	p := &ports{}
	defer p.close()
	faults = p.bindAll(d)
	if err := findBusySNMP(d); err != nil {
		faults = append(faults, err)
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
