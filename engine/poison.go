package engine

import (
	"fmt"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// suspectAfter is how many unclean ends in a row make the messages in hand suspects. aloneEnds is how many ends in a row
// must have come with the same message alone in hand before it is set aside: one alone proves little, since a plug can be
// pulled at any moment.
const (
	suspectAfter = 2
	aloneEnds    = 2
)

// aloneFor is how long a suspect is tried by itself: a message that ends the process does so soon, and a slow peer must
// not keep all other mail waiting. aloneInAll bounds the whole of it.
const (
	aloneFor   = 2 * time.Second
	aloneInAll = 20 * time.Second
	tailToRead = 20000 // records in which the last attempts of the run before are looked for
)

// settleAfter is how long a run must go well for the ends without order before it to be forgotten: what ends a process does
// so sooner.
const settleAfter = 5 * time.Minute

// settle makes that durable; a crash from now on is the first in a row.
func (t *turn) settle(e *Engine) {
	if e.settleAt == 0 || t.clock < e.settleAt || !t.s.loaded {
		return
	}
	t.emit(&journal.Settled{Unclean: e.unclean})
	e.settleAt = 0
}

// judgeSuspects looks at the messages that were in hand at the last unclean ends: one that was tried alone, with which the
// process ended all the same, is set aside.
func (t *turn) judgeSuspects(e *Engine, unclean uint32) {
	if len(e.suspects) == 1 {
		m := t.s.messages.at(e.suspects[0])
		if e.endedAlone(m.seq) {
			t.emit(&journal.SetAside{Message: m.seq, MID: m.mid,
				Evidence: fmt.Sprintf("the gateway ended without order %d times in a row, the last %d times while this message alone was being delivered", unclean, aloneEnds)})
			e.suspects = nil
		}
	}
	e.aloneEnd = t.clock + int64(aloneInAll)
	if most := int(aloneInAll / aloneFor); len(e.suspects) > most {
		e.suspects = e.suspects[:most]
	}
}

// endedAlone tells whether the last attempt of each of the last runs was one of that message alone.
func (e *Engine) endedAlone(seq uint64) bool {
	end := e.firstSeq - 1
	after := end - min(end, tailToRead)
	lasts := make([]*journal.AttemptStarted, 1, 8) // the last attempt of each run in the tail
	var records []journal.Record
	for after < end {
		var err error
		if records, err = e.options.Journal.Read(after, 1000, records); err != nil || len(records) == 0 {
			return false
		}
		for _, r := range records {
			after = r.Seq
			switch ev := r.Event.(type) {
			case *journal.AttemptStarted:
				if r.Seq <= end {
					lasts[len(lasts)-1] = ev
				}
			case *journal.Started:
				if r.Seq <= end {
					lasts = append(lasts, nil)
				}
			}
		}
	}
	if len(lasts) < aloneEnds {
		return false
	}
	for _, a := range lasts[len(lasts)-aloneEnds:] {
		if a == nil || !a.Alone || a.Message != seq {
			return false
		}
	}
	return true
}

// tryAlone gives suspects their turn, one at a time; it tells whether everything else has to wait.
func (e *Engine) tryAlone(t *turn) bool {
	s := t.s
	if s.alone != 0 {
		if t.clock < e.aloneTil {
			return true
		}
		s.alone, e.aloneTil = 0, 0
	}
	if t.clock >= e.aloneEnd {
		e.suspects = nil
	}
	for len(e.suspects) > 0 {
		if s.inHand > 0 {
			return true // what began before ends first
		}
		mi := e.suspects[0]
		e.suspects = e.suspects[1:]
		m := s.messages.at(mi)
		if m.seq == 0 || m.flags&suspect == 0 || m.flags&setAside != 0 || m.first == 0 {
			continue
		}
		m.flags &^= suspect
		if t.startSuspect(mi) {
			e.aloneTil = t.clock + int64(aloneFor)
			return true
		}
	}
	return false
}

// startSuspect begins an attempt of a suspect at once, whatever its time.
func (t *turn) startSuspect(mi uint32) bool {
	s := t.s
	for i := s.messages.at(mi).first; i != 0; i = s.recipients.at(i).next {
		r := s.recipients.at(i)
		if d := s.destinations[r.destination]; s.phase(i) != waiting && s.phase(i) != ready || d.down || s.isSuspended(d) {
			continue
		}
		m, d := s.messages.at(mi), s.destinations[r.destination]
		s.alone = mi
		a := Attempt{Message: m.seq, MID: m.mid, Destination: d.name, RIDs: []uint32{r.rid}, Number: r.attempts + 1,
			Route: config.TargetRoute(d.name), Exact: t.doubt(d.name) != config.DoubtResend}
		t.emit(&journal.AttemptStarted{Message: a.Message, MID: a.MID, Destination: a.Destination, RIDs: a.RIDs, Attempt: a.Number,
			Next: t.nextAttempt(a.Number), Alone: true, Exact: a.Exact})
		t.starts = append(t.starts, a)
		return true
	}
	return false
}

// aloneOver lets ordinary times begin again when the suspect's attempt has come back.
func (e *Engine) aloneOver(a Attempt) {
	if e.state.alone == 0 {
		return
	}
	mi, ok := e.state.bySeq[a.Message]
	if !ok || mi == e.state.alone {
		e.state.alone, e.aloneTil = 0, 0
		e.state.runAll()
	}
}
