package deliver

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"postern/engine"
	"postern/engine/config"
)

// errStopped ends a conversation whose attempt is no longer wanted.
var errStopped = errors.New("delivery was stopped")

// connection is an SMTP session with a peer. It belongs to one delivery, or to the pool; deadline and interrupt alone may
// be called beside its owner.
type connection struct {
	net         net.Conn // TCP, or TLS over it
	in          reader
	out         []byte // commands being put together
	reply       reply  // the last one read
	dcid        uint32
	destination string
	route       string
	document    *config.Document
	local       netip.Addr
	peer        netip.AddrPort
	host        string // the peer's name, "" when only its address is known
	ext         extensions
	secured     bool
	verified    bool // the certificate names the host and is vouched for
	rejected    bool // a transaction was left open: RSET goes before the next one
	messages    int  // transactions begun

	idleSince time.Time // while in the pool, under its lock
	raw       syscall.RawConn
	isQuiet   bool          // the result of look
	look      func(uintptr) // made once, so that asking costs no allocation

	mu          sync.Mutex // for what follows
	interrupted bool       // the attempt is no longer wanted
	cut         bool       // nor is the reply to its final dot
	final       bool       // the final dot is out, its reply is not in
}

func newConnection(nc net.Conn, peer netip.AddrPort) *connection {
	c := &connection{net: nc, peer: peer}
	if a, ok := nc.LocalAddr().(*net.TCPAddr); ok {
		c.local = a.AddrPort().Addr().Unmap()
	}
	c.watchSocket(nc)
	return c
}

// deadline gives the next reads and writes so much time; none when the attempt was called off.
func (c *connection) deadline(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calledOff() {
		c.net.SetDeadline(past)
		return
	}
	c.net.SetDeadline(time.Now().Add(d))
}

// past is a deadline that ends what is under way.
var past = time.Unix(1, 0)

// calledOff tells whether nothing more is to be read or written; c.mu is held. A recall leaves the reply to the final dot
// its time.
func (c *connection) calledOff() bool { return c.cut || c.interrupted && !c.final }

// interrupt is called when the attempt's context has ended, for that cause.
func (c *connection) interrupt(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interrupted = true
	c.cut = c.cut || errors.Is(cause, engine.ErrCutOff)
	if c.calledOff() {
		c.net.SetDeadline(past)
	}
}

// follow lets the end of ctx interrupt the connection until the returned function is called; that one tells whether
// the connection may still be used.
func (c *connection) follow(ctx context.Context) (release func() bool) {
	if ctx.Done() == nil {
		return c.usable
	}
	stop := context.AfterFunc(ctx, func() { c.interrupt(context.Cause(ctx)) })
	return func() bool { return stop() && c.usable() }
}

// usable tells whether nothing has interrupted the connection yet.
func (c *connection) usable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.interrupted
}

// setFinal marks that the final dot is out, and later that its reply is in.
func (c *connection) setFinal(out bool) {
	c.mu.Lock()
	c.final = out
	c.mu.Unlock()
}

// failed says what err means: errStopped when it came of our own interruption.
func (c *connection) failed(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calledOff() && errors.Is(err, os.ErrDeadlineExceeded) {
		return errStopped
	}
	return err
}

// close ends the connection. One that broke gets no farewell: TLS's would wait for a peer that takes nothing any more.
func (c *connection) close(broke bool) {
	if t, ok := c.net.(*tls.Conn); ok && broke {
		t.NetConn().Close()
		return
	}
	c.net.Close()
}

// write sends b within d.
func (c *connection) write(b []byte, d time.Duration) error {
	c.deadline(d)
	_, err := c.net.Write(b)
	return c.failed(err)
}

// read reads the next reply into c.reply; a deadline must stand.
func (c *connection) read() error {
	return c.failed(c.in.reply(c.net, &c.reply))
}

// lastWords tries to read why a peer hung up on us in the middle of a write.
func (c *connection) lastWords() bool {
	c.deadline(lastWordsTime)
	return c.read() == nil && c.reply.class() >= 4
}

// command sends one command line and reads its reply.
func (c *connection) command(line string, d time.Duration) error {
	c.out = append(append(c.out[:0], line...), '\r', '\n')
	if err := c.write(c.out, d); err != nil {
		return err
	}
	return c.read()
}

func (c *connection) expired(now time.Time) bool {
	return now.Sub(c.idleSince) >= or(c.document.Delivery.IdleTimeout.Duration, defaultIdleTimeout)
}

// maxMessages is how many messages a connection may carry (RFC 9422 MAILMAX included).
func (c *connection) maxMessages() int {
	n := c.document.Delivery.MessagesPerConnection
	if n <= 0 {
		n = defaultConnections
	}
	if c.ext.mailMax > 0 {
		n = min(n, c.ext.mailMax)
	}
	return n
}
