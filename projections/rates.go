package projections

// rateCounters are the counters that have a rate, in the order of status and of the XML status feed.
var rateCounters = [...]Counter{MessagesReceived, RecipientsReceived, SoftBouncedEvents, CompletedRecipients, HardBounced, Delivered}

const numRates = len(rateCounters)

// RateCounters are the counters that have a rate, in the order in which they are shown.
func RateCounters() []Counter { return rateCounters[:] }

// rateRing is a power of two beyond the 15 minutes that the longest window needs.
const rateRing = 1024

// Rates counts events by the second in which they were recorded, for the last quarter of an hour. Seconds are those of
// the clock without its jumps, so that setting the clock neither loses nor invents events.
type Rates struct {
	ring [rateRing]rateSecond
}

type rateSecond struct {
	second int64
	n      [numRates]uint32
}

// Rate is how many events an hour there were, counted over the last one, five and fifteen minutes.
type Rate struct {
	Minute   uint64 `json:"last_1_min"`
	Minutes5 uint64 `json:"last_5_min"`
	Quarter  uint64 `json:"last_15_min"`
}

// at returns the counts of a second, cleared if the place held another one.
func (r *Rates) at(second int64) *rateSecond {
	b := &r.ring[uint64(second)%rateRing]
	if b.second != second {
		*b = rateSecond{second: second}
	}
	return b
}

// note adds what the counters have grown by since before.
func (r *Rates) note(second int64, before *[numRates]uint64, c *Counters) {
	var b *rateSecond
	for i, k := range rateCounters {
		if d := c.lifetime[k] - before[i]; d != 0 {
			if b == nil {
				b = r.at(second)
			}
			b.n[i] += uint32(d)
		}
	}
}

// At computes the rates of the windows that end with the given second, in the order of RateCounters.
func (r *Rates) At(second int64) (out [numRates]Rate) {
	var sum [3][numRates]uint64
	for i := range r.ring {
		b := &r.ring[i]
		age := second - b.second
		if age < 0 || age >= 15*60 {
			continue
		}
		for k, n := range b.n {
			sum[2][k] += uint64(n)
			if age < 5*60 {
				sum[1][k] += uint64(n)
			}
			if age < 60 {
				sum[0][k] += uint64(n)
			}
		}
	}
	for k := range out {
		out[k] = Rate{Minute: sum[0][k] * 60, Minutes5: sum[1][k] * 12, Quarter: sum[2][k] * 4}
	}
	return out
}
