package receive

import (
	"strings"

	"postern/engine"
)

// handle answers a command, itself or with a machine's help.
func (c *conversation) handle(cmd command) {
	switch cmd.verb {
	case verbHELO, verbEHLO:
		c.greet(cmd)
	case verbMAIL:
		c.handleMail(cmd.argument)
	case verbRCPT:
		c.handleRcpt(cmd.argument)
	case verbDATA:
		c.handleData(cmd.argument)
	case verbBDAT:
		c.handleBdat(cmd.argument)
	case verbRSET:
		if cmd.argument != "" {
			c.fault(replyNoArgument)
			return
		}
		c.rewind()
		c.say(replyOK)
	case verbNOOP:
		c.say(replyOK)
	case verbVRFY:
		c.say(replyVerify)
	case verbSTARTTLS:
		c.startTLS(cmd.argument)
	case verbQUIT:
		c.over = true
		c.say("221 2.0.0 " + c.host)
	case verbUnimplemented:
		c.fault(replyUnimplemented)
	default:
		c.fault(replyUnknown)
	}
}

// greet answers EHLO and HELO, which reset like RSET (RFC 5321 section 4.1.4).
func (c *conversation) greet(cmd command) {
	name, _, _ := strings.Cut(cmd.argument, " ")
	if name == "" || len(name) > maxDomain || !printable(name) {
		c.fault(replyHelloArgument)
		return
	}
	c.rewind()
	c.hello, c.extended = name, cmd.verb == verbEHLO
	if !c.extended {
		c.say("250 " + c.host)
		return
	}
	c.open()
	c.out = appendHello(c.out, c.host, c.policy.MaxMessageSize, c.policy.certificate.usable() && c.protocol == "")
}

// rewind ends the transaction, if there is one: go-smtp resets, and its Session's Reset aborts.
func (c *conversation) rewind() {
	if c.machine != nil {
		c.machine.ask("RSET")
		c.returnMachine()
	}
}

// returnMachine ends the loan.
func (c *conversation) returnMachine() {
	c.server.machines.giveBack(c.machine)
	c.machine = nil
}

func (c *conversation) handleMail(argument string) {
	switch {
	case c.hello == "":
		c.fault(replyHelloFirst)
		return
	case c.machine != nil:
		c.fault(replyNested)
		return
	}
	if reply := c.parseMail(argument); reply != "" {
		c.fault(reply)
		return
	}
	if c.machine = c.server.machines.borrow(c); c.machine == nil {
		c.end(replyStopping, "stopped")
		return
	}
	c.slow++
	if c.agrees(c.machine.ask("MAIL FROM:<", c.sender.String(), ">")) {
		c.out = appendAddressed(c.out, "250 2.1.0 sender", c.transaction.sender)
		return
	}
	c.returnMachine()
}

// parseMail reads MAIL's argument into sender and mail; it returns the refusal.
func (c *conversation) parseMail(argument string) string {
	rest, ok := cutFold(argument, "FROM:")
	if !ok {
		return replyMailSyntax
	}
	address, parameters, ok := path(rest)
	if !ok {
		return replyMailSyntax
	}
	c.sender = mailbox{}
	if address != "" {
		if c.sender, ok = parseMailbox(address); !ok || c.sender.domain == "" {
			return replyBadSender
		}
	}
	var refusal string
	if c.mail, refusal = parseMailParameters(parameters); refusal != "" {
		return refusal
	}
	if c.sender.utf8 && !c.mail.smtpUTF8 {
		return replyUTF8Sender
	}
	if c.mail.size > uint64(c.policy.MaxMessageSize) {
		c.interrupted(tooBig)
		return replyTooBig
	}
	return ""
}

func (c *conversation) handleRcpt(argument string) {
	if c.machine == nil {
		c.fault(replyMailFirst)
		return
	}
	if reply := c.parseRcpt(argument); reply != "" {
		c.fault(reply)
		return
	}
	c.slow++
	if c.agrees(c.machine.ask("RCPT TO:<", c.recipient.String(), ">")) {
		c.out = appendAddressed(c.out, "250 2.1.5 recipient", c.recipient.String())
		return
	}
	if len(c.transaction.rejected) >= maxRefusedRecipients {
		if c.errors++; c.errors > c.policy.MaxErrors {
			c.end(replyTooManyErrors, "too many errors")
		}
	}
}

// parseRcpt reads RCPT's argument into recipient and rcpt; it returns the refusal. A bare <postmaster> is ours (RFC 5321
// section 4.1.1.3).
func (c *conversation) parseRcpt(argument string) string {
	rest, ok := cutFold(argument, "TO:")
	if !ok {
		return replyRcptSyntax
	}
	address, parameters, ok := path(rest)
	if !ok || address == "" {
		return replyRcptSyntax
	}
	if c.recipient, ok = parseMailbox(address); !ok {
		return replyBadRecipient
	}
	c.postmaster = false
	if c.recipient.domain == "" {
		domain, ok := engine.NormalDomain(c.host)
		if !ok || !strings.EqualFold(c.recipient.local, "postmaster") {
			return replyBadRecipient
		}
		c.recipient, c.postmaster = mailbox{local: "postmaster", domain: domain}, true
	}
	if c.recipient.utf8 && !c.transaction.parameters.smtpUTF8 {
		return replyUTF8Recipient
	}
	var refusal string
	c.rcpt, refusal = parseRcptParameters(parameters, c.transaction.parameters.smtpUTF8)
	return refusal
}

func (c *conversation) handleData(argument string) {
	switch {
	case argument != "":
		c.fault(replyNoArgument)
	case c.machine == nil:
		c.fault(replyMailFirst)
	case len(c.transaction.recipients) == 0:
		c.fault(replyRcptFirst)
	default:
		c.takeContent(nil)
	}
}

// takeContent runs go-smtp's DATA, within which the content is read: from lines, or from chunks that begin with first.
func (c *conversation) takeContent(first *chunk) {
	c.chunk, c.silent = first, false
	mid := c.transaction.mid
	reply := c.machine.ask("DATA")
	c.slow++
	if c.silent {
		c.open()
	} else if c.agrees(reply) {
		c.out = appendAccepted(c.out, mid)
	}
	c.chunk = nil
	c.returnMachine()
}

// agrees judges go-smtp's reply: an agreement gets our own words, a refusal leaves as it is, and 421 is the last reply.
func (c *conversation) agrees(reply []byte) bool {
	c.open()
	if len(reply) > 0 && reply[0] == '2' {
		return true
	}
	c.out = append(c.out, reply...)
	if len(reply) > 2 && string(reply[:3]) == "421" {
		c.over, c.lingering = true, true
		if c.how == "" {
			c.how = "refused"
		}
		if c.machine.closed {
			c.how = "internal error"
		}
	}
	return false
}
