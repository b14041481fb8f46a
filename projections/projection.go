package projections

import (
	"time"

	"postern/journal"
)

// Projection is a fold over the records. Apply is total: a fact that does not fit is counted at most, and never panics; a
// record that is not beyond Seq is ignored. The event is shared with other readers and its strings alias a whole block, so
// a projection clones what it keeps. One goroutine applies; who looks meanwhile goes through its Follower.
type Projection interface {
	Apply(r journal.Record)
	Seq() uint64 // of the last record applied, 0 at the beginning
}

// seconds gives the second that a clock reading in nanoseconds lies in, also before the epoch.
func seconds(nanoseconds int64) int64 {
	s := nanoseconds / int64(time.Second)
	if nanoseconds%int64(time.Second) < 0 {
		s--
	}
	return s
}
