package receive

import (
	"strconv"
	"strings"
	"time"
)

// chunk is a BDAT command (RFC 3030 section 2).
type chunk struct {
	size uint64
	last bool
}

// maxChunk is the largest size that is believed.
const maxChunk = 1 << 40

// parseBdat reads BDAT's argument.
func parseBdat(argument string) (chunk, bool) {
	size, last, two := strings.Cut(argument, " ")
	n, err := strconv.ParseUint(size, 10, 64)
	if err != nil || n > maxChunk || two && !strings.EqualFold(strings.TrimLeft(last, " "), "LAST") {
		return chunk{}, false
	}
	return chunk{size: n, last: two}, true
}

// handleBdat takes a first chunk, and with it all that follow; a chunk without a transaction is read and refused.
func (c *conversation) handleBdat(argument string) {
	first, ok := parseBdat(argument)
	switch {
	case !ok:
		c.end(replyBdatSyntax, "protocol error") // where the next command begins is anybody's guess
	case c.machine != nil && len(c.transaction.recipients) > 0:
		c.takeContent(&first)
	case c.skipChunk(first):
		c.fault(orText(c.machine == nil, replyMailFirst, replyRcptFirst))
	}
}

func orText(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// skipChunk reads a chunk's octets and forgets them.
func (c *conversation) skipChunk(ch chunk) bool {
	if ch.size > uint64(c.policy.MaxMessageSize+maxOverrun) {
		c.end(replyTooBig, "lost")
		return false
	}
	for left := int(ch.size); ; {
		n := min(left, len(c.in.bytes()))
		c.in.skip(n)
		if left -= n; left == 0 {
			return true
		}
		if err := c.fill(time.Now().Add(c.policy.DataTimeout.Duration), false); err != nil {
			c.farewell(err)
			return false
		}
	}
}

// readChunks reads content from c.chunk to the last one. The last one, and one that made the content impossible, is left
// to be answered by the transaction's end; what follows the latter finds no transaction.
func (c *conversation) readChunks(m *content) error {
	for {
		if err := c.readChunk(m); err != nil {
			return err
		}
		if c.chunk.last {
			m.lines.finish(m.addLine)
			return nil
		}
		if m.refused() && !c.discards() {
			return nil
		}
		c.say("250 2.0.0 " + strconv.FormatUint(c.chunk.size, 10) + " octets received")
		if err := c.nextChunk(); err != nil {
			return err
		}
	}
}

// readChunk reads the octets of c.chunk.
func (c *conversation) readChunk(m *content) error {
	c.in.widen()
	defer c.in.narrow()
	for left := c.chunk.size; ; {
		b := c.in.bytes()
		if uint64(len(b)) > left {
			b = b[:left]
		}
		m.lines.scan(b, m.addLine)
		c.in.skip(len(b))
		if left -= uint64(len(b)); left == 0 {
			return nil
		}
		if err := c.fillContent(m); err != nil {
			return err
		}
	}
}

// nextChunk waits for the next BDAT and makes it c.chunk. What ends a transaction is handed back to be handled after it.
func (c *conversation) nextChunk() error {
	for {
		cmd, err := c.command()
		if err != nil {
			return err
		}
		switch cmd.verb {
		case verbBDAT:
			next, ok := parseBdat(cmd.argument)
			if !ok {
				c.end(replyBdatSyntax, "protocol error")
				return errOver
			}
			c.chunk = &next
			return nil
		case verbRSET, verbHELO, verbEHLO, verbQUIT, verbSTARTTLS:
			c.pushed = &cmd
			return errAborted
		case verbMAIL, verbRCPT, verbDATA:
			c.fault(replyInTransfer)
		default:
			if !c.over {
				c.handle(cmd)
			}
		}
		if c.over {
			return errOver
		}
	}
}
