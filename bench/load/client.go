package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// redial is how long a client waits after a connection that could not be made.
const redial = 5 * time.Millisecond

// client is one of the load's clients; its goroutine owns it and its result.
type client struct {
	config  *Config
	result  *Result
	number  int       // among the clients
	started time.Time // the load
	conn    net.Conn
	r       *bufio.Reader
	content []byte // a message; the identities in it are written over
	ids     [2]int // where they stand
}

func (c *client) run(ctx context.Context, next *atomic.Int64) {
	c.compose()
	defer c.hangUp()
	for ctx.Err() == nil {
		n := int(next.Add(1))
		if c.config.Messages > 0 && n > c.config.Messages {
			return
		}
		if !c.await(ctx, n) || !c.connect(ctx) {
			return
		}
		c.send(n)
		if !c.config.KeepOpen {
			c.hangUp()
		}
	}
}

// await waits until the n-th message is due; false: ctx has ended.
func (c *client) await(ctx context.Context, n int) bool {
	if c.config.Rate <= 0 {
		return true
	}
	due := c.started.Add(time.Duration(float64(n-1) / c.config.Rate * float64(time.Second)))
	return sleep(ctx, time.Until(due))
}

// connect tries until there is a connection; false: ctx has ended.
func (c *client) connect(ctx context.Context) bool {
	for c.conn == nil && c.dial() != nil {
		c.result.Failed++
		if !sleep(ctx, redial) {
			return false
		}
	}
	return true
}

func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (c *client) id(n int) string { return fmt.Sprintf("%s-%010d", c.config.Prefix, n) }

func (c *client) compose() {
	id, b := c.id(0), new(bytes.Buffer)
	fmt.Fprintf(b, "From: <%s>\r\nTo: <someone@sink.test>\r\nMessage-ID: <%s.%p@sender.test>\r\nX-Bench-ID: ", c.config.Sender, c.config.Prefix, c)
	c.ids[0] = b.Len()
	b.WriteString(id + "\r\nSubject: ")
	c.ids[1] = b.Len()
	b.WriteString(id + "\r\n\r\n")
	if c.config.Noise {
		c.attachment(b)
	} else {
		const line = "The quick brown fox jumps over the lazy dog and is carried on by the gate.\r\n"
		b.WriteString(strings.Repeat(line, c.config.Size/len(line)+1))
	}
	b.WriteString(".\r\n")
	c.content = b.Bytes()
}

// attachment writes random bytes as mail carries them; each client has others.
func (c *client) attachment(b *bytes.Buffer) {
	const bytesOfLine, lineLength = 57, 78
	random, raw := rand.NewChaCha8([32]byte{byte(c.number), byte(c.number >> 8)}), make([]byte, bytesOfLine)
	for n := 0; n < c.config.Size; n += lineLength {
		random.Read(raw)
		b.WriteString(base64.StdEncoding.EncodeToString(raw) + "\r\n")
	}
}

func (c *client) dial() error {
	conn, err := net.DialTimeout("tcp", c.config.Address, c.config.Patience)
	if err != nil {
		return err
	}
	c.conn = conn
	if c.r == nil {
		c.r = bufio.NewReaderSize(conn, 4096)
	}
	c.r.Reset(conn)
	if err = c.expect("220"); err == nil {
		err = c.order("250", "EHLO load.sender.test\r\n")
	}
	if err != nil {
		c.drop()
	}
	return err
}

// errRefused is a reply other than the one that was wanted; the connection goes on.
var errRefused = errors.New("refused")

// send tries the n-th message once.
func (c *client) send(n int) {
	id := c.id(n)
	for _, at := range c.ids {
		copy(c.content[at:], id)
	}
	err := c.envelope(n)
	sent := time.Now()
	if err == nil {
		if _, err = c.conn.Write(c.content); err == nil {
			err = c.expect("250")
			if err != nil && !errors.Is(err, errRefused) {
				c.result.Unanswered = append(c.result.Unanswered, id)
				c.drop()
				return
			}
		}
	}
	switch {
	case err == nil:
		c.result.Acked = append(c.result.Acked, id)
		c.result.Latency = append(c.result.Latency, time.Since(sent))
	case errors.Is(err, errRefused):
		c.result.Refused++
		c.drop() // whatever was pipelined behind the refusal is not worth untangling
	default:
		c.result.Failed++
		c.drop()
	}
}

func (c *client) envelope(n int) error {
	mail, rcpt := "MAIL FROM:<"+c.config.Sender+">\r\n", "RCPT TO:<"+c.config.Recipient(n)+">\r\n"
	if !c.config.Pipeline {
		if err := c.order("250", mail); err != nil {
			return err
		}
		if err := c.order("250", rcpt); err != nil {
			return err
		}
		return c.order("354", "DATA\r\n")
	}
	if _, err := c.conn.Write([]byte(mail + rcpt + "DATA\r\n")); err != nil {
		return err
	}
	return errors.Join(c.expect("250"), c.expect("250"), c.expect("354"))
}

func (c *client) order(want, command string) error {
	if _, err := c.conn.Write([]byte(command)); err != nil {
		return err
	}
	return c.expect(want)
}

// expect reads a whole reply.
func (c *client) expect(want string) error {
	c.conn.SetReadDeadline(time.Now().Add(c.config.Patience))
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) > 3 && line[3] == '-' {
			continue
		}
		if !bytes.HasPrefix(line, []byte(want)) {
			c.result.Reply = strings.TrimSpace(string(line))
			return errRefused
		}
		return nil
	}
}

func (c *client) drop() {
	c.conn.Close()
	c.conn = nil
}

func (c *client) hangUp() {
	if c.conn != nil {
		c.order("221", "QUIT\r\n")
		c.drop()
	}
}
