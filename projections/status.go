package projections

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"postern/journal"
)

// The words of System status.
const (
	SystemOnline             = "Online"
	SystemOffline            = "Offline"
	SystemReceivingSuspended = "Receiving Suspended"
	SystemDeliverySuspended  = "Delivery Suspended"
)

// Status is everything that status, status detail and the status feeds show, as of one Seq. Its JSON has the names of the
// XML status feed where that has them. What was not recorded (a gauge that lives only in a daemon) is missing in Gauges.
type Status struct {
	Seq              uint64            `json:"seq"`
	Build            string            `json:"build"` // version of the binary
	Hostname         string            `json:"hostname"`
	Timestamp        time.Time         `json:"timestamp"`
	Running          bool              `json:"running"`
	BirthTime        time.Time         `json:"birth_time,omitzero"` // of the last start
	UptimeSeconds    int64             `json:"uptime_seconds"`      // 0 when it does not run
	Boots            uint64            `json:"boots"`
	LastCounterReset time.Time         `json:"last_counter_reset,omitzero"` // zero: never
	System           string            `json:"system"`
	Oldest           OldestMessage     `json:"oldest_message"`
	Counters         CounterValues     `json:"counters"`
	IDs              CurrentIDs        `json:"current_ids"`
	Rates            RateValues        `json:"rates"`
	Gauges           map[string]int64  `json:"gauges"`
	Texts            map[string]string `json:"texts,omitempty"`
	Past             *Moment           `json:"past,omitempty"` // nil: it is of the present

	DeliverySuspended   []string `json:"delivery_suspended,omitempty"` // domains; "*" is all
	ListenersSuspended  []string `json:"listeners_suspended,omitempty"`
	WorkQueuePaused     bool     `json:"work_queue_paused"`
	WorkQueueReason     string   `json:"work_queue_reason,omitempty"`
	WorkQueueBy         string   `json:"work_queue_paused_by,omitempty"`
	WorkQueueIn         uint64   `json:"work_queue_in"`  // messages that ever came into it
	WorkQueueOut        uint64   `json:"work_queue_out"` // messages that ever left it
	ConservationReasons []string `json:"conservation_reasons,omitempty"`
	Revision            uint64   `json:"configuration_revision"`
}

// OldestMessage is the oldest message that is not in quarantine; MID 0: there is none.
type OldestMessage struct {
	Seconds int64     `json:"secs"`
	MID     uint32    `json:"mid"`
	Since   time.Time `json:"since,omitzero"`
}

// CurrentIDs are the ids given last, 0 when none was given.
type CurrentIDs struct {
	MID  uint32 `json:"message_id"`
	ICID uint32 `json:"injection_conn_id"`
	DCID uint32 `json:"delivery_conn_id"`
}

// RateValues are the rates in the order of RateCounters; as JSON an object by name.
type RateValues [numRates]Rate

// Of returns the rate of a counter, zero for one that has none.
func (v *RateValues) Of(c Counter) Rate {
	if i := slices.Index(rateCounters[:], c); i >= 0 {
		return v[i]
	}
	return Rate{}
}

// MarshalJSON writes the rates by name.
func (v RateValues) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, k := range rateCounters {
		sep := byte(',')
		if i == 0 {
			sep = '{'
		}
		b.WriteByte(sep)
		fmt.Fprintf(&b, `%q:{"last_1_min":%d,"last_5_min":%d,"last_15_min":%d}`, k.Name(), v[i].Minute, v[i].Minutes5, v[i].Quarter)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (v *RateValues) UnmarshalJSON(data []byte) error {
	var named map[string]Rate
	if err := json.Unmarshal(data, &named); err != nil {
		return err
	}
	for i, k := range rateCounters {
		v[i] = named[k.Name()]
	}
	return nil
}

// View puts the figures of the moment together; listeners are the names of the configured ones, so that "all suspended"
// can be told from "some". What the registry holds joins the gauges; the facts' own gauges win, but for inbound
// connections, since no fact tells of a client that has said nothing yet, and for outbound ones whose facts were omitted in
// a flood.
func (f *Figures) View(now time.Time, live *Gauges, listeners []string) Status {
	clock := now.UnixNano() - f.shift
	s := &f.system
	v := Status{
		Seq: f.seq, Build: s.version, Hostname: s.hostname, Timestamp: now.UTC(), Boots: s.boot,
		BirthTime: s.started.Time(), LastCounterReset: s.lastReset.Time(), System: s.state(listeners),
		Counters: f.counters.Values(), Rates: f.rates.At(seconds(clock)),
		IDs:    CurrentIDs{MID: s.ids[journal.MID].id, ICID: s.ids[journal.ICID].id, DCID: s.ids[journal.DCID].id},
		Gauges: make(map[string]int64), Texts: make(map[string]string),
		DeliverySuspended: s.deliverySuspended, ListenersSuspended: s.listenerSuspended,
		WorkQueuePaused: s.workQueuePaused, WorkQueueReason: s.pauseReason, WorkQueueBy: s.pausedBy,
		WorkQueueIn: s.workQueueIn, WorkQueueOut: s.workQueueIn - min(s.workQueueIn, f.queue.inWorkQueue),
		ConservationReasons: s.conservationWhy, Revision: s.revision,
	}
	if s.started != 0 && s.running {
		v.Running, v.UptimeSeconds = true, int64(max(now.Sub(s.started.Time()), 0)/time.Second)
	}
	v.Oldest = f.oldestAt(0, clock)
	live.fill(v.Gauges, v.Texts)
	f.resolverView(&v)
	f.gauges(clock, v.Gauges)
	return v
}

// gauges puts the facts' gauges into values.
func (f *Figures) gauges(clock int64, values map[string]int64) {
	q := &f.queue
	values[GaugeConservation] = int64(f.system.conservation)
	if _, live := values[GaugeInbound]; !live {
		values[GaugeInbound] = int64(len(f.connections.inbound))
	}
	if _, live := values[GaugeOutbound]; !live || !f.connections.inexact {
		values[GaugeOutbound] = int64(len(f.connections.outbound))
	}
	values[GaugeActive] = int64(q.unattempted + q.attempted)
	values[GaugeUnattempted] = int64(q.unattempted)
	values[GaugeAttempted] = int64(q.attempted)
	values[GaugeHeldBack] = int64(q.waiting)
	values[GaugeMessages] = int64(q.messages.live)
	values[GaugeWorkQueue] = int64(q.inWorkQueue)
	values[GaugeQuarantine] = int64(q.quarantined)
	values[GaugeQuarantineKilobytes] = int64(q.quarantineBytes / 1024)
	values[GaugeKilobytesUsed] = int64(q.bytes / 1024)
	values[GaugeDestinations] = int64(f.hosts.inMemory(clock))
	values[GaugeForgottenHosts] = int64(f.hosts.forgotten)
	values[GaugeSuspendedListener] = int64(len(f.system.listenerSuspended))
}

// state is System status. Delivery suspended for some domains only is Online.
func (s *system) state(listeners []string) string {
	delivery := slices.Contains(s.deliverySuspended, "*")
	receiving := len(s.listenerSuspended) > 0
	for _, l := range listeners {
		receiving = receiving && slices.Contains(s.listenerSuspended, l)
	}
	switch {
	case delivery && receiving:
		return SystemOffline
	case delivery:
		return SystemDeliverySuspended
	case receiving:
		return SystemReceivingSuspended
	}
	return SystemOnline
}

// oldestAt finds the oldest message, of a host unless it is 0. Its age is true also when the clock was set meanwhile.
func (f *Figures) oldestAt(host uint32, clock int64) OldestMessage {
	m, ok := f.queue.oldest(host)
	if !ok {
		return OldestMessage{}
	}
	since := int64(m.second)
	return OldestMessage{
		Seconds: max(seconds(clock)-since, 0), MID: m.mid,
		Since: time.Unix(0, since*int64(time.Second)+f.shift).UTC(),
	}
}

// Running tells whether the last run has not ended with Stopped, as far as the facts go.
func (f *Figures) Running() bool { return f.system.running }

// Counters returns a copy of the counters.
func (f *Figures) Counters() Counters { return f.counters }

// Bytes returns the sizes of the live messages, which Kilobytes Used is made of.
func (f *Figures) Bytes() uint64 { return f.queue.bytes }
