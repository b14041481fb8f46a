package bench

import (
	"fmt"
	"time"

	"postern/journal"
	"postern/projections"
)

// TopHosts is how long a look at the first 20 of so many destinations takes, the median of the order that is slowest.
func TopHosts(destinations int) (time.Duration, error) {
	f := projections.NewFigures(0)
	now := time.Now()
	for i := range destinations {
		m := &journal.MessageInjected{MID: uint32(i + 1), Size: 1000, Queued: true}
		for r := range 1 + i*7919%13 {
			m.Recipients = append(m.Recipients, journal.InjectedRecipient{Local: fmt.Sprint("user", r), Domain: fmt.Sprintf("host-%d.example", i)})
		}
		f.Apply(journal.Record{Seq: uint64(i + 1), Time: journal.InstantOf(now), Event: m})
	}
	var slowest float64
	for _, order := range []projections.HostOrder{projections.ByActive, projections.ByConnections, projections.ByDelivered, projections.BySoftBounced, projections.ByHardBounced} {
		var took []float64
		for range 101 {
			began := time.Now()
			if n := len(f.Top(20, order, now)); n != 20 {
				return 0, fmt.Errorf("%d destinations instead of 20", n)
			}
			took = append(took, float64(time.Since(began)))
		}
		slowest = max(slowest, median(took))
	}
	return time.Duration(slowest), nil
}
