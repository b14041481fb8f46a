package sink

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"strings"
	"time"
)

// limits of one conversation: a reader's buffer, and the most recipients and content that are kept.
const (
	bufferBytes   = 32 << 10
	maxRecipients = 10_000
	maxKept       = 16 << 20
)

// conversation is one connection; its goroutine owns it.
type conversation struct {
	sink    *Sink
	conn    net.Conn
	r       *bufio.Reader
	w       *bufio.Writer
	mail    bool // MAIL was accepted
	message Message
	lose    bool // a recipient asked for a lost reply
}

func newConversation(s *Sink, c net.Conn) *conversation {
	return &conversation{sink: s, conn: c, r: bufio.NewReaderSize(c, bufferBytes), w: bufio.NewWriterSize(c, 1024)}
}

// run ends at QUIT, at an error of the connection, or where a reply is to be lost. Replies wait while commands wait.
func (c *conversation) run() {
	c.reply("220 sink.test ESMTP")
	for {
		if c.r.Buffered() == 0 && c.w.Flush() != nil {
			return
		}
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			c.reply("250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 2147483647\r\n250 ENHANCEDSTATUSCODES")
		case "HELO", "NOOP":
			c.reply("250 2.0.0 ok")
		case "RSET":
			c.reset()
			c.reply("250 2.0.0 ok")
		case "MAIL":
			c.reset()
			c.mail, c.message.Sender = true, path(rest)
			c.reply("250 2.1.0 ok")
		case "RCPT":
			c.recipient(path(rest))
		case "DATA":
			if !c.data() {
				c.w.Flush()
				return
			}
		case "QUIT":
			c.reply("221 2.0.0 bye")
			c.w.Flush()
			return
		default:
			c.reply("500 5.5.1 what?")
		}
	}
}

func (c *conversation) reply(s string) {
	c.w.WriteString(s)
	c.w.WriteString("\r\n")
}

func (c *conversation) reset() { c.mail, c.lose, c.message = false, false, Message{} }

func (c *conversation) recipient(address string) {
	switch {
	case !c.mail:
		c.reply("503 5.5.1 MAIL first")
	case strings.HasPrefix(address, "bounce-"):
		c.reply("550 5.1.1 no such user")
	case strings.HasPrefix(address, "defer-") && !c.sink.lifted.Load():
		c.reply("450 4.2.1 not now")
	case len(c.message.Recipients) == maxRecipients:
		c.reply("452 4.5.3 too many recipients")
	default:
		c.lose = c.lose || strings.HasPrefix(address, "lost-")
		c.message.Recipients = append(c.message.Recipients, address)
		c.reply("250 2.1.5 ok")
	}
}

// data takes the content; false ends the connection.
func (c *conversation) data() bool {
	if len(c.message.Recipients) == 0 {
		c.reply("503 5.5.1 no recipients")
		return true
	}
	c.reply("354 go on")
	if c.w.Flush() != nil || !c.content() {
		return false
	}
	first := c.sink.record(c.message)
	if c.lose && first {
		return false
	}
	if c.sink.Delay != nil {
		if d := c.sink.Delay(); d > 0 {
			time.Sleep(d)
		}
	}
	c.reset()
	c.reply("250 2.0.0 taken")
	return true
}

// content reads to the final dot; false when the connection ends before it.
func (c *conversation) content() bool {
	kept, subject := []byte(nil), ""
	for header, begin := true, true; ; {
		line, err := c.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return false
		}
		if begin && line[0] == '.' {
			if len(line) == 3 && line[1] == '\r' {
				break
			}
			line = line[1:]
		}
		if header && begin {
			header = len(line) > 2
			if v, ok := field(line, "X-Bench-ID:"); ok {
				c.message.ID = v
			} else if v, ok := field(line, "Subject:"); ok {
				subject = v
			}
		}
		if c.sink.Keep && len(kept)+len(line) <= maxKept {
			kept = append(kept, line...)
		}
		begin = err == nil
	}
	if c.message.ID == "" {
		c.message.ID = subject
	}
	c.message.Content = string(kept)
	return true
}

func field(line []byte, name string) (string, bool) {
	if len(line) < len(name) || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return "", false
	}
	return string(bytes.TrimSpace(line[len(name):])), true
}

// path takes the address out of FROM:<address> or TO:<address>.
func path(rest string) string {
	_, rest, _ = strings.Cut(rest, "<")
	address, _, _ := strings.Cut(rest, ">")
	return address
}
