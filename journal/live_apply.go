package journal

import (
	"cmp"
	"slices"
	"strings"
)

// apply folds one record.
func (f *liveFold) apply(r Record) {
	f.at = r.Seq
	switch e := r.Event.(type) {
	case *MessageInjected:
		f.injected(r, e)
	case *AttemptStarted:
		f.attempt(e)
	case *DataSent:
		f.sent(e)
	case *Delivered:
		f.end(r, e.Message, e.RIDs, e.Notify)
	case *SoftBounced:
		f.postpone(e.Message, e.RIDs, e.Attempts, e.Next)
	case *HardBounced:
		f.end(r, e.Message, e.RIDs, e.Notify)
	case *OutcomeUnknown:
		f.postpone(e.Message, e.RIDs, e.Attempts, e.Next)
	case *DoubleBounced:
		f.end(r, e.Message, e.RIDs, false)
	case *HostDown:
		f.hostDown(e)
	case *HostUp:
		f.hostWell(e.Destination)
	case *DestinationsForgotten:
		for _, d := range e.Destinations {
			f.hostWell(d)
		}
	case *NotificationDropped:
		if m := f.known(e.Message); m != nil {
			f.told(m, e.Reports)
		}
	case *SetAside:
		if m := f.known(e.Message); m != nil {
			m.SetAside = true
		}
	default:
		if !f.applyWorkQueue(r) && !f.applyOrder(r) {
			f.applySystem(r)
		}
	}
}

// injected adds a message. A notification takes over the dues that it reports.
func (f *liveFold) injected(r Record, e *MessageInjected) {
	switch e.Why {
	case WhyBounce, WhyDelay, WhySuccess:
		f.clearDues(e)
	}
	if len(e.Recipients) == 0 {
		return
	}
	if f.message(r.Seq) != nil {
		f.anomaly()
		return
	}
	m := f.revive(r.Seq)
	recipients, dues := m.Recipients[:0], m.Dues[:0]
	m.LiveMessage = LiveMessage{
		Seq: r.Seq, MID: e.MID, ICID: e.ICID, Injected: r.Time, Size: e.Size, Body: e.Body, Why: e.Why,
		Parent: e.Parent, ParentMID: e.ParentMID, SenderHash: HashSender(e.Sender), Null: e.Sender == "",
		InWorkQueue: !e.Queued, Dues: dues,
	}
	for i := range e.Recipients {
		c := &e.Recipients[i]
		recipients = append(recipients, LiveRecipient{
			RID: c.RID, Destination: f.names.ofString(c.Domain), Next: r.Time, Notify: c.Notify,
		})
	}
	m.Recipients = f.inOrder(recipients)
	m.stamp = f.adjust.liveStamp
	f.keep(m)
	f.count(&m.LiveMessage)
}

// revive returns the entry that a message is to be written to: its old one while a row is waiting to be deleted.
func (f *liveFold) revive(seq uint64) *liveEntry {
	if e := f.messages[seq]; e != nil {
		f.size -= e.cost()
		e.ended = false
		return e
	}
	return f.newEntry()
}

// inOrder sorts recipients by RID, as nearly always they are, and drops the second of two equal ones.
func (f *liveFold) inOrder(rs []LiveRecipient) []LiveRecipient {
	ordered := true
	for i := 1; i < len(rs) && ordered; i++ {
		ordered = rs[i-1].RID < rs[i].RID
	}
	if ordered {
		return rs
	}
	slices.SortStableFunc(rs, func(a, b LiveRecipient) int { return cmp.Compare(a.RID, b.RID) })
	n := len(rs)
	rs = slices.CompactFunc(rs, func(a, b LiveRecipient) bool { return a.RID == b.RID })
	f.state.anomalies += uint64(n - len(rs))
	return rs
}

// clearDues takes the facts that a notification reports off its parent. Facts that were never due (delays) are none of it.
func (f *liveFold) clearDues(e *MessageInjected) {
	if len(e.Reports) == 0 {
		return
	}
	p := f.message(e.Parent)
	if p == nil {
		if e.Why != WhyDelay {
			f.anomaly()
		}
		return
	}
	f.told(p, e.Reports)
}

// told takes facts off a message of which its sender was told, or never will be.
func (f *liveFold) told(m *liveEntry, facts []uint64) {
	before := len(m.Dues)
	m.Dues = slices.DeleteFunc(m.Dues, func(due uint64) bool { return slices.Contains(facts, due) })
	f.size -= 8 * (before - len(m.Dues))
	f.endIfDone(m)
}

// attempt takes recipients in hand.
func (f *liveFold) attempt(e *AttemptStarted) {
	m := f.known(e.Message)
	if m == nil {
		return
	}
	for _, rid := range e.RIDs {
		i, ok := m.recipient(rid)
		if !ok || m.Recipients[i].Attempting {
			f.anomaly()
			continue
		}
		c := &m.Recipients[i]
		c.Attempting, c.Attempts, c.Next = true, e.Attempt, e.Next
		c.Exact, c.Sent = e.Exact, false
	}
}

// sent notes that the peer may have the message from now on. The fact may come when the attempt is over: then it says nothing.
func (f *liveFold) sent(e *DataSent) {
	m := f.message(e.Message)
	if m == nil {
		return
	}
	for _, rid := range e.RIDs {
		if i, ok := m.recipient(rid); ok && m.Recipients[i].Attempting {
			m.Recipients[i].Sent = true
		}
	}
}

// postpone lets recipients wait until next.
func (f *liveFold) postpone(seq uint64, rids []uint32, attempts uint32, next Instant) {
	m := f.known(seq)
	if m == nil {
		return
	}
	for _, rid := range rids {
		i, ok := m.recipient(rid)
		if !ok {
			f.anomaly()
			continue
		}
		c := &m.Recipients[i]
		c.Attempting, c.Attempts, c.Next = false, attempts, next
		c.Exact, c.Sent = false, false
	}
}

// end lets recipients go; with due, the record is one that the sender has yet to be told of.
func (f *liveFold) end(r Record, seq uint64, rids []uint32, due bool) {
	m := f.known(seq)
	if m == nil {
		return
	}
	if due && (len(m.Dues) == 0 || m.Dues[len(m.Dues)-1] != r.Seq) {
		m.Dues = append(m.Dues, r.Seq)
		f.size += 8
	}
	f.take(m, rids)
	f.endIfDone(m)
}

func (f *liveFold) hostDown(e *HostDown) {
	h := f.host(e.Destination)
	if h == nil {
		if h = f.hosts[e.Destination]; h == nil {
			h = &liveHostEntry{}
			h.Destination = f.names.ofString(e.Destination)
			f.hosts[h.Destination] = h
			f.size += liveHostCost
		}
	}
	h.ended = false
	h.Down, h.Failures, h.Next, h.Reason = true, e.Failures, e.Next, own(e.Reason)
	h.stamp = f.adjust.liveStamp
}

// hostWell drops the row of a destination: there is nothing to say against it, or nobody asks any more.
func (f *liveFold) hostWell(destination string) {
	h := f.host(destination)
	if h == nil {
		return
	}
	h.ended = true
	if !h.stored {
		delete(f.hosts, h.Destination)
		f.size -= liveHostCost
	}
}

// applyWorkQueue folds what happens between acceptance and the delivery queue; false: it was something else.
func (f *liveFold) applyWorkQueue(r Record) bool {
	switch e := r.Event.(type) {
	case *Rewritten:
		f.moveAll(e.Message)
	case *Split:
		f.end(r, e.Message, e.RIDs, false)
	case *Dropped:
		f.end(r, e.Message, e.RIDs, false)
	case *Queued:
		if m := f.known(e.Message); m != nil {
			m.InWorkQueue = false
		}
	case *Quarantined:
		if m := f.known(e.Message); m != nil {
			m.Quarantines++
		}
	case *Released:
		f.released(e)
	case *WorkQueuePaused:
		f.state.WorkQueuePaused, f.state.WorkQueuePauseReason = true, own(e.Reason)
	case *WorkQueueResumed:
		f.state.WorkQueuePaused, f.state.WorkQueuePauseReason = false, ""
	default:
		return false
	}
	return true
}

// moveAll ends a message whose recipients go on under another MID.
func (f *liveFold) moveAll(seq uint64) {
	m := f.known(seq)
	if m == nil {
		return
	}
	n := len(m.Recipients)
	clear(m.Recipients)
	m.Recipients = m.Recipients[:0]
	f.state.Recipients -= uint64(n)
	f.size -= liveRecipientCost * n
	f.endIfDone(m)
}

// released takes a message out of a quarantine. One that was deleted there ends by the terminal fact that goes with it.
func (f *liveFold) released(e *Released) {
	m := f.known(e.Message)
	switch {
	case m == nil:
	case m.Quarantines == 0:
		f.anomaly()
	case e.Last:
		m.Quarantines = 0
	default:
		m.Quarantines--
	}
}

// own returns a string in memory of its own: those of events alias whole blocks.
func own(s string) string { return strings.Clone(s) }
