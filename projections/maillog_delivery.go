package projections

import (
	"strings"

	"postern/journal"
)

// printDelivery prints the facts of delivery connections, attempts and their outcomes.
func (p *page) printDelivery(e journal.Event) bool {
	switch e := e.(type) {
	case *journal.AttemptStarted:
	case *journal.DeliveryStarted:
		if e.DCID != 0 { // what needs no connection starts where it ends, at its Delivered
			p.start(e.DCID, e.MID, e.RIDs)
		}
	case *journal.Delivered:
		p.delivered(e)
	case *journal.DeliveryConnectionOpened:
		p.info().id("New SMTP DCID", e.DCID).str(" interface ").addr(e.Source).str(" address ").addr(e.Address).
			str(" port ").num(uint64(e.Port)).end()
	case *journal.DeliveryConnectionSecured:
		p.info().id("DCID", e.DCID).tls(e.Protocol, e.Cipher, e.Failure)
		if e.CommonName != "" && e.Failure == "" {
			p.str(" CN=").plain(e.CommonName)
		}
		p.end()
	case *journal.DeliveryConnectionClosed:
		p.deliveryClosed(e)
	case *journal.DeliveryConnectionFailed:
		p.connectionError(e)
	case *journal.DataSent:
		p.info().id("Data sent DCID", e.DCID).id(" MID", e.MID).str(" to RID ").rids(e.RIDs).end()
	case *journal.SoftBounced:
		p.softBounced(e)
	case *journal.HardBounced:
		p.hardBounced(e)
	case *journal.DoubleBounced:
		p.doubleBounced(e)
	case *journal.OutcomeUnknown:
		p.unknown(e)
	case *journal.DoubtAnswered:
		p.info().id("In doubt: MID", e.MID).str(" to RID ").rids(e.RIDs).str(" answered: ").plain(e.Answer).by(e.By).end()
	case *journal.HostDown:
		p.hostDown(e)
	case *journal.HostUp:
		p.info().str("Host ").plain(e.Destination).str(" is up").end()
	case *journal.DestinationsForgotten:
		p.info().str("Destinations without mail forgotten: ").num(uint64(len(e.Destinations))).end()
	case *journal.NotificationDropped:
		p.warning().id("MID", e.MID).str(" the sender is not notified: ").plainOr(e.Reason, "no reason").end()
	case *journal.SetAside:
		p.warning().id("MID", e.MID).str(" set aside: ").plainOr(e.Evidence, "no evidence").end()
	default:
		return false
	}
	return true
}

func (p *page) start(dcid, mid uint32, rids []uint32) {
	p.info().id("Delivery start DCID", dcid).id(" MID", mid).str(" to RID ").rids(rids).end()
}

// delivered prints the end of recipients: done, then the peer's answer, then, with the last of them, the message's end.
func (p *page) delivered(e *journal.Delivered) {
	if e.DCID == 0 {
		p.start(0, e.MID, e.RIDs)
	}
	p.info().id("Message done DCID", e.DCID).id(" MID", e.MID).str(" to RID ").rids(e.RIDs).end()
	p.info().id("MID", e.MID).str(" RID ").rids(e.RIDs).str(" Response ").quoted(e.Reply).end()
	p.finishedIf(e.Finished, e.MID)
}

func (p *page) deliveryClosed(e *journal.DeliveryConnectionClosed) {
	switch e.How {
	case "":
	case "lost":
		p.info().id("DCID", e.DCID).str(" lost").end()
	case "killed":
		p.info().id("SMTP client connection killed DCID:", e.DCID).end()
	default:
		p.info().id("DCID", e.DCID).str(" disconnected, ").plain(e.How).end()
	}
	p.info().id("DCID", e.DCID).str(" close").end()
}

func (p *page) connectionError(e *journal.DeliveryConnectionFailed) {
	p.info().id("Connection Error: DCID", e.DCID).str(" domain: ").plain(e.Destination).str(" IP: ").addr(e.Address).
		str(" port: ").num(uint64(e.Port)).str(" details: ").plainOr(e.Details, "none").
		str(" interface: ").addr(e.Source).str(" reason: ").plainOr(e.Reason, "network error").end()
}

// bounce prints one recipient's line: Bounced or Delayed. The empty list at its end stands for the log headers of a
// message that has reached a connection.
func (p *page) bounce(word string, dcid, mid, rid uint32, status, reason, code string, reply []string) {
	p.info().str(word).id(" DCID", dcid).id(" MID", mid).id(" to RID", rid).str(" - ").plain(status).str(" - ").plain(reason).
		str(" (").quoted(codeOf(code)).str(", ").texts(reply).str(")")
	if dcid != 0 {
		p.str(" []")
	}
	p.end()
}

func codeOf(code string) string {
	if code == "" {
		return "000"
	}
	return code
}

// pending says when recipients are tried again. A destination that is down is tried with any one of its messages, and
// the others wait for what that one finds.
func (p *page) pending(mid uint32, rids []uint32, next journal.Instant, profile, down string) {
	if next == 0 {
		return
	}
	p.info().id("MID", mid).str(" to RID ").rids(rids).str(" pending till ").date(next).
		str(" [").plainOr(profile, "Default").str("]")
	if down != "" {
		p.str(" at the earliest, host ").plain(down).str(" is down")
	}
	p.end()
}

func (p *page) softBounced(e *journal.SoftBounced) {
	status, reason := statusOr(e.Status, e.Reason, "4.0.0")
	for _, rid := range e.RIDs {
		p.bounce("Delayed:", e.DCID, e.MID, rid, status, reason, e.Code, e.Reply)
	}
	down := ""
	if e.Down {
		down = e.Destination
	}
	p.pending(e.MID, e.RIDs, e.Next, e.Profile, down)
}

func (p *page) hardBounced(e *journal.HardBounced) {
	status, reason := statusOr(e.Status, e.Reason, "5.0.0")
	for _, rid := range e.RIDs {
		p.bounce("Bounced:", e.DCID, e.MID, rid, status, reason, e.Code, e.Reply)
	}
	p.finishedIf(e.Finished, e.MID)
}

func statusOr(status, reason, none string) (string, string) {
	if status == "" {
		status = none
	}
	if reason == "" {
		reason = "Other undefined status"
	}
	return status, reason
}

func (p *page) doubleBounced(e *journal.DoubleBounced) {
	status, reason := statusOr(e.Status, e.Reason, "5.0.0")
	text := strings.Join(e.Reply, "\n")
	for _, rid := range e.RIDs {
		p.info().id("Double bounce: MID", e.MID).id(" to RID", rid).str(" - ").plain(status).str(" - ").plain(reason).
			str(" ").plain(codeOf(e.Code)).str("-").quoted(text).end()
	}
	p.finishedIf(e.Finished, e.MID)
}

// unknown prints that the peer may have the message although it did not say so. When it is tried again, that is no end of
// it, and may bring it twice. After a crash nobody knows the connection: what is not known is not named.
func (p *page) unknown(e *journal.OutcomeUnknown) {
	p.warning().str("Outcome unknown:")
	if e.DCID != 0 {
		p.id(" DCID", e.DCID)
	}
	p.id(" MID", e.MID).str(" to RID ").rids(e.RIDs).str(" - ").plainOr(e.Reason, "no reply to the end of the message").
		str(" - the peer may have it")
	switch {
	case e.Action == "hold":
		p.str(", it is held and not sent again").end()
		return
	case e.Action == "ask":
		p.str(", it is held until that is answered").end()
		return
	case e.Next != 0:
		p.str(", it will be sent again and may arrive twice")
	}
	p.end()
	p.pending(e.MID, e.RIDs, e.Next, "", "")
}

func (p *page) hostDown(e *journal.HostDown) {
	p.info().str("Host ").plain(e.Destination).str(" is down, failures in a row: ").num(uint64(e.Failures))
	if e.Next != 0 {
		p.str(", next attempt ").date(e.Next)
	}
	if e.Reason != "" {
		p.str(", reason: ").plain(e.Reason)
	}
	p.end()
}
