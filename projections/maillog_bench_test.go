package projections

import (
	"bytes"
	"testing"
	"time"

	"postern/journal"
)

// BenchmarkMailLogRelayedMessage renders the facts of one relayed message, 13 lines.
func BenchmarkMailLogRelayedMessage(b *testing.B) {
	facts := mailLogStories()["delivered"]
	records := make([]journal.Record, len(facts))
	for i, e := range facts {
		records[i] = journal.Record{Seq: uint64(i + 1), Time: logTime("Sat Jun  2 09:05:00 2007"), Event: e}
	}
	m := MailLog{Zone: time.UTC}
	var buf []byte
	lines := 0
	b.ReportAllocs()
	for b.Loop() {
		buf = buf[:0]
		for i := range records {
			buf = m.Append(buf, &records[i])
		}
		lines += bytes.Count(buf, []byte("\n"))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(lines), "ns/line")
}
