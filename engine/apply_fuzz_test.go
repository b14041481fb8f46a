package engine

import (
	"fmt"
	"slices"
	"testing"

	"postern/journal"
)

// FuzzApply folds any sequence of facts, absurd ones too: nothing panics, and the lists, counts and maps of the state agree
// with one another after each of them.
func FuzzApply(f *testing.F) {
	f.Add([]byte{0, 1, 2, 1, 1, 0, 2, 1, 0})
	f.Add([]byte{0, 3, 1, 1, 1, 3, 3, 1, 1, 7, 0, 0, 0, 1, 1, 9, 1, 0})
	f.Add([]byte("\x95,,\xfc,0A,0")) // an attempt at what is claimed
	f.Fuzz(func(t *testing.T, script []byte) {
		s := NewState()
		seq := uint64(0)
		for len(script) >= 3 && seq < 300 {
			seq++
			if script[0] >= 224 {
				s.anyClaim(script[0]&1 == 0, uint64(script[1]%16), uint32(script[2]%4))
			}
			e := anyFact(script[0], script[1], script[2])
			if m, ok := e.(*journal.MessageInjected); ok && m.Why == journal.WhyReceived {
				m.Body = journal.BodyID(seq)
			}
			s.freed = nil // they are deleted with each turn
			s.Apply(journal.Record{Seq: seq, Time: journal.Instant(seq) * 1e9, Event: e})
			script = script[3:]
			if err := s.consistent(); err != nil {
				t.Fatalf("after record %d: %v", seq, err)
			}
		}
	})
}

// anyFact makes a fact of three bytes; a and b choose messages, recipients and destinations, which need not exist.
func anyFact(kind, a, b byte) journal.Event {
	message, rids := uint64(a%16), []uint32{uint32(b % 4)}
	if b&4 != 0 {
		rids = append(rids, uint32(b/8%4))
	}
	dest := fmt.Sprintf("d%d.test", b%3)
	next := journal.Instant(b) * 1e9
	set := []journal.MessageRecipients{{Message: message, RIDs: rids}}
	switch kind % 32 {
	case 0:
		e := &journal.MessageInjected{MID: uint32(a), Body: journal.BodyID(a), Size: 10, Sender: "s@x.test", Queued: true}
		for i := range b % 5 {
			e.Recipients = append(e.Recipients, journal.InjectedRecipient{RID: uint32(i), Local: "r", Domain: fmt.Sprintf("d%d.test", i%3)})
		}
		return e
	case 1:
		return &journal.AttemptStarted{Message: message, RIDs: rids, Attempt: 1, Next: next, Destination: dest}
	case 2:
		return &journal.Delivered{Message: message, RIDs: rids, Notify: b&8 != 0}
	case 3:
		return &journal.HardBounced{Message: message, RIDs: rids, Notify: b&8 != 0}
	case 4:
		return &journal.SoftBounced{Message: message, RIDs: rids, Attempts: 2, Next: next}
	case 5:
		return &journal.OutcomeUnknown{Message: message, RIDs: rids, Attempts: 2, Next: next}
	case 6:
		return &journal.HostDown{Destination: dest, Failures: 1, Next: next}
	case 7:
		return &journal.HostUp{Destination: dest}
	case 8:
		return &journal.DoubleBounced{Message: message, RIDs: rids}
	case 9:
		return &journal.MessageInjected{Why: journal.WhyBounce, Parent: message, Body: journal.BodyID(message), Reports: []uint64{uint64(b % 32)}, Size: 5}
	case 10:
		return &journal.SetAside{Message: message}
	case 11:
		return &journal.Held{Set: set}
	case 12:
		return &journal.Unheld{Set: set}
	case 13:
		return &journal.RecipientsDeleted{Set: set}
	case 14:
		return &journal.RecipientsBounced{Set: set}
	case 15:
		return &journal.DeliverySuspended{Domains: []string{dest}}
	case 16:
		return &journal.DeliveryResumed{}
	case 17:
		return &journal.ClockJumped{Delta: int64(next)}
	case 19:
		return &journal.NotificationDropped{Message: message, Reports: []uint64{uint64(b % 32)}}
	case 18:
		return &journal.DestinationsForgotten{Destinations: []string{dest, "never.test"}}
	case 20:
		return &journal.RecipientsRedirected{Action: uint64(a), Target: dest, Set: set}
	case 21:
		return &journal.RecipientsReinstated{Set: set, Messages: []journal.ReinstatedMessage{{Message: message, Body: journal.BodyID(message), Size: 10, Injected: next}}}
	case 22:
		set[0].Redirect, set[0].Held = "d2.test", b&16 != 0
		return &journal.RecipientsReinstated{Set: set, Target: dest}
	case 23:
		return &journal.DeliveryForced{Domain: []string{dest, ""}[b%2]}
	case 24:
		return &journal.Queued{Message: message}
	case 25:
		e := anyFact(0, a, b).(*journal.MessageInjected)
		e.Queued = false
		return e
	case 26:
		return &journal.BulkActionOrdered{Action: "delete"}
	case 27:
		return &journal.BulkActionCompleted{Action: uint64(a)}
	case 28:
		return &journal.UndoEnded{Action: uint64(a)}
	case 29:
		return &journal.RecipientsDeleted{Action: uint64(b % 32), Set: set}
	case 30:
		return &journal.MessageRemoved{Message: message, RIDs: rids}
	}
	return &journal.Rewritten{Message: message}
}

// anyClaim claims a recipient or gives it back, if it is there.
func (s *State) anyClaim(claim bool, message uint64, rid uint32) {
	mi, ok := s.bySeq[message]
	if !ok {
		return
	}
	switch ri := s.recipientOf(mi, rid); {
	case ri == 0:
	case claim:
		s.claim(ri)
	default:
		s.unclaim(ri)
	}
}

// consistent checks the state against itself, the slow way.
func (s *State) consistent() error {
	ready, recipients, trials := map[uint32]int{}, map[uint32]int{}, map[uint32]map[uint32]bool{}
	waits := map[uint32]int{}
	messages, total, claims, unprocessed := 0, 0, 0, uint32(0)
	for mi := s.oldest; mi != 0; mi = s.messages.at(mi).newer {
		m := s.messages.at(mi)
		messages++
		if m.flags&inWorkQueue != 0 {
			unprocessed++
		}
		if m.flags&copyBody == 0 && m.body != 0 && slices.Contains(s.freed, m.body) {
			return fmt.Errorf("message %d has lost its body", m.seq)
		}
		if s.bySeq[m.seq] != mi {
			return fmt.Errorf("message %d is not found by its Seq", m.seq)
		}
		live := uint32(0)
		for ri := m.first; ri != 0; ri = s.recipients.at(ri).next {
			r := s.recipients.at(ri)
			live++
			recipients[r.destination]++
			switch s.phase(ri) {
			case readyPhase:
				ready[r.destination]++
			case waiting:
				waits[r.destination]++
			}
			if r.state == gone || r.state == parked && r.flags&claimed == 0 || r.state != parked && r.state != trying && r.flags&claimed != 0 {
				return fmt.Errorf("recipient %d of message %d is in phase %d with flags %d", r.rid, m.seq, r.state, r.flags)
			}
			if r.state == trying && r.flags&claimed != 0 {
				claims++
			}
			if r.state == trying {
				if trials[mi] == nil {
					trials[mi] = map[uint32]bool{}
				}
				trials[mi][r.destination] = true
			}
		}
		total += int(live)
		if live != m.live || live == 0 && len(s.reports[mi]) == 0 {
			return fmt.Errorf("message %d counts %d recipients of %d", m.seq, m.live, live)
		}
	}
	if messages != s.messages.live() || messages != len(s.bySeq) || total != s.recipients.live() {
		return fmt.Errorf("%d messages, %d in the slab, %d by Seq; %d recipients, %d in the slab", messages, s.messages.live(), len(s.bySeq), total, s.recipients.live())
	}
	for di, d := range s.destinations {
		if d == nil {
			continue
		}
		listed := 0
		for ri := d.ready.head; ri != 0; ri = s.recipients.at(ri).then {
			listed++
		}
		aside := 0
		for ri := d.waiting.head; ri != 0; ri = s.recipients.at(ri).then {
			aside++
		}
		if aside != d.waiting.count || aside != waits[uint32(di)] {
			return fmt.Errorf("%s: %d waiting listed, %d counted, %d are", d.name, aside, d.waiting.count, waits[uint32(di)])
		}
		if listed != d.ready.count || listed != ready[uint32(di)] || d.recipients != recipients[uint32(di)] {
			return fmt.Errorf("%s: %d ready listed, %d counted, %d are; %d recipients counted, %d are", d.name, listed, d.ready.count, ready[uint32(di)], d.recipients, recipients[uint32(di)])
		}
		if d.inHand < 0 {
			return fmt.Errorf("%s: %d attempts in hand", d.name, d.inHand)
		}
	}
	if claims != s.claimedInHand || unprocessed != s.unprocessed {
		return fmt.Errorf("%d claimed in hand, %d are; %d unprocessed, %d are", s.claimedInHand, claims, s.unprocessed, unprocessed)
	}
	if s.inHand < 0 || s.bodyBytes < 0 {
		return fmt.Errorf("%d attempts, %d bytes", s.inHand, s.bodyBytes)
	}
	return nil
}

// readyPhase is ready, where a variable has that name.
const readyPhase = ready
