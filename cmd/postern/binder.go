package main

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// binder is the one thread that may bind ports below firstFree once the process has given up root: commits, and listeners
// that are resumed, want some later. It holds CAP_NET_BIND_SERVICE and nothing else of root, does nothing but bind, and
// starts neither threads (the runtime starts none from a goroutine that is locked to its thread) nor programs, but for the
// gateway's own that begins anew. serve ends it. nil: every thread may bind what the process may.
type binder struct {
	may  bool // it has that right; set by newBinder
	jobs chan func()
	quit chan struct{} // closed by close: the thread ends
}

// newBinder has the process go on as an account, and gives the thread that still binds.
func newBinder(a *account) (*binder, error) {
	b, became := &binder{jobs: make(chan func()), quit: make(chan struct{})}, make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		var err error
		b.may, err = a.becomeButBind()
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
	if err := <-became; err != nil {
		return nil, err
	}
	return b, nil
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

// exec puts a program in the place of this one; it may bind what this one may. It returns only when that fails.
func (b *binder) exec(program string, args, environment []string) (err error) {
	refused := b.run(func() {
		if b != nil && b.may {
			err = handOnBinding()
		}
		if err == nil {
			err = syscall.Exec(program, args, environment)
		}
	})
	return cmp.Or(refused, err)
}

const (
	mayBind        = 1 << unix.CAP_NET_BIND_SERVICE
	noAmbientRaise = 1 << 6 // SECBIT_NO_CAP_AMBIENT_RAISE (capabilities(7))
)

// becomeButBind drops root for good, in all threads; this one alone keeps CAP_NET_BIND_SERVICE, if it had it
// (capabilities(7)).
func (a *account) becomeButBind() (may bool, err error) {
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil { // of this thread
		return false, os.NewSyscallError("prctl", err)
	}
	if err := a.become(); err != nil {
		return false, err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var had [2]unix.CapUserData
	if err := unix.Capget(&header, &had[0]); err != nil {
		return false, os.NewSyscallError("capget", err)
	}
	kept := [2]unix.CapUserData{{Permitted: had[0].Permitted & mayBind, Effective: had[0].Permitted & mayBind}}
	if err := unix.Capset(&header, &kept[0]); err != nil {
		return false, os.NewSyscallError("capset", err)
	}
	return kept[0].Permitted != 0, os.NewSyscallError("prctl", unix.Prctl(unix.PR_SET_KEEPCAPS, 0, 0, 0, 0))
}

// handOnBinding has the program that this thread executes next keep CAP_NET_BIND_SERVICE, as an ambient capability: what
// the systemd unit gives.
func handOnBinding() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	kept := [2]unix.CapUserData{{Permitted: mayBind, Effective: mayBind, Inheritable: mayBind}}
	if err := unix.Capset(&header, &kept[0]); err != nil {
		return os.NewSyscallError("capset", err)
	}
	return os.NewSyscallError("prctl", unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_NET_BIND_SERVICE, 0, 0))
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
