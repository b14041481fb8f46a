package snmp

import (
	"slices"

	"postern/projections"
)

// asyncosObjects is the root of the objects that pollers of AsyncOS ask. The arc 15497 is not ours: the names and numbers
// below it are facts that they rely on, and nothing is added there.
var asyncosObjects = enterprises.Append(15497, 1, 1, 1)

// The values of resourceConservationReason.
const (
	noResourceConservation = 1
	memoryShortage         = 2
	queueSpaceShortage     = 3
	queueFull              = 4
)

// conservationReasons are the facts' reasons that AsyncOS has a number for. Of the others (followers that are behind, a
// store that stalls) the poller of AsyncOS is told nothing: posternConservationReasons says them.
var conservationReasons = map[string]int{"memoryShortage": memoryShortage, "queueSpaceShortage": queueSpaceShortage, "queueFull": queueFull}

// refusing is the degree of resource conservation at which nothing is accepted.
const refusing = 999

// ConservationReason is the main reason for resource conservation that AsyncOS has a number for; reasons are those of the
// fact, the most urgent first. It is also what the trap resourceConservationMode carries.
func ConservationReason(reasons []string) int {
	for _, r := range reasons {
		if n, ok := conservationReasons[r]; ok {
			return n
		}
	}
	return noResourceConservation
}

// asyncosParts are the objects below asyncosObjects. Missing are connectionURL (21), which only notifications carry, and
// what later versions have at 24, 25, 27 and 28, whose names nobody knows.
func asyncosParts() []part[image] {
	at := func(arc uint32) OID { return asyncosObjects.Append(arc) }
	gauge := func(arc uint32, name string) part[image] {
		return scalarOf(at(arc), func(i *image) Value { return Gauge32(i.gauge(name)) })
	}
	percent := func(arc uint32, name string) part[image] {
		return scalarOf(at(arc), func(i *image) Value { return percentage(i.Gauges[name]) })
	}
	parts := []part[image]{
		percent(1, projections.GaugeRAMUtilization),  // perCentMemoryUtilization: RAM Utilization of status detail
		percent(2, projections.GaugeCPUUtilization),  // perCentCPUUtilization: CPU Utilization, MGA
		percent(3, projections.GaugeDiskUtilization), // perCentDiskIOUtilization: Disk I/O Utilization
		scalarOf(at(4), func(i *image) Value { return percentage(i.queueUtilization()) }),
		scalarOf(at(5), func(i *image) Value { return Integer(i.queueAvailability()) }),
		scalarOf(at(6), func(i *image) Value { return Integer(ConservationReason(i.ConservationReasons)) }),
		scalarOf(at(7), func(i *image) Value { return Integer(i.memoryAvailability()) }),
		gauge(11, projections.GaugeWorkQueue),                                                    // workQueueMessages: Messages In Work Queue
		scalarOf(at(14), func(i *image) Value { return Gauge32(nonNegative(i.Oldest.Seconds)) }), // oldestMessageAge: Oldest Message; 0: none
		gauge(15, projections.GaugeOutstandingDNS),                                               // outstandingDNSRequests: /metrics
		gauge(16, projections.GaugeWaitingDNS),                                                   // pendingDNSRequests: /metrics
		scalarOf(at(17), func(i *image) Value { return Counter32(i.sensors.RAIDEvents) }),        // raidEvents: hardwarestatus
		gauge(19, projections.GaugeOpenFiles),                                                    // openFilesOrSockets: /metrics
		scalarOf(at(20), func(i *image) Value { return Gauge32(i.transfers()) }),                 // mailTransferThreads
		scalarOf(at(22), func(*image) Value { return DisplayString("") }),                        // hsmErrorReason: there is no such module
		scalarOf(at(23), func(*image) Value { return Integer(2) }),                               // fipsMode: disabled
		percent(26, projections.GaugeTotalUtilization),                                           // perCentCPULoad: the XML feed's total_utilization
	}
	return append(parts, asyncosTables()...)
}

// queueUtilization is Kilobytes Used as a part of it and Kilobytes Free, in per cent: of what the alert on the queue's
// space counts, too.
func (i *image) queueUtilization() int64 {
	used, free := i.gauge(projections.GaugeKilobytesUsed), i.gauge(projections.GaugeKilobytesFree)
	if used == 0 {
		return 0
	}
	return int64(float64(used) / (float64(used) + float64(free)) * 100)
}

// queueAvailability is queueSpaceAvailable(1), queueSpaceShortage(2) or queueFull(3), as the engine has judged it.
func (i *image) queueAvailability() int {
	switch {
	case slices.Contains(i.ConservationReasons, "queueFull"):
		return 3
	case slices.Contains(i.ConservationReasons, "queueSpaceShortage"):
		return 2
	}
	return 1
}

// memoryAvailability is memoryAvailable(1), memoryShortage(2) or memoryFull(3): nothing is accepted for lack of memory
// before all else.
func (i *image) memoryAvailability() int {
	r := i.ConservationReasons
	switch {
	case len(r) > 0 && r[0] == "memoryShortage" && i.Gauges[projections.GaugeConservation] >= refusing:
		return 3
	case slices.Contains(r, "memoryShortage"):
		return 2
	}
	return 1
}

// transfers is how many are at work to transfer mail. Each connection has one of its own: Current Inbound Conn., Current
// Outbound Conn. and those that are being opened.
func (i *image) transfers() uint64 {
	return i.gauge(projections.GaugeInbound) + i.gauge(projections.GaugeOutbound) + i.gauge(projections.GaugePendingOutbound)
}
