package main

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A port that cannot be bound again is kept when it is closed: it refuses clients, nobody else gets it, and it comes back
// as often as wanted to a process without the right to bind it.
func TestKeptPort(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may bind such a port")
	}
	const address = "127.0.0.77:587"
	p := &ports{scarce: 1024}
	defer p.close()
	l, err := p.announce(t.Context(), "tcp", address)
	if err != nil {
		t.Skip(err)
	}
	greeted(t, l)
	dropped := make(chan struct{})
	go func() { // as nobody, for as long as this thread lives
		defer close(dropped)
		runtime.LockOSThread()
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
			t.Error(errno)
			return
		}
		for range 3 {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("accepts: %v", err)
			}
			if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("a client is told: %v", err)
			}
			if _, err := net.Listen("tcp", "127.0.0.77:588"); !errors.Is(err, syscall.EACCES) {
				t.Errorf("it may bind such a port: %v", err)
			}
			if l, err = p.announce(context.Background(), "tcp", address); err != nil {
				t.Errorf("it does not come back: %v", err)
				return
			}
			greeted(t, l)
			if _, err := p.announce(context.Background(), "tcp", address); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("it is given away twice: %v", err)
			}
		}
		l.Close()
		p.close()
	}()
	<-dropped
	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatalf("it is not let go of: %v", err)
	}
	l.Close()
}

// The end of a port that is waited on, and a port that waits to listen from the beginning.
func TestReservedPort(t *testing.T) {
	for name, scarce := range map[string]uint16{"kept": 65535, "free": 1} {
		t.Run(name, func(t *testing.T) {
			p := &ports{scarce: scarce}
			defer p.close()
			probe, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			address := probe.Addr().String()
			if err := p.reserve(address); err == nil {
				t.Error("a busy port was reserved")
			}
			probe.Close()
			if err := p.reserve(address); err != nil {
				t.Fatal(err)
			}
			if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("a client is told: %v", err)
			}
			l, err := p.announce(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			greeted(t, l)
			ended := make(chan error, 1)
			go func() {
				_, err := l.Accept()
				ended <- err
			}()
			for range 2 {
				if err := l.Close(); err != nil && name == "kept" {
					t.Error(err)
				}
			}
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Errorf("who waited for a client got %v", err)
			}
		})
	}
}

// greeted has a client come in.
func greeted(t *testing.T, l net.Listener) {
	t.Helper()
	accepted := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			c.Close()
		}
		accepted <- err
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Errorf("%s: %v", l.Addr(), err)
		return
	}
	c.Close()
	if err := <-accepted; err != nil {
		t.Errorf("%s: accept: %v", l.Addr(), err)
	}
}
