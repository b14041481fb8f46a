package projections

import (
	"net/netip"

	"postern/journal"
)

// printOperator prints the orders of operators and what they did to messages. An order is named by its Seq.
func (p *page) printOperator(r *journal.Record) bool {
	switch e := r.Event.(type) {
	case *journal.BulkActionOrdered:
		p.ordered(r.Seq, e)
	case *journal.BulkActionCompleted:
		p.completed(e)
	case *journal.RecipientsDeleted:
		p.deleted(e)
	case *journal.RecipientsBounced:
		for i := range e.Set {
			p.bouncedByAdministrator(&e.Set[i])
		}
	case *journal.RecipientsRedirected:
		for i := range e.Set {
			p.moved("Redirected: ", &e.Set[i]).str(" host ").plain(e.Target).end()
		}
	case *journal.RecipientsReinstated:
		p.each("Reinstated: ", e.Set, "")
	case *journal.UndoEnded:
		p.info().str("Order ").num(e.Action).str(" can be undone no more: ").plain(e.Reason).end()
	case *journal.MessageRemoved:
		p.removed(e)
	case *journal.Held:
		p.each("Held: ", e.Set, e.Reason)
	case *journal.Unheld:
		p.each("Unheld: ", e.Set, "")
	case *journal.DeliverySuspended:
		p.suspended(e)
	case *journal.DeliveryResumed:
		p.info().str("Deliveries resumed").domains(e.Domains).by(e.By).end()
	case *journal.ListenerSuspended:
		p.info().str("SMTP listener ").plain(e.Listener).str(" suspended").by(e.By).end()
	case *journal.ListenerResumed:
		p.info().str("SMTP listener ").plain(e.Listener).str(" resumed").by(e.By).end()
	case *journal.DeliveryForced:
		p.info().str("Deliveries forced")
		if e.Domain != "" {
			p.str(" for ").plain(e.Domain)
		}
		p.by(e.By).end()
	case *journal.OperatorLoggedIn:
		p.visit(e.By, " logged in", e.From)
	case *journal.OperatorLoggedOut:
		p.visit(e.By, " logged out", e.From)
	default:
		return false
	}
	return true
}

func (p *page) visit(by, what string, from netip.Addr) {
	p.info().str("User ").plainOr(by, "unknown").str(what)
	if from.IsValid() {
		p.str(" from ").addr(from)
	}
	p.end()
}

// suspended tells of the suspension, and of that of a restored backup why: what it holds may be delivered already.
func (p *page) suspended(e *journal.DeliverySuspended) {
	if e.By == journal.ByRestore {
		p.stillSuspended("*")
		p.warning().str("This journal was restored from a backup: its messages may have been delivered since, they wait until deliveries are resumed").end()
		return
	}
	p.info().str("Deliveries suspended").domains(e.Domains).by(e.By).end()
}

func (p *page) ordered(seq uint64, e *journal.BulkActionOrdered) {
	p.info().str("Order ").num(seq).str(": ").plain(e.Action)
	if e.Undone != 0 {
		p.str(" what order ").num(e.Undone).str(" took")
	}
	if e.Target != "" {
		p.str(" to host ").plain(e.Target)
	}
	p.str(", ").num(e.Recipients).str(" recipients of ").num(e.Messages).str(" msgs").by(e.By)
	if e.Selection != "" {
		p.str(", selected: ").plain(e.Selection)
	}
	if e.Reason != "" {
		p.str(", reason: ").plain(e.Reason)
	}
	p.end()
}

func (p *page) completed(e *journal.BulkActionCompleted) {
	for i := range e.Excluded {
		p.moved("Excluded: ", &e.Excluded[i]).str(" from order ").num(e.Action).str(", past recall").end()
	}
	p.info().str("Order ").num(e.Action).str(" completed, ").num(e.Recipients).str(" recipients of ").num(e.Messages).
		str(" msgs").end()
}

func (p *page) deleted(e *journal.RecipientsDeleted) {
	for i := range e.Set {
		m := &e.Set[i]
		if e.Unsubscribe {
			for _, rid := range m.RIDs {
				p.info().id("MID", m.MID).id(" Global unsubscribe matched RID", rid).str(" Action dropped").end()
			}
		}
		p.moved("Deleted: ", m).end()
		p.finishedIf(m.Finished, m.MID)
	}
}

func (p *page) bouncedByAdministrator(m *journal.MessageRecipients) {
	for _, rid := range m.RIDs {
		p.bounce("Bounced:", 0, m.MID, rid, "5.0.0", "Bounced by administrator", "000", nil)
	}
	p.finishedIf(m.Finished, m.MID)
}

func (p *page) removed(e *journal.MessageRemoved) {
	if e.Archive != "" {
		p.info().id("MID", e.MID).str(" saved in file ").quoted(e.Archive).by(e.By).end()
	}
	p.info().id("Deleted: MID", e.MID).str(" to ").rids(e.RIDs).end()
	p.finished(e.MID, " done")
}

// moved begins a line about recipients of one message.
func (p *page) moved(word string, m *journal.MessageRecipients) *page {
	return p.info().str(word).id("MID", m.MID).str(" to ").rids(m.RIDs)
}

func (p *page) each(word string, set []journal.MessageRecipients, reason string) {
	for i := range set {
		p.moved(word, &set[i])
		if reason != "" {
			p.str(", reason: ").plain(reason)
		}
		p.end()
		p.finishedIf(set[i].Finished, set[i].MID)
	}
}

func (p *page) domains(names []string) *page {
	for i, name := range names {
		if i == 0 {
			p.str(" for ")
		} else {
			p.str(", ")
		}
		p.plain(name)
	}
	return p
}
