package engine

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"postern/engine/config"
	"postern/journal"
)

// naive is a second opinion on the queue: a plain list of everything, searched from end to end for each question. It
// knows the rules and the facts and nothing of State. What it finds wrong it keeps in errors.
//
// All its times are nanoseconds of a clock without jumps.
type naive struct {
	retry       config.Retry
	connections int // attempts at once in all
	limit       int // and for each destination

	messages   []*naiveMessage // live ones, in the order in which they came
	hosts      map[string]*naiveHost
	inHand     []*naiveAttempt
	full       int64 // when the last connection was last taken
	suspended  []string
	shift      int64
	calm       int64 // nothing expires before
	began      int64 // when this run did
	unclean    int   // ends without order in a row
	stopping   bool  // attempts are told to give up
	fates      map[string]string
	injected   int // recipients ever
	ended      int // and those of them that have their fate
	bounces    int // notifications
	facts      map[string]int
	errors     []string
	afterStart *naiveRules // what holds from the next Started on
}

type naiveRules struct {
	retry              config.Retry
	connections, limit int
}

type naiveMessage struct {
	seq        uint64
	mid        uint32
	born       int64
	size       int64
	shares     bool // the body is another message's
	body       journal.BodyID
	sender     string
	recipients []*naiveRecipient // live ones
	dues       []uint64          // facts that are to be reported
	successes  []uint64          // those of them that are deliveries
	aside      bool
}

type naiveRecipient struct {
	message  *naiveMessage
	rid      uint32
	domain   string
	notify   journal.Notify
	attempts uint32
	tried    bool  // an attempt has failed
	next     int64 // not tried before
	attempt  *naiveAttempt
	doubt    *naiveAttempt // cut off by a crash, not written down yet
	doomed   bool          // the last attempt failed, its end must follow
	back     int64         // when it came back from an attempt

	// Where it stands among those that wait for the same destination, as far as the facts tell.
	place      naivePlace
	lo, hi     int64 // between these it took its place
	unplaced   bool  // another part of its message was in hand: it may have been sent to the end
	blockedTil int64 // and is not looked at before
}

type naivePlace uint8

const (
	injectedPlace naivePlace = iota
	waitedPlace
	loadedPlace
)

type naiveHost struct {
	down      bool
	failures  uint32
	next      int64
	owed      string // HostDown or HostUp must follow
	completed int    // attempts since it last went down, in this run
	active    int64  // when something was last tried
	moved     int64  // when something else than its own time may have given it a place in the line
}

// naiveAttempt is one attempt under way, with what the peer has answered.
type naiveAttempt struct {
	message  *naiveMessage
	domain   string
	rids     []uint32
	left     []uint32 // not settled yet
	number   uint32
	next     int64
	probe    bool
	alone    bool
	seq      uint64
	verdicts map[uint32]Outcome // nil: not answered
}

func newNaive() *naive {
	return &naive{hosts: map[string]*naiveHost{}, fates: map[string]string{}, facts: map[string]int{}}
}

func (n *naive) wrong(format string, args ...any) {
	n.errors = append(n.errors, fmt.Sprintf(format, args...))
}

func (n *naive) host(name string) *naiveHost {
	if n.hosts[name] == nil {
		n.hosts[name] = &naiveHost{}
	}
	return n.hosts[name]
}

func (n *naive) message(seq uint64) *naiveMessage {
	for _, m := range n.messages {
		if m.seq == seq {
			return m
		}
	}
	n.wrong("message %d is not there", seq)
	return nil
}

func (m *naiveMessage) recipient(rid uint32) *naiveRecipient {
	for _, r := range m.recipients {
		if r.rid == rid {
			return r
		}
	}
	return nil
}

func (m *naiveMessage) wants(rids []uint32, what func(journal.Notify) bool) bool {
	return slices.ContainsFunc(rids, func(rid uint32) bool { r := m.recipient(rid); return r != nil && what(r.notify) })
}

// at lists the live recipients of a destination, all messages through.
func (n *naive) at(domain string) (all []*naiveRecipient) {
	for _, m := range n.messages {
		for _, r := range m.recipients {
			if r.domain == domain {
				all = append(all, r)
			}
		}
	}
	return all
}

func (n *naive) everybody() (all []*naiveRecipient) {
	for _, m := range n.messages {
		all = append(all, m.recipients...)
	}
	return all
}

func (n *naive) inHandAt(domain string) (count int) {
	for _, a := range n.inHand {
		if a.domain == domain {
			count++
		}
	}
	return count
}

func (n *naive) attemptOf(m *naiveMessage, domain string) *naiveAttempt {
	for _, a := range n.inHand {
		if a.message == m && a.domain == domain {
			return a
		}
	}
	return nil
}

func (n *naive) isSuspended(domain string) bool {
	return slices.Contains(n.suspended, "*") || slices.Contains(n.suspended, domain)
}

// old tells whether a message has been in the queue for its time and some slack.
func (n *naive) old(m *naiveMessage, clock int64, slack time.Duration) bool {
	return clock-m.born >= int64(time.Duration(n.retry.MaxQueueSeconds)*time.Second+slack)
}

// window is how many attempts a destination may have earned: one more with each round of successes.
func (n *naive) window(h *naiveHost) int {
	w, left := min(20, n.limit), h.completed
	for w < n.limit && left >= w {
		left -= w
		w++
	}
	return w
}

// backOff checks the time between an attempt and the next: initial × 2^(number−1) up to the longest, ±10 %.
func (n *naive) backOff(what string, from, next int64, number uint32) {
	if lo, hi := n.bounds(number); next-from < lo || next-from > hi {
		n.wrong("%s comes %v after attempt %d, want %v to %v", what, time.Duration(next-from), number, time.Duration(lo), time.Duration(hi))
	}
}

func (n *naive) bounds(number uint32) (lo, hi int64) {
	s := math.Min(float64(n.retry.InitialSeconds)*math.Pow(2, float64(number-1)), float64(n.retry.MaxSeconds)) * 1e9
	return int64(0.9*s) - 1000, int64(1.1*s) + 1000
}

// alonely tells whether this run began by trying suspects by themselves: the order of the others is then not told.
func (n *naive) alonely() bool { return n.unclean >= 2 }

// before tells whether a recipient certainly stands before another one in their destination's list.
func (r *naiveRecipient) before(o *naiveRecipient) bool {
	switch {
	case r.unplaced || o.unplaced:
		return false
	case r.place == waitedPlace && o.place == waitedPlace && r.lo == r.next && o.lo == o.next:
		return r.next < o.next
	case r.place == o.place && r.place != waitedPlace:
		return r.message.seq < o.message.seq
	}
	return r.hi < o.lo
}

// String names a recipient as the facts do.
func (r *naiveRecipient) String() string {
	return fmt.Sprintf("%d/%d at %s", r.message.seq, r.rid, r.domain)
}

func names(rs []*naiveRecipient) string {
	var b strings.Builder
	for _, r := range rs {
		fmt.Fprint(&b, r, " ")
	}
	return b.String()
}
