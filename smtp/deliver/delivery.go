package deliver

import (
	"context"
	"fmt"

	"postern/engine"
	"postern/engine/config"
	"postern/journal"
	"postern/smtp/dns"
)

// delivery is one attempt in hand. It belongs to the goroutine that called Deliver.
type delivery struct {
	client   *Client
	document *config.Document // the same from beginning to end
	attempt  engine.Attempt
	envelope *journal.MessageInjected // as it was injected
	message  *journal.MessageInjected // as it goes over the connection in use
	outcomes []engine.Outcome         // by the place of the RID in the attempt
	open     []int                    // the places without an outcome, ascending

	failure  engine.Outcome // what those still open get when nothing is left to try
	tried    int            // addresses
	refusing int            // of them, that never take mail (RFC 7504)
	reached  bool           // a host let a transaction begin
	dcid     uint32         // taken, and not yet used by a connection
	lastDCID uint32         // of the last connection

	dnsError *dns.Error // the one that says most of those met on the way
	ours     bool       // we are the best host ourselves: it and what is worse was dropped
	byRoute  bool       // the hosts were named by a route, not by the destination
	nullMX   string     // a domain that an operator named takes no mail (RFC 7505)
}

// untried is what an attempt begins with; it never leaves Deliver unless nothing at all was found to do.
var untried = local(engine.Temporary, "4.3.0", "no host was tried")

func (d *delivery) run(ctx context.Context) {
	d.outcomes = make([]engine.Outcome, len(d.attempt.RIDs))
	d.open = make([]int, len(d.attempt.RIDs))
	for i := range d.open {
		d.open[i] = i
	}
	d.failure = untried
	if err := d.readEnvelope(); err != nil {
		d.failure = local(engine.Temporary, "4.3.0", clean([]byte(err.Error()), maxKeptLine))
	} else if d.sendReused(ctx); len(d.open) > 0 {
		d.sendFresh(ctx)
	}
	d.settle(d.open, d.failure)
	for i := range d.outcomes {
		d.outcomes[i].RID = d.attempt.RIDs[i]
	}
}

// readEnvelope reads the message's envelope; a recipient that it does not have ends here.
func (d *delivery) readEnvelope() error {
	record, err := d.client.Store.At(d.attempt.Message)
	if err != nil {
		return fmt.Errorf("message %d: envelope: %w", d.attempt.Message, err)
	}
	message, ok := record.Event.(*journal.MessageInjected)
	if !ok {
		return fmt.Errorf("record %d is not a message", d.attempt.Message)
	}
	d.envelope, d.message = message, message
	for _, rid := range d.attempt.RIDs {
		if message.Recipient(rid) == nil {
			return fmt.Errorf("message %d has no recipient %d", d.attempt.Message, rid)
		}
	}
	return nil
}

// settle gives an outcome to the recipients at places. They are d.open or a part of it.
func (d *delivery) settle(places []int, o engine.Outcome) {
	for _, p := range places {
		d.outcomes[p] = o
	}
	if len(places) == len(d.open) {
		d.open = d.open[:0]
		return
	}
	left := make([]int, 0, len(d.open)-len(places))
	for _, p := range d.open {
		if len(places) > 0 && places[0] == p {
			places = places[1:]
			continue
		}
		left = append(left, p)
	}
	d.open = left
}

// sendReused uses a connection that another message left open. Nothing that is wrong with it counts against the
// message: what is still open afterwards is tried afresh.
func (d *delivery) sendReused(ctx context.Context) {
	for ctx.Err() == nil { // else a good connection would be lost for nothing
		conn := d.client.pool.take(d.attempt.Destination, d.attempt.Route, d.document)
		if conn == nil {
			return
		}
		switch {
		case !conn.quiet():
			d.client.hangUp(conn, "closed by the peer while idle")
		case conn.expired(d.client.Now()):
			d.client.retire(conn)
		default:
			d.talk(ctx, conn)
			d.reached = false
			return
		}
	}
}

// sendFresh goes through the destination's addresses.
func (d *delivery) sendFresh(ctx context.Context) {
	if ctx.Err() == nil {
		d.travel(ctx)
	}
	switch {
	case len(d.open) == 0:
	case ctx.Err() != nil:
		o := local(engine.Temporary, "4.3.2", errStopped.Error())
		if d.reached {
			o.DCID, o.Address = d.failure.DCID, d.failure.Address
		}
		o.Host = d.attempt.Probe && !d.reached // it has not found out whether the destination is up again
		d.failure = o
	case d.tried == 0:
		d.failure = d.unroutable()
	case d.refusing == d.tried:
		d.failure.Result, d.failure.Host = engine.Permanent, false
	}
}

// try connects to an address and sends; it tells whether the journey is over.
func (d *delivery) try(ctx context.Context, h hop) (over bool) {
	if d.tried++; d.tried > MaxAddresses {
		d.tried = MaxAddresses
		return true
	}
	conn, f := d.connect(ctx, h)
	switch {
	case f == nil:
		d.talk(ctx, conn)
	case f.own:
		d.failure = local(engine.Temporary, "4.3.0", describe(f.err))
		return true
	case !d.reached:
		d.failure = d.hostFailure(h, f)
		if code := d.failure.Code; code == "521" || code == "556" {
			d.refusing++
		}
	}
	return len(d.open) == 0 || ctx.Err() != nil
}

// talk sends the message over a connection, in as many transactions as its recipients need, and keeps the connection
// when it is still good.
func (d *delivery) talk(ctx context.Context, conn *connection) {
	d.reached, d.lastDCID = true, conn.dcid
	release := conn.follow(ctx)
	var end ending
	for len(d.open) > 0 && end.keep() && ctx.Err() == nil {
		end = d.transact(ctx, conn)
	}
	switch {
	case !release() && end.err == nil:
		d.client.hangUp(conn, errStopped.Error())
	case end.err != nil:
		d.client.hangUp(conn, describe(end.err))
	case end.close, conn.messages >= conn.maxMessages(), !d.client.pool.put(conn, d.client.Now()):
		d.client.retire(conn)
	}
}
