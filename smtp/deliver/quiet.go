package deliver

import (
	"net"
	"syscall"
)

// watchSocket prepares quiet for a connection that has a socket.
func (c *connection) watchSocket(nc net.Conn) {
	s, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return
	}
	c.raw = raw
	c.look = func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		c.isQuiet = err == syscall.EAGAIN
	}
}

// quiet tells whether the peer has neither closed an idle connection nor said anything on it, which could only be that it
// is about to close. It costs one system call, and nobody has to watch idle connections. Without a socket it says yes,
// and the first command will tell.
func (c *connection) quiet() bool {
	if c.in.buffered() > 0 {
		return false
	}
	if c.raw == nil {
		return true
	}
	return c.raw.Control(c.look) == nil && c.isQuiet
}
