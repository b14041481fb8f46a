package deliver

import (
	"context"
	"errors"
	"time"

	"postern/engine"
	"postern/journal"
)

// transaction is one MAIL, its RCPTs and the content, on one connection.
type transaction struct {
	*delivery
	conn     *connection
	places   []int            // of its recipients
	accepted []int            // of them, those that RCPT took
	refusals []engine.Outcome // by index in places; Delivered stands for accepted
	mail     *engine.Outcome  // why MAIL was refused
	group    time.Time        // when the answers to the pipelined commands must all be there
}

// transact sends the message to the first of those open. Whoever has an answer is settled; what is open afterwards
// needs another transaction, or another address when the ending says that this one is over.
func (d *delivery) transact(ctx context.Context, conn *connection) ending {
	d.fit(conn)
	if refusal := d.admit(conn); refusal != nil {
		d.settle(d.open, *refusal)
		return ending{}
	}
	limit := MaxRecipients
	if conn.ext.rcptMax > 0 {
		limit = min(limit, conn.ext.rcptMax)
	}
	t := transaction{delivery: d, conn: conn, places: d.open[:min(limit, len(d.open))]}
	if t.dropUnspeakable(); len(t.places) == 0 {
		return ending{}
	}
	if conn.in.buffered() > 0 {
		return *t.broke(errReplyEarly)
	}
	conn.messages++
	d.noteStarted(conn, t.places)
	if conn.out = t.commands(conn.out[:0]); conn.ext.pipelining {
		return t.pipelined(ctx)
	}
	return t.stepwise(ctx)
}

// commands writes the envelope; DATA goes with it when all is sent in one piece.
func (t *transaction) commands(b []byte) []byte {
	if t.conn.rejected {
		b = append(b, "RSET\r\n"...)
	}
	b = t.conn.appendMail(b, t.message)
	for _, p := range t.places {
		b = t.conn.appendRecipient(b, t.message.Recipient(t.attempt.RIDs[p]))
	}
	if t.message.Form != journal.BodyBinary {
		b = append(b, "DATA\r\n"...)
	}
	return b
}

func (t *transaction) commandTimeout() time.Duration {
	return or(t.document.Delivery.CommandTimeout.Duration, defaultCommandTimeout)
}

// next reads the next reply of the envelope. 421 is the peer's farewell, at any place (RFC 5321 3.8).
func (t *transaction) next(at stage) (over *ending) {
	if t.conn.in.buffered() == 0 {
		left := t.commandTimeout()
		if !t.group.IsZero() {
			left = min(left, time.Until(t.group))
		}
		t.conn.deadline(left)
	}
	if err := t.conn.read(); err != nil {
		return t.broke(err)
	}
	if t.conn.reply.code == 421 {
		return t.farewell(at)
	}
	return nil
}

// broke ends a transaction before its final dot: the open recipients may be tried elsewhere.
func (t *transaction) broke(err error) *ending {
	t.failure = t.conn.broken(err)
	return &ending{err: err}
}

func (t *transaction) farewell(at stage) *ending {
	t.failure = t.conn.answered(at)
	return &ending{close: true}
}

// confused ends a transaction in which the peer's answers make no sense.
func (t *transaction) confused() *ending {
	t.failure = t.conn.unexpected()
	return &ending{err: errUnexpected}
}

// pipelined sends the whole envelope in one piece and then reads all the answers (RFC 2920).
func (t *transaction) pipelined(ctx context.Context) ending {
	conn := t.conn
	if err := conn.write(conn.out, t.commandTimeout()); err != nil {
		return t.writeFailed(err, atMail)
	}
	t.group = time.Now().Add(MaxReplyTime)
	if conn.rejected {
		if over := t.next(atMail); over != nil {
			return *over
		}
		conn.rejected = false
	}
	if over := t.next(atMail); over != nil {
		return *over
	}
	if over := t.mailReply(); over != nil {
		return *over
	}
	for i := range t.places {
		if over := t.next(atRecipient); over != nil {
			return *over
		}
		if over := t.recipientReply(i); over != nil {
			return *over
		}
	}
	if t.message.Form == journal.BodyBinary {
		return t.afterEnvelope(ctx)
	}
	if over := t.next(atData); over != nil {
		return *over
	}
	return t.dataReply(ctx)
}

// stepwise sends one command after the other to a peer that does not pipeline.
func (t *transaction) stepwise(ctx context.Context) ending {
	conn := t.conn
	commands := conn.out
	step := func(at stage) *ending {
		if conn.in.buffered() > 0 {
			return t.broke(errReplyEarly)
		}
		line := commands
		for i, c := range commands {
			if c == '\n' {
				line, commands = commands[:i+1], commands[i+1:]
				break
			}
		}
		if err := conn.write(line, t.commandTimeout()); err != nil {
			e := t.writeFailed(err, at)
			return &e
		}
		return t.next(at)
	}
	if conn.rejected {
		if over := step(atMail); over != nil {
			return *over
		}
		conn.rejected = false
	}
	if over := step(atMail); over != nil {
		return *over
	}
	if over := t.mailReply(); over != nil {
		return *over
	}
	if t.mail != nil {
		return t.mailRefused()
	}
	for i := range t.places {
		if over := step(atRecipient); over != nil {
			return *over
		}
		if over := t.recipientReply(i); over != nil {
			return *over
		}
	}
	if t.message.Form == journal.BodyBinary || len(t.accepted) == 0 {
		return t.afterEnvelope(ctx)
	}
	if over := step(atData); over != nil {
		return *over
	}
	return t.dataReply(ctx)
}

// writeFailed ends a transaction whose peer no longer listens; it may have said why.
func (t *transaction) writeFailed(err error, at stage) ending {
	if describe(err) != "timeout" && !errors.Is(err, errStopped) && t.conn.lastWords() {
		return *t.farewell(at)
	}
	return *t.broke(err)
}

func (t *transaction) mailReply() *ending {
	switch t.conn.reply.class() {
	case 2:
	case 4, 5:
		o := t.conn.answered(atMail)
		t.mail = &o
	default:
		return t.confused()
	}
	return nil
}

func (t *transaction) recipientReply(i int) *ending {
	switch t.conn.reply.class() {
	case 2:
		t.accepted = append(t.accepted, t.places[i])
		if t.refusals != nil {
			t.refusals = append(t.refusals, engine.Outcome{Result: engine.Delivered})
		}
	case 4, 5:
		for len(t.refusals) < i {
			t.refusals = append(t.refusals, engine.Outcome{Result: engine.Delivered})
		}
		t.refusals = append(t.refusals, t.conn.answered(atRecipient))
	default:
		return t.confused()
	}
	return nil
}

// dataReply goes on from the answer to DATA.
func (t *transaction) dataReply(ctx context.Context) ending {
	conn := t.conn
	switch class := conn.reply.class(); {
	case class == 3 && t.mail != nil:
		e := t.mailRefused()
		e.err = errUnexpected // a content without a sender: it must not be sent, and only hanging up prevents it
		return e
	case class == 2:
		return *t.confused()
	case class == 3 && len(t.accepted) == 0:
		return t.loneDot()
	case class == 3:
		return t.send(ctx)
	}
	conn.rejected = true
	if t.mail == nil && len(t.accepted) > 0 {
		refusal := conn.answered(atData)
		t.settleRecipients()
		t.settle(t.accepted, refusal)
		return ending{}
	}
	return t.afterEnvelope(ctx)
}

// afterEnvelope goes on when no DATA is under way.
func (t *transaction) afterEnvelope(ctx context.Context) ending {
	switch {
	case t.mail != nil:
		return t.mailRefused()
	case len(t.accepted) == 0:
		t.conn.rejected = true
		t.settleRecipients()
		return ending{}
	}
	return t.send(ctx)
}

// mailRefused: for good, or for now, and then another address may take it (RFC 5321 5.1).
func (t *transaction) mailRefused() ending {
	if t.mail.Result == engine.Permanent {
		t.settle(t.places, *t.mail)
		return ending{}
	}
	t.failure = *t.mail
	return ending{close: true}
}

// settleRecipients gives those whom RCPT refused their outcomes. With some accepted, "too many recipients" only means:
// in the next transaction (RFC 5321 4.5.3.1.10).
func (t *transaction) settleRecipients() {
	for i, o := range t.refusals {
		if o.Result == engine.Delivered || len(t.accepted) > 0 && tooMany(&o) {
			continue
		}
		t.settle([]int{t.places[i]}, o)
	}
}

func tooMany(o *engine.Outcome) bool {
	return o.Code == "452" && o.Status == "4.5.3" || o.Code == "552" && o.Status == "5.5.3"
}
