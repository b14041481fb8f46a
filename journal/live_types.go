package journal

import (
	"hash/fnv"
	"slices"
	"strings"
)

// LiveMessage is what is known of a message that is still in the queue: it has recipients, or facts that its sender has
// yet to be told of.
type LiveMessage struct {
	Seq         uint64 // of its MessageInjected
	MID, ICID   uint32
	Injected    Instant // moved by clock jumps, so that its age is true
	Size        int64
	Body        BodyID
	Why         Why
	Parent      uint64
	ParentMID   uint32
	SenderHash  uint64 // HashSender of the sender
	Null        bool   // the sender is the null sender
	SetAside    bool
	Recipients  []LiveRecipient // ascending by RID
	Dues        []uint64        // Seqs of facts whose report is due, ascending
	InWorkQueue bool
	Quarantines uint32 // how many it is in
}

// LiveRecipient is a recipient that no terminal fact has ended.
type LiveRecipient struct {
	RID         uint32
	Destination string
	Redirect    string // the target of an operator's redirection, "" for the usual way
	Attempts    uint32
	Next        Instant // when it is due; 0: no further attempt will be made
	Attempting  bool    // in hand; after a Started that means in doubt, until an outcome is written
	Exact       bool    // of the attempt in hand: without Sent the peer cannot have the message
	Sent        bool    // of it: the final dot may be out
	Held        bool
	Notify      Notify
}

// InDoubt tells whether the peer may have the message, once the gateway has ended with an attempt in hand.
func (r *LiveRecipient) InDoubt() bool { return r.Attempting && (r.Sent || !r.Exact) }

// Target is the destination that a recipient waits for: where an operator has sent it, else its domain.
func (r *LiveRecipient) Target() string {
	if r.Redirect != "" {
		return r.Redirect
	}
	return r.Destination
}

// LiveHost is a destination that could not be reached the last time.
type LiveHost struct {
	Destination string
	Down        bool // false after DeliveryForced, which forgets Failures too
	Failures    uint32
	Next        Instant
	Reason      string
}

// LiveSystem is the state that belongs to no message.
type LiveSystem struct {
	Boots                       uint64
	Clean                       bool     // the last run ended with Stopped
	NextMID, NextICID, NextDCID uint32   // exact after Stopped, else the end of the last block reserved; 0: never given
	Wrapped                     bool     // one of the id spaces has begun anew
	ClockShift                  int64    // sum of all ClockJumped, nanoseconds
	DeliverySuspended           []string // domains, ascending; "*" is all
	ListenersSuspended          []string // ascending
	WorkQueuePaused             bool
	WorkQueuePauseReason        string
	Revision                    uint64 // of the configuration
	ConfigHash                  string
	LastReset                   Instant
	Conservation                uint32     // degree of resource conservation
	Unclean                     uint32     // starts in a row that found no Stopped before them, since the last Settled
	BulkActions                 []uint64   // Seqs of BulkActionOrdered that are not completed, ascending
	Undoable                    []LiveUndo // orders that can be undone, or will be once they are completed, ascending
	Messages, Recipients        uint64     // live
	BodyBytes                   int64      // sum of Size over live messages that do not share their parent's body
}

// LiveUndo is an order whose set can be brought back.
type LiveUndo struct {
	Order     uint64  // its Seq
	Completed uint64  // Seq of its BulkActionCompleted; 0: it is under way
	At        Instant // of that, moved by jumps of the clock
	UndoneBy  uint64  // the order that brings it back, carried out or under way; 0: none
}

// maxBulkActions bounds the orders under way and those that can be undone; what is beyond it is counted as an anomaly.
const maxBulkActions = 4096

// OldestOrder is the Seq of the oldest order that is under way or can be undone; with none, a Seq that is never reached.
func (s *LiveSystem) OldestOrder() uint64 {
	oldest := uint64(1<<64 - 1)
	if len(s.BulkActions) > 0 {
		oldest = s.BulkActions[0]
	}
	for i := range s.Undoable {
		oldest = min(oldest, s.Undoable[i].Order)
	}
	return oldest
}

// clone returns s with slices of its own.
func (s LiveSystem) clone() LiveSystem {
	s.DeliverySuspended = slices.Clone(s.DeliverySuspended)
	s.ListenersSuspended = slices.Clone(s.ListenersSuspended)
	s.BulkActions = slices.Clone(s.BulkActions)
	s.Undoable = slices.Clone(s.Undoable)
	return s
}

// HashSender names a sender without keeping the address: FNV-1a, 64 bits, of the address with its domain in lower case.
// Zero is the null sender and nothing else.
func HashSender(sender string) uint64 {
	if sender == "" {
		return 0
	}
	at := strings.LastIndexByte(sender, '@')
	h := fnv.New64a()
	h.Write([]byte(sender[:at+1]))
	h.Write([]byte(strings.ToLower(sender[at+1:])))
	if sum := h.Sum64(); sum != 0 {
		return sum
	}
	return 1
}

// SharesBody tells whether a message made for that reason stands on its parent's body.
func (w Why) SharesBody() bool {
	switch w {
	case WhyBounce, WhyDelay, WhySuccess, WhySplit, WhyCopy:
		return true
	}
	return false
}

// Notifies tells whether a message made for that reason tells a sender what became of another one.
func (w Why) Notifies() bool { return w == WhyBounce || w == WhyDelay || w == WhySuccess }

// bodyBytes is what a message adds to LiveSystem.BodyBytes.
func (m *LiveMessage) bodyBytes() int64 {
	if m.Why.SharesBody() {
		return 0
	}
	return m.Size
}

// recipient returns the index of a recipient, or where it would stand.
func (m *LiveMessage) recipient(rid uint32) (int, bool) {
	if i := int(rid); i < len(m.Recipients) && m.Recipients[i].RID == rid {
		return i, true
	}
	lo, hi := 0, len(m.Recipients)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if m.Recipients[mid].RID < rid {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(m.Recipients) && m.Recipients[lo].RID == rid
}

// clone returns m with slices of its own.
func (m *LiveMessage) clone() *LiveMessage {
	c := *m
	c.Recipients = slices.Clone(m.Recipients)
	c.Dues = slices.Clone(m.Dues)
	return &c
}
