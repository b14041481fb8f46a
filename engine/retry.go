package engine

import (
	"time"

	"postern/engine/config"
)

// retryAfter is the time between attempt number n (1 for the first) and the next: it doubles from the initial to the
// longest interval, with ±10 % of jitter, so that what failed together does not come back together. draw is in [0, 1).
func retryAfter(r config.Retry, n uint32, draw float64) time.Duration {
	initial, longest := time.Duration(r.InitialSeconds)*time.Second, time.Duration(r.MaxSeconds)*time.Second
	d := initial
	for i := uint32(1); i < n && d < longest; i++ {
		d *= 2
	}
	d = min(d, longest)
	return d + time.Duration((draw-0.5)*0.2*float64(d))
}
