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
	slow      bool      // a reply of a transaction waits to leave
	over      bool      // no more commands
	lingering bool      // the client may still be sending: let it read our last words
	how       string    // the connection ended
	broken    error     // of a write: nothing more can be said
	mu        sync.Mutex
	idle      bool // waiting for a command outside a transaction
	finishing bool // to end as soon as it is idle
	killed    bool
}

// maxCommandLine is the longest command taken: RFC 5321 section 4.5.3.1.4 asks for 512 octets plus what extensions add.
const maxCommandLine = smallBuffer

// maxSkipped is how much of an over-long line is read for the sake of an answer.
const maxSkipped = 64 << 10

// maxUnsent is how many octets of replies are held back while a client's pipelined commands are worked off.
const maxUnsent = 16 << 10

// writeTimeout is how long a client may take to read a reply.
const writeTimeout = 2 * time.Minute

var (
	errStopping = errors.New("the gateway is stopping")
	errKilled   = errors.New("cut off")

	// replies lends buffers for what is to be sent, so that a silent client holds none.
	replies = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}
)

func newConversation(l *listener, p *policy, conn net.Conn) *conversation {
	c := &conversation{server: l.server, listener: l, policy: p, raw: conn, conn: conn, progress: time.Now()}
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

// command waits for the next command.
func (c *conversation) command() (command, error) {
	if c.pushed != nil {
		cmd := *c.pushed
		c.pushed = nil
		return cmd, nil
	}
	var deadline time.Time
	for {
		line, complete := c.in.line()
		switch {
		case complete && len(line) > maxCommandLine:
			c.fault(replyLineTooLong)
		case complete && malformed(line):
			c.fault(replySyntax)
		case complete:
			return parseCommand(line), nil
		case len(c.in.bytes()) >= maxCommandLine:
			if err := c.skipLine(); err != nil {
				return command{}, err
			}
		default:
			if deadline.IsZero() {
				deadline = time.Now().Add(c.policy.CommandTimeout.Duration)
			}
			if err := c.fill(deadline, !c.transaction.open); err != nil {
				return command{}, err
			}
			continue
		}
		if c.over {
			return command{}, nil
		}
	}
}

// skipLine reads to the end of an over-long line and answers it; one that does not end soon ends the connection.
func (c *conversation) skipLine() error {
	deadline := time.Now().Add(c.policy.CommandTimeout.Duration)
	for skipped := 0; skipped < maxSkipped; {
		if _, complete := c.in.line(); complete {
			c.fault(replyLineTooLong)
			return nil
		}
		skipped += len(c.in.bytes())
		c.in.skip(len(c.in.bytes()))
		if err := c.fill(deadline, false); err != nil {
			return err
		}
	}
	c.end(replyLineTooLong, "line too long")
	return nil
}

// fill sends what is due and reads once.
func (c *conversation) fill(deadline time.Time, idle bool) error {
	if err := c.flush(); err != nil {
		return err
	}
	if last := c.progress.Add(c.policy.ConnectionTimeout.Duration); last.Before(deadline) {
		deadline = last
	}
	c.mu.Lock()
	c.idle = idle
	switch {
	case c.killed:
		c.mu.Unlock()
		return errKilled
	case idle && c.finishing:
		c.mu.Unlock()
		return errStopping
	}
	err := c.raw.SetReadDeadline(deadline)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	err = c.in.fill()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = false
	switch {
	case err == nil:
		return nil
	case c.killed:
		return errKilled
	case idle && c.finishing && errors.Is(err, os.ErrDeadlineExceeded):
		return errStopping
	}
	return err
}

// finishSoon ends the connection as soon as it is idle; it is called from outside.
func (c *conversation) finishSoon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finishing = true
	if c.idle {
		_ = c.raw.SetReadDeadline(time.Unix(1, 0)) // wakes it
	}
}

// kill ends the connection now; it is called from outside.
func (c *conversation) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
	_ = c.raw.SetReadDeadline(time.Unix(1, 0)) // wakes it
	_ = c.raw.SetWriteDeadline(time.Now().Add(lastWords))
}

// farewell tells the client why it is cut off, where it can be told.
func (c *conversation) farewell(err error) {
	c.over = true
	switch {
	case errors.Is(err, errStopping):
		c.how = "stopped"
		c.say(replyStopping)
	case errors.Is(err, errKilled):
		c.how = "killed"
		c.say(replyStopping)
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

// timeIsUp tells whether the connection has had its time.
func (c *conversation) timeIsUp() bool {
	return !time.Now().Before(c.progress.Add(c.policy.ConnectionTimeout.Duration))
}

// progressed lets the connection's time count anew.
func (c *conversation) progressed() { c.progress = time.Now() }

// open makes sure that out can be appended to.
func (c *conversation) open() {
	if c.out == nil {
		c.out = (*replies.Get().(*[]byte))[:0]
	}
}

// say adds a reply.
func (c *conversation) say(reply string) {
	c.open()
	c.out = append(c.out, reply...)
	c.out = append(c.out, "\r\n"...)
	if len(c.out) > maxUnsent && c.flush() != nil {
		c.over, c.how = true, "lost"
	}
}

// fault refuses a command and counts it; too many end the connection.
func (c *conversation) fault(reply string) {
	if c.errors++; c.errors > c.policy.MaxErrors {
		c.end(replyTooManyErrors, "too many errors")
		return
	}
	c.say(reply)
}

// end gives the last reply.
func (c *conversation) end(reply, how string) {
	c.over, c.lingering, c.how = true, true, how
	c.say(reply)
}

// flush sends what has gathered in one write.
func (c *conversation) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	if c.broken != nil {
		return c.broken
	}
	if c.slow {
		c.slow = false
		c.dawdle()
	}
	out := c.out
	c.out = nil
	c.mu.Lock()
	if !c.killed {
		_ = c.raw.SetWriteDeadline(time.Now().Add(writeTimeout)) // the write tells
	}
	c.mu.Unlock()
	_, c.broken = c.conn.Write(out)
	if cap(out) <= 4<<10 {
		replies.Put(&out)
	}
	return c.broken
}

// dawdle holds replies back while resources are conserved.
func (c *conversation) dawdle() {
	if c.server.Delay == nil {
		return
	}
	d := c.server.Delay()
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.server.stop:
	}
}

// discards tells whether messages are taken only to be dropped.
func (c *conversation) discards() bool { return c.policy.Kind == config.Blackhole }
