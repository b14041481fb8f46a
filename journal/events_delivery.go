package journal

import "net/netip"

// AttemptStarted is the reservation of an attempt: durable before anything is dialled, with the time of the next one
// already in it, so that a crash in between neither forgets nor storms. It prints nothing.
type AttemptStarted struct {
	Message     uint64
	MID         uint32
	Destination string
	RIDs        []uint32
	Attempt     uint32 // 1 for the first
	Next        Instant
	Probe       bool // the destination is down; this attempt finds out
	Alone       bool // nothing else is tried meanwhile: the message is suspected of ending the process
	Exact       bool // its final dot waits for DataSent: without one the peer cannot have the message
}

// DeliveryConnectionOpened says that a TCP connection to a destination's host stands.
type DeliveryConnectionOpened struct {
	DCID        uint32
	Destination string
	Interface   string // its name, "" when the system chose
	Source      netip.Addr
	Address     netip.Addr
	Port        uint16
	Host        string // the peer's name, of its MX record or route; "" when only its address is known
}

// DeliveryConnectionSecured says that STARTTLS was done on a delivery connection, or failed when Failure is not empty.
type DeliveryConnectionSecured struct {
	DCID        uint32
	Destination string
	Protocol    string
	Cipher      string
	CommonName  string
	Verified    bool
	Failure     string
	Address     netip.Addr // of the peer
	Level       string     // what was asked of TLS: Preferred, Preferred - Verify, Required, Required - Verify
}

// DeliveryConnectionFailed says that a destination's host could not be connected to, or did not let us begin.
type DeliveryConnectionFailed struct {
	DCID        uint32 // 0 when no connection came to be
	Destination string
	Source      netip.Addr
	Address     netip.Addr
	Port        uint16
	Details     string // private: what the peer or the system said
	Reason      string // network error, unexpected SMTP response, timeout, ...
}

// DeliveryStarted says that the transaction for these recipients began on a connection.
type DeliveryStarted struct {
	DCID    uint32
	Message uint64
	MID     uint32
	RIDs    []uint32
}

// DataSent says that all of the content but the final dot is out; written only where unknown outcomes must be exact.
type DataSent struct {
	DCID    uint32
	Message uint64
	MID     uint32
	RIDs    []uint32
}

// Delivered ends recipients: the peer has answered for them. DCID 0 and the reply "/null" mean that they were discarded by
// a route.
type Delivered struct {
	DCID        uint32
	Message     uint64
	MID         uint32
	Destination string
	RIDs        []uint32
	Attempts    uint32
	Size        int64
	Finished    bool   // no recipient of the message is left
	Reply       string // private; the text after 250
	Notify      bool   // a "relayed" notification is due for them (RFC 3461 NOTIFY=SUCCESS)
	By          string // the operator who took them for delivered: no peer has said so
}

// SoftBounced says that an attempt failed for now. Attempts and Next are absolute.
type SoftBounced struct {
	DCID        uint32
	Message     uint64
	MID         uint32
	Destination string
	RIDs        []uint32
	Attempts    uint32
	Next        Instant  // 0: no further attempt will be made, a HardBounced follows
	Code        string   // of the reply, "000" when there was none
	Status      string   // x.y.z
	Reason      string   // the text that belongs to Status
	Profile     string   // of bounces
	Reply       []string // private; the reply's lines
	Down        bool     // the destination is down: Next is the earliest, and any message to it may be the one that finds it up
}

// BounceClass is why a recipient was given up.
type BounceClass uint8

// The classes, in the order of status detail.
const (
	BounceDNS     BounceClass = 1
	Bounce5XX     BounceClass = 2
	BounceExpired BounceClass = 3
	BounceFilter  BounceClass = 4
	BounceOther   BounceClass = 5
)

// HardBounced ends recipients without delivery.
type HardBounced struct {
	DCID        uint32
	Message     uint64
	MID         uint32
	Destination string
	RIDs        []uint32
	Attempts    uint32
	Class       BounceClass
	Code        string
	Status      string
	Reason      string
	Finished    bool // no recipient of the message is left
	Notify      bool // a delivery status notification is due for them
	Address     netip.Addr
	Reply       []string // private
}

// OutcomeUnknown says that the peer may have taken the message without our knowing: the reply to the final dot was lost,
// or we died before it was written down. With Action hold or ask, Held follows at once.
type OutcomeUnknown struct {
	DCID        uint32
	Message     uint64
	MID         uint32
	Destination string
	RIDs        []uint32
	Attempts    uint32
	Next        Instant // when they go on, or would once they are released
	Reason      string
	Action      string // what the configuration says of such mail: "" (resend), hold, ask
}

// DoubtAnswered says what an operator decided about recipients whose outcome is unknown. What that does to them stands in
// the Unheld or Delivered that follows it.
type DoubtAnswered struct {
	Message uint64
	MID     uint32
	RIDs    []uint32
	Answer  string // AnswerResend, AnswerDelivered
	By      string
}

// The answers to a doubt.
const (
	AnswerResend    = "resend"
	AnswerDelivered = "delivered"
)

// DoubleBounced ends a notification that could not be delivered: logged, dropped.
type DoubleBounced struct {
	DCID        uint32
	Message     uint64
	MID         uint32
	Destination string
	RIDs        []uint32
	Attempts    uint32
	Class       BounceClass
	Code        string
	Status      string
	Reason      string
	Finished    bool
	Reply       []string // private
}

// DeliveryConnectionClosed ends a delivery connection.
type DeliveryConnectionClosed struct {
	DCID        uint32
	Destination string
	How         string // "" in order
}

// HostDown says that no host of a destination could be reached; its recipients wait until Next, when one of them probes.
type HostDown struct {
	Destination string
	Failures    uint32 // in a row, absolute
	Next        Instant
	Reason      string // private: it may quote the peer
}

// HostUp says that a destination answers again.
type HostUp struct{ Destination string }

// SetAside takes a message out of the schedule: the process died more than once with it in hand, at last with it alone.
type SetAside struct {
	Message  uint64
	MID      uint32
	Evidence string
}

// DestinationsForgotten says that what was known of destinations is of no use any more: they did not answer, and for hours
// there has been neither mail for them nor an attempt. A destination of which mail has come since is merely no longer down.
type DestinationsForgotten struct{ Destinations []string }

// NotificationDropped says that a message's sender will not be told of these facts: what a notification would be made of
// cannot be read any more, or names nobody.
type NotificationDropped struct {
	Message uint64
	MID     uint32
	Reports []uint64 // Seqs of the facts
	Reason  string
}

func (*AttemptStarted) Kind() Kind            { return KindAttemptStarted }
func (*DeliveryConnectionOpened) Kind() Kind  { return KindDeliveryConnectionOpened }
func (*DeliveryConnectionSecured) Kind() Kind { return KindDeliveryConnectionSecured }
func (*DeliveryConnectionFailed) Kind() Kind  { return KindDeliveryConnectionFailed }
func (*DeliveryStarted) Kind() Kind           { return KindDeliveryStarted }
func (*DataSent) Kind() Kind                  { return KindDataSent }
func (*Delivered) Kind() Kind                 { return KindDelivered }
func (*SoftBounced) Kind() Kind               { return KindSoftBounced }
func (*HardBounced) Kind() Kind               { return KindHardBounced }
func (*OutcomeUnknown) Kind() Kind            { return KindOutcomeUnknown }
func (*DoubleBounced) Kind() Kind             { return KindDoubleBounced }
func (*DeliveryConnectionClosed) Kind() Kind  { return KindDeliveryConnectionClosed }
func (*HostDown) Kind() Kind                  { return KindHostDown }
func (*HostUp) Kind() Kind                    { return KindHostUp }
func (*SetAside) Kind() Kind                  { return KindSetAside }
func (*DestinationsForgotten) Kind() Kind     { return KindDestinationsForgotten }
func (*NotificationDropped) Kind() Kind       { return KindNotificationDropped }
func (*DoubtAnswered) Kind() Kind             { return KindDoubtAnswered }

func (e *AttemptStarted) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint32(2, &e.MID)
	c.string(3, &e.Destination)
	c.uint32s(4, &e.RIDs)
	c.uint32(5, &e.Attempt)
	c.instant(6, &e.Next)
	c.bool(7, &e.Probe)
	c.bool(8, &e.Alone)
	c.bool(9, &e.Exact)
}

func (e *DeliveryConnectionOpened) fields(c *coder) {
	c.uint32(1, &e.DCID)
	c.string(2, &e.Destination)
	c.string(3, &e.Interface)
	c.addr(4, &e.Source)
	c.addr(5, &e.Address)
	c.uint16(6, &e.Port)
	c.string(7, &e.Host)
}

func (e *DeliveryConnectionSecured) fields(c *coder) {
	c.uint32(1, &e.DCID)
	c.string(2, &e.Destination)
	c.string(3, &e.Protocol)
	c.string(4, &e.Cipher)
	c.string(5, &e.CommonName)
	c.bool(6, &e.Verified)
	c.string(7, &e.Failure)
	c.addr(8, &e.Address)
	c.string(9, &e.Level)
}

func (e *DeliveryConnectionFailed) fields(c *coder) {
	c.uint32(1, &e.DCID)
	c.string(2, &e.Destination)
	c.addr(3, &e.Source)
	c.addr(4, &e.Address)
	c.uint16(5, &e.Port)
	c.private(6, &e.Details)
	c.string(7, &e.Reason)
}

func (e *DeliveryStarted) fields(c *coder) {
	c.uint32(1, &e.DCID)
	c.uint64(2, &e.Message)
	c.uint32(3, &e.MID)
	c.uint32s(4, &e.RIDs)
}

func (e *DataSent) fields(c *coder) {
	c.uint32(1, &e.DCID)
	c.uint64(2, &e.Message)
	c.uint32(3, &e.MID)
	c.uint32s(4, &e.RIDs)
}

func (e *Delivered) fields(c *coder) {
	c.uint32(1, &e.DCID)
	c.uint64(2, &e.Message)
	c.uint32(3, &e.MID)
	c.string(4, &e.Destination)
	c.uint32s(5, &e.RIDs)
	c.uint32(6, &e.Attempts)
	c.int64(7, &e.Size)
	c.bool(8, &e.Finished)
	c.private(9, &e.Reply)
	c.bool(10, &e.Notify)
	c.string(11, &e.By)
}

func (e *SoftBounced) fields(c *coder) {
	c.uint32(1, &e.DCID)
	c.uint64(2, &e.Message)
	c.uint32(3, &e.MID)
	c.string(4, &e.Destination)
	c.uint32s(5, &e.RIDs)
	c.uint32(6, &e.Attempts)
	c.instant(7, &e.Next)
	c.string(8, &e.Code)
	c.string(9, &e.Status)
	c.string(10, &e.Reason)
	c.string(11, &e.Profile)
	c.privates(12, &e.Reply)
	c.bool(13, &e.Down)
}

func (e *HardBounced) fields(c *coder) {
	c.uint32(1, &e.DCID)
	c.uint64(2, &e.Message)
	c.uint32(3, &e.MID)
	c.string(4, &e.Destination)
	c.uint32s(5, &e.RIDs)
	c.uint32(6, &e.Attempts)
	c.uint8(7, (*uint8)(&e.Class))
	c.string(8, &e.Code)
	c.string(9, &e.Status)
	c.string(10, &e.Reason)
	c.bool(11, &e.Finished)
	c.bool(12, &e.Notify)
	c.addr(13, &e.Address)
	c.privates(14, &e.Reply)
}

func (e *OutcomeUnknown) fields(c *coder) {
	c.uint32(1, &e.DCID)
	c.uint64(2, &e.Message)
	c.uint32(3, &e.MID)
	c.string(4, &e.Destination)
	c.uint32s(5, &e.RIDs)
	c.uint32(6, &e.Attempts)
	c.instant(7, &e.Next)
	c.string(8, &e.Reason)
	c.string(9, &e.Action)
}

func (e *DoubtAnswered) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint32(2, &e.MID)
	c.uint32s(3, &e.RIDs)
	c.string(4, &e.Answer)
	c.string(5, &e.By)
}

func (e *DoubleBounced) fields(c *coder) {
	c.uint32(1, &e.DCID)
	c.uint64(2, &e.Message)
	c.uint32(3, &e.MID)
	c.string(4, &e.Destination)
	c.uint32s(5, &e.RIDs)
	c.uint32(6, &e.Attempts)
	c.uint8(7, (*uint8)(&e.Class))
	c.string(8, &e.Code)
	c.string(9, &e.Status)
	c.string(10, &e.Reason)
	c.bool(11, &e.Finished)
	c.privates(12, &e.Reply)
}

func (e *DeliveryConnectionClosed) fields(c *coder) {
	c.uint32(1, &e.DCID)
	c.string(2, &e.Destination)
	c.string(3, &e.How)
}

func (e *HostDown) fields(c *coder) {
	c.string(1, &e.Destination)
	c.uint32(2, &e.Failures)
	c.instant(3, &e.Next)
	c.private(4, &e.Reason)
}

func (e *HostUp) fields(c *coder) { c.string(1, &e.Destination) }

func (e *SetAside) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint32(2, &e.MID)
	c.string(3, &e.Evidence)
}

func (e *DestinationsForgotten) fields(c *coder) { c.strings(1, &e.Destinations) }

func (e *NotificationDropped) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint32(2, &e.MID)
	c.uint64s(3, &e.Reports)
	c.string(4, &e.Reason)
}
