package main

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// keptPort is a port that its process could not bind again: it gives up the right to. Closed, it refuses clients as a
// closed port does, but stays bound, and can listen again. In the end ports.close lets go of it.
type keptPort struct {
	*net.TCPListener
	raw    syscall.RawConn
	keep   func() // makes ports find it again
	closed atomic.Bool
}

// keeping gives a port that will be kept when it is closed, if it must be.
func (p *ports) keeping(address string, l net.Listener) net.Listener {
	tcp, ok := l.(*net.TCPListener)
	at, err := netip.ParseAddrPort(address)
	if !ok || err != nil || at.Port() == 0 || at.Port() >= p.scarce {
		return l
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return l
	}
	k := &keptPort{TCPListener: tcp, raw: raw}
	k.keep = func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.kept == nil {
			p.kept = make(map[string]*keptPort)
		}
		p.kept[address] = k
	}
	return k
}

// reserve binds a port that is not to listen yet, if it could not be bound later. Until it is closed, at once, it does
// listen: who comes in between is reset.
func (p *ports) reserve(address string) error {
	l, err := p.announce(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

// Accept takes the next client; net.ErrClosed after Close.
func (k *keptPort) Accept() (net.Conn, error) {
	c, err := k.TCPListener.Accept()
	if err != nil && k.closed.Load() {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: k.Addr(), Err: net.ErrClosed}
	}
	return c, err
}

// Close ends listening. Clients that were not accepted yet are reset.
func (k *keptPort) Close() error {
	if k.closed.Swap(true) {
		return nil
	}
	err := k.control("shutdown", func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RD) })
	k.keep()
	return err
}

// listen undoes Close.
func (k *keptPort) listen() error {
	if !k.closed.Load() {
		return &net.OpError{Op: "listen", Net: "tcp", Addr: k.Addr(), Err: os.NewSyscallError("listen", unix.EADDRINUSE)}
	}
	const backlog = 1 << 15 // the system has its own limit
	if err := k.control("listen", func(fd int) error { return unix.Listen(fd, backlog) }); err != nil {
		return err
	}
	k.closed.Store(false)
	return nil
}

func (k *keptPort) control(what string, do func(fd int) error) error {
	var failed error
	if err := k.raw.Control(func(fd uintptr) { failed = do(int(fd)) }); err != nil {
		return err
	}
	if failed != nil {
		return &net.OpError{Op: "listen", Net: "tcp", Addr: k.Addr(), Err: os.NewSyscallError(what, failed)}
	}
	return nil
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
