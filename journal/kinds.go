package journal

import "fmt"

// kindInfo is what the encoding knows of a kind.
type kindInfo struct {
	name string
	// must says that a reader which does not know the kind has to stop: skipping it would give a wrong queue.
	must bool
	make func() Event
}

// kinds holds the closed set. A fact that changes who has which recipient must be understood; one that only tells about
// connections, samples, alerts and files may be skipped by an older binary.
var kinds = [...]kindInfo{
	KindStarted:                     {"Started", true, func() Event { return new(Started) }},
	KindStopped:                     {"Stopped", true, func() Event { return new(Stopped) }},
	KindClockJumped:                 {"ClockJumped", true, func() Event { return new(ClockJumped) }},
	KindIDsReserved:                 {"IDsReserved", true, func() Event { return new(IDsReserved) }},
	KindConfigurationCommitted:      {"ConfigurationCommitted", true, func() Event { return new(ConfigurationCommitted) }},
	KindCountersReset:               {"CountersReset", true, func() Event { return new(CountersReset) }},
	KindResourceConservationChanged: {"ResourceConservationChanged", true, func() Event { return new(ResourceConservationChanged) }},
	KindAlertRaised:                 {"AlertRaised", false, func() Event { return new(AlertRaised) }},
	KindAlertCleared:                {"AlertCleared", false, func() Event { return new(AlertCleared) }},
	KindLogRolledOver:               {"LogRolledOver", false, func() Event { return new(LogRolledOver) }},
	KindHistoryCut:                  {"HistoryCut", true, func() Event { return new(HistoryCut) }},
	KindForgotten:                   {"Forgotten", true, func() Event { return new(Forgotten) }},
	KindSampled:                     {"Sampled", false, func() Event { return new(Sampled) }},
	KindNotesOmitted:                {"NotesOmitted", false, func() Event { return new(NotesOmitted) }},
	KindSettled:                     {"Settled", false, func() Event { return new(Settled) }},

	KindConnectionAccepted:    {"ConnectionAccepted", false, func() Event { return new(ConnectionAccepted) }},
	KindSenderGroupMatched:    {"SenderGroupMatched", false, func() Event { return new(SenderGroupMatched) }},
	KindConnectionSecured:     {"ConnectionSecured", false, func() Event { return new(ConnectionSecured) }},
	KindConnectionRefused:     {"ConnectionRefused", false, func() Event { return new(ConnectionRefused) }},
	KindReceivingAborted:      {"ReceivingAborted", false, func() Event { return new(ReceivingAborted) }},
	KindConnectionClosed:      {"ConnectionClosed", false, func() Event { return new(ConnectionClosed) }},
	KindConnectionInterrupted: {"ConnectionInterrupted", false, func() Event { return new(ConnectionInterrupted) }},

	KindMessageInjected: {"MessageInjected", true, func() Event { return new(MessageInjected) }},

	KindRewritten:        {"Rewritten", true, func() Event { return new(Rewritten) }},
	KindSplit:            {"Split", true, func() Event { return new(Split) }},
	KindCopied:           {"Copied", true, func() Event { return new(Copied) }},
	KindPolicyMatched:    {"PolicyMatched", true, func() Event { return new(PolicyMatched) }},
	KindScanned:          {"Scanned", true, func() Event { return new(Scanned) }},
	KindQuarantined:      {"Quarantined", true, func() Event { return new(Quarantined) }},
	KindReleased:         {"Released", true, func() Event { return new(Released) }},
	KindDropped:          {"Dropped", true, func() Event { return new(Dropped) }},
	KindQueued:           {"Queued", true, func() Event { return new(Queued) }},
	KindWorkQueuePaused:  {"WorkQueuePaused", true, func() Event { return new(WorkQueuePaused) }},
	KindWorkQueueResumed: {"WorkQueueResumed", true, func() Event { return new(WorkQueueResumed) }},

	KindAttemptStarted:            {"AttemptStarted", true, func() Event { return new(AttemptStarted) }},
	KindDeliveryConnectionOpened:  {"DeliveryConnectionOpened", false, func() Event { return new(DeliveryConnectionOpened) }},
	KindDeliveryConnectionSecured: {"DeliveryConnectionSecured", false, func() Event { return new(DeliveryConnectionSecured) }},
	KindDeliveryConnectionFailed:  {"DeliveryConnectionFailed", false, func() Event { return new(DeliveryConnectionFailed) }},
	KindDeliveryStarted:           {"DeliveryStarted", true, func() Event { return new(DeliveryStarted) }},
	KindDataSent:                  {"DataSent", false, func() Event { return new(DataSent) }},
	KindDelivered:                 {"Delivered", true, func() Event { return new(Delivered) }},
	KindSoftBounced:               {"SoftBounced", true, func() Event { return new(SoftBounced) }},
	KindHardBounced:               {"HardBounced", true, func() Event { return new(HardBounced) }},
	KindOutcomeUnknown:            {"OutcomeUnknown", true, func() Event { return new(OutcomeUnknown) }},
	KindDoubleBounced:             {"DoubleBounced", true, func() Event { return new(DoubleBounced) }},
	KindDeliveryConnectionClosed:  {"DeliveryConnectionClosed", false, func() Event { return new(DeliveryConnectionClosed) }},
	KindHostDown:                  {"HostDown", true, func() Event { return new(HostDown) }},
	KindHostUp:                    {"HostUp", true, func() Event { return new(HostUp) }},
	KindSetAside:                  {"SetAside", true, func() Event { return new(SetAside) }},
	KindDestinationsForgotten:     {"DestinationsForgotten", true, func() Event { return new(DestinationsForgotten) }},
	KindNotificationDropped:       {"NotificationDropped", true, func() Event { return new(NotificationDropped) }},
	KindDoubtAnswered:             {"DoubtAnswered", false, func() Event { return new(DoubtAnswered) }},

	KindBulkActionOrdered:    {"BulkActionOrdered", true, func() Event { return new(BulkActionOrdered) }},
	KindBulkActionCompleted:  {"BulkActionCompleted", true, func() Event { return new(BulkActionCompleted) }},
	KindRecipientsDeleted:    {"RecipientsDeleted", true, func() Event { return new(RecipientsDeleted) }},
	KindRecipientsBounced:    {"RecipientsBounced", true, func() Event { return new(RecipientsBounced) }},
	KindRecipientsRedirected: {"RecipientsRedirected", true, func() Event { return new(RecipientsRedirected) }},
	KindRecipientsReinstated: {"RecipientsReinstated", true, func() Event { return new(RecipientsReinstated) }},
	KindMessageRemoved:       {"MessageRemoved", true, func() Event { return new(MessageRemoved) }},
	KindHeld:                 {"Held", true, func() Event { return new(Held) }},
	KindUnheld:               {"Unheld", true, func() Event { return new(Unheld) }},
	KindDeliverySuspended:    {"DeliverySuspended", true, func() Event { return new(DeliverySuspended) }},
	KindDeliveryResumed:      {"DeliveryResumed", true, func() Event { return new(DeliveryResumed) }},
	KindListenerSuspended:    {"ListenerSuspended", true, func() Event { return new(ListenerSuspended) }},
	KindListenerResumed:      {"ListenerResumed", true, func() Event { return new(ListenerResumed) }},
	KindDeliveryForced:       {"DeliveryForced", true, func() Event { return new(DeliveryForced) }},
	KindOperatorLoggedIn:     {"OperatorLoggedIn", false, func() Event { return new(OperatorLoggedIn) }},
	KindOperatorLoggedOut:    {"OperatorLoggedOut", false, func() Event { return new(OperatorLoggedOut) }},
	KindUndoEnded:            {"UndoEnded", true, func() Event { return new(UndoEnded) }},
	KindOperatorOrdered:      {"OperatorOrdered", false, func() Event { return new(OperatorOrdered) }},
}

func (k Kind) info() *kindInfo {
	if int(k) < len(kinds) && kinds[k].make != nil {
		return &kinds[k]
	}
	return nil
}

// String gives the name of the fact.
func (k Kind) String() string {
	if i := k.info(); i != nil {
		return i.name
	}
	return fmt.Sprintf("Kind(%d)", uint16(k))
}

// Kinds returns every kind of the vocabulary, ascending.
func Kinds() []Kind {
	var out []Kind
	for k := range kinds {
		if kinds[k].make != nil {
			out = append(out, Kind(k))
		}
	}
	return out
}

// NewEvent returns an empty event of a kind of the vocabulary, nil for any other.
func NewEvent(k Kind) Event {
	if i := k.info(); i != nil {
		return i.make()
	}
	return nil
}

// Unknown is a fact that a newer binary wrote and that an older one may skip; it is kept as it stands.
type Unknown struct {
	K               Kind
	Public, Private []byte
}

// Kind implements Event.
func (u *Unknown) Kind() Kind { return u.K }

func (u *Unknown) fields(c *coder) {
	if c.reading {
		u.Public, u.Private = c.pub.b, c.priv.b
		return
	}
	c.pub.b = append(c.pub.b, u.Public...)
	c.priv.b = append(c.priv.b, u.Private...)
}

// NewerError says that the journal holds something that a newer version wrote and that this one must not skip.
type NewerError struct {
	Seq  uint64 // of the record, or of the first one in its block
	Kind Kind   // 0 when the block itself has an unknown form
}

func (e *NewerError) Error() string {
	if e.Kind == 0 {
		return fmt.Sprintf("journal: the block at %d was written by a newer version", e.Seq)
	}
	return fmt.Sprintf("journal: record %d of kind %d was written by a newer version", e.Seq, uint16(e.Kind))
}
