package deliver

import (
	"postern/engine"
	"postern/journal"
)

// fit chooses the form in which a message goes over a connection. A notification is ours to write: a peer that could not
// take it as it is gets a simpler one, since it has no sender who could be told.
func (d *delivery) fit(conn *connection) {
	m, x := d.envelope, &conn.ext
	if m.Form == journal.Body8Bit && !x.eightBit || m.SMTPUTF8 && !x.utf8 {
		m, _ = engine.SevenBit(m)
	}
	d.message = m
}

// admit refuses a message that the peer could only take if it were changed or if a promise were broken.
func (d *delivery) admit(conn *connection) *engine.Outcome {
	m, x := d.message, &conn.ext
	switch {
	case x.size > 0 && m.Size > x.size:
		return conn.refused("5.3.4", "the message is larger than the peer's limit")
	case m.Form == journal.Body8Bit && !x.eightBit:
		return conn.refused("5.6.3", "the peer does not take 8-bit content")
	case m.Form == journal.BodyBinary && !x.binary:
		return conn.refused("5.6.1", "the peer does not take binary content")
	case !x.utf8 && needsUTF8(m):
		return conn.refused("5.6.7", "the peer does not take internationalized mail")
	case m.RequireTLS && !(conn.secured && conn.verified && x.requireTLS):
		return conn.refused("5.7.30", "the peer does not offer REQUIRETLS over a verified connection")
	case !isPath(m.Sender):
		return conn.refused("5.1.7", "the sender's address cannot be sent")
	}
	return nil
}

// dropUnspeakable settles recipients whose addresses cannot be written in a command.
func (t *transaction) dropUnspeakable() {
	var bad []int
	for _, p := range t.places {
		if r := t.message.Recipient(t.attempt.RIDs[p]); !isPath(r.Local) || !isPath(r.Domain) || r.Local == "" {
			bad = append(bad, p)
		}
	}
	if bad == nil {
		return
	}
	n := len(t.places) - len(bad)
	t.settle(bad, *t.conn.refused("5.1.3", "the recipient's address cannot be sent"))
	t.places = t.open[:n]
}
