package journal

import "net/netip"

// ConnectionAccepted says that a client connected to a listener. Its reverse name may come later than its first facts;
// the event is written when the lookup has ended or was given up.
type ConnectionAccepted struct {
	ICID         uint32
	Listener     string // its name
	Interface    string // the name of the interface the listener stands on
	LocalAddress netip.Addr
	Remote       netip.Addr
	ReverseDNS   string // "" when unknown
	Verified     bool   // the forward lookup of ReverseDNS gave Remote
}

// SenderGroupMatched states under which policy a connection goes on.
type SenderGroupMatched struct {
	ICID       uint32
	Action     string // ACCEPT, RELAY, REJECT, TCPREFUSE, CONTINUE
	Group      string // "" prints as None
	Match      string // ALL, a network ...
	Reputation string // "" prints as None
}

// ConnectionSecured says that STARTTLS was done on an injection connection, or failed when Failure is not empty.
type ConnectionSecured struct {
	ICID             uint32
	Protocol, Cipher string
	Failure          string
}

// ConnectionRefused counts connections that never got an ICID: over a limit, or refused by policy. In a flood one fact
// stands for many.
type ConnectionRefused struct {
	Listener string
	Remote   netip.Addr // of the last one
	Reason   string
	Count    uint32
}

// ReceivingAborted ends a transaction that never became a message; with a MID if one was given.
type ReceivingAborted struct {
	ICID, MID  uint32
	Reason     string // "Receiving aborted", "Receiving aborted by sender", or what was refused
	Size       int64  // bytes received until then
	Sender     string // private
	Recipients []InjectedRecipient
	Rejected   []RejectedRecipient
}

// ConnectionClosed ends an injection connection.
type ConnectionClosed struct {
	ICID uint32
	How  string // "" in order; "lost", "timeout", "killed", ...
	// Rejected counts recipients refused outside of any transaction that has its own fact.
	Rejected uint32
}

// ConnectionInterrupted reports something that went wrong on an injection connection which goes on: a receiving failure,
// an unknown command in numbers.
type ConnectionInterrupted struct {
	ICID   uint32
	Reason string // as printed after "Receiving Failed: "
}

// InjectedRecipient is one accepted recipient of a message. The destination's domain is public, the local part is not.
type InjectedRecipient struct {
	RID    uint32
	Domain string // lower case, the destination
	Notify Notify // RFC 3461 NOTIFY
	Local  string // private; quoted where RFC 5321 asks for it
	ORcpt  string // private; RFC 3461 ORCPT, "type;address" decoded, "" when not given
}

// Address is local@domain, or the bare local part when there is no domain.
func (r *InjectedRecipient) Address() string {
	if r.Domain == "" {
		return r.Local
	}
	return r.Local + "@" + r.Domain
}

// RejectedRecipient is a recipient that was refused in a transaction.
type RejectedRecipient struct {
	By      string // RAT, Injection Control, ...
	Address string // private
}

// Notify is the set of RFC 3461 section 4.1; zero means that the parameter was not given.
type Notify uint8

// The members of Notify.
const (
	NotifyNever   Notify = 1
	NotifySuccess Notify = 2
	NotifyFailure Notify = 4
	NotifyDelay   Notify = 8
)

// WantsFailure tells whether a failure is to be reported: asked for, or not spoken of.
func (n Notify) WantsFailure() bool { return n == 0 || n&NotifyFailure != 0 }

func (*ConnectionAccepted) Kind() Kind    { return KindConnectionAccepted }
func (*SenderGroupMatched) Kind() Kind    { return KindSenderGroupMatched }
func (*ConnectionSecured) Kind() Kind     { return KindConnectionSecured }
func (*ConnectionRefused) Kind() Kind     { return KindConnectionRefused }
func (*ReceivingAborted) Kind() Kind      { return KindReceivingAborted }
func (*ConnectionClosed) Kind() Kind      { return KindConnectionClosed }
func (*ConnectionInterrupted) Kind() Kind { return KindConnectionInterrupted }

func (e *ConnectionAccepted) fields(c *coder) {
	c.uint32(1, &e.ICID)
	c.string(2, &e.Listener)
	c.string(3, &e.Interface)
	c.addr(4, &e.LocalAddress)
	c.addr(5, &e.Remote)
	c.string(6, &e.ReverseDNS)
	c.bool(7, &e.Verified)
}

func (e *SenderGroupMatched) fields(c *coder) {
	c.uint32(1, &e.ICID)
	c.string(2, &e.Action)
	c.string(3, &e.Group)
	c.string(4, &e.Match)
	c.string(5, &e.Reputation)
}

func (e *ConnectionSecured) fields(c *coder) {
	c.uint32(1, &e.ICID)
	c.string(2, &e.Protocol)
	c.string(3, &e.Cipher)
	c.string(4, &e.Failure)
}

func (e *ConnectionRefused) fields(c *coder) {
	c.string(1, &e.Listener)
	c.addr(2, &e.Remote)
	c.string(3, &e.Reason)
	c.uint32(4, &e.Count)
}

func (e *ReceivingAborted) fields(c *coder) {
	c.uint32(1, &e.ICID)
	c.uint32(2, &e.MID)
	c.string(3, &e.Reason)
	c.int64(4, &e.Size)
	c.private(5, &e.Sender)
	list(c, 6, &e.Recipients, injectedRecipientFields)
	list(c, 7, &e.Rejected, rejectedRecipientFields)
}

func (e *ConnectionClosed) fields(c *coder) {
	c.uint32(1, &e.ICID)
	c.string(2, &e.How)
	c.uint32(3, &e.Rejected)
}

func (e *ConnectionInterrupted) fields(c *coder) {
	c.uint32(1, &e.ICID)
	c.string(2, &e.Reason)
}

func injectedRecipientFields(c *coder, r *InjectedRecipient) {
	c.uint32(1, &r.RID)
	c.string(2, &r.Domain)
	c.uint8(3, (*uint8)(&r.Notify))
	c.private(4, &r.Local)
	c.private(5, &r.ORcpt)
}

func rejectedRecipientFields(c *coder, r *RejectedRecipient) {
	c.string(1, &r.By)
	c.private(2, &r.Address)
}
