package projections

import (
	"fmt"
	"strings"

	"postern/journal"
)

// deed words what a fact tells of an operator; false: it is a part of an order that has its own deed.
func (a *audit) deed(r journal.Record) (Deed, bool) {
	d := Deed{Seq: r.Seq, Time: r.Time.Time(), Kind: r.Event.Kind().String()}
	ok := a.ordered(&d, r.Event) || a.slice(&d, r.Event) || stopped(&d, r.Event) || administered(&d, r.Event)
	d.By, d.What = strings.Clone(d.By), strings.Clone(d.What)
	switch e := r.Event.(type) {
	case *journal.OperatorOrdered:
		d.From = []string{orderSeat(e)}
	case *journal.OperatorLoggedIn, *journal.OperatorLoggedOut: // which say it themselves
		d.From = a.open(d.By)
	default:
		d.From = a.from(d.By)
	}
	return d, ok
}

// ordered words an order about the queue.
func (a *audit) ordered(d *Deed, event journal.Event) bool {
	switch e := event.(type) {
	case *journal.BulkActionOrdered:
		d.By, d.Action, d.Target, d.Reason = e.By, strings.Clone(e.Action), strings.Clone(e.Target), strings.Clone(e.Reason)
		d.Selection, d.Undoes, d.Recipients, d.Messages = shortened(e.Selection, maxActionText), e.Undone, e.Recipients, e.Messages
		d.What = d.orderText()
	case *journal.MessageRemoved:
		d.By, d.Messages, d.Recipients = e.By, 1, uint64(len(e.RIDs))
		d.What = fmt.Sprintf("removed MID %d with %s", e.MID, counted(d.Recipients, "recipient"))
		if e.Archive != "" {
			d.What = fmt.Sprintf("archived MID %d with %s in %s", e.MID, counted(d.Recipients, "recipient"), e.Archive)
		}
	case *journal.DoubtAnswered:
		d.By, d.Messages, d.Recipients = e.By, 1, uint64(len(e.RIDs))
		d.What = fmt.Sprintf("answered a doubt: to send MID %d to %s again", e.MID, counted(d.Recipients, "recipient"))
		if e.Answer == journal.AnswerDelivered {
			d.What = fmt.Sprintf("answered a doubt: MID %d was delivered to %s", e.MID, counted(d.Recipients, "recipient"))
		}
	case *journal.DeliveryForced:
		d.By, d.What = e.By, "forced delivery of all"
		if e.Domain != "" {
			d.What = "forced delivery to " + e.Domain
		}
	default:
		return false
	}
	return true
}

// orderText is an order in words, with what came of it.
func (d *Deed) orderText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "order %d: %s", d.Seq, d.Action)
	if d.Undoes != 0 {
		fmt.Fprintf(&b, " what order %d took", d.Undoes)
	}
	switch {
	case d.Selection != "" && d.Undoes != 0: // what was asked for then
		fmt.Fprintf(&b, " (%s)", d.Selection)
	case d.Selection != "":
		fmt.Fprintf(&b, " %s", d.Selection)
	}
	if d.Target != "" {
		fmt.Fprintf(&b, " to %s", d.Target)
	}
	if d.Reason != "" {
		fmt.Fprintf(&b, ", reason: %s", d.Reason)
	}
	if d.Undoes != 0 && d.Recipients == 0 && !d.Completed.IsZero() {
		b.WriteString(": nothing came back")
	} else {
		fmt.Fprintf(&b, ": %s of %s", counted(d.Recipients, "recipient"), counted(d.Messages, "message"))
	}
	if d.Excluded > 0 {
		fmt.Fprintf(&b, ", %d past recall", d.Excluded)
	}
	if d.Completed.IsZero() {
		b.WriteString(", not completed")
	}
	return b.String()
}

// counted is a number of things by their name: 1 message, 20 messages.
func counted(n uint64, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// slice words what was done to recipients by no order that the history has.
func (a *audit) slice(d *Deed, event journal.Event) bool {
	var action uint64
	var set []journal.MessageRecipients
	switch e := event.(type) {
	case *journal.RecipientsDeleted:
		action, set, d.By, d.What = e.Action, e.Set, e.By, "deleted"
	case *journal.RecipientsBounced:
		action, set, d.By, d.What = e.Action, e.Set, e.By, "bounced"
	case *journal.RecipientsRedirected:
		action, set, d.By, d.What, d.Target = e.Action, e.Set, e.By, "redirected to "+e.Target+":", strings.Clone(e.Target)
	case *journal.RecipientsReinstated:
		action, set, d.By, d.Undoes, d.What = e.Action, e.Set, e.By, e.Undone, fmt.Sprintf("reinstated what order %d took:", e.Undone)
	case *journal.Held:
		if e.By == journal.ByInDoubt { // the configuration's doing
			return false
		}
		action, set, d.By, d.Reason, d.What = e.Action, e.Set, e.By, strings.Clone(e.Reason), "held"
	case *journal.Unheld:
		action, set, d.By, d.What = e.Action, e.Set, e.By, "released"
	default:
		return false
	}
	if a.known[action] {
		return false
	}
	d.Messages, d.Recipients = countSet(set)
	d.What = fmt.Sprintf("%s %s of %s", d.What, counted(d.Recipients, "recipient"), counted(d.Messages, "message"))
	if d.Reason != "" {
		d.What += ", reason: " + d.Reason
	}
	if action != 0 {
		d.What += fmt.Sprintf(" (part of order %d)", action)
	}
	return true
}

// stopped words what was suspended, paused and resumed.
func stopped(d *Deed, event journal.Event) bool {
	switch e := event.(type) {
	case *journal.DeliverySuspended:
		d.By, d.What = e.By, "suspended delivery"+toDomains(e.Domains)
		if e.By == journal.ByRestore {
			d.What = "delivery suspended: the journal was restored from a backup"
		}
	case *journal.DeliveryResumed:
		d.By, d.What = e.By, "resumed delivery"+toDomains(e.Domains)
	case *journal.ListenerSuspended:
		d.By, d.What = e.By, "suspended listener "+e.Listener
	case *journal.ListenerResumed:
		d.By, d.What = e.By, "resumed listener "+e.Listener
	case *journal.WorkQueuePaused:
		d.By, d.Reason, d.What = e.By, strings.Clone(e.Reason), "paused the work queue with "+counted(uint64(e.Messages), "message")
		if e.Reason != "" {
			d.What += ", reason: " + e.Reason
		}
	case *journal.WorkQueueResumed:
		d.By, d.What = e.By, "resumed the work queue with "+counted(uint64(e.Messages), "message")
	default:
		return false
	}
	return true
}

func toDomains(domains []string) string {
	if len(domains) == 0 {
		return " to all"
	}
	return " to " + strings.Join(domains, ", ")
}

// administered words what was done to the gateway itself.
func administered(d *Deed, event journal.Event) bool {
	switch e := event.(type) {
	case *journal.ConfigurationCommitted:
		d.By, d.What = e.By, fmt.Sprintf("committed configuration revision %d", e.Revision)
		if e.Comment != "" {
			d.What += ": " + e.Comment
		}
	case *journal.CountersReset:
		d.By, d.What = e.By, "reset the counters"
	case *journal.LogRolledOver:
		d.By, d.What = e.By, "rolled log "+e.Log+" over"
	case *journal.Forgotten:
		d.By, d.What = e.By, fmt.Sprintf("erased the private data of %d records", e.Records)
	case *journal.HistoryCut:
		d.What = fmt.Sprintf("history before record %d was removed", e.Before)
	case *journal.OperatorOrdered:
		switch d.By = e.By; e.What {
		case journal.OrderStop:
			d.What = "ordered the gateway to stop"
		case journal.OrderRestart:
			d.What = "ordered the gateway to restart"
		default:
			return false
		}
	case *journal.OperatorLoggedIn:
		d.By, d.What = e.By, "logged in from "+seat(e.From)
	case *journal.OperatorLoggedOut:
		d.By, d.What = e.By, "logged out"
	default:
		return false
	}
	return true
}
