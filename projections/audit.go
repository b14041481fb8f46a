package projections

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"postern/journal"
)

// Deed is something that an operator did: a fact with their name, or an order with what came of it.
type Deed struct {
	Seq    uint64    `json:"seq"` // of its fact; the ID of an order
	Time   time.Time `json:"timestamp"`
	By     string    `json:"by"`
	From   []string  `json:"from,omitempty"` // where the order came from; of a history that does not say, where the operator's open shells did, "console": the machine itself
	Kind   string    `json:"kind"`           // of its fact
	What   string    `json:"what"`           // in words
	Action string    `json:"action,omitempty"`

	Selection  string    `json:"selection,omitempty"`
	Target     string    `json:"target,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	Recipients uint64    `json:"recipients,omitempty"`
	Messages   uint64    `json:"messages,omitempty"`
	Excluded   uint64    `json:"excluded,omitempty"` // recipients that were past recall
	Undoes     uint64    `json:"undoes,omitempty"`
	Completed  time.Time `json:"completed,omitzero"` // of an order; zero: it is under way
}

// AuditQuery says which deeds are meant; what is left empty does not matter.
type AuditQuery struct {
	Since, Until time.Time
	By           string
}

// maxDeeds is how many deeds an audit names, the newest; maxShells how many open shells it tells apart.
const (
	maxDeeds  = 100_000
	maxShells = 10_000
)

// Console is where a shell was that came from no address.
const Console = "console"

// notDeeds are the facts whose By is a rule of the gateway and no operator.
var notDeeds = journal.KindsOf(&journal.Rewritten{}, &journal.Copied{}, &journal.Dropped{},
	&journal.Delivered{},       // which follows the answer to a doubt
	&journal.OperatorOrdered{}) // which says where the next one came from; alone it is a deed only of those that have no other fact

// deedKinds are the facts that tell of deeds.
var deedKinds = journal.KindsOf(&journal.BulkActionOrdered{}, &journal.BulkActionCompleted{}, &journal.RecipientsDeleted{}, &journal.RecipientsBounced{},
	&journal.RecipientsRedirected{}, &journal.RecipientsReinstated{}, &journal.Held{}, &journal.Unheld{}, &journal.MessageRemoved{},
	&journal.DeliverySuspended{}, &journal.DeliveryResumed{}, &journal.ListenerSuspended{}, &journal.ListenerResumed{}, &journal.DeliveryForced{},
	&journal.WorkQueuePaused{}, &journal.WorkQueueResumed{}, &journal.CountersReset{}, &journal.LogRolledOver{}, &journal.ConfigurationCommitted{},
	&journal.Forgotten{}, &journal.HistoryCut{}, &journal.DoubtAnswered{}, &journal.OperatorLoggedIn{}, &journal.OperatorLoggedOut{})

// audit gathers deeds. What it keeps of facts is cloned.
type audit struct {
	AuditQuery
	deeds  []Deed
	older  int            // that found no room
	orders map[uint64]int // Seq of an order to its place in deeds
	known  map[uint64]bool
	shells map[uint64]shellOf // by session
	seats  map[string]string  // by user: where their last order came from
}

// shellOf is who sits in an open shell, and where.
type shellOf struct{ by, from string }

// picked is a journal that can be searched by the kinds of facts.
type picked interface {
	Pick(ctx context.Context, from, to uint64, wanted func(journal.Kind) bool, fn func(journal.Record) error) error
}

// Audit lists what operators did, in the order in which they did it, from the facts of the journal, and how many older deeds
// there are than those that it names.
func Audit(ctx context.Context, j picked, q AuditQuery) (deeds []Deed, older int, err error) {
	a := &audit{AuditQuery: q, orders: make(map[uint64]int), known: make(map[uint64]bool), shells: make(map[uint64]shellOf), seats: make(map[string]string)}
	kinds := journal.KindsOf(&journal.Started{}, &journal.OperatorOrdered{})
	for k := range deedKinds {
		kinds[k] = true
	}
	err = j.Pick(ctx, 1, 0, kinds.Has, func(r journal.Record) error {
		a.note(r)
		return nil
	})
	a.trim()
	return a.deeds, a.older, err
}

// note folds a record.
func (a *audit) note(r journal.Record) {
	switch e := r.Event.(type) {
	case *journal.Started: // which closes every shell
		clear(a.shells)
		clear(a.seats)
		return
	case *journal.OperatorOrdered:
		if _, known := a.seats[e.By]; e.By != "" && (known || len(a.seats) < maxShells) {
			a.seats[strings.Clone(e.By)] = orderSeat(e)
		}
	case *journal.OperatorLoggedIn:
		if len(a.shells) < maxShells {
			a.shells[e.Session] = shellOf{strings.Clone(e.By), seat(e.From)}
		}
	case *journal.OperatorLoggedOut:
		defer delete(a.shells, e.Session)
	case *journal.BulkActionOrdered:
		a.known[r.Seq] = true
	case *journal.BulkActionCompleted:
		a.completed(r, e)
		return
	}
	if d, ok := a.deed(r); ok && a.wants(&d) {
		a.add(d)
	}
}

func (a *audit) wants(d *Deed) bool {
	return (a.By == "" || d.By == a.By) && (a.Since.IsZero() || !d.Time.Before(a.Since)) && (a.Until.IsZero() || d.Time.Before(a.Until))
}

// add puts a deed at the end. When there are too many, the older half goes.
func (a *audit) add(d Deed) {
	if len(a.deeds) >= 2*maxDeeds {
		a.trim()
	}
	if d.Kind == journal.KindBulkActionOrdered.String() {
		a.orders[d.Seq] = len(a.deeds)
	}
	a.deeds = append(a.deeds, d)
}

func (a *audit) trim() {
	gone := len(a.deeds) - maxDeeds
	if gone <= 0 {
		return
	}
	a.older += gone
	a.deeds = append(a.deeds[:0], a.deeds[gone:]...)
	for seq, i := range a.orders {
		if a.orders[seq] = i - gone; i < gone {
			delete(a.orders, seq)
		}
	}
}

// completed folds the end of an order into it.
func (a *audit) completed(r journal.Record, e *journal.BulkActionCompleted) {
	i, ok := a.orders[e.Action]
	if !ok {
		return
	}
	delete(a.orders, e.Action)
	d := &a.deeds[i]
	d.Completed, d.Recipients, d.Messages = r.Time.Time(), e.Recipients, e.Messages
	_, d.Excluded = countSet(e.Excluded)
	d.What = d.orderText()
}

// from is where the last order of an operator came from; where the history does not say that, where their shells did.
func (a *audit) from(by string) (places []string) {
	if seat, ok := a.seats[by]; ok {
		return []string{seat}
	}
	return a.open(by)
}

// open lists where the shells came from that an operator has open, each place once.
func (a *audit) open(by string) (places []string) {
	for _, s := range a.shells {
		if s.by == by && !slices.Contains(places, s.from) {
			places = append(places, s.from)
		}
	}
	slices.Sort(places)
	return places
}

func seat(from netip.Addr) string {
	if from.IsValid() {
		return from.String()
	}
	return Console
}

// orderSeat words where an order came from.
func orderSeat(e *journal.OperatorOrdered) string {
	if e.Signal != "" {
		return "signal " + e.Signal
	}
	where := "no terminal"
	if e.TTY != "" {
		where = strings.Clone(e.TTY)
	}
	if e.From.IsValid() {
		where = e.From.String() + " " + where
	}
	return fmt.Sprintf("%s (uid %d, pid %d)", where, e.UID, e.PID)
}
