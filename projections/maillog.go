package projections

import (
	"time"

	"postern/journal"
)

// The text mail log ("IronPort Text Mail Logs") is the printed form of facts: each record gives zero or more lines, and
// each line follows from its record alone, so that the file, a search and a rebuilt file say the same. Words and order of
// the lines are those that operators and their scripts know; facts that the old product did not have are worded in its
// style. AttemptStarted, IDsReserved and Sampled print nothing: the first two are reservations, the last is the status
// log's.

// RenderMailLog appends the lines of a record to dst, without frames; times within a line are in the zone (nil: the
// system's).
func RenderMailLog(r journal.Record, zone *time.Location, dst []Line) []Line {
	p := page{zone: zoneOrLocal(zone)}
	p.print(&r)
	return p.lines(dst)
}

// MailLog renders records as they stand in the file. Its owner is one goroutine; the zero value prints times in the
// system's zone.
type MailLog struct {
	Zone *time.Location // set before the first Append; nil: the system's
	page page
}

// Append appends the framed lines of a record to dst.
func (m *MailLog) Append(dst []byte, r *journal.Record) []byte {
	p := &m.page
	if p.zone == nil {
		p.zone, p.framed = zoneOrLocal(m.Zone), true
	}
	p.b = dst
	p.at(r.Time)
	p.print(r)
	dst, p.b = p.b, nil
	return dst
}

// print writes the lines of a record. The chapters are asked in the order of how often their facts come.
func (p *page) print(r *journal.Record) {
	_ = p.printDelivery(r.Event) || p.printReceiving(r.Event) || p.printWorkQueue(r.Event) ||
		p.printOperator(r) || p.printSystem(r.Event)
}

// finished is the last line of a message; nothing of it may follow.
func (p *page) finished(mid uint32, how string) {
	p.info().id("Message finished MID", mid).str(how).end()
}

func (p *page) finishedIf(finished bool, mid uint32) {
	if finished {
		p.finished(mid, " done")
	}
}
