package projections

import (
	"slices"
	"strings"

	"postern/journal"
)

// applyOrder folds what operators do; false: it was something else.
func (f *Figures) applyOrder(r journal.Record) bool {
	f.actions.apply(r)
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

// bounce gives recipients up by an operator's order: one report is due for each message whose sender wants to hear of it,
// however often it is named.
func (f *Figures) bounce(set []journal.MessageRecipients) {
	told := make(map[uint64]bool)
	for i := range set {
		s := &set[i]
		due := !told[s.Message] && f.wantsFailure(s.Message, s.RIDs)
		if due {
			told[s.Message] = true
		}
		f.counters.hardBounce(journal.BounceOther, len(s.RIDs))
		f.end(endHardBounced, journal.BounceOther, s.Message, s.Destination, s.RIDs, due)
	}
}

// wantsFailure tells whether there is a sender who wants to hear when one of these recipients bounces.
func (f *Figures) wantsFailure(seq uint64, rids []uint32) bool {
	m, _, ok := f.queue.messages.find(seq)
	return ok && slices.ContainsFunc(rids, func(rid uint32) bool {
		return f.queue.recipient(m, rid)&(wordLive|wordSilent) == wordLive
	})
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
			moved := makeWord(n, w&(wordLive|wordAttempted|wordSilent))
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
		w = makeWord(n, w&(wordAttempted|wordSilent)|wordLive)
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
	var was journal.MessageInjected
	for _, rid := range s.RIDs {
		rids = max(rids, min(rid, maxRIDs-1)+1)
	}
	if f.Record != nil {
		if r, err := f.Record(s.Message); err == nil {
			if e, ok := r.Event.(*journal.MessageInjected); ok {
				rids, size, clock, was = max(rids, ridsOf(e)), e.Size, int64(r.Time)-f.shift, *e
			}
		}
	}
	if rids == 0 || s.Message >= f.seq {
		return nil
	}
	m := f.queue.enter(s.Message, s.MID, clock, size, rids, 0)
	for i := range was.Recipients {
		if rc := &was.Recipients[i]; rc.RID < rids {
			f.queue.setRecipient(m, rc.RID, silent(was.Sender, rc.Notify))
		}
	}
	return m
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
