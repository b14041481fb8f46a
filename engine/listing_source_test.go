package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"postern/journal"
)

// queueSource invents a queue: mail that comes, waits, is held, redirected, quarantined, and goes.
type queueSource struct {
	*rand.Rand
	j    *journal.Journal
	at   journal.Instant
	rids map[uint64]int
	seqs []uint64
}

var (
	sourceHosts    = []string{"a.example", "b.example", "xn--bcher-kva.example", "[192.0.2.1]", "sub.a.example"}
	sourceSenders  = []string{"", "joe@a.example", "Joe@a.example", "joe@b.example", twins[0], twins[1]}
	sourceSubjects = []string{"", "Testing", "testing again", "Your invoice 4711", "=?utf-8?q?b=C3=BCcher?="}
)

func (s *queueSource) one(n int) bool { return s.IntN(n) == 0 }

func (s *queueSource) some(seq uint64) (rids []uint32) {
	for rid := range s.rids[seq] {
		if !s.one(3) {
			rids = append(rids, uint32(rid))
		}
	}
	return rids
}

func (s *queueSource) event(seq uint64) journal.Event {
	if len(s.seqs) == 0 || s.one(3) {
		m := &journal.MessageInjected{MID: 1 + s.Uint32N(40), Size: s.Int64N(5000), Queued: !s.one(9), Sender: sourceSenders[s.IntN(len(sourceSenders))],
			Subject: sourceSubjects[s.IntN(len(sourceSubjects))]}
		for rid := range 1 + s.IntN(4) {
			m.Recipients = append(m.Recipients, journal.InjectedRecipient{RID: uint32(rid), Domain: sourceHosts[s.IntN(len(sourceHosts))], Local: fmt.Sprint("r", rid)})
		}
		s.rids[seq] = len(m.Recipients)
		s.seqs = append(s.seqs, seq)
		return m
	}
	m := s.seqs[s.IntN(len(s.seqs))]
	set := []journal.MessageRecipients{{Message: m, RIDs: s.some(m)}}
	next := s.at.Add(time.Duration(s.IntN(3600)) * time.Second)
	switch s.IntN(14) {
	case 0:
		return &journal.Delivered{Message: m, RIDs: s.some(m)}
	case 1:
		return &journal.AttemptStarted{Message: m, RIDs: s.some(m), Attempt: 1 + s.Uint32N(5), Next: next}
	case 2, 3:
		return &journal.SoftBounced{Message: m, RIDs: s.some(m), Attempts: 1 + s.Uint32N(5), Next: next}
	case 4:
		return &journal.HardBounced{Message: m, RIDs: s.some(m), Notify: true}
	case 5:
		return &journal.Held{Set: set}
	case 6:
		return &journal.Unheld{Set: set}
	case 7:
		return &journal.RecipientsRedirected{Target: "other.example", Set: set}
	case 8:
		return &journal.Quarantined{Message: m}
	case 9:
		return &journal.Released{Message: m, Last: true}
	case 10:
		return &journal.RecipientsDeleted{Set: set}
	case 11:
		if s.one(4) {
			return &journal.ClockJumped{Delta: int64(time.Duration(s.IntN(7200)-3600) * time.Second)}
		}
		return &journal.DeliveryForced{Domain: sourceHosts[s.IntN(len(sourceHosts))]}
	case 12:
		if s.one(4) {
			return &journal.SetAside{Message: m}
		}
		return &journal.Queued{Message: m}
	}
	return &journal.ConnectionClosed{ICID: 9}
}

func (s *queueSource) append(t testing.TB, n int) {
	t.Helper()
	for n > 0 {
		b := journal.Block{}
		for range min(n, 1+s.IntN(9)) {
			b.Events = append(b.Events, journal.Prepare(s.event(s.j.Durable()+uint64(len(b.Events))+1)))
		}
		s.at += journal.Instant(s.Int64N(int64(time.Minute)))
		b.Time = s.at
		if _, err := s.j.Append(&b); err != nil {
			t.Fatal(err)
		}
		n -= len(b.Events)
	}
}

// selection makes one up, of which some recipients will be.
func (s *queueSource) selection() (sel Selection) {
	if s.one(3) {
		sel.Host = []string{"A.Example", "b.example", "Bücher.example", "[192.0.2.1]", "none.example"}[s.IntN(5)]
	}
	if s.one(3) {
		sel.From = &sourceSenders[s.IntN(len(sourceSenders))]
	}
	if s.one(9) {
		sel.MID = 1 + s.Uint32N(40)
	}
	if s.one(4) {
		sel.Older = time.Duration(s.IntN(3600)) * time.Second
	}
	if s.one(4) {
		sel.Attempts = s.Uint32N(4)
	}
	if s.one(4) {
		sel.Subject = []string{"^Test", "(?i)testing", "[0-9]+$", "^$", "nothing like it"}[s.IntN(5)]
	}
	if s.one(4) {
		sel.MinSize = s.Int64N(4000)
	}
	if s.one(4) {
		sel.MaxSize = sel.MinSize + s.Int64N(4000)
	}
	sel.Held = s.one(6)
	return sel
}
