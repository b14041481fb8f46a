package receive

import (
	"time"

	"postern/journal"
)

// The reasons of facts, as logs print them.
const (
	abortedByLoss   = "Receiving aborted"
	abortedBySender = "Receiving aborted by sender"
	tooBig          = "Message size exceeds limit"
	bareNewline     = "Bare CR or LF"
	looping         = "Message loop"
	tooManyMessages = "Too Many Messages"
	notStored       = "Message not stored"
	notQueued       = "Queue refused the message"
	blackholed      = "Dropped by blackhole listener"
)

// introduce notes who the client is, once: at its first MAIL, or at its end. It waits that long for the client's name.
func (c *conversation) introduce(patience time.Duration) {
	if c.introduced || c.icid == 0 {
		return
	}
	c.introduced = true
	c.awaitName(patience)
	c.server.Queue.Note(&journal.ConnectionAccepted{
		ICID: c.icid, Listener: c.listener.name, Interface: c.iface, LocalAddress: c.local,
		Remote: c.client.address, ReverseDNS: c.reverse.name, Verified: c.reverse.verified,
	})
	c.server.Queue.Note(&journal.SenderGroupMatched{ICID: c.icid, Action: c.access.action, Match: c.access.match})
	if c.secured != nil {
		c.server.Queue.Note(c.secured)
	}
}

// noteSecured notes the end of a STARTTLS, in its place behind the introduction.
func (c *conversation) noteSecured(e *journal.ConnectionSecured) {
	c.secured = e
	if c.introduced {
		c.server.Queue.Note(e)
	}
}

// interrupted notes what went wrong on a connection that goes on.
func (c *conversation) interrupted(reason string) {
	c.introduce(reversePatience)
	c.server.Queue.Note(&journal.ConnectionInterrupted{ICID: c.icid, Reason: reason})
}

// abort ends the transaction, if one is open, without a message.
func (c *conversation) abort(reason string) {
	t := &c.transaction
	if !t.open {
		return
	}
	if c.how == "lost" {
		// The log tells first that the client is gone, then what became of its message, and at last that the connection is closed.
		c.interrupted(c.how)
		c.how = ""
	}
	c.server.Queue.Note(&journal.ReceivingAborted{
		ICID: c.icid, MID: t.mid, Reason: reason, Size: t.size,
		Sender: t.sender, Recipients: t.recipients, Rejected: t.rejected,
	})
	*t = transaction{}
}

// noteClosed is the last fact of a connection.
func (c *conversation) noteClosed() {
	if c.icid == 0 {
		return
	}
	c.introduce(0)
	c.server.Queue.Note(&journal.ConnectionClosed{ICID: c.icid, How: c.how})
}
