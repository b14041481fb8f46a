package deliver

import (
	"context"
	"errors"

	"postern/engine"
	"postern/journal"
)

// ending is how a transaction left its connection; the zero value is: in order.
type ending struct {
	err   error // the conversation broke
	close bool  // the peer is done with us, or we with it
}

func (e ending) keep() bool { return e.err == nil && !e.close }

// loneDot ends a DATA that the peer took although it had refused all recipients (RFC 2920 3.1).
func (t *transaction) loneDot() ending {
	t.settleRecipients()
	if err := t.conn.write([]byte(".\r\n"), t.commandTimeout()); err != nil {
		return *t.broke(err)
	}
	t.conn.deadline(or(t.document.Delivery.FinalTimeout.Duration, defaultFinalTimeout))
	if err := t.conn.read(); err != nil {
		return *t.broke(err)
	}
	return ending{close: t.conn.reply.code == 421}
}

// send transmits the content and takes the answer to it.
func (t *transaction) send(ctx context.Context) ending {
	conn := t.conn
	if conn.in.buffered() > 0 {
		return *t.broke(errReplyEarly) // an answer to what was not yet sent
	}
	transmit := t.sendContent
	if t.message.Form == journal.BodyBinary {
		transmit = t.sendBinary
	}
	sent, err := transmit(ctx, conn, t.accepted)
	if !sent {
		return t.notSent(err)
	}
	conn.deadline(or(t.document.Delivery.FinalTimeout.Duration, defaultFinalTimeout))
	err = conn.read()
	conn.setFinal(false)
	t.settleRecipients()
	class := conn.reply.class()
	if err != nil || class == 3 {
		t.settle(t.accepted, t.unknown(err))
		if err == nil {
			err = errUnexpected
		}
		return *t.broke(err)
	}
	o := conn.answered(atEnd)
	o.Relayed = class == 2 && !conn.ext.dsn
	t.settle(t.accepted, o)
	return ending{close: conn.reply.code == 421}
}

// unknown is the outcome when all is out and the answer is missing.
func (t *transaction) unknown(err error) engine.Outcome {
	text := "unexpected SMTP response"
	if err != nil {
		text = describe(err)
	}
	o := local(engine.Unknown, "4.4.2", text)
	o.DCID, o.Address = t.conn.dcid, t.conn.peer.Addr()
	return o
}

// notSent ends a transaction whose content did not go out whole; closing the connection calls it off.
func (t *transaction) notSent(err error) ending {
	t.settleRecipients()
	t.failure = t.conn.broken(err)
	var own ownError
	switch {
	case errors.As(err, &own):
		o := local(engine.Temporary, "4.3.0", clean([]byte(own.Error()), maxKeptLine))
		o.DCID, o.Address = t.conn.dcid, t.conn.peer.Addr()
		t.settle(t.accepted, o)
		return ending{err: err}
	case describe(err) != "timeout" && !errors.Is(err, errStopped) && t.conn.lastWords():
		o := t.conn.answered(atEnd)
		if t.conn.reply.code == 421 {
			t.failure = o
		} else {
			t.settle(t.accepted, o)
		}
		return ending{err: err}
	}
	return *t.broke(err)
}
