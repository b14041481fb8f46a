package journal

// BodyID names a body in the store. Ids are never reused; zero means that there is none.
type BodyID uint64

// Why tells how a message came to be.
type Why uint8

// The origins of messages.
const (
	WhyReceived Why = 0 // over SMTP
	WhyBounce   Why = 1 // a delivery status notification of failures of Parent
	WhyDelay    Why = 2 // one of delays
	WhySuccess  Why = 3 // one of deliveries, asked for with NOTIFY=SUCCESS
	WhySplit    Why = 4
	WhyCopy     Why = 5
	WhyRewrite  Why = 6
	WhyAlert    Why = 7
)

// BodyForm is what MAIL said of the content (RFC 6152, RFC 3030).
type BodyForm uint8

// The forms of content.
const (
	Body7Bit   BodyForm = 0
	Body8Bit   BodyForm = 1
	BodyBinary BodyForm = 2
)

// Return is RFC 3461 RET.
type Return uint8

// The values of RET; zero means that it was not given.
const (
	ReturnFull    Return = 1
	ReturnHeaders Return = 2
)

// MessageInjected puts a message into the gateway's hands; it is the fact that a 250 to the final dot stands for. One such
// event prints as a whole transaction. Its Seq is the message's identity inside. Bounces, copies and splits are
// injections too, with ICID 0 and a Parent; a delivery status notification has no body of its own (Body is the parent's,
// which is kept for it) and is rendered from the facts in Reports at each attempt.
type MessageInjected struct {
	MID, ICID  uint32
	Size       int64 // bytes of the content as it will be sent, without dot-stuffing
	Body       BodyID
	Form       BodyForm
	SMTPUTF8   bool
	RequireTLS bool
	Return     Return
	Why        Why
	Queued     bool     // went straight to the delivery queue: no work queue had anything to do
	Parent     uint64   // Seq of the message it was made from
	ParentMID  uint32   //
	Reports    []uint64 // Seqs of the HardBounced (SoftBounced, Delivered) facts that a notification reports
	Sender     string   // private; "" is the null sender
	MessageID  string   // private; with its angle brackets
	Subject    string   // private; raw, without folding
	EnvID      string   // private; RFC 3461 ENVID, decoded
	Recipients []InjectedRecipient
	Rejected   []RejectedRecipient
}

func (*MessageInjected) Kind() Kind { return KindMessageInjected }

func (e *MessageInjected) fields(c *coder) {
	c.uint32(1, &e.MID)
	c.uint32(2, &e.ICID)
	c.int64(3, &e.Size)
	c.uint64(4, (*uint64)(&e.Body))
	c.uint8(5, (*uint8)(&e.Form))
	c.bool(6, &e.SMTPUTF8)
	c.bool(7, &e.RequireTLS)
	c.uint8(8, (*uint8)(&e.Return))
	c.uint8(9, (*uint8)(&e.Why))
	c.bool(10, &e.Queued)
	c.uint64(11, &e.Parent)
	c.uint32(12, &e.ParentMID)
	c.uint64s(13, &e.Reports)
	c.private(14, &e.Sender)
	c.private(15, &e.MessageID)
	c.private(16, &e.Subject)
	c.private(17, &e.EnvID)
	list(c, 18, &e.Recipients, injectedRecipientFields)
	list(c, 19, &e.Rejected, rejectedRecipientFields)
}

// Recipient returns the accepted recipient with that RID, or nil.
func (e *MessageInjected) Recipient(rid uint32) *InjectedRecipient {
	if int(rid) < len(e.Recipients) && e.Recipients[rid].RID == rid {
		return &e.Recipients[rid]
	}
	for i := range e.Recipients {
		if e.Recipients[i].RID == rid {
			return &e.Recipients[i]
		}
	}
	return nil
}
