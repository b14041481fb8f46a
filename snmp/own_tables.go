package snmp

import (
	"maps"
	"slices"

	"postern/projections"
)

// The most rows that the tables without a range of their own have.
const (
	maxDestinations = 10
	maxFollowers    = 32
	maxProblems     = 32
	maxTargets      = 10 // as many as a configuration may have
	maxNameArcs     = 64 // bytes of a name that is an index; one that is longer has no row
)

// named is a figure with the name by which its row is found: the one that it has in JSON, the XML feed and /metrics.
type named[V any] struct {
	name  string
	value V
}

func byName[V any](_ int, r *named[V]) OID { return byText(r.name) }

// sorted lists figures by name, in the order of the index, which is that of the names' bytes.
func sorted[V any](of map[string]V) (rows []named[V]) {
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if name != "" && len(name) <= maxNameArcs {
			rows = append(rows, named[V]{name, of[name]})
		}
	}
	return rows
}

// counterTable has every counter, with the three columns of status.
func counterTable() part[image] {
	rows := func(i *image) []named[projections.Columns] {
		of := make(map[string]projections.Columns, projections.NumCounters)
		for c := range projections.NumCounters {
			of[c.Name()] = i.Counters[c]
		}
		return sorted(of)
	}
	type col = column[named[projections.Columns]]
	return tableOf(ownObjects.Append(2, 1), rows, byName[projections.Columns],
		col{2, func(r *named[projections.Columns]) Value { return Counter64(r.value.Reset) }},
		col{3, func(r *named[projections.Columns]) Value { return Counter64(r.value.Uptime) }},
		col{4, func(r *named[projections.Columns]) Value { return Counter64(r.value.Lifetime) }})
}

// rateTable has the rates of status detail, in events an hour.
func rateTable() part[image] {
	rows := func(i *image) []named[projections.Rate] {
		of := make(map[string]projections.Rate)
		for _, c := range projections.RateCounters() {
			of[c.Name()] = i.Rates.Of(c)
		}
		return sorted(of)
	}
	type col = column[named[projections.Rate]]
	return tableOf(ownObjects.Append(3, 1), rows, byName[projections.Rate],
		col{2, func(r *named[projections.Rate]) Value { return Gauge32(r.value.Minute) }},
		col{3, func(r *named[projections.Rate]) Value { return Gauge32(r.value.Minutes5) }},
		col{4, func(r *named[projections.Rate]) Value { return Gauge32(r.value.Quarter) }})
}

// gaugeTable has every gauge that anybody has registered, in 64 bits.
func gaugeTable() part[image] {
	return tableOf(ownObjects.Append(4, 1), func(i *image) []named[int64] { return sorted(i.Gauges) }, byName[int64],
		column[named[int64]]{2, func(r *named[int64]) Value { return Counter64(nonNegative(r.value)) }})
}

// textTable has the gauges that are words.
func textTable() part[image] {
	return tableOf(ownObjects.Append(5, 1), func(i *image) []named[string] { return sorted(i.Texts) }, byName[string],
		column[named[string]]{2, func(r *named[string]) Value { return DisplayString(r.value) }})
}

// destinationTable has the destinations with the most active recipients, in the order of tophosts.
func destinationTable() part[image] {
	type host = projections.HostStatus
	type col = column[host]
	return tableOf(ownObjects.Append(6, 1), func(i *image) []host { return firstOf(i.Top, maxDestinations) }, byPlace[host],
		col{2, func(h *host) Value { return DisplayString(h.Host) }},
		col{3, func(h *host) Value { return oneOf(int(h.State)+1, 3) }}, // unknown(1), up(2), down(3)
		col{4, func(h *host) Value { return Gauge32(h.Active) }},
		col{5, func(h *host) Value { return Gauge32(h.Unattempted) }},
		col{6, func(h *host) Value { return Gauge32(h.Attempted) }},
		col{7, func(h *host) Value { return Gauge32(h.Connections) }},
		col{8, func(h *host) Value { return Counter64(h.Completed) }},
		col{9, func(h *host) Value { return Counter64(h.Delivered) }},
		col{10, func(h *host) Value { return Counter64(h.HardBounced) }},
		col{11, func(h *host) Value { return Counter64(h.SoftBounced) }})
}

// followerTable has those who follow the journal, as the alert on followers judges them.
func followerTable() part[image] {
	type col = column[Follower]
	return tableOf(ownObjects.Append(8, 1), func(i *image) []Follower { return i.followers }, byPlace[Follower],
		col{2, func(f *Follower) Value { return DisplayString(f.Name) }},
		col{3, func(f *Follower) Value { return Gauge32(f.Lag) }},
		col{4, func(f *Follower) Value { return Gauge32(seconds(f.Age)) }},
		col{5, func(f *Follower) Value { return Integer(1 + truth(f.Broken)) }}) // working(1), broken(2)
}

// problemTable has the sentences of /healthz.
func problemTable() part[image] {
	return tableOf(ownObjects.Append(9, 1), func(i *image) []string { return i.problems }, byPlace[string],
		column[string]{2, func(s *string) Value { return DisplayString(*s) }})
}

// targetTable has the targets of notifications, with what became of those that were for them since each was configured.
func targetTable() part[image] {
	type col = column[TargetStatus]
	return tableOf(ownObjects.Append(11, 1), func(i *image) []TargetStatus { return i.targets }, byPlace[TargetStatus],
		col{2, func(t *TargetStatus) Value { return DisplayString(t.Target) }},
		col{3, func(t *TargetStatus) Value { return Counter32(t.Sent) }},
		col{4, func(t *TargetStatus) Value { return Counter32(t.Failed) }},
		col{5, func(t *TargetStatus) Value { return Counter32(t.Unanswered) }},
		col{6, func(t *TargetStatus) Value { return Counter32(t.Dropped) }},
		col{7, func(t *TargetStatus) Value { return Gauge32(nonNegative(t.Waiting)) }},
		col{8, func(t *TargetStatus) Value { return DisplayString(t.Problem) }})
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
