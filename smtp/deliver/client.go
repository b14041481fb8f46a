package deliver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"postern/engine"
	"postern/engine/config"
	"postern/journal"
	"postern/smtp/dns"
)

// Resolver finds a destination's hosts. *dns.Resolver is one; its errors are *dns.Error.
type Resolver interface {
	LookupMX(ctx context.Context, domain string) (dns.MXAnswer, error)
	LookupAddr(ctx context.Context, host string, want dns.Want) (dns.AddrAnswer, error)
}

// Store is where envelopes stand. At gives the record of a durable Seq.
type Store interface {
	At(seq uint64) (journal.Record, error)
}

// Client is the engine's Deliverer. The fields are set before the first use and not changed afterwards; what is marked
// optional may be nil. All of its methods may be called from many goroutines.
type Client struct {
	Document func() *config.Document // the one in force
	Resolver Resolver
	Store    Store

	// Content opens a message's content as it is to be sent, lines ended by CRLF, without dot-stuffing; size is in
	// bytes. A reader that is an io.WriterTo is asked to write itself.
	Content func(seq uint64, e *journal.MessageInjected) (content io.ReadCloser, size int64, err error)

	Note func(journal.Event)                       // facts that nobody waits for; must not block
	DCID func(ctx context.Context) (uint32, error) // the next public id of a connection

	// Dial opens a TCP connection; an invalid local address leaves the choice to the system. Optional.
	Dial func(ctx context.Context, network string, local netip.Addr, remote netip.AddrPort) (net.Conn, error)

	// IsOwn tells whether an address and port is one of our own listeners. Optional.
	IsOwn func(netip.AddrPort) bool

	// BeforeFinalDot is called when all of the content but the final dot is out, when the attempt is to be exact; the dot
	// waits for it, and an error calls the transaction off. Optional: without it nothing waits.
	BeforeFinalDot func(ctx context.Context, sent *journal.DataSent) error

	RootCAs *x509.CertPool   // who vouches for peers' certificates, for the record only; nil: the system's
	Now     func() time.Time // optional
	Rand    func(n int) int  // uniform in [0, n); optional

	pool     pool
	sessions tls.ClientSessionCache // of TLS, set by init
	noIPv6   atomic.Int64           // until when, Unix nanoseconds, IPv6 is left out
	once     sync.Once
}

var _ engine.Deliverer = (*Client)(nil)

func (c *Client) init() {
	c.once.Do(func() {
		if c.Dial == nil {
			c.Dial = dial
		}
		if c.IsOwn == nil {
			c.IsOwn = func(netip.AddrPort) bool { return false }
		}
		if c.Now == nil {
			c.Now = time.Now
		}
		if c.Rand == nil {
			c.Rand = rand.IntN
		}
		c.sessions = tls.NewLRUClientSessionCache(1024)
		c.pool.init()
	})
}

func dial(ctx context.Context, network string, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	if local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	return d.DialContext(ctx, network, remote.String())
}

// Deliver tries the attempt's message once and gives one Outcome for each RID, in their order. When ctx ends the attempt is
// recalled: before its final dot it ends at once, and the peer has no message; past it the reply is awaited as ever, for
// nothing else tells whether the peer has it, unless ctx's cause is engine.ErrCutOff.
func (c *Client) Deliver(ctx context.Context, a engine.Attempt) []engine.Outcome {
	c.init()
	d := delivery{client: c, document: c.Document(), attempt: a}
	d.run(ctx)
	return d.outcomes
}

// Run closes connections that have been idle for too long, until ctx ends; then it closes all that are idle, and those
// still at work as they finish.
func (c *Client) Run(ctx context.Context) error {
	c.init()
	c.janitor(ctx)
	return c.Close()
}

// Close says QUIT on every idle connection and closes it; connections at work are closed when their attempt ends, and
// later ones are not kept.
func (c *Client) Close() error {
	c.init()
	c.quit(c.pool.drain())
	return nil
}

// CutOff ends all conversations, those under way and any that begin later, as engine.ErrCutOff does: also those of attempts that
// were recalled before and wait for the reply to their final dot. It is for the end of a stop.
func (c *Client) CutOff() {
	c.init()
	c.pool.cutOff()
}

// Connections is how many connections stand, in use and idle.
func (c *Client) Connections() int { c.init(); open, _ := c.pool.counts(); return open }

// Dialling is how many connections are being opened: not yet through the peer's greeting and EHLO.
func (c *Client) Dialling() int { c.init(); _, dialling := c.pool.counts(); return dialling }

// Destination is Connections and Dialling of one destination.
func (c *Client) Destination(name string) (connections, dialling int) {
	c.init()
	return c.pool.countsOf(name)
}
