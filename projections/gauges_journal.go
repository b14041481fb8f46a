package projections

// The gauges of the journal and of the queue's loading, which only a daemon has.
const (
	GaugeJournalBytes   = "journal_bytes"   // that it takes on the disk
	GaugeJournalRecords = "journal_records" // the last durable one
	GaugeQueueLoaded    = "queue_loaded"    // percent
)
