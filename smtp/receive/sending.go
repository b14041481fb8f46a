package receive

import (
	"sync"
	"time"
)

// maxUnsent is how many octets of replies are held back while a client's pipelined commands are worked off.
const maxUnsent = 16 << 10

// writeTimeout is how long at least a client may take to read a reply; at most it is twice that.
const writeTimeout = 2 * time.Minute

// replies lends buffers for what is to be sent, so that a silent client holds none.
var replies = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}

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
	c.holdBack()
	out := c.out
	c.out = nil
	c.mu.Lock()
	if now := time.Now(); !c.killed && c.writeBy.Sub(now) < writeTimeout { // seldom: each setting costs half a microsecond
		c.writeBy = now.Add(2 * writeTimeout)
		_ = c.raw.SetWriteDeadline(c.writeBy) // the write tells
	}
	c.mu.Unlock()
	_, c.broken = c.conn.Write(out)
	if cap(out) <= 4<<10 {
		replies.Put(&out)
	}
	return c.broken
}
