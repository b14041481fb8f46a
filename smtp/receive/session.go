package receive

import (
	"io"

	smtp "github.com/emersion/go-smtp"

	"postern/journal"
)

// session is what go-smtp calls at each step of a transaction, in the machine's goroutine, while the conversation waits
// for the reply. Everything it needs was parsed before: go-smtp's own reading of addresses and parameters is not used.
type session struct{ machine *machine }

func (s *session) Mail(string, *smtp.MailOptions) error { return s.machine.conversation.begin() }

func (s *session) Rcpt(string, *smtp.RcptOptions) error { return s.machine.conversation.addRecipient() }

// Data reads the content from the client itself and leaves go-smtp only the end mark to read.
func (s *session) Data(io.Reader) error {
	s.machine.reply = s.machine.reply[:0] // its 354
	s.machine.dot = true
	return s.machine.conversation.receive()
}

func (s *session) Reset() {
	if c := s.machine.conversation; c != nil {
		c.abort(abortedBySender)
	}
}

func (s *session) Logout() error { return nil }

// transaction is a message on its way in, from MAIL to the reply to its content.
type transaction struct {
	open       bool
	mid        uint32
	sender     string
	parameters mailParameters
	size       int64 // octets of content until now
	recipients []journal.InjectedRecipient
	rejected   []journal.RejectedRecipient
}

// maxRefusedRecipients bounds what a transaction remembers of refused recipients; further ones count as errors.
const maxRefusedRecipients = 1000

// begin judges MAIL: c.sender and c.mail are its address and parameters.
func (c *conversation) begin() error {
	c.introduce(reversePatience)
	if c.server.isStopping() {
		return refusal(421, 4, 3, 2, "the gateway is stopping")
	}
	if c.isSuspended() {
		return refusal(421, 4, 3, 2, "not receiving mail at the moment")
	}
	if c.messages >= c.policy.MaxMessages {
		c.interrupted(tooManyMessages)
		return refuseMessages
	}
	if !c.discards() {
		if err := c.server.Queue.Admit(); err != nil {
			return refusalOf(err)
		}
	}
	mid, err := c.server.Queue.ID(c.server.ctx, journal.MID)
	if err != nil {
		return refusalOf(err)
	}
	c.transaction = transaction{open: true, mid: mid, sender: c.sender.String(), parameters: c.mail}
	return nil
}

// addRecipient judges RCPT: c.recipient and c.rcpt are its address and parameters.
func (c *conversation) addRecipient() error {
	t := &c.transaction
	if len(t.recipients) >= c.policy.MaxRecipients {
		c.reject("Receiving Control")
		return refuseRecipients
	}
	if !c.postmaster && c.access.action != "RELAY" && !c.policy.accepts(c.recipient.domain) {
		c.reject("RAT")
		return refuseMailbox
	}
	t.recipients = append(t.recipients, journal.InjectedRecipient{
		RID: uint32(len(t.recipients)), Domain: c.recipient.domain, Local: c.recipient.local,
		Notify: c.rcpt.notify, ORcpt: c.rcpt.orcpt,
	})
	return nil
}

// reject remembers a refused recipient.
func (c *conversation) reject(by string) {
	t := &c.transaction
	if len(t.rejected) < maxRefusedRecipients {
		t.rejected = append(t.rejected, journal.RejectedRecipient{By: by, Address: c.recipient.String()})
	}
}

// receive reads the content and answers for it.
func (c *conversation) receive() error {
	m := newContent(c)
	defer m.release()
	var err error
	if c.chunk != nil {
		err = c.readChunks(m)
	} else {
		c.say(replyGoAhead)
		err = c.readLines(m)
	}
	c.transaction.size = m.size
	if err != nil {
		return c.contentLost(err)
	}
	return c.judge(m)
}

// judge refuses a content that was read whole, or hands it on.
func (c *conversation) judge(m *content) error {
	m.finish()
	switch {
	case m.tooBig:
		c.interrupted(tooBig)
		c.abort(tooBig)
		return refuseSize
	case m.refusesBare():
		c.interrupted(bareNewline)
		c.abort(bareNewline)
		return refuseBare
	case m.header.received > c.policy.MaxHops:
		c.interrupted(looping)
		c.abort(looping)
		return refuseLoop
	case c.discards():
		c.abort(blackholed)
		c.accepted()
		return nil
	}
	return c.inject(m)
}

// inject stores the content and returns when the message is durable.
func (c *conversation) inject(m *content) error {
	body, err := m.store()
	if err != nil {
		c.server.problem(c.listener.name, err)
		c.abort(notStored)
		return refuseStore
	}
	t := &c.transaction
	_ = c.flush() // replies to what was sent before must not wait for the disk; a failure is found at the next one
	_, err = c.server.Queue.Inject(c.server.ctx, &journal.MessageInjected{
		MID: t.mid, ICID: c.icid, Size: int64(len(m.prefix)) + m.size, Body: body,
		Form: t.parameters.form, SMTPUTF8: t.parameters.smtpUTF8, Return: t.parameters.ret, EnvID: t.parameters.envID,
		Why: journal.WhyReceived, Queued: true, Sender: t.sender,
		MessageID: m.header.messageID, Subject: m.header.subject,
		Recipients: t.recipients, Rejected: t.rejected,
	})
	if err != nil {
		if c.server.ctx.Err() == nil { // else it may yet become durable, and needs its body
			_ = c.server.Store.DeleteBody(body) // the next start sweeps what is left
		}
		c.abort(notQueued)
		return refusalOf(err)
	}
	c.transaction = transaction{}
	c.accepted()
	return nil
}

// accepted counts a message: the client has shown that it is serious.
func (c *conversation) accepted() {
	c.messages++
	c.errors = 0
	c.progressed()
}
