package receive

import (
	"errors"
	"os"
	"time"
)

// maxCommandLine is the longest command taken: RFC 5321 section 4.5.3.1.4 asks for 512 octets plus what extensions add.
const maxCommandLine = smallBuffer

// maxSkipped is how much of an over-long line is read for the sake of an answer.
const maxSkipped = 64 << 10

// Why a conversation is to end that does not know it yet.
var (
	errStopping = errors.New("the gateway is stopping")
	errKilled   = errors.New("cut off")
)

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
				if err := c.flush(); err != nil { // for as long as we hold replies back the client need not hurry
					return command{}, err
				}
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
