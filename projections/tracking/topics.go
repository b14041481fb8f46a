package tracking

import (
	"hash/fnv"

	"postern/journal"
)

// Topics are what a segment notes mentions of that is no record: the facts of a kind, and those about a destination. No Seq
// is as high as they are.
const (
	kindTopics = 1 << 63
	hostTopics = kindTopics | 1<<62
)

func kindTopic(k journal.Kind) uint64 { return kindTopics | uint64(k) }

// hostTopic may be that of another destination, too: who asks looks at what he finds.
func hostTopic(destination string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(destination))
	return h.Sum64() | hostTopics
}

// noted are the kinds that an index notes all facts of. They are few: what changes the way of mail that it does not name, and
// attempts of which nobody knows how they ended.
var noted = journal.KindsOf(&journal.DeliverySuspended{}, &journal.WorkQueuePaused{}, &journal.BulkActionOrdered{}, &journal.ResourceConservationChanged{},
	&journal.ConfigurationCommitted{}, &journal.DeliveryForced{}, &journal.OutcomeUnknown{})
