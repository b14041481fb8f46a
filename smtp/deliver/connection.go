package deliver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

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
	interrupted bool
	final       bool // the final dot is on its way
}

func newConnection(nc net.Conn, peer netip.AddrPort) *connection {
	c := &connection{net: nc, peer: peer}
	if a, ok := nc.LocalAddr().(*net.TCPAddr); ok {
		c.local = a.AddrPort().Addr().Unmap()
	}
	c.watchSocket(nc)
	return c
}

// deadline gives the next reads and writes so much time; once the attempt has been called off, none, or StopGrace when
// the final dot is out.
func (c *connection) deadline(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case !c.interrupted:
		c.net.SetDeadline(now.Add(d))
	case c.final:
		c.net.SetDeadline(now.Add(min(d, StopGrace)))
	default:
		c.net.SetDeadline(time.Unix(1, 0))
	}
}

// interrupt is called when the attempt's context ends.
func (c *connection) interrupt() {
	c.mu.Lock()
	c.interrupted = true
	c.mu.Unlock()
	c.deadline(StopGrace)
}

// follow lets the end of ctx interrupt the connection until the returned function is called; that one tells whether
// the connection may still be used.
func (c *connection) follow(ctx context.Context) (release func() bool) {
	if ctx.Done() == nil {
		return func() bool { return true }
	}
	return context.AfterFunc(ctx, c.interrupt)
}

// beginEnd marks that the final dot is about to be written; not once the attempt was called off.
func (c *connection) beginEnd() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.interrupted {
		return errStopped
	}
	c.final = true
	return nil
}

func (c *connection) notFinal() {
	c.mu.Lock()
	c.final = false
	c.mu.Unlock()
}

// failed says what err means: errStopped when it came of our own interruption.
func (c *connection) failed(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.interrupted && errors.Is(err, os.ErrDeadlineExceeded) {
		return errStopped
	}
	return err
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
