package web

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"postern/projections"
)

// maxHosts is how many destinations have metrics of their own.
const maxHosts = 20

// serveMetrics answers /metrics.
func (s *Server) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	v, hosts := s.status(), s.busiestHosts()
	e := &exposition{}
	e.b.Grow(48 << 10)
	e.system(v)
	e.counters(v)
	e.rates(v)
	e.gauges(v)
	e.hosts(hosts)
	s.ownMetrics(e)
	e.process(v)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(e.b.Bytes())
}

// systemStates are the words of System status.
var systemStates = []string{projections.SystemOnline, projections.SystemReceivingSuspended, projections.SystemDeliverySuspended, projections.SystemOffline}

func (e *exposition) system(v projections.Status) {
	e.metric("postern_info", typeGauge, "The gateway that answers.")
	e.whole(1, "hostname", v.Hostname, "version", v.Build)
	e.metric("postern_system_status", typeGauge, "1 for the state that the system is in.")
	for _, state := range systemStates {
		e.whole(truth(v.System == state), "status", strings.ToLower(state))
	}
	e.one("postern_start_time_seconds", typeGauge, "When the gateway was started, in seconds since 1970.", unix(v.BirthTime))
	e.one("postern_uptime_seconds", typeGauge, "For how long it has run.", v.UptimeSeconds)
	e.one("postern_boots_total", typeCounter, "How often it was started.", int64(v.Boots))
	e.one("postern_last_reset_time_seconds", typeGauge, "When operators last reset the counters that they look at, in seconds since 1970; 0: never.", unix(v.LastCounterReset))
	e.one("postern_configuration_revision", typeGauge, "The revision of the configuration in force.", int64(v.Revision))
	e.one("postern_work_queue_paused", typeGauge, "1 when the work queue is paused.", truth(v.WorkQueuePaused))
	e.one("postern_delivery_suspended_domains", typeGauge, "Domains to which delivery is suspended; all of them count as one.", int64(len(v.DeliverySuspended)))
	e.one("postern_figures_record", typeGauge, "The last record of the journal that these figures have seen.", int64(v.Seq))
	e.one("postern_oldest_message_seconds", typeGauge, "The age of the oldest message that is not in quarantine; 0: there is none.", v.Oldest.Seconds)
	e.metric("postern_current_id", typeGauge, "The id of each kind that was given last; ids begin anew at 2^31.")
	e.count(uint64(v.IDs.MID), "id", "message_id")
	e.count(uint64(v.IDs.ICID), "id", "injection_conn_id")
	e.count(uint64(v.IDs.DCID), "id", "delivery_conn_id")
}

// counters are the lifetime columns: Prometheus computes the others better than the gateway could.
func (e *exposition) counters(v projections.Status) {
	for c := range projections.NumCounters {
		e.metric(metricName(c.Name())+"_total", typeCounter, c.Label()+", since the journal began.")
		e.count(v.Counters[c].Lifetime)
	}
}

func (e *exposition) rates(v projections.Status) {
	e.metric("postern_rate_per_hour", typeGauge, "Events an hour, as status detail shows them.")
	for i, c := range projections.RateCounters() {
		e.count(v.Rates[i].Minute, "event", c.Name(), "window", "1m")
		e.count(v.Rates[i].Minutes5, "event", c.Name(), "window", "5m")
		e.count(v.Rates[i].Quarter, "event", c.Name(), "window", "15m")
	}
}

// gauges are all that anybody has registered, also those that this table does not know.
func (e *exposition) gauges(v projections.Status) {
	for _, name := range slices.Sorted(maps.Keys(v.Gauges)) {
		if _, counted := projections.CounterNamed(name); counted {
			continue // what status makes a counter of
		}
		x, ok := gaugeTable[name]
		if !ok {
			x.help = "The gauge " + name + "."
		}
		if x.grows {
			e.one(metricName(name)+"_total", typeCounter, x.help, v.Gauges[name])
		} else {
			e.one(metricName(name), typeGauge, x.help, v.Gauges[name])
		}
	}
}

// stepTime is how long one answer may look for the busiest destinations: some thousands of them. The rest comes with the next.
const stepTime = time.Millisecond / 2

// busiestHosts goes on looking for them, and gives those that are known.
func (s *Server) busiestHosts() []projections.HostStatus {
	b := &s.busiest
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leaders.Search(s.Follower, s.Figures, s.now, stepTime)
	var hosts []projections.HostStatus
	s.Follower.Peek(func() { hosts = b.leaders.View(s.Figures, s.now()) })
	return hosts
}

// hostMetrics are what is told of each destination; the counters run since the last reset.
var hostMetrics = []struct {
	name, kind, help string
	of               func(h *projections.HostStatus) uint64
}{
	{"active_recips", typeGauge, "Recipients in the delivery queue for it.", func(h *projections.HostStatus) uint64 { return h.Active }},
	{"unattempted_recips", typeGauge, "Those of them that were not tried yet.", func(h *projections.HostStatus) uint64 { return h.Unattempted }},
	{"attempted_recips", typeGauge, "Those of them that were tried.", func(h *projections.HostStatus) uint64 { return h.Attempted }},
	{"conn_out", typeGauge, "Open connections to it.", func(h *projections.HostStatus) uint64 { return h.Connections }},
	{"down", typeGauge, "1 when it could not be reached.", func(h *projections.HostStatus) uint64 { return uint64(truth(h.State == projections.HostStateDown)) }},
	{"delivered_recips_total", typeCounter, "Recipients delivered, since the last reset.", func(h *projections.HostStatus) uint64 { return h.Delivered }},
	{"soft_bounced_evts_total", typeCounter, "Soft bounced events, since the last reset.", func(h *projections.HostStatus) uint64 { return h.SoftBounced }},
	{"hard_bounced_recips_total", typeCounter, "Hard bounced recipients, since the last reset.", func(h *projections.HostStatus) uint64 { return h.HardBounced }},
	{"deleted_recips_total", typeCounter, "Recipients that operators deleted, since the last reset.", func(h *projections.HostStatus) uint64 { return h.Deleted }},
}

func (e *exposition) hosts(hosts []projections.HostStatus) {
	seen := make(map[string]bool, len(hosts))
	hosts = slices.DeleteFunc(hosts, func(h projections.HostStatus) bool {
		label := labelValue(h.Host)
		twice := seen[label] // two hostile names may look the same
		seen[label] = true
		return twice
	})
	for _, m := range hostMetrics {
		e.metric("postern_host_"+m.name, m.kind, "Of the busiest destinations: "+m.help)
		for i := range hosts {
			e.count(m.of(&hosts[i]), "host", hosts[i].Host)
		}
	}
}

// ownMetrics are of this server itself.
func (s *Server) ownMetrics(e *exposition) {
	e.metric("postern_http_requests_total", typeCounter, "Requests to this server.")
	e.count(s.requests.Load())
	e.metric("postern_http_wrong_passwords_total", typeCounter, "Requests with a wrong user or password that were judged.")
	e.count(s.guard.wrong.Load())
	e.metric("postern_http_refused_conns_total", typeCounter, "Connections to this server that there was no room for.")
	e.count(s.door.Load().refused.Load())
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
