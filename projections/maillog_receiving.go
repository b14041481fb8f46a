package projections

import (
	"strings"

	"postern/journal"
)

// printReceiving prints the facts of injection connections and of injection itself.
func (p *page) printReceiving(e journal.Event) bool {
	switch e := e.(type) {
	case *journal.MessageInjected:
		p.injected(e)
	case *journal.ConnectionAccepted:
		p.accepted(e)
	case *journal.SenderGroupMatched:
		p.info().id("ICID", e.ICID).str(" ").plain(e.Action).str(" SG ").plainOr(e.Group, "None").
			str(" match ").plainOr(e.Match, "ALL").str(" SBRS ").plainOr(e.Reputation, "None").end()
	case *journal.ConnectionSecured:
		p.info().id("ICID", e.ICID).tls(e.Protocol, e.Cipher, e.Failure).end()
	case *journal.ConnectionRefused:
		p.refused(e)
	case *journal.ConnectionInterrupted:
		p.interrupted(e)
	case *journal.ReceivingAborted:
		p.aborted(e)
	case *journal.ConnectionClosed:
		p.closed(e)
	default:
		return false
	}
	return true
}

func (p *page) accepted(e *journal.ConnectionAccepted) {
	p.info().id("New SMTP ICID", e.ICID).str(" interface ").plain(e.Interface).str(" (").addr(e.LocalAddress).
		str(") address ").addr(e.Remote).str(" reverse dns host ").plainOr(e.ReverseDNS, "unknown")
	if e.Verified {
		p.str(" verified yes").end()
	} else {
		p.str(" verified no").end()
	}
}

// tls continues a line of either side with how STARTTLS went.
func (p *page) tls(protocol, cipher, failure string) *page {
	if failure != "" {
		return p.str(" TLS failed: ").plain(failure)
	}
	return p.str(" TLS success protocol ").plainOr(protocol, "unknown").str(" cipher ").plainOr(cipher, "unknown")
}

func (p *page) refused(e *journal.ConnectionRefused) {
	p.info().str("SMTP listener ").plain(e.Listener).str(" refused ")
	if e.Count > 1 {
		p.num(uint64(e.Count)).str(" connections, the last of address ")
	} else {
		p.str("a connection of address ")
	}
	p.addr(e.Remote).str(": ").plainOr(e.Reason, "no reason given").end()
}

// lostConnection is the Reason of a ConnectionInterrupted that says: the client vanished in the middle of a transaction.
// It comes before the ReceivingAborted, so that the lines stand in their order: lost, aborted, finished, close; the
// ConnectionClosed that ends them then has no How of its own.
const lostConnection = "lost"

func (p *page) interrupted(e *journal.ConnectionInterrupted) {
	p.info().id("ICID", e.ICID)
	if e.Reason == lostConnection {
		p.str(" lost").end()
		return
	}
	p.str(" Receiving Failed: ").plain(e.Reason).end()
}

// aborted prints a transaction that never became a message. One that was refused before it had a MID has no start and
// no end.
func (p *page) aborted(e *journal.ReceivingAborted) {
	if e.MID == 0 {
		for i := range e.Rejected {
			p.info().id("ICID", e.ICID).rejected(&e.Rejected[i])
		}
		p.info().id("ICID", e.ICID).str(" Receiving Failed: ").plainOr(e.Reason, "Receiving aborted").end()
		return
	}
	p.transaction(e.MID, e.ICID, e.Sender, e.Recipients, e.Rejected)
	p.info().id("Message aborted MID", e.MID)
	switch {
	case e.Reason == "":
		p.str(" Receiving aborted")
	case strings.HasPrefix(e.Reason, "Receiving aborted"), strings.HasPrefix(e.Reason, "Dropped by "):
		p.str(" ").plain(e.Reason)
	default:
		p.str(" Receiving aborted: ").plain(e.Reason)
	}
	p.end()
	p.finished(e.MID, " aborted")
}

func (p *page) closed(e *journal.ConnectionClosed) {
	switch e.How {
	case "", "refused": // the refusal has its own line
	case "lost":
		p.info().id("ICID", e.ICID).str(" lost").end()
	case "killed":
		p.info().str("SMTP server connection killed ").id("ICID:", e.ICID).end()
	default:
		p.info().id("ICID", e.ICID).str(" disconnected, ").plain(e.How).end()
	}
	p.info().id("ICID", e.ICID).str(" close").end()
}

// transaction prints the envelope.
func (p *page) transaction(mid, icid uint32, sender string, to []journal.InjectedRecipient, not []journal.RejectedRecipient) {
	p.info().id("Start MID", mid).id(" ICID", icid).end()
	p.info().id("MID", mid).id(" ICID", icid).str(" From: ").mailbox(sender).end()
	for i := range to {
		p.info().id("MID", mid).id(" ICID", icid).id(" RID", to[i].RID).str(" To: ").recipient(&to[i]).end()
	}
	for i := range not {
		p.info().id("MID", mid).id(" ICID", icid).rejected(&not[i])
	}
}

func (p *page) rejected(r *journal.RejectedRecipient) {
	p.str(" To: ").mailbox(r.Address).str(" Rejected by ").plainOr(r.By, "RAT").end()
}

// injected prints a whole transaction. "ready" stands for the end of DATA, so what the system made has no such line.
func (p *page) injected(e *journal.MessageInjected) {
	switch e.Why {
	case journal.WhyBounce:
		p.generated(e, " was generated for bounce of MID")
	case journal.WhyDelay:
		p.generated(e, " was generated for delay of MID")
	case journal.WhySuccess:
		p.generated(e, " was generated for delivery of MID")
	case journal.WhyAlert:
		p.info().id("MID", e.MID).str(" was generated for an alert").end()
	}
	p.transaction(e.MID, e.ICID, e.Sender, e.Recipients, e.Rejected)
	received := e.Why == journal.WhyReceived
	if e.MessageID != "" {
		p.info().id("MID", e.MID).str(" Message-ID ").quoted(e.MessageID).end()
	}
	if received || e.Subject != "" {
		p.info().id("MID", e.MID).str(" Subject ").quoted(e.Subject).end()
	}
	if received {
		p.info().id("MID", e.MID).str(" ready ").num(uint64(max(e.Size, 0))).str(" bytes from ").mailbox(e.Sender).end()
	}
	if e.Queued {
		p.queued(e.MID)
	}
}

func (p *page) generated(e *journal.MessageInjected, words string) {
	p.info().id("MID", e.MID).id(words, e.ParentMID).end()
}

func (p *page) queued(mid uint32) { p.info().id("MID", mid).str(" queued for delivery").end() }
