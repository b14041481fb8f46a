package journal

// The facts of the work queue: what was done to a message between its acceptance and the delivery queue. Message is always
// the Seq of the message's MessageInjected.

// Rewritten says that a message goes on under another MID (a filter changed its content).
type Rewritten struct {
	Message, New uint64
	MID, NewMID  uint32
	By           string
}

// Split says that some recipients of a message go on as a message of their own.
type Split struct {
	Message, New uint64
	MID, NewMID  uint32
	RIDs         []uint32 // that moved
	Policy       string
	Table        string // inbound or outbound
}

// Copied says that a message was made from another one, which goes on itself.
type Copied struct {
	Message, New uint64
	MID, NewMID  uint32
	By           string
}

// PolicyMatched names the per-recipient policy of a message.
type PolicyMatched struct {
	Message uint64
	MID     uint32
	Policy  string
	Table   string
}

// Scanned is an engine's verdict, an interim one or the final.
type Scanned struct {
	Message uint64
	MID     uint32
	Engine  string
	Interim bool
	Verdict string
}

// Quarantined puts a message into a quarantine.
type Quarantined struct {
	Message    uint64
	MID        uint32
	Quarantine string
	Rule       string
}

// Released takes a message out of a quarantine, towards delivery or, with Deleted, away.
type Released struct {
	Message    uint64
	MID        uint32
	Quarantine string
	Reason     string // manual, expired, queue full
	Deleted    bool
	Seconds    uint32 // how long it was there
	Last       bool   // it is in no quarantine any more
}

// Dropped ends a message by policy, without a notification.
type Dropped struct {
	Message uint64
	MID     uint32
	By      string
	RIDs    []uint32
	Filter  bool // its recipients count as filter hard bounces (anti-spam)
}

// Queued says that a message has left the work queue and waits for delivery.
type Queued struct {
	Message uint64
	MID     uint32
}

// WorkQueuePaused stops the processing of messages that are not yet in the delivery queue.
type WorkQueuePaused struct {
	Reason, By string
	Messages   uint32
}

// WorkQueueResumed ends a pause.
type WorkQueueResumed struct {
	By       string
	Messages uint32
}

func (*Rewritten) Kind() Kind        { return KindRewritten }
func (*Split) Kind() Kind            { return KindSplit }
func (*Copied) Kind() Kind           { return KindCopied }
func (*PolicyMatched) Kind() Kind    { return KindPolicyMatched }
func (*Scanned) Kind() Kind          { return KindScanned }
func (*Quarantined) Kind() Kind      { return KindQuarantined }
func (*Released) Kind() Kind         { return KindReleased }
func (*Dropped) Kind() Kind          { return KindDropped }
func (*Queued) Kind() Kind           { return KindQueued }
func (*WorkQueuePaused) Kind() Kind  { return KindWorkQueuePaused }
func (*WorkQueueResumed) Kind() Kind { return KindWorkQueueResumed }

func (e *Rewritten) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint64(2, &e.New)
	c.uint32(3, &e.MID)
	c.uint32(4, &e.NewMID)
	c.string(5, &e.By)
}

func (e *Split) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint64(2, &e.New)
	c.uint32(3, &e.MID)
	c.uint32(4, &e.NewMID)
	c.uint32s(5, &e.RIDs)
	c.string(6, &e.Policy)
	c.string(7, &e.Table)
}

func (e *Copied) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint64(2, &e.New)
	c.uint32(3, &e.MID)
	c.uint32(4, &e.NewMID)
	c.string(5, &e.By)
}

func (e *PolicyMatched) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint32(2, &e.MID)
	c.string(3, &e.Policy)
	c.string(4, &e.Table)
}

func (e *Scanned) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint32(2, &e.MID)
	c.string(3, &e.Engine)
	c.bool(4, &e.Interim)
	c.string(5, &e.Verdict)
}

func (e *Quarantined) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint32(2, &e.MID)
	c.string(3, &e.Quarantine)
	c.string(4, &e.Rule)
}

func (e *Released) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint32(2, &e.MID)
	c.string(3, &e.Quarantine)
	c.string(4, &e.Reason)
	c.bool(5, &e.Deleted)
	c.uint32(6, &e.Seconds)
	c.bool(7, &e.Last)
}

func (e *Dropped) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint32(2, &e.MID)
	c.string(3, &e.By)
	c.uint32s(4, &e.RIDs)
	c.bool(5, &e.Filter)
}

func (e *Queued) fields(c *coder) {
	c.uint64(1, &e.Message)
	c.uint32(2, &e.MID)
}

func (e *WorkQueuePaused) fields(c *coder) {
	c.string(1, &e.Reason)
	c.string(2, &e.By)
	c.uint32(3, &e.Messages)
}

func (e *WorkQueueResumed) fields(c *coder) {
	c.string(1, &e.By)
	c.uint32(2, &e.Messages)
}
