package journal

import (
	"slices"
	"strings"
)

// applyOrder folds the facts of operators; false: it was something else.
func (f *liveFold) applyOrder(r Record) bool {
	switch e := r.Event.(type) {
	case *RecipientsDeleted:
		f.takeSet(r, e.Set, nil)
	case *RecipientsBounced:
		f.takeSet(r, e.Set, (*LiveMessage).wantsFailure)
	case *MessageRemoved:
		f.end(r, e.Message, e.RIDs, false)
	case *RecipientsReinstated:
		f.reinstate(e)
	case *RecipientsRedirected:
		target := f.names.ofString(e.Target)
		f.eachOf(e.Set, func(c *LiveRecipient) {
			c.Redirect, c.Attempting, c.Next = target, false, r.Time
			c.Exact, c.Sent = false, false
		})
	case *Held:
		f.eachOf(e.Set, func(c *LiveRecipient) {
			if c.Attempting { // its attempt was called off: it is due when it goes on
				c.Next = r.Time
			}
			c.Attempting, c.Held, c.Exact, c.Sent = false, true, false, false
		})
	case *Unheld:
		f.unhold(e.Set)
	case *BulkActionOrdered:
		f.ordered(r.Seq, e)
	case *BulkActionCompleted:
		f.completed(r, e.Action)
	case *UndoEnded:
		f.undoEnded(e.Action)
	case *DeliveryForced:
		f.force(r.Time, strings.ToLower(e.Domain))
	default:
		return false
	}
	return true
}

// takeSet ends what an order took; due tells, unless it is nil, whether the sender has to hear of it.
func (f *liveFold) takeSet(r Record, set []MessageRecipients, due func(*LiveMessage, []uint32) bool) {
	f.fetch(set)
	for i := range set {
		m := f.message(set[i].Message)
		f.end(r, set[i].Message, set[i].RIDs, due != nil && m != nil && due(&m.LiveMessage, set[i].RIDs))
	}
}

// unhold lets recipients go on. Of a message that was set aside the others stay where they are, each held for itself.
func (f *liveFold) unhold(set []MessageRecipients) {
	for i := range set {
		m := f.message(set[i].Message)
		if m == nil || !m.SetAside {
			continue
		}
		m.SetAside = false
		for k := range m.Recipients {
			m.Recipients[k].Held = m.Recipients[k].Held || !m.Recipients[k].Attempting
		}
	}
	f.eachOf(set, func(c *LiveRecipient) { c.Held = false })
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
	f.fetch(set)
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

func (f *liveFold) ordered(seq uint64, e *BulkActionOrdered) {
	s := &f.state
	if len(s.BulkActions) >= maxBulkActions || slices.Contains(s.BulkActions, seq) {
		f.anomaly()
		return
	}
	s.BulkActions = insertSorted(s.BulkActions, seq)
	if i := slices.IndexFunc(s.Undoable, func(u LiveUndo) bool { return u.Order == e.Undone }); i >= 0 {
		s.Undoable = slices.Clone(s.Undoable)
		s.Undoable[i].UndoneBy = seq
	}
	if !e.Undoable() {
		return
	}
	if len(s.Undoable) >= maxBulkActions {
		f.anomaly()
		return
	}
	s.Undoable = append(slices.Clone(s.Undoable), LiveUndo{Order: seq})
}

// Undoable tells whether what an order does can be brought back.
func (e *BulkActionOrdered) Undoable() bool {
	return e.Action == "delete" || e.Action == "bounce" || e.Action == "redirect"
}

func (f *liveFold) completed(r Record, action uint64) {
	s := &f.state
	i, ok := slices.BinarySearch(s.BulkActions, action)
	if !ok {
		f.anomaly()
		return
	}
	s.BulkActions = slices.Delete(slices.Clone(s.BulkActions), i, i+1)
	for i := range s.Undoable {
		if s.Undoable[i].Order == action {
			s.Undoable = slices.Clone(s.Undoable)
			s.Undoable[i].Completed, s.Undoable[i].At = r.Seq, r.Time
		}
	}
}

func (f *liveFold) undoEnded(action uint64) {
	s := &f.state
	s.Undoable = slices.DeleteFunc(slices.Clone(s.Undoable), func(u LiveUndo) bool { return u.Order == action })
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
		s.jumped(e.Delta)
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
		if e.Baseline(r.Seq) {
			f.adopt(e)
		}
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
