package projections

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"postern/journal"
	"postern/projections/tracking"
)

// Explanation tells why each recipient of a message is where it is: from the facts and the live rows alone, so that it can
// be had of a stopped store too.
type Explanation struct {
	AsOf          uint64               `json:"as_of"` // Seq
	Now           time.Time            `json:"timestamp"`
	Seq           uint64               `json:"seq"` // of the message's MessageInjected
	MID           uint32               `json:"mid"`
	Namesakes     int                  `json:"others_with_this_mid,omitempty"` // messages, gone or not, that bear or bore its MID
	Received      time.Time            `json:"received"`
	Sender        string               `json:"sender"` // "" is the null sender
	Subject       string               `json:"subject"`
	Bytes         int64                `json:"bytes"`
	MadeFrom      uint32               `json:"made_from_mid,omitempty"` // the MID of the message that it tells of or was split from
	Recipients    []ExplainedRecipient `json:"recipients"`
	More          int                  `json:"more_recipients,omitempty"` // beyond those named
	Hosts         []ExplainedHost      `json:"hosts,omitempty"`           // that are waited for and not well
	Bounds        []Bound              `json:"bounds,omitempty"`          // what keeps the recipients from being tried
	Configuration ConfigurationCommit  `json:"configuration,omitzero"`    // that holds
}

// RecipientState is where a recipient is.
type RecipientState string

// The states of recipients.
const (
	StateQueued      RecipientState = "queued"     // due at a time to come
	StateDue         RecipientState = "due"        // as soon as there is room
	StateAttempting  RecipientState = "attempting" // an attempt is under way
	StateInDoubt     RecipientState = "in_doubt"   // one was, when the gateway ended
	StateHostDown    RecipientState = "host_down"  // waits for its host
	StateHeld        RecipientState = "held"
	StateSuspended   RecipientState = "suspended" // the delivery to its host is
	StateWorkQueue   RecipientState = "work_queue"
	StateQuarantined RecipientState = "quarantined"
	StateSetAside    RecipientState = "set_aside"
	StateDelivered   RecipientState = "delivered"
	StateBounced     RecipientState = "bounced"
	StateDeleted     RecipientState = "deleted"
	StateDropped     RecipientState = "dropped" // by policy
	StateMoved       RecipientState = "moved"   // goes on in another message
	StateGone        RecipientState = "gone"    // how is not in the journal any more
)

// left tells whether a recipient in that state has left the queue.
func (s RecipientState) left() bool {
	switch s {
	case StateDelivered, StateBounced, StateDeleted, StateDropped, StateMoved, StateGone:
		return true
	}
	return false
}

// ExplainedRecipient is one recipient, where it is, and what happened to it.
type ExplainedRecipient struct {
	RID         uint32          `json:"rid"`
	Address     string          `json:"address"`
	Destination string          `json:"destination"`             // where it is delivered to
	Redirected  bool            `json:"redirected,omitempty"`    // by an operator
	State       RecipientState  `json:"state"`                   //
	Since       time.Time       `json:"since,omitzero"`          // held, set aside, attempted, gone
	By          string          `json:"by,omitempty"`            // who held it, deleted it ...
	Reason      string          `json:"reason,omitempty"`        // why, in the words of the fact
	Attempts    uint32          `json:"attempts"`                //
	Next        time.Time       `json:"next,omitzero"`           // when it is due
	Expires     time.Time       `json:"expires,omitzero"`        // when it is given up
	History     []ExplainedFact `json:"history"`                 // ascending
	Earlier     int             `json:"earlier_facts,omitempty"` // that came before and are not shown
}

// ExplainedFact is something that happened to a recipient.
type ExplainedFact struct {
	Seq     uint64     `json:"seq"`
	Time    time.Time  `json:"timestamp"`
	Kind    string     `json:"kind"`
	Attempt uint32     `json:"attempt,omitempty"`
	Peer    netip.Addr `json:"peer,omitzero"`
	Host    string     `json:"host,omitempty"` // the peer's name; older facts do not have it
	Text    string     `json:"text"`
	Next    time.Time  `json:"next,omitzero"` // of the attempt that follows

	dcid uint32
}

// ExplainedHost is a destination that recipients of the message wait for.
type ExplainedHost struct {
	Destination string    `json:"destination"`
	Since       time.Time `json:"since,omitzero"` // zero: that is not in the journal any more
	Failures    uint32    `json:"failures"`       // in a row
	Next        time.Time `json:"next"`           // of the probe
	Reason      string    `json:"reason"`
}

// Bound is something that keeps recipients of the message from being tried.
type Bound struct {
	What   BoundKind `json:"what"`
	Object string    `json:"object,omitempty"` // the destination that it is about; "": all
	Since  time.Time `json:"since,omitzero"`   // zero: that is not in the journal any more
	By     string    `json:"by,omitempty"`     // who set it
	Reason string    `json:"reason,omitempty"`
	Now    int       `json:"now,omitempty"` // of a limit: how many there are
	Limit  int       `json:"limit,omitempty"`
}

// BoundKind is what binds.
type BoundKind string

// The kinds of bounds.
const (
	BoundSuspension     BoundKind = "delivery_suspended"
	BoundWorkQueue      BoundKind = "work_queue_paused"
	BoundOrder          BoundKind = "order"           // one is being carried out
	BoundPerDestination BoundKind = "per_destination" // attempts to the destination
	BoundConnections    BoundKind = "connections"     // attempts in all
	BoundConservation   BoundKind = "resource_conservation"
	BoundStopped        BoundKind = "gateway_stopped"
)

// ConfigurationCommit is the configuration that holds, as far as the journal knows.
type ConfigurationCommit struct {
	Revision uint64    `json:"revision"`
	Since    time.Time `json:"since,omitzero"` // zero: no commit of it is recorded
	By       string    `json:"by,omitempty"`
	Comment  string    `json:"comment,omitempty"`
}

// Inquiry says what is to be explained, and what holds that no fact tells.
type Inquiry struct {
	Seq     uint64  // of the message's MessageInjected
	RID     *uint32 // this recipient alone; nil: all, the first maxExplained of them
	Now     time.Time
	Running bool // false: what is in hand is in doubt

	Revision                    uint64        // of the configuration, where no commit of one is recorded; 0: it bears none
	Connections, PerDestination int           // its limits
	QueueTime                   time.Duration // after which a recipient is given up
}

// Limits of an explanation.
const (
	maxExplained      = 100 // recipients
	maxExplainedFacts = 200 // of one of them; the last ones are kept
)

// UnknownRecipientError says that a message never had a recipient of that RID.
type UnknownRecipientError struct {
	MID, RID uint32
	RIDs     int // how many it has or had, from 0 on
}

func (e *UnknownRecipientError) Error() string {
	return fmt.Sprintf("MID %d has no recipient %d: its recipients (RIDs) go from 0 to %d", e.MID, e.RID, e.RIDs-1)
}

// Explain tells why the recipients of a message are where they are, as of the rows. An index of the journal, which may be nil,
// spares reading all that came after the message. The error is an *UnknownRecipientError when there is none with the RID
// that was asked for.
func Explain(ctx context.Context, j *journal.Journal, index *tracking.Index, rows *journal.LiveSnapshot, q Inquiry) (*Explanation, error) {
	first, err := j.At(q.Seq)
	if err != nil {
		return nil, err
	}
	m, ok := first.Event.(*journal.MessageInjected)
	if !ok {
		return nil, fmt.Errorf("record %d is no message", q.Seq)
	}
	x := &Explanation{AsOf: rows.Mark(), Now: q.Now, Seq: q.Seq, MID: m.MID, Received: first.Time.Time(), Sender: m.Sender, Subject: m.Subject,
		Bytes: m.Size, MadeFrom: m.ParentMID, Recipients: []ExplainedRecipient{}}
	if err := x.choose(m, q.RID); err != nil {
		return nil, err
	}
	live, inQueue, err := rows.Message(q.Seq)
	if err != nil {
		return nil, err
	}
	starts, err := x.read(ctx, j, index, len(m.Recipients), inQueue)
	if err != nil {
		return nil, err
	}
	if err := x.namePeers(ctx, j, index, starts); err != nil {
		return nil, err
	}
	if !inQueue {
		live = &journal.LiveMessage{}
	}
	return x, x.place(ctx, j, index, rows, live, q)
}

// choose names the recipients that are told of.
func (x *Explanation) choose(m *journal.MessageInjected, rid *uint32) error {
	for i := range m.Recipients {
		c := &m.Recipients[i]
		if rid != nil && c.RID != *rid {
			continue
		}
		if len(x.Recipients) == maxExplained {
			x.More = len(m.Recipients) - i
			break
		}
		x.Recipients = append(x.Recipients, ExplainedRecipient{RID: c.RID, Address: c.Address(), Destination: c.Domain, State: StateGone, History: []ExplainedFact{}})
	}
	if rid != nil && len(x.Recipients) == 0 {
		return &UnknownRecipientError{m.MID, *rid, len(m.Recipients)}
	}
	return nil
}

// Limits of the search for the peers of connections: none stays open for long.
const (
	maxPeers     = 200     // connections
	maxPeersBack = 100_000 // records before a fact
)

// peer is who a connection was with.
type peer struct {
	addr netip.Addr
	host string
}

// namePeers finds with whom each connection was.
func (x *Explanation) namePeers(ctx context.Context, j *journal.Journal, index *tracking.Index, starts map[uint32]uint64) error {
	peers := map[uint32]peer{}
	for i := range x.Recipients {
		for k := range x.Recipients[i].History {
			f := &x.Recipients[i].History[k]
			if f.dcid == 0 {
				continue
			}
			p, known := peers[f.dcid]
			if !known && len(peers) < maxPeers {
				var err error
				if p, err = findPeer(ctx, j, index, f.dcid, starts[f.dcid], f.Seq-1); err != nil {
					return err
				}
				peers[f.dcid] = p
			}
			if f.Host = p.host; !f.Peer.IsValid() {
				f.Peer = p.addr
			}
		}
	}
	return nil
}

// findPeer finds with whom a connection was that was open at a Seq. Where the message was given to it (0: that is not known)
// leads to its beginning in the index.
func findPeer(ctx context.Context, j *journal.Journal, index *tracking.Index, dcid uint32, started, at uint64) (p peer, err error) {
	if started != 0 && index != nil {
		if e, err := index.Opened(started); e != nil || err != nil {
			return peer{e.Address, e.Host}, err
		}
	}
	kinds := journal.KindsOf(&journal.DeliveryConnectionOpened{}, &journal.Started{})
	_, err = tracking.Back(ctx, j, at, at-min(at, maxPeersBack), kinds, func(r journal.Record) bool {
		e, opened := r.Event.(*journal.DeliveryConnectionOpened)
		return !opened || e.DCID == dcid // no connection outlives a start
	}, func(r journal.Record) bool {
		if e, opened := r.Event.(*journal.DeliveryConnectionOpened); opened {
			p = peer{e.Address, e.Host}
		}
		return true
	})
	return p, err
}

// errEnough ends a reading that has found what it was for.
var errEnough = errors.New("enough is known")

// unlessEnough is the error of a reading, if it did not end because enough was known.
func unlessEnough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
