package journal

import "fmt"

// RecipientsReinstated says who comes back, but not with how many attempts and when due: that is in the records before
// the fact that it undoes. A replay in memory keeps what operators take; the rows, where that would cost for ever what is
// hardly ever asked for, replay those few messages again.

// liveHistory calls fn for the records from ≤ Seq ≤ to, in order.
type liveHistory func(from, to uint64, fn func(Record)) error

// graveKey names what one order took from one message.
type graveKey struct{ action, message uint64 }

// grave holds recipients that an operator took, with their message.
type grave struct {
	LiveMessage
	stamp liveStamp
}

// bury keeps recipients that are about to be taken.
func (f *liveFold) bury(action, seq uint64, rids []uint32) {
	if f.graves == nil {
		return
	}
	m := f.message(seq)
	if m == nil {
		return
	}
	key := graveKey{action, seq}
	g := f.graves[key]
	if g == nil {
		g = &grave{LiveMessage: m.LiveMessage, stamp: m.stamp}
		g.Recipients, g.Dues = nil, nil
		f.graves[key] = g
	}
	f.adjust.message(&g.LiveMessage, &g.stamp)
	for _, rid := range rids {
		if i, ok := m.recipient(rid); ok {
			c := m.Recipients[i]
			c.Attempting = false
			g.insert(c)
		}
	}
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

func (f *liveFold) reinstate(r Record, e *RecipientsReinstated) {
	graves, adjust := f.graves, &f.adjust
	if graves == nil {
		past, err := f.dig(r.Seq, e.Set)
		if err != nil {
			f.err = fmt.Errorf("what record %d brings back: %w", r.Seq, err)
			return
		}
		graves, adjust = past.graves, &past.adjust
	}
	for i := range e.Set {
		if f.only != nil && !f.only[e.Set[i].Message] {
			continue
		}
		g := graves[graveKey{e.Undone, e.Set[i].Message}]
		if g == nil {
			f.anomaly()
			continue
		}
		adjust.message(&g.LiveMessage, &g.stamp)
		f.exhume(g, e.Set[i].RIDs)
	}
}

// exhume brings recipients of a grave, whose times are as of now, back into the queue.
func (f *liveFold) exhume(g *grave, rids []uint32) {
	m := f.message(g.Seq)
	for _, rid := range rids {
		i, ok := g.recipient(rid)
		if !ok {
			f.anomaly()
			continue
		}
		if m == nil {
			m = f.unearth(g)
		}
		if !m.insert(g.Recipients[i]) {
			f.anomaly()
			continue
		}
		f.state.Recipients++
		f.size += liveRecipientCost
		g.Recipients = append(g.Recipients[:i], g.Recipients[i+1:]...)
	}
}

// unearth makes a message live again, as yet without recipients.
func (f *liveFold) unearth(g *grave) *liveEntry {
	m := f.revive(g.Seq)
	recipients, dues := m.Recipients[:0], m.Dues[:0]
	m.LiveMessage = g.LiveMessage
	m.Recipients, m.Dues, m.stamp = recipients, dues, f.adjust.liveStamp
	f.keep(m)
	f.count(&m.LiveMessage)
	return m
}

// dig replays the messages of a set up to before a record, keeping what was taken of them.
func (f *liveFold) dig(before uint64, set []MessageRecipients) (*liveFold, error) {
	past := newLiveFold()
	past.graves = make(map[graveKey]*grave)
	past.only = make(map[uint64]bool, len(set))
	from := before
	for i := range set {
		if set[i].Message > 0 {
			past.only[set[i].Message] = true
			from = min(from, set[i].Message)
		}
	}
	if f.history == nil || from >= before {
		return past, nil
	}
	err := f.history(from, before-1, past.apply)
	return past, err
}
