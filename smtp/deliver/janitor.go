package deliver

import (
	"context"
	"time"
)

// janitorPace is how often idle connections are looked at; they are closed at most so much later than their time.
const janitorPace = time.Second

// janitor closes what is retired or idle for too long. It sleeps while there is nothing of either.
func (c *Client) janitor(ctx context.Context) {
	timer := time.NewTimer(janitorPace)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.pool.wake:
		case <-timer.C:
		}
		out, more := c.pool.expired(c.Now())
		c.quit(out)
		if more {
			timer.Reset(janitorPace)
		}
	}
}

// quit ends connections in order: QUIT to all of them, then their answers, for at most MaxQuitTime together
// (RFC 5321 4.1.1.10).
func (c *Client) quit(out []*connection) {
	if len(out) == 0 {
		return
	}
	deadline := time.Now().Add(MaxQuitTime)
	said := make([]bool, len(out))
	for i, conn := range out {
		conn.net.SetDeadline(deadline)
		_, err := conn.net.Write([]byte("QUIT\r\n"))
		said[i] = err == nil
	}
	var r reply
	for i, conn := range out {
		if said[i] {
			conn.in.reply(conn.net, &r)
		}
		c.hangUp(conn, "")
	}
}

// retire ends a connection that has done its share, without keeping anybody waiting.
func (c *Client) retire(conn *connection) {
	if !c.pool.retire(conn) {
		conn.net.SetWriteDeadline(time.Now().Add(lastWordsTime))
		conn.net.Write([]byte("QUIT\r\n"))
		c.hangUp(conn, "")
	}
}

// hangUp closes a connection and says so; how is "" when all was in order.
func (c *Client) hangUp(conn *connection, how string) {
	conn.close(how != "")
	c.pool.hasClosed(conn)
	c.noteClosed(conn, how)
}
