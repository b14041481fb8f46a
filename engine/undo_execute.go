package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"postern/journal"
)

// carryOutUndo has an undo executed; called by Run when its order is durable, or was when the engine began.
func (e *Engine) carryOutUndo(u *undo) {
	e.workers.Add(1)
	go func() {
		defer e.workers.Done()
		err := e.executeUndo(u)
		u.release() // first: whoever hears of the end may order again at once
		u.relay.end(err)
	}()
}

// executeUndo brings back what each slice of the order took, and ends what was kept for it.
func (e *Engine) executeUndo(u *undo) error {
	ctx := context.Background()
	from := archive{journal: e.options.Journal, messages: e.options.Journal.Envelopes()}
	err := eachTaken(e.options.Journal, u, func(taken []journal.MessageRecipients, shift int64, seq uint64) error {
		back, err := from.revive(u, taken, shift, seq)
		if err = errors.Join(err, from.close()); err != nil {
			return err
		}
		var mids []uint32
		if err := e.decide(ctx, func(t *turn) { mids = t.reinstate(u, back, seq) }); err != nil {
			return err
		}
		u.relay.add(u.recipients, mids)
		return nil
	})
	e.unclaim(u.claims)
	if err != nil {
		return fmt.Errorf("engine: undo of order %d: %w", u.id, err)
	}
	return e.decide(ctx, func(t *turn) {
		t.emit(&journal.BulkActionCompleted{Action: u.order, Recipients: u.recipients, Messages: u.messages})
	})
}

// archive reads what an undo needs to know of the past. One goroutine uses it, message after message.
type archive struct {
	journal  *journal.Journal
	messages *journal.Envelopes
}

// close lets go of the store until the next reading.
func (a *archive) close() error { return a.messages.Close() }

// revived is what one entry of an order took, as it is to come back.
type revived struct {
	message journal.ReinstatedMessage
	sets    []journal.MessageRecipients // by the recipients' domains
	letter  uint64                      // of a bounce: its notification; 0: it has left, or there never was one
	lost    string                      // why nothing of it can come back; "": it can
}

// revive reads what is needed to bring entries back. Times are moved by the jumps of the clock since.
func (a *archive) revive(u *undo, taken []journal.MessageRecipients, shift int64, seq uint64) (back []revived, err error) {
	for i := range taken {
		was := &taken[i]
		rids := slices.Clone(was.RIDs)
		if was.Message < u.after.message || was.Message == u.after.message && len(rids) > 0 && rids[len(rids)-1] <= u.after.rids[0] {
			continue // it came back before a crash
		}
		m, err := a.messages.At(was.Message)
		r := revived{}
		if err != nil {
			r.message.Message, r.message.MID = was.Message, was.MID
			r.sets = []journal.MessageRecipients{*was}
			r.lost = "its envelope cannot be read"
			back = append(back, r)
			continue
		}
		if was.Injected != 0 {
			// fields of times are as of shift; the turn that brings them back moves them on
			r.message.Injected = was.Injected - journal.Instant(shift)
		}
		r.message = journal.ReinstatedMessage{Message: was.Message, MID: was.MID, ICID: m.ICID, Injected: r.message.Injected, Size: m.Size,
			Body: m.Body, Why: m.Why, Parent: m.Parent, ParentMID: m.ParentMID, SenderHash: journal.HashSender(m.Sender), Recipients: highestRID(m) + 1}
		r.sets = byDomain(was, m, shift)
		if u.undone.Action == ActionBounce {
			r.letter = u.letters.of[told{was.Message, seq}]
		}
		if m.Body != 0 && u.undone.Action != ActionRedirect && !a.journal.HasBody(m.Body) {
			r.lost = "its content has been given up"
		}
		back = append(back, r)
	}
	return back, nil
}

func highestRID(m *journal.MessageInjected) (top uint32) {
	for i := range m.Recipients {
		top = max(top, m.Recipients[i].RID)
	}
	return top
}

// byDomain splits an entry by the recipients' domains; its times are made State's.
func byDomain(was *journal.MessageRecipients, m *journal.MessageInjected, shift int64) (sets []journal.MessageRecipients) {
	for i, rid := range was.RIDs {
		rc := m.Recipient(rid)
		if rc == nil {
			continue
		}
		k := slices.IndexFunc(sets, func(s journal.MessageRecipients) bool { return s.Destination == rc.Domain })
		if k < 0 {
			k = len(sets)
			sets = append(sets, journal.MessageRecipients{Message: was.Message, MID: was.MID, Destination: rc.Domain, Redirect: was.Redirect, Held: was.Held})
		}
		s := &sets[k]
		s.RIDs = append(s.RIDs, rid)
		s.Notify = append(s.Notify, uint32(rc.Notify))
		attempts, next := uint32(0), journal.Instant(0)
		if i < len(was.Attempts) {
			attempts = was.Attempts[i]
		}
		if i < len(was.Next) && was.Next[i] != 0 {
			next = was.Next[i] - journal.Instant(shift)
		}
		s.Attempts, s.Next = append(s.Attempts, attempts), append(s.Next, next)
	}
	return sets
}

// reinstate brings back what one slice of an order took, and returns the MIDs of messages not touched before.
func (t *turn) reinstate(u *undo, back []revived, seq uint64) (mids []uint32) {
	e := &journal.RecipientsReinstated{Action: u.order, Undone: u.id, By: u.by}
	if u.undone.Action == ActionRedirect {
		e.Target = u.undone.Target
	}
	var after []func()
	for i := range back {
		r := &back[i]
		if r.lost == "" {
			r.lost = t.whyLost(u, r, seq)
		}
		sets := t.comeBack(u, r)
		if len(sets) == 0 {
			continue
		}
		n := len(e.Messages) // entries of one message stand together
		if _, ok := t.s.bySeq[r.message.Message]; !ok && (n == 0 || e.Messages[n-1].Message != r.message.Message) {
			r.message.Injected += journal.Instant(t.s.shift)
			e.Messages = append(e.Messages, r.message)
		}
		e.Set = append(e.Set, sets...)
		if u.undone.Action == ActionBounce {
			after = append(after, t.withdraw(u, r, seq))
		}
		if u.last != r.message.Message {
			u.last = r.message.Message
			u.messages++
			mids = append(mids, r.message.MID)
		}
	}
	if len(e.Set) > 0 {
		t.emit(e)
	}
	for _, do := range after {
		do()
	}
	return mids
}

// whyLost tells why nothing of an entry can come back.
func (t *turn) whyLost(u *undo, r *revived, seq uint64) string {
	s := t.s
	mi, here := s.bySeq[r.message.Message]
	switch u.undone.Action {
	case ActionRedirect:
		if !here {
			return "it has left the queue"
		}
	case ActionBounce:
		switch {
		case here && slices.Contains(s.reports[mi], seq), r.message.SenderHash == 0:
		case u.letters.mixed[r.letter]:
			return "its bounce message tells of other failures too"
		case u.letters.withdrawn[r.letter]:
		case r.letter == 0 && u.notified(r):
			return "its bounce message has left"
		case r.letter != 0 && !s.allClaimed(r.letter):
			return "its bounce message is being delivered"
		}
	}
	return ""
}

// notified tells whether a bounce of these recipients has told anybody.
func (u *undo) notified(r *revived) bool {
	return slices.ContainsFunc(r.sets, func(s journal.MessageRecipients) bool {
		return slices.ContainsFunc(s.Notify, func(n uint32) bool { return journal.Notify(n).WantsFailure() })
	})
}

// allClaimed tells whether a message is there and nobody but an order has it in hand.
func (s *State) allClaimed(message uint64) bool {
	mi, ok := s.bySeq[message]
	if !ok {
		return false
	}
	for i := s.messages.at(mi).first; i != 0; i = s.recipients.at(i).next {
		if s.recipients.at(i).state != parked {
			return false
		}
	}
	return true
}

// comeBack gives those of an entry's recipients that can come back, and notes the others as lost.
func (t *turn) comeBack(u *undo, r *revived) (sets []journal.MessageRecipients) {
	for _, set := range r.sets {
		kept := set
		kept.RIDs, kept.Attempts, kept.Next, kept.Notify = nil, nil, nil, nil
		for i, rid := range set.RIDs {
			why := r.lost
			if why == "" {
				why = t.cannotComeBack(u, r.message.Message, rid)
			}
			if why != "" {
				u.lose(r, rid, why)
				continue
			}
			next := t.now
			if set.Next[i] != 0 {
				next = set.Next[i] + journal.Instant(t.s.shift)
			}
			kept.RIDs, kept.Attempts = append(kept.RIDs, rid), append(kept.Attempts, set.Attempts[i])
			kept.Next, kept.Notify = append(kept.Next, next), append(kept.Notify, set.Notify[i])
		}
		if len(kept.RIDs) > 0 {
			u.recipients += uint64(len(kept.RIDs))
			sets = append(sets, kept)
		}
	}
	return sets
}

// cannotComeBack tells why one recipient cannot come back; "": it can.
func (t *turn) cannotComeBack(u *undo, message uint64, rid uint32) string {
	ri := uint32(0)
	if mi, ok := t.s.bySeq[message]; ok {
		ri = t.s.recipientOf(mi, rid)
	}
	switch isRedirect := u.undone.Action == ActionRedirect; {
	case isRedirect && ri == 0:
		return "it has left the queue"
	case isRedirect && t.s.recipients.at(ri).state != parked:
		return "it is being delivered, or was sent elsewhere since"
	case !isRedirect && ri != 0:
		return "it is in the queue"
	}
	return ""
}

// lose notes a recipient that cannot come back.
func (u *undo) lose(r *revived, rid uint32, why string) {
	if n := len(u.lost); n > 0 && u.lost[n-1].Message == r.message.Message && u.lost[n-1].Reason == why {
		u.lost[n-1].RIDs = append(u.lost[n-1].RIDs, rid)
		return
	}
	if len(u.lost) >= maxLost {
		u.lostRest++
		return
	}
	u.lost = append(u.lost, LostRecipients{Message: r.message.Message, MID: r.message.MID, RIDs: []uint32{rid}, Reason: why})
}

// withdraw gives what takes a bounce's notification back, whether it is written or only due.
func (t *turn) withdraw(u *undo, r *revived, seq uint64) func() {
	return func() {
		mi, ok := t.s.bySeq[r.message.Message]
		if ok && slices.Contains(t.s.reports[mi], seq) {
			t.emit(&journal.NotificationDropped{Message: r.message.Message, MID: r.message.MID, Reports: []uint64{seq}, Reason: "undone"})
			return
		}
		li, ok := t.s.bySeq[r.letter]
		if r.letter == 0 || !ok {
			return
		}
		var rids []uint32
		for i := t.s.messages.at(li).first; i != 0; i = t.s.recipients.at(i).next {
			rids = append(rids, t.s.recipients.at(i).rid)
		}
		slices.Sort(rids)
		if u.letters.withdrawn[r.letter] = true; len(rids) > 0 {
			t.emit(&journal.RecipientsDeleted{Action: u.order, By: u.by, Set: t.finished(t.describe(li, rids))})
		}
	}
}
