package tracking

import (
	"postern/journal"
)

// names tells whether a fact is about one of the messages.
func names(e journal.Event, family map[uint64]*relative) bool {
	if m := journal.MessageOf(e); m != 0 {
		return family[m] != nil
	}
	set := journal.SetOf(e)
	for i := range set {
		if family[set[i].Message] != nil {
			return true
		}
	}
	return false
}

// about is what a fact says of the messages of a family alone.
func about(e journal.Event, family map[uint64]*relative) journal.Event {
	var few []journal.MessageRecipients
	for _, s := range journal.SetOf(e) {
		if family[s.Message] != nil {
			few = append(few, s)
		}
	}
	switch e := e.(type) {
	case *journal.RecipientsDeleted:
		c := *e
		c.Set = few
		return &c
	case *journal.RecipientsBounced:
		c := *e
		c.Set = few
		return &c
	case *journal.RecipientsRedirected:
		c := *e
		c.Set = few
		return &c
	case *journal.RecipientsReinstated:
		c := *e
		c.Set, c.Messages = few, nil
		return &c
	case *journal.Held:
		c := *e
		c.Set = few
		return &c
	case *journal.Unheld:
		c := *e
		c.Set = few
		return &c
	}
	return e
}

// book notes what a fact means for what can still come.
func (t *trace) book(r journal.Record) {
	switch e := r.Event.(type) {
	case *journal.Delivered:
		t.leave(e.Message, len(e.RIDs), r.Seq, e.Notify)
	case *journal.HardBounced:
		t.leave(e.Message, len(e.RIDs), r.Seq, e.Notify)
	case *journal.DoubleBounced:
		t.leave(e.Message, len(e.RIDs), 0, false)
	case *journal.Dropped:
		t.leave(e.Message, len(e.RIDs), 0, false)
	case *journal.MessageRemoved:
		t.leave(e.Message, len(e.RIDs), 0, false)
	case *journal.Split:
		t.leave(e.Message, len(e.RIDs), 0, false)
	case *journal.Rewritten:
		if m := t.family[e.Message]; m != nil {
			m.left = 0
		}
	case *journal.NotificationDropped:
		for _, fact := range e.Reports {
			delete(t.family[e.Message].dues, fact)
		}
	case *journal.RecipientsDeleted:
		t.taken(e.Action, e.Set, 0)
	case *journal.RecipientsBounced:
		t.taken(e.Action, e.Set, r.Seq)
	case *journal.RecipientsReinstated:
		for i := range e.Set {
			if m := t.family[e.Set[i].Message]; m != nil && e.Target == "" {
				m.left += len(e.Set[i].RIDs)
			}
		}
	}
}

func (t *trace) leave(message uint64, n int, fact uint64, due bool) {
	m := t.family[message]
	m.left -= n
	if due {
		m.dues[fact] = true
	}
}

// taken books recipients out that an order took; as long as it can be undone they may come back.
func (t *trace) taken(action uint64, set []journal.MessageRecipients, fact uint64) {
	for i := range set {
		m := t.family[set[i].Message]
		if m == nil {
			continue
		}
		m.left -= len(set[i].RIDs)
		if fact != 0 && !m.null && action == 0 { // with an order, its undo ends later than its notification comes
			m.dues[fact] = true
		}
		if action != 0 {
			t.undo[action] = true
		}
	}
}
