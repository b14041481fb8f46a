package journal

import "slices"

// redact takes the person out of a fact's private part and tells whether there was anything. note: the first time, in
// ascending order, it also learns what the person sent and received. The fact must be the caller's own.
func (x *Erasure) redact(r Record, note bool) bool {
	switch e := r.Event.(type) {
	case *MessageInjected:
		return x.redactInjected(r.Seq, e, note)
	case *ReceivingAborted:
		if !x.redactParties(&e.Sender, e.Recipients, e.Rejected) {
			return false
		}
		if note {
			x.Refused++
		}
		return true
	case *Delivered:
		if e.DCID == 0 && e.By == "" { // discarded by a route: no peer has said anything
			return false
		}
		return x.answer(e.Message, e.RIDs, &e.Reply)
	case *SoftBounced:
		return x.answers(e.Message, e.RIDs, &e.Reply)
	case *HardBounced:
		return x.answers(e.Message, e.RIDs, &e.Reply)
	case *DoubleBounced:
		return x.answers(e.Message, e.RIDs, &e.Reply)
	case *HistoryCut:
		if note && x.Quotes([]byte(e.Live)) { // why a destination is down
			x.quoted(r.Seq)
		}
		return x.Baseline != nil && x.Baseline(e, x.Redacted)
	}
	return x.redactTexts(r, note)
}

// redactTexts takes the person out of what quotes it.
func (x *Erasure) redactTexts(r Record, note bool) (changed bool) {
	switch e := r.Event.(type) {
	case *DeliveryConnectionFailed:
		changed = x.redactText(&e.Details)
	case *HostDown:
		if x.Down[e.Destination] {
			if note && x.Redacted(e.Reason) != e.Reason {
				x.quoted(r.Seq)
			}
			return false
		}
		changed = x.redactText(&e.Reason)
	case *BulkActionOrdered:
		changed = x.redactText(&e.Selection)
	}
	if changed && note {
		x.Texts++
	}
	return changed
}

func (x *Erasure) redactText(text *string) bool {
	out := x.Redacted(*text)
	if out == *text {
		return false
	}
	*text = out
	return true
}

func (x *Erasure) redactInjected(seq uint64, e *MessageInjected, note bool) bool {
	m := ErasedMessage{Seq: seq, MID: e.MID, Sent: x.is(e.Sender)}
	for i := range e.Recipients {
		if x.is(e.Recipients[i].Address()) {
			m.Received = append(m.Received, e.Recipients[i].RID)
		}
	}
	party := m.Sent || len(m.Received) > 0
	if party && note {
		x.Messages = append(x.Messages, m)
	}
	changed := x.redactParties(&e.Sender, e.Recipients, e.Rejected)
	for _, text := range [...]*string{&e.Subject, &e.MessageID, &e.EnvID} {
		switch {
		case *text == "" || *text == ForgottenText:
		case party:
			*text, changed = ForgottenText, true
		default:
			changed = x.redactText(text) || changed
		}
	}
	if changed && note && !party {
		x.Texts++
	}
	return changed
}

// redactParties takes the person out of the envelope. A sender stays one, and a recipient keeps its domain: folds see that.
func (x *Erasure) redactParties(sender *string, recipients []InjectedRecipient, rejected []RejectedRecipient) (changed bool) {
	if x.is(*sender) {
		*sender, changed = ForgottenText, true
	}
	for i := range recipients {
		c := &recipients[i]
		if x.is(c.Address()) {
			c.Local, c.ORcpt, changed = ForgottenText, "", true
		}
		changed = x.redactText(&c.ORcpt) || changed
	}
	for i := range rejected {
		if x.is(rejected[i].Address) {
			rejected[i].Address, changed = ForgottenText, true
		}
	}
	return changed
}

// about tells whether an outcome is that of the person, as the recipient or as the sender, whom a peer may have refused.
func (x *Erasure) about(message uint64, rids []uint32) bool {
	m := x.message(message)
	return m != nil && (m.Sent || slices.ContainsFunc(rids, func(rid uint32) bool { return slices.Contains(m.Received, rid) }))
}

// answer takes what a peer said about the person out of an outcome.
func (x *Erasure) answer(message uint64, rids []uint32, reply *string) bool {
	switch {
	case *reply == "" || *reply == ForgottenText:
		return false
	case x.about(message, rids):
		*reply = ForgottenText
		return true
	}
	return x.redactText(reply)
}

func (x *Erasure) answers(message uint64, rids []uint32, reply *[]string) (changed bool) {
	switch {
	case len(*reply) == 0 || len(*reply) == 1 && (*reply)[0] == ForgottenText:
		return false
	case x.about(message, rids):
		*reply = []string{ForgottenText}
		return true
	}
	for i := range *reply {
		changed = x.redactText(&(*reply)[i]) || changed
	}
	return changed
}
