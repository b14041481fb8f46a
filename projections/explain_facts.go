package projections

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"postern/journal"
	"postern/projections/tracking"
)

// explainedKinds are the facts that tell why a recipient is where it is.
var explainedKinds = journal.KindsOf(&journal.MessageInjected{}, &journal.AttemptStarted{}, &journal.Delivered{}, &journal.SoftBounced{},
	&journal.HardBounced{}, &journal.OutcomeUnknown{}, &journal.DoubleBounced{}, &journal.SetAside{}, &journal.NotificationDropped{},
	&journal.Rewritten{}, &journal.Split{}, &journal.Quarantined{}, &journal.Released{}, &journal.Dropped{}, &journal.Queued{},
	&journal.MessageRemoved{}, &journal.RecipientsDeleted{}, &journal.RecipientsBounced{}, &journal.RecipientsRedirected{},
	&journal.RecipientsReinstated{}, &journal.Held{}, &journal.Unheld{}, &journal.DeliveryForced{}, &journal.UndoEnded{})

// reading reads the facts about one message, in order. One goroutine uses it.
type reading struct {
	seq  uint64
	byID map[uint32]*ExplainedRecipient
	left int                 // recipients of the message that are in the queue, named or not
	dues map[uint64][]uint32 // facts that the sender has yet to be told of → the recipients that they are about
	undo map[uint64]bool     // orders that took recipients and can be undone
	open map[uint32]bool     // recipients in an attempt

	starts map[uint32]uint64 // DeliveryStarted of the connections that it was given to, by DCID
}

// read takes the message's facts. Of one that has left the queue it ends where nothing more can come. Where an index leads to
// the facts, it returns those that say which connections the message was given to.
func (x *Explanation) read(ctx context.Context, j *journal.Journal, index *tracking.Index, recipients int, inQueue bool) (starts map[uint32]uint64, err error) {
	f := &reading{seq: x.Seq, byID: map[uint32]*ExplainedRecipient{}, left: recipients, dues: map[uint64][]uint32{}, undo: map[uint64]bool{},
		open: map[uint32]bool{}, starts: map[uint32]uint64{}}
	for i := range x.Recipients {
		f.byID[x.Recipients[i].RID] = &x.Recipients[i]
	}
	kinds := maps.Clone(explainedKinds)
	kinds[journal.KindDeliveryStarted] = index != nil
	err = tracking.About(ctx, j, index, x.Seq, x.AsOf, kinds, func(r journal.Record) error {
		f.take(r)
		if !inQueue && f.left <= 0 && len(f.dues) == 0 && len(f.undo) == 0 {
			return errEnough
		}
		return nil
	})
	return f.starts, unlessEnough(err)
}

// take takes one fact, if it is about the message.
func (f *reading) take(r journal.Record) {
	switch e := r.Event.(type) {
	case *journal.MessageInjected:
		if e.Parent == f.seq && r.Seq != f.seq {
			f.told(r, e)
		}
	case *journal.DeliveryForced:
		f.forced(r, e)
	case *journal.UndoEnded:
		delete(f.undo, e.Action)
	default:
		if !f.takeOrder(r) && journal.MessageOf(r.Event) == f.seq {
			f.takeOwn(r)
		}
	}
}

// takeOwn takes a fact that is about the message alone.
func (f *reading) takeOwn(r journal.Record) {
	switch e := r.Event.(type) {
	case *journal.DeliveryStarted:
		f.starts[e.DCID] = r.Seq
	case *journal.Delivered:
		f.end(r, e.RIDs, StateDelivered, e.Notify, ExplainedFact{Attempt: e.Attempts, dcid: e.DCID, Text: deliveredText(e)}, "", e.Reply)
	case *journal.SoftBounced:
		f.add(r, e.RIDs, ExplainedFact{Attempt: e.Attempts, dcid: e.DCID, Text: replyOf(e.Code, e.Status, e.Reason, e.Reply), Next: e.Next.Time()})
		f.over(e.RIDs)
	case *journal.HardBounced:
		text := replyOf(e.Code, e.Status, e.Reason, e.Reply)
		f.end(r, e.RIDs, StateBounced, e.Notify, ExplainedFact{Attempt: e.Attempts, dcid: e.DCID, Peer: e.Address, Text: "bounced: " + text}, "", text)
	case *journal.DoubleBounced:
		text := replyOf(e.Code, e.Status, e.Reason, e.Reply)
		f.end(r, e.RIDs, StateBounced, false, ExplainedFact{Attempt: e.Attempts, dcid: e.DCID, Text: "could not be delivered, and has no sender to be told: " + text}, "", text)
	case *journal.OutcomeUnknown:
		f.add(r, e.RIDs, ExplainedFact{Attempt: e.Attempts, dcid: e.DCID, Text: "no certain outcome, the peer may have it: " + e.Reason, Next: e.Next.Time()})
		f.over(e.RIDs)
	case *journal.SetAside:
		f.set(r, nil, StateSetAside, "", e.Evidence)
		f.add(r, nil, ExplainedFact{Text: "set aside: " + e.Evidence})
	case *journal.NotificationDropped:
		f.report(r, e.Reports, "its sender will not be told: "+e.Reason)
	case *journal.Dropped:
		f.end(r, e.RIDs, StateDropped, false, ExplainedFact{Text: "dropped by " + e.By}, e.By, "")
	case *journal.Split:
		f.end(r, e.RIDs, StateMoved, false, ExplainedFact{Text: fmt.Sprintf("goes on with MID %d", e.NewMID)}, "", fmt.Sprintf("it goes on with MID %d", e.NewMID))
	case *journal.Rewritten:
		f.end(r, nil, StateMoved, false, ExplainedFact{Text: fmt.Sprintf("goes on with MID %d, rewritten by %s", e.NewMID, e.By)}, "", fmt.Sprintf("it goes on with MID %d", e.NewMID))
	case *journal.MessageRemoved:
		text := "removed with its message" + by(e.By)
		if e.Archive != "" {
			text += ", which was saved in " + e.Archive
		}
		f.end(r, e.RIDs, StateDeleted, false, ExplainedFact{Text: text}, e.By, "")
	case *journal.Quarantined:
		f.set(r, nil, StateQuarantined, "", e.Quarantine)
		f.add(r, nil, ExplainedFact{Text: "into quarantine " + e.Quarantine})
	case *journal.Released:
		f.add(r, nil, ExplainedFact{Text: "out of quarantine " + e.Quarantine + ": " + e.Reason})
	case *journal.Queued:
		f.add(r, nil, ExplainedFact{Text: "into the delivery queue"})
	}
}

// takeOrder takes what operators did to recipients; false: it was something else.
func (f *reading) takeOrder(r journal.Record) bool {
	switch e := r.Event.(type) {
	case *journal.AttemptStarted: // by far the most frequent of all
		if e.Message == f.seq {
			f.began(r, e)
		}
	case *journal.RecipientsDeleted:
		f.taken(r, e.Action, e.Set, StateDeleted, e.By, "deleted"+by(e.By))
	case *journal.RecipientsBounced:
		f.taken(r, e.Action, e.Set, StateBounced, e.By, "bounced"+by(e.By))
	case *journal.RecipientsRedirected:
		f.named(e.Set, func(rids []uint32) { f.add(r, rids, ExplainedFact{Text: "redirected to " + e.Target + by(e.By)}) })
	case *journal.RecipientsReinstated:
		f.named(e.Set, func(rids []uint32) {
			f.add(r, rids, ExplainedFact{Text: fmt.Sprintf("brought back, order %d was undone%s", e.Undone, by(e.By))})
			f.set(r, rids, StateQueued, "", "")
			if e.Target == "" {
				f.left += len(rids)
			}
		})
	case *journal.Held:
		f.named(e.Set, func(rids []uint32) {
			text := "held" + by(e.By)
			if e.Reason != "" {
				text += ": " + e.Reason
			}
			f.add(r, rids, ExplainedFact{Text: text})
			f.set(r, rids, StateHeld, e.By, e.Reason)
			f.over(rids)
		})
	case *journal.Unheld:
		f.named(e.Set, func(rids []uint32) { f.add(r, rids, ExplainedFact{Text: "released" + by(e.By)}) })
	default:
		return false
	}
	return true
}

// named calls fn for the recipients of the message in a set.
func (f *reading) named(set []journal.MessageRecipients, fn func(rids []uint32)) {
	for i := range set {
		if set[i].Message == f.seq {
			fn(set[i].RIDs)
		}
	}
}

// each calls fn for the named recipients among rids; nil: for all.
func (f *reading) each(rids []uint32, fn func(rid uint32, c *ExplainedRecipient)) {
	if rids == nil {
		for rid, c := range f.byID {
			fn(rid, c)
		}
		return
	}
	for _, rid := range rids {
		if c := f.byID[rid]; c != nil {
			fn(rid, c)
		}
	}
}

// began notes an attempt; its line is written again when it has an outcome.
func (f *reading) began(r journal.Record, e *journal.AttemptStarted) {
	f.add(r, e.RIDs, ExplainedFact{Attempt: e.Attempt, Text: "under way", Next: e.Next.Time()})
	f.each(e.RIDs, func(rid uint32, c *ExplainedRecipient) {
		f.open[rid] = true
		c.State, c.Since, c.Attempts = StateAttempting, r.Time.Time(), e.Attempt
	})
}

// over ends the attempt that recipients were in.
func (f *reading) over(rids []uint32) {
	f.each(rids, func(rid uint32, _ *ExplainedRecipient) { delete(f.open, rid) })
}

// add writes a fact into the histories. An attempt and its outcome are one line, at the time of the outcome.
func (f *reading) add(r journal.Record, rids []uint32, fact ExplainedFact) {
	fact.Seq, fact.Time, fact.Kind, fact.Text = r.Seq, r.Time.Time(), r.Event.Kind().String(), strings.Clone(fact.Text)
	f.each(rids, func(rid uint32, c *ExplainedRecipient) {
		if n := len(c.History); n > 0 && f.open[rid] && fact.Attempt != 0 && c.History[n-1].Attempt == fact.Attempt {
			c.History[n-1] = fact
			return
		}
		if len(c.History) == maxExplainedFacts {
			c.History = slices.Delete(c.History, 0, 1)
			c.Earlier++
		}
		c.History = append(c.History, fact)
	})
}

// set notes where recipients are; the live rows have the last word.
func (f *reading) set(r journal.Record, rids []uint32, s RecipientState, who, why string) {
	who, why = strings.Clone(who), strings.Clone(why)
	f.each(rids, func(_ uint32, c *ExplainedRecipient) { c.State, c.Since, c.By, c.Reason = s, r.Time.Time(), who, why })
}

// end notes that recipients (nil: all) have left.
func (f *reading) end(r journal.Record, rids []uint32, s RecipientState, due bool, fact ExplainedFact, who, why string) {
	f.add(r, rids, fact)
	f.set(r, rids, s, who, why)
	f.over(rids)
	if rids == nil {
		f.left = 0
		return
	}
	f.left -= len(rids)
	if due {
		f.dues[r.Seq] = slices.Clone(rids)
	}
}

// taken notes that an order took recipients, which it may be made to give back.
func (f *reading) taken(r journal.Record, action uint64, set []journal.MessageRecipients, s RecipientState, who, text string) {
	f.named(set, func(rids []uint32) {
		if action != 0 {
			f.undo[action] = true
			text = fmt.Sprintf("%s, order %d", text, action)
		}
		f.end(r, rids, s, false, ExplainedFact{Text: text}, who, "")
	})
}

// told notes the notification that tells the sender of facts.
func (f *reading) told(r journal.Record, e *journal.MessageInjected) {
	if e.Why.Notifies() {
		f.report(r, e.Reports, fmt.Sprintf("its sender is told, with MID %d", e.MID))
	}
}

// report notes what became of facts that the sender had to be told of.
func (f *reading) report(r journal.Record, facts []uint64, text string) {
	for _, fact := range facts {
		if rids, due := f.dues[fact]; due {
			f.add(r, rids, ExplainedFact{Text: text})
			delete(f.dues, fact)
		}
	}
}

// forced notes that an operator made all of a domain, or of all, due: those that are still here.
func (f *reading) forced(r journal.Record, e *journal.DeliveryForced) {
	var rids []uint32
	for rid, c := range f.byID {
		if !c.State.left() && (e.Domain == "" || strings.EqualFold(e.Domain, c.Destination)) {
			rids = append(rids, rid)
		}
	}
	if len(rids) > 0 {
		f.add(r, rids, ExplainedFact{Text: "delivery forced" + by(e.By)})
	}
}

// by names an operator behind what was done.
func by(who string) string {
	switch who {
	case "":
		return ""
	case journal.ByInDoubt:
		return " as in doubt"
	}
	return " by " + who
}

// replyOf is a peer's reply, or what was wrong where there was none.
func replyOf(code, status, reason string, reply []string) string {
	words := []string{code, status}
	if code == "" || code == "000" {
		words = []string{reason + ":"}
	}
	return strings.TrimSuffix(strings.Join(append(words, reply...), " "), ":")
}

func deliveredText(e *journal.Delivered) string {
	if e.DCID == 0 && e.Reply == "/null" {
		return "discarded: the route of its host says so"
	}
	if e.By != "" { // no peer has said so
		return e.Reply
	}
	return "delivered: 250 " + e.Reply
}
