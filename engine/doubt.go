package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"postern/engine/config"
	"postern/journal"
)

// errNotTrying refuses the final dot of an attempt that is over.
var errNotTrying = errors.New("the attempt is over")

// DataSent makes it a fact that the final dot of an exact attempt may be out from now on, and returns when that is durable.
// An error means that the dot must not be sent: the attempt ends without its message. It is the Deliverer's to call.
func (e *Engine) DataSent(ctx context.Context, sent *journal.DataSent) error {
	written := false
	err := e.decide(ctx, func(t *turn) {
		if ctx.Err() != nil {
			return // whoever asked has gone, and will not send it
		}
		mi, ok := t.s.bySeq[sent.Message]
		if !ok || slices.ContainsFunc(sent.RIDs, func(rid uint32) bool {
			ri := t.s.recipientOf(mi, rid)
			return ri == 0 || t.s.recipients.at(ri).state != trying
		}) {
			return
		}
		t.emit(sent)
		written = true
	})
	if err == nil && !written {
		return errNotTrying
	}
	return err
}

// holdDoubt writes an unknown outcome of mail that must not be sent again by itself, and holds its recipients.
func (t *turn) holdDoubt(e *journal.OutcomeUnknown, mi uint32) {
	m := t.s.messages.at(mi)
	e.MID = m.mid
	t.emit(e)
	why := "the peer may have it"
	if e.Action == config.DoubtAsk {
		why += ", waits for an answer (indoubt)"
	}
	t.emit(&journal.Held{By: journal.ByInDoubt, Reason: why, Set: t.describe(mi, e.RIDs)})
}

// partDoubts parts recipients whose attempt a crash cut off: of those whose final dot waited for a fact that is not there,
// the peer has nothing for sure.
func partDoubts(m *journal.LiveMessage, rids []uint32) (sure, doubtful []uint32) {
	for _, rid := range rids {
		i := slices.IndexFunc(m.Recipients, func(r journal.LiveRecipient) bool { return r.RID == rid })
		if m.Recipients[i].InDoubt() {
			doubtful = append(doubtful, rid)
		} else {
			sure = append(sure, rid)
		}
	}
	return sure, doubtful
}

// neverSent writes the outcome of an attempt that a crash cut off before its final dot: it failed like any other.
func (t *turn) neverSent(mi uint32, dest string, rids []uint32) {
	m, r := t.s.messages.at(mi), t.s.recipients.at(t.s.recipientOf(mi, rids[0]))
	t.emit(&journal.SoftBounced{Message: m.seq, MID: m.mid, Destination: dest, RIDs: rids, Attempts: r.attempts, Code: "000", Status: statusCalledOff,
		Reason: "Other mail system problem", Profile: "Default", Reply: []string{"the gateway ended before the message was sent"}, Next: journal.Instant(r.due + t.s.shift)})
}

// cutOffInDoubt writes the outcome of an attempt that a crash cut off when the peer may have had the message.
func (t *turn) cutOffInDoubt(mi uint32, dest string, rids []uint32) {
	m, r := t.s.messages.at(mi), t.s.recipients.at(t.s.recipientOf(mi, rids[0]))
	e := &journal.OutcomeUnknown{Message: m.seq, MID: m.mid, Destination: dest, RIDs: rids, Attempts: r.attempts,
		Next: journal.Instant(r.due + t.s.shift), Reason: "the gateway ended while the attempt was under way"}
	if action := t.doubt(dest); action != config.DoubtResend {
		e.Action = action
		t.holdDoubt(e, mi)
		return
	}
	t.emit(e)
}

// AnswerDoubt carries out what an operator decided about recipients of a message that are held because nobody knows whether
// their peer has it: AnswerResend lets them go on, AnswerDelivered takes them for delivered. It returns how many they were
// when that is durable; those that are not held any more are left out. The error is a *RefusedError when none is.
func (e *Engine) AnswerDoubt(ctx context.Context, by string, seq uint64, rids []uint32, answer string) (int, error) {
	if answer != journal.AnswerResend && answer != journal.AnswerDelivered {
		return 0, &RefusedError{fmt.Sprintf("%q is no answer: it is resend or delivered", answer)}
	}
	if err := e.loaded(); err != nil {
		return 0, err
	}
	n := 0
	if err := e.decide(ctx, func(t *turn) { n = t.answer(by, seq, rids, answer) }); err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, &RefusedError{"these recipients are not held any more: nothing was changed"}
	}
	return n, nil
}

func (t *turn) answer(by string, seq uint64, rids []uint32, answer string) int {
	mi, ok := t.s.bySeq[seq]
	if !ok {
		return 0
	}
	rids = slices.DeleteFunc(slices.Clone(rids), func(rid uint32) bool {
		ri := t.s.recipientOf(mi, rid)
		return ri == 0 || t.s.recipients.at(ri).state != held // an order that has claimed it goes first
	})
	if len(rids) == 0 {
		return 0
	}
	m := t.s.messages.at(mi)
	t.emit(&journal.DoubtAnswered{Message: seq, MID: m.mid, RIDs: rids, Answer: answer, By: by})
	if answer == journal.AnswerResend {
		t.emit(&journal.Unheld{By: by, Set: t.describe(mi, rids)})
		return len(rids)
	}
	for left := rids; len(left) > 0; {
		r := t.s.recipients.at(t.s.recipientOf(mi, left[0]))
		to, attempts := r.destination, r.attempts
		var alike, rest []uint32
		for _, rid := range left {
			if o := t.s.recipients.at(t.s.recipientOf(mi, rid)); o.destination == to && o.attempts == attempts {
				alike = append(alike, rid)
			} else {
				rest = append(rest, rid)
			}
		}
		left = rest
		t.emit(&journal.Delivered{Message: seq, MID: m.mid, Destination: t.s.destinations[to].name, RIDs: alike, Attempts: attempts, Size: m.size,
			Finished: int(m.live) == len(alike), Reply: "taken for delivered by " + by, By: by})
	}
	return len(rids)
}
