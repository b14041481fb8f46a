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
		f.reinstated(e)
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
		f.send(&e.Set[i], e.Target)
	}
}

// send moves recipients that stay in the queue to another host.
func (f *Figures) send(s *journal.MessageRecipients, target string) {
	m, _, ok := f.queue.messages.find(s.Message)
	if !ok {
		f.queue.strays += uint64(len(s.RIDs))
		return
	}
	for _, rid := range s.RIDs {
		w := f.queue.recipient(m, rid)
		if w&wordLive == 0 {
			f.queue.strays++
			continue
		}
		from := f.hosts.at(w.host())
		f.queue.count(from, m, w, -1)
		from.movedOut++
		f.hosts.settled(w.host(), f.clock)
		n := f.hosts.number(target, f.clock)
		to := f.hosts.at(n)
		moved := makeWord(n, w&(wordLive|wordAttempted|wordSilent))
		to.movedIn++
		f.queue.count(to, m, moved, +1)
		f.queue.setRecipient(m, rid, moved)
		f.hosts.settled(n, f.clock)
	}
}

// reinstated brings recipients back: into the queue, or, when they had only been redirected, to where they stood before.
func (f *Figures) reinstated(e *journal.RecipientsReinstated) {
	had := make(map[uint64]*journal.ReinstatedMessage, len(e.Messages))
	for i := range e.Messages {
		had[e.Messages[i].Message] = &e.Messages[i]
	}
	for i := range e.Set {
		s := &e.Set[i]
		host := s.Destination
		if s.Redirect != "" {
			host = s.Redirect
		}
		if e.Target != "" {
			f.send(s, host)
			continue
		}
		f.counters.add(Reinstated, len(s.RIDs))
		f.reinstate(s, host, had[s.Message])
	}
}

// reinstate brings recipients of a message back; was is what the message was when it left, if it had.
func (f *Figures) reinstate(s *journal.MessageRecipients, host string, was *journal.ReinstatedMessage) {
	m, _, ok := f.queue.messages.find(s.Message)
	if !ok {
		if was == nil || s.Message >= f.seq {
			f.queue.strays += uint64(len(s.RIDs))
			return
		}
		rids := min(max(was.Recipients, 1), maxRIDs)
		m = f.queue.enter(s.Message, was.MID, int64(was.Injected)-f.shift, was.Size, rids, 0)
		defer f.finishIfEmpty(s.Message)
	}
	null := was != nil && was.SenderHash == 0
	for i, rid := range s.RIDs {
		w := f.queue.recipient(m, rid)
		if rid >= m.rids || w&wordLive != 0 {
			f.queue.strays++
			continue
		}
		n := f.hosts.number(host, f.clock) // the word's own host may have been forgotten since
		w = makeWord(n, w&(wordAttempted|wordSilent)|wordLive)
		if i < len(s.Attempts) && s.Attempts[i] > 0 {
			w |= wordAttempted
		}
		if null || i < len(s.Notify) && !journal.Notify(s.Notify[i]).WantsFailure() {
			w |= wordSilent
		}
		h := f.hosts.at(n)
		h.reinstated++
		f.queue.setRecipient(m, rid, w)
		f.queue.count(h, m, w, +1)
		f.hosts.settled(n, f.clock)
	}
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
