package journal

import "time"

// Instant is a wall clock reading, in nanoseconds since the Unix epoch, UTC; zero means "none". Facts carry instants and
// never a time.Time: no pointer, no zone, no monotonic part.
type Instant int64

// InstantOf drops everything of t but the wall clock.
func InstantOf(t time.Time) Instant {
	if t.IsZero() {
		return 0
	}
	return Instant(t.UnixNano())
}

// Time is the instant in UTC; the zero Instant is the zero time.
func (i Instant) Time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(i)).UTC()
}

// MarshalJSON writes RFC 3339 with nanoseconds, and null where there is none.
func (i Instant) MarshalJSON() ([]byte, error) {
	if i == 0 {
		return []byte("null"), nil
	}
	return i.Time().MarshalJSON()
}

// UnmarshalJSON reads what MarshalJSON has written.
func (i *Instant) UnmarshalJSON(text []byte) error {
	var at time.Time // null leaves it zero
	if err := at.UnmarshalJSON(text); err != nil {
		return err
	}
	*i = InstantOf(at)
	return nil
}

// Add returns i moved by d.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// Sub returns i − j.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i - j) }

// Event is one of the closed set of facts in this package. A fact is a pointer to one of its structs, which hold no
// pointers of their own beyond strings and slices, and it is never changed once it has been handed to Append.
type Event interface {
	// Kind names the fact in the encoding; it is never reused for another meaning.
	Kind() Kind
	// fields lists the fact's fields, in ascending order of their numbers, to an encoder or to a decoder.
	fields(c *coder)
}

// Record is a fact in its place. Seq is dense, starts at 1 and is never reused: it is the identity of things inside.
type Record struct {
	Seq   uint64
	Time  Instant
	Event Event
}

// Kind is the number of a fact in the encoding.
type Kind uint16

// IDKind tells the three public ids apart.
type IDKind uint8

// The public ids (design: 31 bits, reset to zero at 2^31, zero itself is never given).
const (
	MID  IDKind = 1 // message
	ICID IDKind = 2 // injection connection
	DCID IDKind = 3 // delivery connection
)

// IDLimit is the first number that a public id never reaches.
const IDLimit = 1 << 31

// String gives the id's name as operators know it.
func (k IDKind) String() string {
	switch k {
	case MID:
		return "MID"
	case ICID:
		return "ICID"
	case DCID:
		return "DCID"
	}
	return "ID?"
}

// The kinds. Numbers below 1000 are given in groups of ten to the chapters of the vocabulary; a number once released keeps
// its meaning for ever.
const (
	KindStarted                     Kind = 1
	KindStopped                     Kind = 2
	KindClockJumped                 Kind = 3
	KindIDsReserved                 Kind = 4
	KindConfigurationCommitted      Kind = 5
	KindCountersReset               Kind = 6
	KindResourceConservationChanged Kind = 7
	KindAlertRaised                 Kind = 8
	KindAlertCleared                Kind = 9
	KindLogRolledOver               Kind = 10
	KindHistoryCut                  Kind = 11
	KindForgotten                   Kind = 12
	KindSampled                     Kind = 13
	KindNotesOmitted                Kind = 14
	KindSettled                     Kind = 15

	KindConnectionAccepted    Kind = 20
	KindSenderGroupMatched    Kind = 21
	KindConnectionSecured     Kind = 22
	KindConnectionRefused     Kind = 23
	KindReceivingAborted      Kind = 24
	KindConnectionClosed      Kind = 25
	KindConnectionInterrupted Kind = 26

	KindMessageInjected Kind = 30

	KindRewritten        Kind = 40
	KindSplit            Kind = 41
	KindCopied           Kind = 42
	KindPolicyMatched    Kind = 43
	KindScanned          Kind = 44
	KindQuarantined      Kind = 45
	KindReleased         Kind = 46
	KindDropped          Kind = 47
	KindQueued           Kind = 48
	KindWorkQueuePaused  Kind = 49
	KindWorkQueueResumed Kind = 50

	KindAttemptStarted            Kind = 60
	KindDeliveryConnectionOpened  Kind = 61
	KindDeliveryConnectionSecured Kind = 62
	KindDeliveryConnectionFailed  Kind = 63
	KindDeliveryStarted           Kind = 64
	KindDataSent                  Kind = 65
	KindDelivered                 Kind = 66
	KindSoftBounced               Kind = 67
	KindHardBounced               Kind = 68
	KindOutcomeUnknown            Kind = 69
	KindDoubleBounced             Kind = 70
	KindDeliveryConnectionClosed  Kind = 71
	KindHostDown                  Kind = 72
	KindHostUp                    Kind = 73
	KindSetAside                  Kind = 74
	KindDestinationsForgotten     Kind = 75
	KindNotificationDropped       Kind = 76
	KindDoubtAnswered             Kind = 77

	KindBulkActionOrdered    Kind = 80
	KindBulkActionCompleted  Kind = 81
	KindRecipientsDeleted    Kind = 82
	KindRecipientsBounced    Kind = 83
	KindRecipientsRedirected Kind = 84
	KindRecipientsReinstated Kind = 85
	KindMessageRemoved       Kind = 86
	KindHeld                 Kind = 87
	KindUnheld               Kind = 88
	KindDeliverySuspended    Kind = 89
	KindDeliveryResumed      Kind = 90
	KindListenerSuspended    Kind = 91
	KindListenerResumed      Kind = 92
	KindDeliveryForced       Kind = 93
	KindOperatorLoggedIn     Kind = 94
	KindOperatorLoggedOut    Kind = 95
	KindUndoEnded            Kind = 96
	KindOperatorOrdered      Kind = 97
)
