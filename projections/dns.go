package projections

import "postern/journal"

// The resolver counts by itself, from zero at each start; no fact tells of a single question. Once a minute, at the end of
// a run and just before a reset, Sampled says how far it has come. So Lifetime grows over restarts, and what a crash loses
// is less than a minute's questions.

// resolverCounters are what the resolver counts, and the gauges by which a daemon is asked for it.
var resolverCounters = [...]struct {
	counter Counter
	gauge   string
}{
	{DNSRequests, GaugeDNSRequests}, {NetworkRequests, GaugeNetworkRequests}, {CacheHits, GaugeCacheHits},
	{CacheMisses, GaugeCacheMisses}, {CacheExceptions, GaugeCacheExceptions}, {CacheExpired, GaugeCacheExpired},
}

// resolver folds what the resolver has counted since the start. A sample that comes late says less than is known.
func (c *Counters) resolver(e *journal.Sampled) {
	for i := range e.Values {
		for _, r := range resolverCounters {
			if v := &e.Values[i]; v.Name == r.gauge && v.Value > 0 {
				c.lifetime[r.counter] = max(c.lifetime[r.counter], c.atStart[r.counter]+uint64(v.Value))
			}
		}
	}
}

// resolverSample adds to a sample what the resolver has counted since the start; the status log has its Reset column.
func (v *Status) resolverSample(e *journal.Sampled) *journal.Sampled {
	for _, r := range resolverCounters {
		if n := v.Counters[r.counter].Uptime; n > 0 {
			e.Values = append(e.Values, journal.NamedValue{Name: r.gauge, Value: int64(n)})
		}
	}
	return e
}

// resolverView makes the counters of the moment from what a running resolver says.
func (f *Figures) resolverView(v *Status) {
	for _, r := range resolverCounters {
		n, live := v.Gauges[r.gauge]
		if !live {
			continue
		}
		delete(v.Gauges, r.gauge)
		k := r.counter
		lifetime := max(f.counters.lifetime[k], f.counters.atStart[k]+uint64(max(n, 0)))
		v.Counters[k] = Columns{Reset: lifetime - f.counters.atReset[k], Uptime: lifetime - f.counters.atStart[k], Lifetime: lifetime}
	}
}
