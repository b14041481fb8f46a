package web

import "postern/projections"

// gaugeInfo is what /metrics says of a gauge; one that only grows is a counter there.
type gaugeInfo struct {
	help  string
	grows bool
}

var gaugeTable = map[string]gaugeInfo{
	projections.GaugeRAMUtilization:       {help: "Percent of the machine's memory in use."},
	projections.GaugeTotalUtilization:     {help: "Percent of the machine's processors in use."},
	projections.GaugeCPUUtilization:       {help: "Percent of the machine's processors that the gateway uses."},
	projections.GaugeAntiSpamUtilization:  {help: "Percent of the processors that spam scanning uses."},
	projections.GaugeAntiVirusUtilization: {help: "Percent of the processors that virus scanning uses."},
	projections.GaugeDiskUtilization:      {help: "Disk operations, in percent of the highest rate seen."},
	projections.GaugeConservation:         {help: "Resource conservation: seconds that replies are delayed, 0 to 60; 999: nothing is accepted."},
	projections.GaugeLogUsed:              {help: "Percent of the logs' disk in use."},
	projections.GaugeInbound:              {help: "Open inbound connections."},
	projections.GaugeOutbound:             {help: "Open outbound connections."},
	projections.GaugeActive:               {help: "Recipients in the delivery queue."},
	projections.GaugeUnattempted:          {help: "Recipients in the delivery queue that were not tried yet."},
	projections.GaugeAttempted:            {help: "Recipients in the delivery queue that were tried."},
	projections.GaugeWorkQueue:            {help: "Messages in the work queue."},
	projections.GaugeDestinations:         {help: "Destinations in memory."},
	projections.GaugeKilobytesUsed:        {help: "Kilobytes of the messages in the system."},
	projections.GaugeKilobytesFree:        {help: "Kilobytes that the queue may still grow by."},
	projections.GaugeQuarantine:           {help: "Messages in quarantine."},
	projections.GaugeQuarantineKilobytes:  {help: "Kilobytes of the messages in quarantine."},
	projections.GaugeReportingUtilization: {help: "Percent of the processors that reporting uses."},
	projections.GaugeQuarantineLoad:       {help: "Percent of the processors that the quarantine uses."},

	projections.GaugeMessages:          {help: "Messages in the system."},
	projections.GaugeHeldBack:          {help: "Recipients in the work queue or in quarantine."},
	projections.GaugePendingOutbound:   {help: "Outbound connections that have not reached the greeting."},
	projections.GaugePendingDNS:        {help: "Questions to name servers that are under way, or wait for that."},
	projections.GaugeOutstandingDNS:    {help: "Questions to name servers that are under way."},
	projections.GaugeWaitingDNS:        {help: "Questions to name servers that wait for others to be answered."},
	projections.GaugeOpenFiles:         {help: "Open files of the process."},
	projections.GaugeFollowerLag:       {help: "Records of the journal that the slowest of those who look has still to see."},
	projections.GaugeForgottenHosts:    {help: "Destinations that had to make room for others."},
	projections.GaugeCPUSeconds:        {help: "Processor time of the process, in seconds.", grows: true},
	projections.GaugeMaxIO:             {help: "The highest rate of disk operations seen, a second."},
	projections.GaugeRAMUsed:           {help: "Resident memory of the process, in bytes."},
	projections.GaugeSwappedIn:         {help: "Memory swapped in.", grows: true},
	projections.GaugeSwappedOut:        {help: "Memory swapped out.", grows: true},
	projections.GaugePagedIn:           {help: "Memory paged in.", grows: true},
	projections.GaugePagedOut:          {help: "Memory paged out.", grows: true},
	projections.GaugeSuspendedListener: {help: "Listeners that are suspended."},

	projections.GaugeJournalBytes:   {help: "Bytes that the journal takes on the disk, queued messages included."},
	projections.GaugeJournalRecords: {help: "The number of the journal's last durable record.", grows: true},
	projections.GaugeStoreBodies:    {help: "Bytes of bodies that were given to the store since the start.", grows: true},
	projections.GaugeStoreLogged:    {help: "Bytes that the store has written to its write-ahead log since the start.", grows: true},
	projections.GaugeStoreFlushed:   {help: "Bytes that its flushes have written since the start.", grows: true},
	projections.GaugeStoreCompacted: {help: "Bytes that its compactions have written since the start.", grows: true},
	projections.GaugeQueueLoaded:    {help: "Percent of the queue that is loaded since the start; below 100, mail of before it waits."},
}
