package deliver

import "postern/journal"

// noteFailed records that an address could not be used; conn is nil when no connection came to be.
func (d *delivery) noteFailed(conn *connection, h hop, f *failure) {
	e := &journal.DeliveryConnectionFailed{Destination: d.attempt.Destination, Source: d.source(),
		Address: h.addr.Addr(), Port: h.addr.Port(), Details: f.details(), Reason: f.reason()}
	if conn != nil {
		e.DCID, e.Source = conn.dcid, conn.local
	}
	d.client.Note(e)
}

func (c *Client) noteClosed(conn *connection, how string) {
	c.Note(&journal.DeliveryConnectionClosed{DCID: conn.dcid, Destination: conn.destination, How: how})
}

// noteStarted records that a transaction for the recipients at these places began.
func (d *delivery) noteStarted(conn *connection, places []int) {
	d.client.Note(&journal.DeliveryStarted{DCID: conn.dcid, Message: d.attempt.Message, MID: d.attempt.MID,
		RIDs: d.rids(places)})
}

// rids names the recipients at places; usually all of them, and then nothing is copied.
func (d *delivery) rids(places []int) []uint32 {
	if len(places) == len(d.attempt.RIDs) {
		return d.attempt.RIDs
	}
	rids := make([]uint32, len(places))
	for i, p := range places {
		rids[i] = d.attempt.RIDs[p]
	}
	return rids
}
