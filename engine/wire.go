package engine

import (
	"context"
	"errors"
	"net/netip"

	"postern/journal"
)

// Attempt asks a Deliverer to try one message to one destination, once. The envelope and the content stay in the store:
// the Deliverer reads the MessageInjected at Message and opens its content with OpenContent.
type Attempt struct {
	Message     uint64 // Seq of the MessageInjected
	MID         uint32
	Destination string   // the recipients' domain, lower case, or an address literal; of those redirected, the target
	Route       string   // a redirect's target that is no domain; "": the destination's usual way
	RIDs        []uint32 // ascending
	Number      uint32   // 1 for the first attempt
	Probe       bool     // the destination is down and this attempt finds out
	Exact       bool     // the final dot waits for Engine.DataSent
}

// Deliverer tries once. It returns one Outcome for each of the attempt's RIDs, in their order, and never retries by itself
// beyond other addresses of the same destination; it may be called from many goroutines at once. When ctx ends, what is not
// past its final dot is Temporary at once, with the code 000 and the status 4.3.2; past it the reply is awaited, unless the cause
// is ErrCutOff.
type Deliverer interface {
	Deliver(ctx context.Context, a Attempt) []Outcome
}

// Result is how an attempt ended for a recipient.
type Result uint8

// The results. The zero value is Temporary: what nobody classified is tried again.
const (
	Temporary Result = iota
	Delivered
	Permanent
	Unknown // the peer may have taken it: the reply to the final dot is missing
)

// Outcome is what an attempt meant for one recipient.
type Outcome struct {
	RID     uint32
	Result  Result
	Host    bool                // Temporary only: no host of the destination was reached (or DNS failed); it is down
	Class   journal.BounceClass // Permanent only; zero counts as Bounce5XX
	DCID    uint32              // 0: no connection
	Address netip.Addr          // of the peer
	Code    string              // of its reply, "000" when there was none
	Status  string              // x.y.z, the peer's when it gave one
	Reason  string              // the text of Status, e.g. "Unknown address error"
	Reply   []string            // the reply's lines without code and status, bounded and free of control characters
	Relayed bool                // Delivered only: the peer does not speak DSN, so NOTIFY=SUCCESS is ours to answer
}

// statusCalledOff is the status, with the code 000, of what was ended from this side.
const statusCalledOff = "4.3.2"

// calledOff tells whether an outcome says nothing but that the attempt was ended from this side.
func (o *Outcome) calledOff() bool {
	return o.Result == Temporary && o.Code == "000" && o.Status == statusCalledOff
}

// The refusals that a wire translates into replies.
var (
	ErrBusy      = errors.New("the queue is busy")                      // 451 4.3.2: too many commands are waiting
	ErrQueueFull = errors.New("the queue has no room")                  // 452 4.3.1: disk or queue limit
	ErrStopping  = errors.New("the gateway is stopping")                // 421 4.3.2
	ErrRefused   = errors.New("resources are low, nothing is accepted") // 452 4.3.1: resource conservation 999
	ErrLoading   = errors.New("queue is loading")                       // commands that decide about the whole queue
)
