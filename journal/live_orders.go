package journal

import (
	"slices"
	"strings"
)

// applyOrder folds the facts of operators; false: it was something else.
func (f *liveFold) applyOrder(r Record) bool {
	switch e := r.Event.(type) {
	case *RecipientsDeleted:
		f.takeSet(r, actionID(e.Action, r.Seq), e.Set, nil)
	case *RecipientsBounced:
		f.takeSet(r, actionID(e.Action, r.Seq), e.Set, (*LiveMessage).wantsFailure)
	case *MessageRemoved:
		f.bury(r.Seq, e.Message, e.RIDs)
		f.end(r, e.Message, e.RIDs, false)
	case *RecipientsReinstated:
		f.reinstate(r, e)
	case *RecipientsRedirected:
		target := f.names.ofString(e.Target)
		f.eachOf(e.Set, func(c *LiveRecipient) { c.Redirect = target })
	case *Held:
		f.eachOf(e.Set, func(c *LiveRecipient) {
			if c.Attempting {
				f.anomaly()
				return
			}
			c.Held = true
		})
	case *Unheld:
		f.eachOf(e.Set, func(c *LiveRecipient) { c.Held = false })
	case *BulkActionOrdered:
		f.ordered(r.Seq)
	case *BulkActionCompleted:
		f.completed(e.Action)
	case *DeliveryForced:
		f.force(r.Time, strings.ToLower(e.Domain))
	default:
		return false
	}
	return true
}

// actionID is what an undo names: the order, or the fact itself when it is one.
func actionID(action, seq uint64) uint64 {
	if action == 0 {
		return seq
	}
	return action
}

// takeSet ends what an order took; due tells, unless it is nil, whether the sender has to hear of it.
func (f *liveFold) takeSet(r Record, action uint64, set []MessageRecipients, due func(*LiveMessage, []uint32) bool) {
	for i := range set {
		f.bury(action, set[i].Message, set[i].RIDs)
		m := f.message(set[i].Message)
		f.end(r, set[i].Message, set[i].RIDs, due != nil && m != nil && due(&m.LiveMessage, set[i].RIDs))
	}
}

// wantsFailure tells whether there is a sender, and one who wants to hear when one of these recipients bounces.
func (m *LiveMessage) wantsFailure(rids []uint32) bool {
	return !m.Null && slices.ContainsFunc(rids, func(rid uint32) bool {
		i, ok := m.recipient(rid)
		return ok && m.Recipients[i].Notify.WantsFailure()
	})
}

// eachOf calls fn for the live recipients of a set.
func (f *liveFold) eachOf(set []MessageRecipients, fn func(*LiveRecipient)) {
	for i := range set {
		m := f.known(set[i].Message)
		if m == nil {
			continue
		}
		for _, rid := range set[i].RIDs {
			if k, ok := m.recipient(rid); ok {
				fn(&m.Recipients[k])
			} else {
				f.anomaly()
			}
		}
	}
}

func (f *liveFold) ordered(seq uint64) {
	if len(f.state.BulkActions) >= maxBulkActions || slices.Contains(f.state.BulkActions, seq) {
		f.anomaly()
		return
	}
	f.state.BulkActions = insertSorted(f.state.BulkActions, seq)
}

func (f *liveFold) completed(action uint64) {
	i, ok := slices.BinarySearch(f.state.BulkActions, action)
	if !ok {
		f.anomaly()
		return
	}
	f.state.BulkActions = slices.Delete(slices.Clone(f.state.BulkActions), i, i+1)
}

// force makes a domain, or with "" all, due now. Recipients in hand keep the time that their attempt has reserved.
func (f *liveFold) force(at Instant, domain string) {
	f.adjust.forces++
	if f.forced == nil {
		f.forced, f.outdated = make(map[string]bool), make(map[string]bool)
	}
	if domain == "" {
		for d := range f.adjust.forced {
			f.outdated[d] = true
		}
		clear(f.adjust.forced)
		clear(f.forced)
	}
	domain = own(domain)
	f.adjust.forced[domain] = liveForce{number: f.adjust.forces, at: at, shift: f.adjust.shift}
	f.forced[domain] = true
	delete(f.outdated, domain)
}

// insertSorted returns a new list with x in it; lists that were handed out never change.
func insertSorted[T uint64 | string](list []T, x T) []T {
	i, ok := slices.BinarySearch(list, x)
	if ok {
		return list
	}
	return slices.Insert(slices.Clone(list), i, x)
}

// removeSorted returns a new list without x.
func removeSorted[T uint64 | string](list []T, x T) []T {
	i, ok := slices.BinarySearch(list, x)
	if !ok {
		return list
	}
	return slices.Delete(slices.Clone(list), i, i+1)
}

// applySystem folds the facts that belong to no message.
func (f *liveFold) applySystem(r Record) {
	s := &f.state
	switch e := r.Event.(type) {
	case *Started:
		s.started(e)
	case *Stopped:
		s.stopped(e)
	case *Settled:
		s.Unclean = 0
	case *ClockJumped:
		s.ClockShift += e.Delta
		f.adjust.shift = s.ClockShift
	case *IDsReserved:
		if !s.reserved(e) {
			f.anomaly()
		}
	case *ConfigurationCommitted:
		s.Revision, s.ConfigHash = e.Revision, own(e.Hash)
	case *CountersReset:
		s.LastReset = r.Time
	case *ResourceConservationChanged:
		s.Conservation = e.Degree
	case *HistoryCut:
		s.cut(e)
	case *DeliverySuspended:
		s.suspend(e.Domains)
	case *DeliveryResumed:
		s.resume(e.Domains)
	case *ListenerSuspended:
		s.ListenersSuspended = insertSorted(s.ListenersSuspended, own(e.Listener))
	case *ListenerResumed:
		s.ListenersSuspended = removeSorted(s.ListenersSuspended, e.Listener)
	}
}
