package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"postern/journal"
)

// RemoveMessage takes one message out of the queue without a notification, for archive, the file that it was saved in, if it
// was. It returns how many recipients it had. What is being delivered is called off; past recall it stays.
func (e *Engine) RemoveMessage(ctx context.Context, by string, seq uint64, mid uint32, archive string) (recipients int, err error) {
	if err := e.loaded(); err != nil {
		return 0, err
	}
	leave, err := e.enter("removal of a message", by)
	if err != nil {
		return 0, err
	}
	defer leave()
	busy, removed := true, 0
	for end := time.Now().Add(recallFor); ; {
		err := e.decide(ctx, func(t *turn) {
			mi, ok := t.s.bySeq[seq]
			if !ok || t.s.messages.at(mi).first == 0 {
				busy = false
				return
			}
			if busy = e.recallAll(t.s, mi); !busy {
				removed = t.remove(mi, by, archive)
			}
		})
		switch {
		case err != nil:
			e.order(func(t *turn) { t.unclaimAll(seq) })
			return 0, err
		case !busy && removed == 0:
			return 0, &RefusedError{fmt.Sprintf("MID %d has left the queue: there is nothing to remove", mid)}
		case !busy:
			return removed, nil
		}
		if !time.Now().Before(end) {
			e.order(func(t *turn) { t.unclaimAll(seq) })
			return 0, &RefusedError{fmt.Sprintf("MID %d is being delivered at this moment, past recall: nothing was changed", mid)}
		}
		if err := pause(ctx, recallLook); err != nil {
			e.order(func(t *turn) { t.unclaimAll(seq) })
			return 0, err
		}
	}
}

// recallAll claims all recipients of a message, and tells whether some are still in an attempt.
func (e *Engine) recallAll(s *State, mi uint32) (busy bool) {
	m := s.messages.at(mi)
	for i := m.first; i != 0; i = s.recipients.at(i).next {
		r := s.recipients.at(i)
		if s.claim(i); r.state == trying {
			busy = true
			e.recall(m.seq, s.destinations[r.destination].name)
		}
	}
	return busy
}

func (t *turn) remove(mi uint32, by, archive string) int {
	m := t.s.messages.at(mi)
	rids := t.s.ridsOf(mi)
	t.emit(&journal.MessageRemoved{Message: m.seq, MID: m.mid, By: by, RIDs: rids, Archive: archive})
	return len(rids)
}

func (t *turn) unclaimAll(seq uint64) {
	if mi, ok := t.s.bySeq[seq]; ok {
		t.unclaim(mi, t.s.ridsOf(mi))
	}
}

// ridsOf lists the recipients that a message has left, ascending.
func (s *State) ridsOf(mi uint32) (rids []uint32) {
	for i := s.messages.at(mi).first; i != 0; i = s.recipients.at(i).next {
		rids = append(rids, s.recipients.at(i).rid)
	}
	slices.Sort(rids)
	return rids
}
