package engine

import (
	"time"

	"postern/journal"
)

// The actions on a set of recipients, as BulkActionOrdered names them.
const (
	ActionDelete    = "delete"
	ActionBounce    = "bounce"
	ActionRedirect  = "redirect"
	ActionHold      = "hold"
	ActionRelease   = "release"
	ActionReinstate = "reinstate"
)

// Order is what an operator wants done to a selection of the queue.
type Order struct {
	Action    string    `json:"action"`
	By        string    `json:"by"`
	Reason    string    `json:"reason,omitempty"` // of a hold
	Target    string    `json:"target,omitempty"` // of a redirect: host, host:port, address, address:port
	Selection Selection `json:"selection"`
	AsOf      uint64    `json:"as_of,omitempty"` // of the preview that the operator saw: later mail is not touched; 0: now
}

// Progress is how far an order is. It comes after each slice, from the goroutine that ordered.
type Progress struct {
	Done  uint64   `json:"done"`  // recipients
	Total uint64   `json:"total"` // recipients
	MIDs  []uint32 `json:"mids"`  // of the messages touched by this slice
}

// Done is what an order did, exactly as the journal has it.
type Done struct {
	ID         uint64                      `json:"id"` // Seq of the order's fact, which undo names; 0: there was nothing to do
	Messages   uint64                      `json:"messages"`
	Recipients uint64                      `json:"recipients"`
	Excluded   []journal.MessageRecipients `json:"excluded,omitempty"` // past recall: their delivery could not be stopped any more
	UndoUntil  time.Time                   `json:"undo_until,omitzero"`
}

// Undone is what an undo brought back, and what it could not.
type Undone struct {
	Done
	Lost []LostRecipients `json:"lost,omitempty"` // the first maxLost of them
	Rest uint64           `json:"rest,omitempty"` // recipients that are lost beyond those named
}

// LostRecipients cannot come back.
type LostRecipients struct {
	Message uint64   `json:"message"`
	MID     uint32   `json:"mid"`
	RIDs    []uint32 `json:"rids"`
	Reason  string   `json:"reason"`
}

// RefusedError is an order that will never do as it stands; its text is a sentence for the operator.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }
