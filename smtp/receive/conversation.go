package receive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// conversation is one client's connection. All fields but those under mu belong to the goroutine of serve, and to the
// machine's while serve waits in ask.
type conversation struct {
	server   *Server
	listener *listener
	policy   *policy  // of the document in force when the client came
	raw      net.Conn // the socket
	conn     net.Conn // the socket, or the TLS connection on it
	in       input
	out      []byte // replies that have not left yet

	client      client
	local       netip.Addr
	iface, host string // the interface the client came to
	access      access
	icid        uint32
	hello       string // what the client calls itself; "" before EHLO
	extended    bool   // it said EHLO
	protocol    string // of TLS, "" without
	cipher      string
	secured     *journal.ConnectionSecured
	found       chan hostName // the reverse lookup under way, else nil
	giveUp      context.CancelFunc
	reverse     hostName
	introduced  bool

	suspended <-chan struct{} // closed when the listener is suspended
	ended     chan struct{}   // closed when the connection is

	machine     *machine // lent for the transaction, else nil
	transaction transaction
	sender      mailbox // of the MAIL in hand
	mail        mailParameters
	recipient   mailbox // of the RCPT in hand
	rcpt        rcptParameters
	postmaster  bool   // the RCPT in hand is <postmaster>, which everybody may write to
	chunk       *chunk // the BDAT in hand, else nil
	pushed      *command
	silent      bool // the reply to the content in hand was given already, or is not due

	messages  int       // accepted
	errors    int       // refused commands since the last accepted message
	progress  time.Time // the connection's time counts from here
	slow      int       // replies of transactions that wait to leave
	over      bool      // no more commands
	lingering bool      // the client may still be sending: let it read our last words
	how       string    // the connection ended
	broken    error     // of a write: nothing more can be said
	writeBy   time.Time // the write deadline in force
	mu        sync.Mutex
	idle      bool // waiting for a command outside a transaction
	finishing bool // to end as soon as it is idle
	killed    bool
}

func newConversation(l *listener, p *policy, conn net.Conn) *conversation {
	c := &conversation{server: l.server, listener: l, policy: p, raw: conn, conn: conn, progress: time.Now(),
		suspended: l.suspension(), ended: make(chan struct{})}
	c.client = client{l.name, addressOf(conn.RemoteAddr())}
	c.local = addressOf(conn.LocalAddr())
	c.iface, c.host = p.stands(c.local)
	c.access = p.admits(c.client.address)
	return c
}

// serve is the life of the connection.
func (c *conversation) serve() {
	defer c.server.leave(c)
	defer c.finish()
	c.in.reset(c.raw)
	c.converse()
}

// converse takes command after command. A panic ends this connection only.
func (c *conversation) converse() {
	defer func() {
		if p := recover(); p != nil {
			c.server.problem(c.listener.name, fmt.Errorf("panic in connection ICID %d: %v\n%s", c.icid, p, debug.Stack()))
			c.how = "internal error"
			if c.machine != nil {
				c.machine.drop()
				c.machine = nil
			}
			c.say(replyInternal)
			_ = c.flush()
		}
	}()
	if c.begins() {
		for !c.over {
			cmd, err := c.command()
			if err != nil {
				c.farewell(err)
				break
			}
			if !c.over {
				c.handle(cmd)
			}
		}
	}
	_ = c.flush() // the connection ends either way
}

// begins gives the connection its id and the banner.
func (c *conversation) begins() bool {
	icid, err := c.server.Queue.ID(c.server.ctx, journal.ICID)
	if err != nil {
		c.say(replyStopping)
		return false
	}
	c.icid = icid
	c.lookUp()
	c.open()
	c.out = append(c.out, "220 "...)
	c.out = append(c.out, c.host...)
	c.out = append(c.out, " ESMTP\r\n"...)
	return true
}

// finish releases everything and notes the end.
func (c *conversation) finish() {
	c.abort(abortedByLoss)
	if m := c.machine; m != nil {
		m.ask("RSET")
		c.returnMachine()
	}
	if c.giveUp != nil {
		defer c.giveUp()
	}
	c.noteClosed()
	c.closeSocket()
	c.in.release()
}

// closeSocket closes; where the client may still be sending it first reads on for a moment, since a close with unread
// input would destroy the last reply on its way (RFC 1122 section 4.2.2.13).
func (c *conversation) closeSocket() {
	tcp, ok := c.raw.(*net.TCPConn)
	if ok && c.lingering && tcp.CloseWrite() == nil {
		_ = tcp.SetReadDeadline(time.Now().Add(lastWords))
		_, _ = io.CopyN(io.Discard, tcp, maxSkipped)
	}
	_ = c.raw.Close() // nothing can be done about a failure
}

// farewell tells the client why it is cut off, where it can be told.
func (c *conversation) farewell(err error) {
	c.over = true
	switch {
	case errors.Is(err, errStopping):
		c.how = "stopped"
		c.say(c.whyNow())
	case errors.Is(err, errKilled):
		c.how = "killed"
		c.say(c.whyNow())
	case errors.Is(err, os.ErrDeadlineExceeded) && c.timeIsUp():
		c.how = "exceeded allowable connection time"
		c.say(replyTooLong)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.how = "timeout"
		c.say(replyTimeout)
	default:
		c.how = "lost"
	}
}

// whyNow is the reply that says why an order ends the connection.
func (c *conversation) whyNow() string {
	if c.server.isStopping() || !c.isSuspended() {
		return replyStopping
	}
	return replySuspended
}

// isSuspended tells whether the listener was suspended since the client came.
func (c *conversation) isSuspended() bool { return isClosed(c.suspended) }

// timeIsUp tells whether the connection has had its time.
func (c *conversation) timeIsUp() bool {
	return !time.Now().Before(c.progress.Add(c.policy.ConnectionTimeout.Duration))
}

// progressed lets the connection's time count anew.
func (c *conversation) progressed() { c.progress = time.Now() }

// discards tells whether messages are taken only to be dropped.
func (c *conversation) discards() bool { return c.policy.Kind == config.Blackhole }
