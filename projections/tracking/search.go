package tracking

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"postern/journal"
)

// Query says which messages are looked for: those to which all of it applies. What is nil or zero is not asked.
type Query struct {
	From, To, Subject, MessageID *regexp.Regexp
	MID                          uint32
	Host                         string     // domain of a recipient
	IP                           netip.Addr // of the client that handed it in
	Since, Until                 time.Time  // of its injection: Since ≤ time < Until
}

// Found is a message that a search has found.
type Found struct {
	Seq     uint64    `json:"seq"`
	MID     uint32    `json:"mid"`
	Time    time.Time `json:"timestamp"`
	Sender  string    `json:"sender"` // "" is the null sender
	Subject string    `json:"subject"`
}

// Scan calls each for the messages that are meant among the records from one on, in the order in which they came, without
// an index; its error ends the search. Senders and recipients of messages that the gateway made itself are no hits.
func Scan(ctx context.Context, h History, q *Query, from uint64, each func(Found) error) error {
	s := search{query: q, remotes: make(map[uint32]netip.Addr)}
	kinds := journal.KindsOf(&journal.MessageInjected{})
	if q.IP.IsValid() { // their connections may have begun long before
		from = 1
		kinds = journal.KindsOf(&journal.MessageInjected{}, &journal.ConnectionAccepted{}, &journal.ConnectionClosed{}, &journal.Started{})
	}
	return h.Pick(ctx, from, h.Durable(), kinds.Has, func(r journal.Record) error {
		m, ok := r.Event.(*journal.MessageInjected)
		if !ok {
			s.connection(r.Event)
			return nil
		}
		if !s.meant(r.Time, m) {
			return nil
		}
		return each(Found{Seq: r.Seq, MID: m.MID, Time: r.Time.Time(), Sender: strings.Clone(m.Sender), Subject: strings.Clone(m.Subject)})
	})
}

// Find searches with the help of an index, which may be nil, and by reading what that does not know. It gives the newest max
// messages that are meant, the newest first, and how many there are in all.
func Find(ctx context.Context, h History, x *Index, q *Query, max int) (found []Found, total int, err error) {
	var covered uint64
	if x != nil {
		if found, total, covered, err = x.Find(ctx, q, max); err != nil {
			return nil, 0, err
		}
	}
	if x == nil || !x.Follows() { // one that follows has caught up: what came since then came after the question
		if q.IP.IsValid() {
			found, total = nil, 0
		}
		err = Scan(ctx, h, q, covered+1, func(f Found) error {
			if total++; len(found) >= 2*max { // the newest stay
				found = append(found[:0], found[max:]...)
			}
			found = append(found, f)
			return nil
		})
	}
	found = newest(found, max)
	slices.Reverse(found)
	return found, total, err
}

// search is one pass over the history.
type search struct {
	query   *Query
	remotes map[uint32]netip.Addr // of the connections that are open, by ICID
}

func (s *search) connection(e journal.Event) {
	switch e := e.(type) {
	case *journal.ConnectionAccepted:
		if e.Remote == s.query.IP {
			s.remotes[e.ICID] = e.Remote
		}
	case *journal.ConnectionClosed:
		delete(s.remotes, e.ICID)
	case *journal.Started:
		clear(s.remotes)
	}
}

// meant tells whether the query means a message.
func (s *search) meant(at journal.Instant, m *journal.MessageInjected) bool {
	q := s.query
	own := m.Why != journal.WhyReceived
	switch {
	case q.MID != 0 && m.MID != q.MID:
	case !q.Since.IsZero() && at < journal.InstantOf(q.Since), !q.Until.IsZero() && at >= journal.InstantOf(q.Until):
	case (q.From != nil || q.To != nil) && own:
	case q.From != nil && !q.From.MatchString(m.Sender):
	case q.Subject != nil && !q.Subject.MatchString(m.Subject):
	case q.MessageID != nil && !q.MessageID.MatchString(m.MessageID):
	case q.Host != "" && !slices.ContainsFunc(m.Recipients, func(rc journal.InjectedRecipient) bool { return strings.EqualFold(rc.Domain, q.Host) }):
	case q.To != nil && !slices.ContainsFunc(m.Recipients, func(rc journal.InjectedRecipient) bool { return q.To.MatchString(rc.Address()) }):
	case q.IP.IsValid() && (m.ICID == 0 || s.remotes[m.ICID] != q.IP):
	default:
		return true
	}
	return false
}
