package main

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"postern/engine/config"
)

// refuseRestart says why the program could not begin anew, before anything stops: it has the rights that the process has
// now, which may be fewer than at its start, and reads the configuration again, which may have a fault by now.
func (g *gateway) refuseRestart() error {
	program, err := os.Executable()
	if err == nil {
		err = unix.Access(program, unix.X_OK)
	}
	if err != nil {
		return fmt.Errorf("the gateway cannot restart: its program %s: %w", program, err)
	}
	doc, _, err := loadDocument(g.flags)
	if err != nil {
		return fmt.Errorf("the gateway would not start again: %w", err)
	}
	faults := findFaults(doc, nil)
	if _, err := accountOf(doc.Daemon); err != nil {
		faults = append(faults, err)
	}
	if faults = append(faults, g.portFaults(doc, program)...); len(faults) > 0 {
		return fmt.Errorf("the gateway would not start again: %w", faults[0])
	}
	return nil
}

// portFaults finds the ports of a configuration that could not be bound after a restart.
func (g *gateway) portFaults(doc *config.Document, program string) (faults []error) {
	ours := portsOf(g.document())
	mayAll, free := g.bindsAll(program), firstFree()
	p := &ports{binder: g.ports.binder}
	defer p.close()
	for _, want := range portsOf(doc) {
		switch at := want.at; {
		case at.Port() != 0 && at.Port() < free && !mayAll:
			faults = append(faults, fmt.Errorf("%s could not listen on %s: %s", want.what, at, mayNotBind()))
		case slices.ContainsFunc(ours, func(w wanted) bool { return w.at == at }):
		default:
			if err := p.bind(want.what, at); err != nil {
				faults = append(faults, err)
			}
		}
	}
	if at, wanted := snmpAddress(doc); wanted && at.Port() < free && !mayAll {
		faults = append(faults, fmt.Errorf("snmp could not listen on %s: %s", at, mayNotBind()))
	}
	return faults
}

// bindsAll tells whether the program, executed by this process, may bind every port (capabilities(7)).
func (g *gateway) bindsAll(program string) bool {
	if b := g.ports.binder; b != nil && b.may {
		locked, err := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0)
		return err == nil && locked&noAmbientRaise == 0 // else it cannot hand on what it may
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil || data[0].Effective&mayBind == 0 {
		return false
	}
	if os.Geteuid() == 0 {
		return true
	}
	if n, err := unix.PrctlRetInt(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, unix.CAP_NET_BIND_SERVICE, 0, 0); err == nil && n == 1 {
		return true
	}
	n, err := unix.Getxattr(program, "security.capability", nil) // it was given to the file, as setcap does
	return err == nil && n > 0
}

// beginAnew puts the program in its own place, with the arguments and the environment that it was started with: the process
// stays, and whoever watches it. A signal to stop that has come meanwhile is obeyed.
func (g *gateway) beginAnew(asked <-chan os.Signal) error {
	environment := os.Environ()
	if !signal.Ignored(syscall.SIGHUP) {
		environment = append(environment, heedsHangUps+"=1")
	}
	signal.Ignore(syscall.SIGUSR2, syscall.SIGHUP) // until the program can take it
	signal.Reset(syscall.SIGTERM, syscall.SIGINT)
	if len(asked) > 0 {
		return nil
	}
	program, err := os.Executable()
	if err == nil {
		err = g.ports.binder.exec(program, os.Args, environment)
	}
	return fmt.Errorf("the gateway has stopped and cannot begin anew: %s: %w", program, err)
}

// notifyReloading tells the service manager that the process will be ready again (sd_notify(3)). A message that it is
// stopping would have it killed.
func notifyReloading() {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) == nil {
		daemon.SdNotify(false, fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000))
	}
}
