package snmp

import (
	"math"
	"slices"
	"strings"
	"time"

	"postern/projections"
)

// ownArc is the root of what Postern adds. No private enterprise number is registered for Postern; 32473 is the one that
// RFC 5612 keeps for documentation, which nobody else's objects can be met under. It is named here, in
// mibs/POSTERN-MIB.txt and mibs/POSTERN-ASYNCOS-MAIL-MIB.txt, and where logs are pushed to syslog servers.
var ownArc = MustOID("1.3.6.1.4.1.32473.2525")

// ownObjects is the root of the additions' objects.
var ownObjects = ownArc.Append(1, 1)

// ownParts are all that status detail shows and AsyncOS has no object for, and how those stand who keep it: mibs/POSTERN-MIB.txt.
func ownParts() []part[image] {
	parts := append(systemParts(ownObjects.Append(1)), journalParts(ownObjects.Append(7))...)
	parts = append(parts, agentParts(ownObjects.Append(10))...)
	return append(parts, counterTable(), rateTable(), gaugeTable(), textTable(), destinationTable(), followerTable(), problemTable(), targetTable())
}

// systemStates are the numbers of posternSystemStatus; the words are those of status.
var systemStates = []string{projections.SystemOnline, projections.SystemReceivingSuspended, projections.SystemDeliverySuspended, projections.SystemOffline}

// systemParts are the head of status: as of which Seq all figures are, and how the gateway stands.
func systemParts(root OID) []part[image] {
	var parts []part[image]
	add := func(arc uint32, value func(*image) Value) { parts = append(parts, scalarOf(root.Append(arc), value)) }
	add(1, func(i *image) Value { return Counter64(i.Seq) })
	add(2, func(i *image) Value { return oneOf(slices.Index(systemStates, i.System)+1, len(systemStates)) })
	add(3, func(i *image) Value { return DisplayString(i.Build) })
	add(4, func(i *image) Value { return DisplayString(i.Hostname) })
	add(5, func(i *image) Value { return Gauge32(nonNegative(i.UptimeSeconds)) })
	add(6, func(i *image) Value { return Gauge32(i.Boots) })
	add(7, func(i *image) Value { return since1970(i.BirthTime) })
	add(8, func(i *image) Value { return since1970(i.LastCounterReset) })
	add(9, func(i *image) Value { return Gauge32(i.Revision) })
	add(10, func(i *image) Value { return Gauge32(uint64(i.Oldest.MID)) })
	add(11, func(i *image) Value { return Gauge32(nonNegative(i.Oldest.Seconds)) })
	add(12, func(i *image) Value { return Gauge32(uint64(i.IDs.MID)) })
	add(13, func(i *image) Value { return Gauge32(uint64(i.IDs.ICID)) })
	add(14, func(i *image) Value { return Gauge32(uint64(i.IDs.DCID)) })
	add(15, func(i *image) Value { return Gauge32(i.gauge(projections.GaugeConservation)) })
	add(16, func(i *image) Value { return DisplayString(strings.Join(i.ConservationReasons, " ")) })
	add(17, func(i *image) Value { return truthValue(i.WorkQueuePaused) })
	add(18, func(i *image) Value { return Counter64(i.WorkQueueIn) })
	add(19, func(i *image) Value { return Counter64(i.WorkQueueOut) })
	add(20, func(i *image) Value { return Gauge32(uint64(len(i.DeliverySuspended))) })
	add(21, func(i *image) Value { return Gauge32(uint64(len(i.ListenersSuspended))) })
	add(22, func(i *image) Value { return Gauge32(uint64(len(i.problems))) })
	return parts
}

// since1970 counts the seconds to a moment; 0: there was none.
func since1970(t time.Time) Value {
	if t.IsZero() {
		return Gauge32(0)
	}
	return Gauge32(nonNegative(t.Unix()))
}

// journalParts are how the journal stands: its last durable record, what it takes, and how far the slowest follower is behind.
func journalParts(root OID) []part[image] {
	gauge64 := func(arc uint32, name string) part[image] {
		return scalarOf(root.Append(arc), func(i *image) Value { return Counter64(i.gauge(name)) })
	}
	return []part[image]{
		gauge64(1, projections.GaugeJournalRecords), gauge64(2, projections.GaugeJournalBytes), gauge64(3, projections.GaugeFollowerLag),
		scalarOf(root.Append(4), func(i *image) Value { return percentage(i.Gauges[projections.GaugeQueueLoaded]) }),
	}
}

// agentParts are what the agent has dropped, for which no standard group has an object.
func agentParts(root OID) []part[image] {
	return []part[image]{
		scalarOf(root.Append(1), func(i *image) Value { return Counter32(i.limited) }),
		scalarOf(root.Append(2), func(i *image) Value { return Counter32(i.contained) }),
	}
}

// seconds cuts a span to whole ones.
func seconds(d time.Duration) uint64 { return nonNegative(int64(min(d/time.Second, math.MaxUint32))) }
