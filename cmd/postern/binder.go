package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// binder is the one thread that may bind ports below firstFree once the process has given up root: commits, and listeners
// that are resumed, want some later. It holds CAP_NET_BIND_SERVICE and nothing else of root, does nothing but bind, and
// starts neither threads (the runtime starts none from a goroutine that is locked to its thread) nor programs. ports owns
// it. nil: every thread may bind what the process may.
type binder struct {
	jobs chan func()
	quit chan struct{} // closed by close: the thread ends
}

// newBinder has the process go on as an account, and gives the thread that still binds.
func newBinder(a *account) (*binder, error) {
	b, became := &binder{make(chan func()), make(chan struct{})}, make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		err := a.becomeButBind()
		became <- err
		for err == nil {
			select {
			case job := <-b.jobs:
				job()
			case <-b.quit:
				return
			}
		}
	}()
	return b, <-became
}

// run does a job where ports can be bound. After close it refuses with net.ErrClosed.
func (b *binder) run(job func()) error {
	if b == nil {
		job()
		return nil
	}
	done := make(chan struct{})
	select {
	case b.jobs <- func() { job(); close(done) }:
		<-done
		return nil
	case <-b.quit:
		return net.ErrClosed
	}
}

func (b *binder) close() {
	if b != nil {
		close(b.quit)
	}
}

// becomeButBind drops root for good, in all threads; this one alone keeps CAP_NET_BIND_SERVICE, if it had it
// (capabilities(7)).
func (a *account) becomeButBind() error {
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil { // of this thread
		return os.NewSyscallError("prctl", err)
	}
	if err := a.become(); err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var had [2]unix.CapUserData
	if err := unix.Capget(&header, &had[0]); err != nil {
		return os.NewSyscallError("capget", err)
	}
	const bind = 1 << unix.CAP_NET_BIND_SERVICE
	kept := [2]unix.CapUserData{{Permitted: had[0].Permitted & bind, Effective: had[0].Permitted & bind}}
	if err := unix.Capset(&header, &kept[0]); err != nil {
		return os.NewSyscallError("capset", err)
	}
	return os.NewSyscallError("prctl", unix.Prctl(unix.PR_SET_KEEPCAPS, 0, 0, 0, 0))
}

// firstFree is the lowest port that everybody may bind (ip(7)).
func firstFree() uint16 {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err == nil {
		if n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 16); err == nil {
			return uint16(n)
		}
	}
	return 1024
}

// mayNotBind says what an operator can do where the process was never allowed to bind a low port.
func mayNotBind() string {
	return fmt.Sprintf("the gateway was started without the right to bind ports below %d: take a higher one, or start it as root with daemon.user, "+
		"or as its systemd unit does, with CAP_NET_BIND_SERVICE", firstFree())
}
