package projections

import "postern/journal"

// MessageOf gives the message that a fact is about; 0: none, or several.
func MessageOf(e journal.Event) uint64 {
	switch e := e.(type) {
	case *journal.DeliveryStarted:
		return e.Message
	case *journal.DataSent:
		return e.Message
	case *journal.Delivered:
		return e.Message
	case *journal.SoftBounced:
		return e.Message
	case *journal.HardBounced:
		return e.Message
	case *journal.OutcomeUnknown:
		return e.Message
	case *journal.DoubtAnswered:
		return e.Message
	case *journal.DoubleBounced:
		return e.Message
	case *journal.SetAside:
		return e.Message
	case *journal.NotificationDropped:
		return e.Message
	case *journal.Rewritten:
		return e.Message
	case *journal.Split:
		return e.Message
	case *journal.Copied:
		return e.Message
	case *journal.PolicyMatched:
		return e.Message
	case *journal.Scanned:
		return e.Message
	case *journal.Quarantined:
		return e.Message
	case *journal.Released:
		return e.Message
	case *journal.Dropped:
		return e.Message
	case *journal.Queued:
		return e.Message
	case *journal.MessageRemoved:
		return e.Message
	}
	return 0
}

// SetOf gives the messages that a fact about several names.
func SetOf(e journal.Event) []journal.MessageRecipients {
	switch e := e.(type) {
	case *journal.RecipientsDeleted:
		return e.Set
	case *journal.RecipientsBounced:
		return e.Set
	case *journal.RecipientsRedirected:
		return e.Set
	case *journal.RecipientsReinstated:
		return e.Set
	case *journal.Held:
		return e.Set
	case *journal.Unheld:
		return e.Set
	}
	return nil
}
