package receive

import (
	"errors"
	"strconv"

	smtp "github.com/emersion/go-smtp"

	"postern/engine"
)

// The replies that need nothing filled in.
const (
	replyOK               = "250 2.0.0 ok"
	replyGoAhead          = "354 go ahead"
	replyVerify           = "252 2.5.2 cannot verify, send some mail"
	replyUnknown          = "500 5.5.1 command unrecognized"
	replySyntax           = "500 5.5.2 syntax error"
	replyLineTooLong      = "500 5.5.2 line too long"
	replyHelloArgument    = "501 5.5.4 a host name or address literal is needed"
	replyNoArgument       = "501 5.5.4 no argument is allowed"
	replyMailSyntax       = "501 5.5.2 syntax: MAIL FROM:<address>"
	replyRcptSyntax       = "501 5.5.2 syntax: RCPT TO:<address>"
	replyBadSender        = "501 5.1.7 bad sender address syntax"
	replyBadRecipient     = "501 5.1.3 bad recipient address syntax"
	replyBadParameter     = "501 5.5.4 bad parameter"
	replyBdatSyntax       = "501 5.5.4 syntax: BDAT size [LAST]"
	replyUnimplemented    = "502 5.5.1 command not implemented"
	replyHelloFirst       = "503 5.5.1 EHLO or HELO first"
	replyNested           = "503 5.5.1 a transaction is open already"
	replyMailFirst        = "503 5.5.1 MAIL first"
	replyRcptFirst        = "503 5.5.1 no valid recipients"
	replyInTransfer       = "503 5.5.1 not between the chunks of a message"
	replySecured          = "503 5.5.1 the connection is secured already"
	replyTooBig           = "552 5.3.4 message size exceeds limit"
	replyUnknownParameter = "555 5.5.4 parameter not recognized or not implemented"
	replyUTF8Sender       = "550 5.6.7 non-ASCII sender address needs SMTPUTF8"
	replyUTF8Recipient    = "553 5.6.7 non-ASCII recipient address needs SMTPUTF8"
	replyReadyForTLS      = "220 2.0.0 ready to start TLS"

	replyTooManyFromHost = "421 4.7.0 Too many connections from your host."
	replyTooMany         = "421 4.3.2 Too many connections."
	replyNotAllowed      = "554 5.7.1 Your access to this mail system is not allowed."
	replyTooManyErrors   = "421 4.7.0 too many errors, closing connection"
	replyTimeout         = "421 4.4.2 timeout, closing connection"
	replyTooLong         = "421 4.4.2 connection time exceeded, closing connection"
	replyStopping        = "421 4.3.2 the gateway is stopping, closing connection"
	replySuspended       = "421 4.3.2 not receiving mail at the moment, closing connection"
	replyInternal        = "421 4.3.0 internal error, closing connection"
)

// refusal is a reply that a Session gives through go-smtp.
func refusal(code int, class, subject, detail int, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{class, subject, detail}, Message: text}
}

// The refusals of Sessions.
var (
	refuseMailbox    = refusal(550, 5, 1, 0, "#5.1.0 Address rejected.")
	refuseRecipients = refusal(452, 4, 5, 3, "too many recipients")
	refuseMessages   = refusal(421, 4, 7, 0, "too many messages in this connection")
	refuseSize       = refusal(552, 5, 3, 4, "message size exceeds limit")
	refuseBare       = refusal(550, 5, 6, 11, "bare CR or LF is not allowed")
	refuseLoop       = refusal(554, 5, 4, 6, "message loop")
	refuseStore      = refusal(451, 4, 3, 0, "local error, try again later")
	refuseLost       = refusal(451, 4, 4, 2, "content not received, closing connection")
	refuseAborted    = refusal(554, 5, 5, 1, "transaction aborted")
)

// refusalOf translates what the queue says; nothing of an unforeseen error reaches the peer.
func refusalOf(err error) *smtp.SMTPError {
	switch {
	case errors.Is(err, engine.ErrBusy):
		return refusal(451, 4, 3, 2, "busy, try again later")
	case errors.Is(err, engine.ErrQueueFull):
		return refusal(452, 4, 3, 1, "insufficient system storage")
	case errors.Is(err, engine.ErrRefused):
		return refusal(452, 4, 3, 1, "insufficient system resources")
	case errors.Is(err, engine.ErrStopping):
		return refusal(421, 4, 3, 2, "the gateway is stopping")
	}
	return refuseStore
}

// longestReply is what RFC 5321 section 4.5.3.1.5 allows for a reply line, CRLF included.
const longestReply = 512

// appendAddressed appends "before <address> ok", or without the address where the line would become too long.
func appendAddressed(out []byte, before, address string) []byte {
	out = append(out, before...)
	if len(before)+len(address)+len(" <> ok\r\n") <= longestReply {
		out = append(out, " <"...)
		out = append(out, address...)
		out = append(out, '>')
	}
	return append(out, " ok\r\n"...)
}

// appendAccepted appends the reply to the final dot; its text, two spaces included, is what operators grep for.
func appendAccepted(out []byte, mid uint32) []byte {
	out = append(out, "250 ok:  Message "...)
	out = strconv.AppendUint(out, uint64(mid), 10)
	return append(out, " accepted\r\n"...)
}

// appendHello appends the reply to EHLO.
func appendHello(out []byte, host string, maxSize int64, startTLS bool) []byte {
	line := func(text string) {
		out = append(out, "250-"...)
		out = append(out, text...)
		out = append(out, "\r\n"...)
	}
	line(host)
	out = append(out, "250-SIZE "...)
	out = strconv.AppendInt(out, maxSize, 10)
	out = append(out, "\r\n"...)
	line("8BITMIME")
	line("SMTPUTF8")
	line("PIPELINING")
	line("CHUNKING")
	if startTLS {
		line("STARTTLS")
	}
	line("ENHANCEDSTATUSCODES")
	return append(out, "250 DSN\r\n"...)
}
