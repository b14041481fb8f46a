package journal

// reinstate brings back what an order took. The fact says all that is needed: nothing is read of the past.
func (f *liveFold) reinstate(e *RecipientsReinstated) {
	f.fetch(e.Set)
	had := make(map[uint64]*ReinstatedMessage, len(e.Messages))
	for i := range e.Messages {
		had[e.Messages[i].Message] = &e.Messages[i]
	}
	for i := range e.Set {
		set := &e.Set[i]
		if e.Target != "" {
			f.sendBack(set)
			continue
		}
		m := f.message(set.Message)
		if was := had[set.Message]; m == nil && was != nil {
			m = f.comeBack(was)
		}
		if m == nil {
			f.anomaly()
			continue
		}
		f.exhume(m, set)
		f.endIfDone(m)
	}
}

// comeBack makes a message live again, as yet without recipients.
func (f *liveFold) comeBack(was *ReinstatedMessage) *liveEntry {
	m := f.revive(was.Message)
	recipients, dues := m.Recipients[:0], m.Dues[:0]
	m.LiveMessage = LiveMessage{
		Seq: was.Message, MID: was.MID, ICID: was.ICID, Injected: was.Injected, Size: was.Size, Body: was.Body, Why: was.Why,
		Parent: was.Parent, ParentMID: was.ParentMID, SenderHash: was.SenderHash, Null: was.SenderHash == 0,
		InWorkQueue: was.InWorkQueue, Recipients: recipients, Dues: dues,
	}
	m.stamp = f.adjust.liveStamp
	f.keep(m)
	f.count(&m.LiveMessage)
	return m
}

// exhume brings recipients back into a live message.
func (f *liveFold) exhume(m *liveEntry, set *MessageRecipients) {
	for i, rid := range set.RIDs {
		c := LiveRecipient{RID: rid, Destination: f.names.ofString(set.Destination), Held: set.Held}
		if set.Redirect != "" {
			c.Redirect = f.names.ofString(set.Redirect)
		}
		c.Attempts, c.Next, c.Notify = at(set.Attempts, i), at(set.Next, i), Notify(at(set.Notify, i))
		if !m.insert(c) {
			f.anomaly()
			continue
		}
		f.state.Recipients++
		f.size += liveRecipientCost
	}
}

// sendBack lets recipients that are still here go on as before they were redirected.
func (f *liveFold) sendBack(set *MessageRecipients) {
	m := f.known(set.Message)
	if m == nil {
		return
	}
	for i, rid := range set.RIDs {
		k, ok := m.recipient(rid)
		if !ok {
			f.anomaly()
			continue
		}
		c := &m.Recipients[k]
		c.Redirect, c.Held, c.Attempting = own(set.Redirect), set.Held, false
		c.Exact, c.Sent = false, false
		c.Attempts, c.Next = at(set.Attempts, i), at(set.Next, i)
	}
}

// at is an element of a list that may be shorter than it should be.
func at[T any](list []T, i int) (v T) {
	if i < len(list) {
		v = list[i]
	}
	return v
}

// insert puts a recipient in its place; false when one of its RID is there.
func (m *LiveMessage) insert(c LiveRecipient) bool {
	i, ok := m.recipient(c.RID)
	if ok {
		return false
	}
	m.Recipients = append(m.Recipients, LiveRecipient{})
	copy(m.Recipients[i+1:], m.Recipients[i:])
	m.Recipients[i] = c
	return true
}
