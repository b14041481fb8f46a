package projections

import (
	"slices"
	"strings"

	"postern/journal"
)

// applyOrder folds what operators do; false: it was something else.
func (f *Figures) applyOrder(r journal.Record) bool {
	switch e := r.Event.(type) {
	case *journal.RecipientsDeleted:
		for i := range e.Set {
			s := &e.Set[i]
			f.counters.delete(len(s.RIDs))
			if e.Unsubscribe {
				f.counters.add(GlobalUnsubHits, len(s.RIDs))
			}
			f.end(endDeleted, 0, s.Message, s.Destination, s.RIDs, false)
		}
	case *journal.RecipientsBounced:
		f.bounce(e.Set)
	case *journal.MessageRemoved:
		f.counters.delete(len(e.RIDs))
		f.end(endDeleted, 0, e.Message, "", e.RIDs, false)
	case *journal.RecipientsRedirected:
		f.redirect(e)
	case *journal.RecipientsReinstated:
		for i := range e.Set {
			f.counters.add(Reinstated, len(e.Set[i].RIDs))
			f.reinstate(&e.Set[i])
		}
	case *journal.DeliveryForced:
		f.forced(e.Domain)
	default:
		return false
	}
	return true
}

// bounce gives recipients up by an operator's order: one report is due for each message, however often it is named.
func (f *Figures) bounce(set []journal.MessageRecipients) {
	top := uint64(0)
	for i := range set {
		s := &set[i]
		first := s.Message > top || !slices.ContainsFunc(set[:i], func(t journal.MessageRecipients) bool { return t.Message == s.Message })
		top = max(top, s.Message)
		f.counters.hardBounce(journal.BounceOther, len(s.RIDs))
		f.end(endHardBounced, journal.BounceOther, s.Message, s.Destination, s.RIDs, first)
	}
}

func (f *Figures) redirect(e *journal.RecipientsRedirected) {
	for i := range e.Set {
		m, _, ok := f.queue.messages.find(e.Set[i].Message)
		if !ok {
			f.queue.strays += uint64(len(e.Set[i].RIDs))
			continue
		}
		for _, rid := range e.Set[i].RIDs {
			w := f.queue.recipient(m, rid)
			if w&wordLive == 0 {
				f.queue.strays++
				continue
			}
			from := f.hosts.at(w.host())
			f.queue.count(from, m, w, -1)
			from.movedOut++
			f.hosts.settled(w.host(), f.clock)
			n := f.hosts.number(e.Target, f.clock)
			to := f.hosts.at(n)
			moved := makeWord(n, w&(wordLive|wordAttempted))
			to.movedIn++
			f.queue.count(to, m, moved, +1)
			f.queue.setRecipient(m, rid, moved)
			f.hosts.settled(n, f.clock)
		}
	}
}

// reinstate brings recipients back. Of a message that had left, what was known of its attempts is gone with it.
func (f *Figures) reinstate(s *journal.MessageRecipients) {
	m, _, ok := f.queue.messages.find(s.Message)
	if !ok {
		if m = f.revive(s); m == nil {
			f.queue.strays += uint64(len(s.RIDs))
			return
		}
		defer f.finishIfEmpty(s.Message)
	}
	for _, rid := range s.RIDs {
		w := f.queue.recipient(m, rid)
		if rid >= m.rids || w&wordLive != 0 {
			f.queue.strays++
			continue
		}
		n := f.hosts.number(s.Destination, f.clock) // the word's own host may have been forgotten since
		w = makeWord(n, w&wordAttempted|wordLive)
		h := f.hosts.at(n)
		h.reinstated++
		f.queue.setRecipient(m, rid, w)
		f.queue.count(h, m, w, +1)
		f.hosts.settled(n, f.clock)
	}
}

// revive makes the entry of a message that had left.
func (f *Figures) revive(s *journal.MessageRecipients) *message {
	rids, size, clock := uint32(0), int64(0), f.clock
	for _, rid := range s.RIDs {
		rids = max(rids, min(rid, maxRIDs-1)+1)
	}
	if f.Record != nil {
		if r, err := f.Record(s.Message); err == nil {
			if e, ok := r.Event.(*journal.MessageInjected); ok {
				rids, size, clock = max(rids, ridsOf(e)), e.Size, int64(r.Time)-f.shift
			}
		}
	}
	if rids == 0 || s.Message >= f.seq {
		return nil
	}
	return f.queue.enter(s.Message, s.MID, clock, size, rids, 0)
}

// forced clears down marks, of all destinations when there is no domain.
func (f *Figures) forced(domain string) {
	clearMark := func(h *host) {
		if h.state == HostStateDown {
			h.state, h.down = HostUnknown, nil
		}
	}
	if domain != "" {
		if n := f.hosts.lookup(strings.ToLower(domain)); n != 0 {
			clearMark(f.hosts.at(n))
		}
		return
	}
	f.hosts.each(func(_ uint32, h *host) { clearMark(h) })
}
