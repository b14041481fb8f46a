package journal

import "net/netip"

// The facts of operators. Each has By (the user's name) and Action, the Seq of the order that it carries out; an order
// that is one fact has its own Seq as its id and Action 0.

// MessageRecipients names recipients of one message. What an order takes or changes stands there as it was just before, so
// that an undo can bring it back.
type MessageRecipients struct {
	Message     uint64
	MID         uint32
	Destination string // the recipients' domain; "": several
	RIDs        []uint32
	Finished    bool      // no recipient of the message is left
	Attempts    []uint32  // of each of RIDs
	Next        []Instant // of each of RIDs; 0: due at once
	Injected    Instant   // of the message, moved by the jumps of the clock since
	Held        bool      // the recipients are held
	Redirect    string    // where an earlier order has sent them; "": the usual way
	Notify      []uint32  // of each of RIDs, where they come back
}

// ReinstatedMessage is a message that had left and comes back, with all that is needed to go on with it.
type ReinstatedMessage struct {
	Message     uint64
	MID, ICID   uint32
	Injected    Instant // moved by the jumps of the clock since
	Size        int64
	Body        BodyID
	Why         Why
	Parent      uint64
	ParentMID   uint32
	SenderHash  uint64 // HashSender
	Recipients  uint32 // that it had at first: RIDs are below
	InWorkQueue bool
}

// BulkActionOrdered is the intent of a bulk action: from its durability on, all or none of the set. The set itself is a
// blob among the bodies.
type BulkActionOrdered struct {
	Action     string // delete, bounce, redirect, hold, release, reinstate
	By         string
	Selection  string // private: what was asked for, in words
	Target     string // of redirect
	Set        BodyID
	Recipients uint64
	Messages   uint64
	AsOf       uint64 // Seq at which the set was chosen
	Undone     uint64 // of reinstate: the order whose set comes back
	ClockShift int64  // sum of the clock's jumps until now, nanoseconds
	Reason     string // of hold
}

// BulkActionCompleted ends a bulk action; Excluded were past recall.
type BulkActionCompleted struct {
	Action     uint64 // Seq of the order
	Recipients uint64
	Messages   uint64
	Excluded   []MessageRecipients
}

// RecipientsDeleted takes recipients out of the queue without a notification.
type RecipientsDeleted struct {
	Action      uint64
	By          string
	Unsubscribe bool // by the global unsubscribe list
	Set         []MessageRecipients
}

// RecipientsBounced gives recipients up by an operator's order. A notification is due for each message that has a sender,
// if he wants to hear of at least one of them (RFC 3461 NOTIFY).
type RecipientsBounced struct {
	Action uint64
	By     string
	Set    []MessageRecipients
}

// RecipientsRedirected overrides the route of queued recipients.
type RecipientsRedirected struct {
	Action uint64
	By     string
	Target string
	Set    []MessageRecipients
}

// RecipientsReinstated brings back what Undone took, with its attempts and times: recipients that had left the queue, or,
// with a Target, recipients in it that Undone had sent there and that go on as before.
type RecipientsReinstated struct {
	Action   uint64
	Undone   uint64
	By       string
	Set      []MessageRecipients
	Messages []ReinstatedMessage // those of Set that may not be in the queue any more
	Target   string
}

// UndoEnded says that what an order took cannot come back any more: its time is over, or its room was needed.
type UndoEnded struct {
	Action uint64 // Seq of the order
	Reason string
}

// MessageRemoved ends a message by name; Archive is the file it was saved in.
type MessageRemoved struct {
	Message uint64
	MID     uint32
	By      string
	RIDs    []uint32
	Archive string
}

// Held keeps recipients from being attempted.
type Held struct {
	Action uint64
	By     string
	Reason string
	Set    []MessageRecipients
}

// Unheld ends a hold.
type Unheld struct {
	Action uint64
	By     string
	Set    []MessageRecipients
}

// ByRestore stands for the operator in the suspension that a start on a restored backup brings.
const ByRestore = "restore"

// ByInDoubt stands for the operator where the configuration holds recipients whose outcome is unknown.
const ByInDoubt = "in_doubt"

// DeliverySuspended stops delivery to the named domains, to all when there are none.
type DeliverySuspended struct {
	By      string
	Domains []string
}

// DeliveryResumed ends a suspension; without domains, every one.
type DeliveryResumed struct {
	By      string
	Domains []string
}

// ListenerSuspended closes the port of a listener.
type ListenerSuspended struct{ By, Listener string }

// ListenerResumed opens it again.
type ListenerResumed struct{ By, Listener string }

// DeliveryForced makes the recipients of a domain (all, when empty) due now and clears down marks.
type DeliveryForced struct{ By, Domain string }

// OperatorLoggedIn says that an operator opened a shell. A session's number means nothing beyond this run of the daemon,
// whose end closes all that are open.
type OperatorLoggedIn struct {
	Session uint64
	By      string     // the user's name
	From    netip.Addr // where they sit; invalid: at the machine itself
}

// OperatorLoggedOut says that the shell was left.
type OperatorLoggedOut struct {
	Session uint64
	By      string
	From    netip.Addr
}

// OperatorOrdered says from where an order came, as the system knows it. It stands before the facts of the order, which name
// its user too.
type OperatorOrdered struct {
	By     string     // the user's name; "": a signal
	UID    uint32     // of the user
	PID    uint32     // of the process that asked; 0: unknown
	TTY    string     // its terminal, as pts/3; "": it has none, or that is unknown
	From   netip.Addr // where the shell's user sits, as the shell says; invalid: not said
	Signal string     // that gave the order, by its name; "": none did
	What   string     // an order that has no fact of its own, OrderStop or OrderRestart; "": another one
}

// The orders that have no fact of their own.
const (
	OrderStop    = "stop"
	OrderRestart = "restart"
)

func (*OperatorOrdered) Kind() Kind      { return KindOperatorOrdered }
func (*BulkActionOrdered) Kind() Kind    { return KindBulkActionOrdered }
func (*BulkActionCompleted) Kind() Kind  { return KindBulkActionCompleted }
func (*RecipientsDeleted) Kind() Kind    { return KindRecipientsDeleted }
func (*RecipientsBounced) Kind() Kind    { return KindRecipientsBounced }
func (*RecipientsRedirected) Kind() Kind { return KindRecipientsRedirected }
func (*RecipientsReinstated) Kind() Kind { return KindRecipientsReinstated }
func (*UndoEnded) Kind() Kind            { return KindUndoEnded }
func (*MessageRemoved) Kind() Kind       { return KindMessageRemoved }
func (*Held) Kind() Kind                 { return KindHeld }
func (*Unheld) Kind() Kind               { return KindUnheld }
func (*DeliverySuspended) Kind() Kind    { return KindDeliverySuspended }
func (*DeliveryResumed) Kind() Kind      { return KindDeliveryResumed }
func (*ListenerSuspended) Kind() Kind    { return KindListenerSuspended }
func (*ListenerResumed) Kind() Kind      { return KindListenerResumed }
func (*DeliveryForced) Kind() Kind       { return KindDeliveryForced }
func (*OperatorLoggedIn) Kind() Kind     { return KindOperatorLoggedIn }
func (*OperatorLoggedOut) Kind() Kind    { return KindOperatorLoggedOut }

func messageRecipients(c *coder, n int, v *[]MessageRecipients) {
	list(c, n, v, func(c *coder, m *MessageRecipients) {
		c.uint64(1, &m.Message)
		c.uint32(2, &m.MID)
		c.string(3, &m.Destination)
		c.uint32s(4, &m.RIDs)
		c.bool(5, &m.Finished)
		c.uint32s(6, &m.Attempts)
		c.instants(7, &m.Next)
		c.instant(8, &m.Injected)
		c.bool(9, &m.Held)
		c.string(10, &m.Redirect)
		c.uint32s(11, &m.Notify)
	})
}

func reinstatedMessages(c *coder, n int, v *[]ReinstatedMessage) {
	list(c, n, v, func(c *coder, m *ReinstatedMessage) {
		c.uint64(1, &m.Message)
		c.uint32(2, &m.MID)
		c.uint32(3, &m.ICID)
		c.instant(4, &m.Injected)
		c.int64(5, &m.Size)
		c.uint64(6, (*uint64)(&m.Body))
		c.uint8(7, (*uint8)(&m.Why))
		c.uint64(8, &m.Parent)
		c.uint32(9, &m.ParentMID)
		c.uint64(10, &m.SenderHash)
		c.uint32(11, &m.Recipients)
		c.bool(12, &m.InWorkQueue)
	})
}

func (e *BulkActionOrdered) fields(c *coder) {
	c.string(1, &e.Action)
	c.string(2, &e.By)
	c.private(3, &e.Selection)
	c.string(4, &e.Target)
	c.uint64(5, (*uint64)(&e.Set))
	c.uint64(6, &e.Recipients)
	c.uint64(7, &e.Messages)
	c.uint64(8, &e.AsOf)
	c.uint64(9, &e.Undone)
	c.int64(10, &e.ClockShift)
	c.string(11, &e.Reason)
}

func (e *BulkActionCompleted) fields(c *coder) {
	c.uint64(1, &e.Action)
	c.uint64(2, &e.Recipients)
	c.uint64(3, &e.Messages)
	messageRecipients(c, 4, &e.Excluded)
}

func (e *RecipientsDeleted) fields(c *coder) {
	c.uint64(1, &e.Action)
	c.string(2, &e.By)
	c.bool(3, &e.Unsubscribe)
	messageRecipients(c, 4, &e.Set)
}

func (e *RecipientsBounced) fields(c *coder) {
	c.uint64(1, &e.Action)
	c.string(2, &e.By)
	messageRecipients(c, 3, &e.Set)
}

func (e *RecipientsRedirected) fields(c *coder) {
	c.uint64(1, &e.Action)
	c.string(2, &e.By)
	c.string(3, &e.Target)
	messageRecipients(c, 4, &e.Set)
}

func (e *RecipientsReinstated) fields(c *coder) {
	c.uint64(1, &e.Action)
	c.uint64(2, &e.Undone)
	c.string(3, &e.By)
	messageRecipients(c, 4, &e.Set)
	reinstatedMessages(c, 5, &e.Messages)
	c.string(6, &e.Target)
}

func (e *UndoEnded) fields(c *coder) {
	c.uint64(1, &e.Action)
	c.string(2, &e.Reason)
}

func (e *MessageRemoved) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint32(2, &e.MID)
	c.string(3, &e.By)
	c.uint32s(4, &e.RIDs)
	c.string(5, &e.Archive)
}

func (e *Held) fields(c *coder) {
	c.uint64(1, &e.Action)
	c.string(2, &e.By)
	c.string(3, &e.Reason)
	messageRecipients(c, 4, &e.Set)
}

func (e *Unheld) fields(c *coder) {
	c.uint64(1, &e.Action)
	c.string(2, &e.By)
	messageRecipients(c, 3, &e.Set)
}

func (e *DeliverySuspended) fields(c *coder) {
	c.string(1, &e.By)
	c.strings(2, &e.Domains)
}

func (e *DeliveryResumed) fields(c *coder) {
	c.string(1, &e.By)
	c.strings(2, &e.Domains)
}

func (e *ListenerSuspended) fields(c *coder) {
	c.string(1, &e.By)
	c.string(2, &e.Listener)
}

func (e *ListenerResumed) fields(c *coder) {
	c.string(1, &e.By)
	c.string(2, &e.Listener)
}

func (e *DeliveryForced) fields(c *coder) {
	c.string(1, &e.By)
	c.string(2, &e.Domain)
}

func (e *OperatorLoggedIn) fields(c *coder) {
	c.uint64(1, &e.Session)
	c.string(2, &e.By)
	c.addr(3, &e.From)
}

func (e *OperatorLoggedOut) fields(c *coder) {
	c.uint64(1, &e.Session)
	c.string(2, &e.By)
	c.addr(3, &e.From)
}

func (e *OperatorOrdered) fields(c *coder) {
	c.string(1, &e.By)
	c.uint32(2, &e.UID)
	c.uint32(3, &e.PID)
	c.string(4, &e.TTY)
	c.addr(5, &e.From)
	c.string(6, &e.Signal)
	c.string(7, &e.What)
}
