package projections

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"postern/journal"
)

// Counter names one of the gateway's counters.
type Counter uint8

// The counters. Those up to GlobalUnsubHits are the ones of the XML status feed, in its order.
const (
	MessagesReceived Counter = iota
	RecipientsReceived
	GenBounceRecipients
	RejectedRecipients
	DroppedMessages
	SoftBouncedEvents
	CompletedRecipients
	HardBounced
	DNSHardBounces
	FiveXXHardBounces
	FilterHardBounces
	ExpiredHardBounces
	OtherHardBounces
	Delivered
	Deleted
	GlobalUnsubHits
	DomainKeysSigned    // stays 0 until there is a fact of signing
	Reinstated          // recipients that an undo brought back
	InjectedBytes       // sizes of what was answered 250
	UnknownOutcomes     // recipients' attempts that ended without our knowing how; soft bounced events too
	ExpandedRecipients  // of copies and alerts, which nobody handed in
	MovedInRecipients   // of messages made by a split or a rewriting
	MovedOutRecipients  // that left their message for such a one
	DroppedRecipients   // ended by policy and not counted as hard bounced
	ConnectionsAccepted //
	ConnectionsRefused  // never got an ICID
	DNSRequests         // these six the resolver counts, see dns.go
	NetworkRequests     //
	CacheHits           //
	CacheMisses         //
	CacheExceptions     //
	CacheExpired        //
	NumCounters
)

// NumFeedCounters is how many of the counters, from the first on, the XML status feed has.
const NumFeedCounters = GlobalUnsubHits + 1

// counterInfo says how the faces call a counter: Name in XML, JSON and metrics, Label in status.
type counterInfo struct{ name, label string }

var counterTable = [NumCounters]counterInfo{
	MessagesReceived:    {"inj_msgs", "Messages Received"},
	RecipientsReceived:  {"inj_recips", "Recipients Received"},
	GenBounceRecipients: {"gen_bounce_recips", "Gen. Bounce Recipients"},
	RejectedRecipients:  {"rejected_recips", "Rejected Recipients"},
	DroppedMessages:     {"dropped_msgs", "Dropped Messages"},
	SoftBouncedEvents:   {"soft_bounced_evts", "Soft Bounced Events"},
	CompletedRecipients: {"completed_recips", "Completed Recipients"},
	HardBounced:         {"hard_bounced_recips", "Hard Bounced Recipients"},
	DNSHardBounces:      {"dns_hard_bounced_recips", "DNS Hard Bounces"},
	FiveXXHardBounces:   {"5xx_hard_bounced_recips", "5XX Hard Bounces"},
	FilterHardBounces:   {"filter_hard_bounced_recips", "Filter Hard Bounces"},
	ExpiredHardBounces:  {"expired_hard_bounced_recips", "Expired Hard Bounces"},
	OtherHardBounces:    {"other_hard_bounced_recips", "Other Hard Bounces"},
	Delivered:           {"delivered_recips", "Delivered Recipients"},
	Deleted:             {"deleted_recips", "Deleted Recipients"},
	GlobalUnsubHits:     {"global_unsub_hits", "Global Unsub. Hits"},
	DomainKeysSigned:    {"domainkeys_signed_msgs", "DomainKeys Signed Msgs"},
	Reinstated:          {"reinstated_recips", "Reinstated Recipients"},
	InjectedBytes:       {"inj_bytes", "Bytes Received"},
	UnknownOutcomes:     {"unknown_outcomes", "Unknown Outcomes"},
	ExpandedRecipients:  {"expanded_recips", "Expanded Recipients"},
	MovedInRecipients:   {"moved_in_recips", "Recipients Moved In"},
	MovedOutRecipients:  {"moved_out_recips", "Recipients Moved Out"},
	DroppedRecipients:   {"dropped_recips", "Dropped Recipients"},
	ConnectionsAccepted: {"accepted_conns", "Connections Accepted"},
	ConnectionsRefused:  {"refused_conns", "Connections Refused"},
	DNSRequests:         {"dns_requests", "DNS Requests"},
	NetworkRequests:     {"network_requests", "Network Requests"},
	CacheHits:           {"cache_hits", "Cache Hits"},
	CacheMisses:         {"cache_misses", "Cache Misses"},
	CacheExceptions:     {"cache_exceptions", "Cache Exceptions"},
	CacheExpired:        {"cache_expired", "Cache Expired"},
}

var counterByName = func() map[string]Counter {
	m := make(map[string]Counter, NumCounters)
	for c := range NumCounters {
		m[c.Name()] = c
	}
	return m
}()

// Name is the counter's name in the XML status feed, in JSON and in metrics.
func (c Counter) Name() string {
	if c < NumCounters {
		return counterTable[c].name
	}
	return fmt.Sprintf("counter_%d", uint8(c))
}

// Label is the counter's row in status.
func (c Counter) Label() string {
	if c < NumCounters {
		return counterTable[c].label
	}
	return c.Name()
}

// CounterNamed finds a counter by its Name.
func CounterNamed(name string) (Counter, bool) {
	c, ok := counterByName[name]
	return c, ok
}

// Columns are the three versions of a counter: since the last reset (or ever, without one), since the start, and ever.
type Columns struct {
	Reset    uint64 `json:"reset"`
	Uptime   uint64 `json:"uptime"`
	Lifetime uint64 `json:"lifetime"`
}

// CounterValues holds all counters' columns; as JSON it is an object by name, in the order of the counters.
type CounterValues [NumCounters]Columns

// MarshalJSON writes the counters by name.
func (v CounterValues) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for c := range NumCounters {
		sep := byte(',')
		if c == 0 {
			sep = '{'
		}
		b.WriteByte(sep)
		fmt.Fprintf(&b, `%q:{"reset":%d,"uptime":%d,"lifetime":%d}`, c.Name(), v[c].Reset, v[c].Uptime, v[c].Lifetime)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON writes; names that are unknown are skipped.
func (v *CounterValues) UnmarshalJSON(data []byte) error {
	var named map[string]Columns
	if err := json.Unmarshal(data, &named); err != nil {
		return err
	}
	*v = CounterValues{}
	for name, columns := range named {
		if c, ok := counterByName[name]; ok {
			v[c] = columns
		}
	}
	return nil
}

// Counters are three views of one log: values that only grow, and what they were at the last reset and at the last start.
type Counters struct {
	lifetime, atReset, atStart [NumCounters]uint64
}

// Get returns the three versions of a counter.
func (c *Counters) Get(k Counter) Columns {
	return Columns{
		Reset:    c.lifetime[k] - c.atReset[k],
		Uptime:   c.lifetime[k] - c.atStart[k],
		Lifetime: c.lifetime[k],
	}
}

// Values returns all of them.
func (c *Counters) Values() (v CounterValues) {
	for k := range NumCounters {
		v[k] = c.Get(k)
	}
	return v
}

func (c *Counters) add(k Counter, n int) { c.lifetime[k] += uint64(n) }

// hardBounce counts recipients that were given up.
func (c *Counters) hardBounce(class journal.BounceClass, n int) {
	c.add(counterOfClass(class), n)
	c.add(HardBounced, n)
	c.add(CompletedRecipients, n)
}

func (c *Counters) deliver(n int) {
	c.add(Delivered, n)
	c.add(CompletedRecipients, n)
}

func (c *Counters) delete(n int) {
	c.add(Deleted, n)
	c.add(CompletedRecipients, n)
}

// counterOfClass tells which counter a class of bounces has; a class of a newer version counts as other.
func counterOfClass(class journal.BounceClass) Counter {
	switch class {
	case journal.BounceDNS:
		return DNSHardBounces
	case journal.Bounce5XX:
		return FiveXXHardBounces
	case journal.BounceExpired:
		return ExpiredHardBounces
	case journal.BounceFilter:
		return FilterHardBounces
	}
	return OtherHardBounces
}

// inject counts a message by its origin. Drops are still to come: what was answered 250 is received.
func (c *Counters) inject(e *journal.MessageInjected) {
	n := len(e.Recipients)
	switch e.Why {
	case journal.WhyReceived:
		c.add(MessagesReceived, 1)
		c.add(RecipientsReceived, n)
		c.add(RejectedRecipients, len(e.Rejected))
		if e.Size > 0 {
			c.lifetime[InjectedBytes] += uint64(e.Size)
		}
	case journal.WhyBounce, journal.WhyDelay, journal.WhySuccess:
		c.add(GenBounceRecipients, n)
	case journal.WhySplit, journal.WhyRewrite:
		c.add(MovedInRecipients, n)
	default:
		c.add(ExpandedRecipients, n)
	}
}

// cut takes over the baselines of records that are gone. To a fold that has seen those records they say nothing new, so
// the greater value is the true one.
func (c *Counters) cut(e *journal.HistoryCut) {
	for _, v := range e.Counters {
		if k, ok := counterByName[v.Name]; ok && v.Value > 0 {
			c.lifetime[k] = max(c.lifetime[k], uint64(v.Value))
		}
	}
	for _, v := range e.ResetCounters {
		if k, ok := counterByName[v.Name]; ok && v.Value > 0 {
			c.atReset[k] = min(uint64(v.Value), c.lifetime[k])
		}
	}
}

// Baselines returns what a HistoryCut has to keep: the values now and at the last reset.
func (c *Counters) Baselines() (lifetime, atReset []journal.NamedValue) {
	return namedCounters(&c.lifetime), namedCounters(&c.atReset)
}

func namedCounters(v *[NumCounters]uint64) (out []journal.NamedValue) {
	for k := range NumCounters {
		if v[k] != 0 {
			out = append(out, journal.NamedValue{Name: k.Name(), Value: int64(min(v[k], math.MaxInt64))})
		}
	}
	return out
}
