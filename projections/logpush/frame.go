package logpush

import (
	"strconv"
	"time"
	"unicode/utf8"

	"postern/journal"
	"postern/projections"
)

// Message sizes: receivers of datagrams should take 2048 octets (RFC 5426 section 3.2), those of streams 8192 (RFC 5425
// section 4.3.1). What is longer is cut and ends in cutMark.
const (
	maxDatagram = 2048
	maxStreamed = 8192
	cutMark     = "..."
)

// The severities of lines (RFC 5424 section 6.2.1).
func severityOf(l projections.LineLevel) int {
	switch l {
	case projections.LineCritical:
		return 2
	case projections.LineWarning:
		return 4
	}
	return 6
}

// Format is how lines become syslog messages. Nobody changes it once it is used.
type Format struct {
	Hostname string // of the gateway, printable ASCII
	Log      string // the subscription's name, which is the application's in a message
	Facility int    // 0 to 23
	BSD      bool   // RFC 3164, as AsyncOS sends; false: RFC 5424
	Zone     *time.Location
}

const (
	stamp5424 = "2006-01-02T15:04:05.000000Z"
	stamp3164 = "Jan _2 15:04:05"
)

// place is where a line comes from. A line that is sent again has the same record and number, and no other line has them.
type place struct {
	kind   string // of fact
	record uint64 // 0: of none
	line   int    // of the record's, from 1 on
}

// placeID names the structured data in which a place stands. No private enterprise number is registered for Postern; 32473
// is the one that RFC 5612 keeps for documentation.
const placeID = "postern@32473"

// appendMessage appends a line as a message of at most most octets. What RFC 3164 describes has no room for a place.
func (f *Format) appendMessage(dst []byte, at journal.Instant, from place, l projections.Line, most int) []byte {
	begin := len(dst)
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, int64(f.Facility*8+severityOf(l.Level)), 10)
	if f.BSD {
		dst = append(dst, '>')
		dst = at.Time().In(f.Zone).AppendFormat(dst, stamp3164)
		dst = append(append(append(append(append(dst, ' '), f.Hostname...), ' '), f.Log...), ": "...)
	} else {
		dst = append(dst, ">1 "...)
		dst = at.Time().UTC().AppendFormat(dst, stamp5424)
		dst = append(append(append(append(dst, ' '), f.Hostname...), ' '), f.Log...)
		dst = append(append(append(dst, " - "...), from.kind...), ' ')
		dst = append(from.append(dst), ' ')
	}
	dst = append(append(append(dst, l.Level.String()...), ": "...), l.Text...)
	if len(dst)-begin > most {
		dst = append(trimRune(dst[:begin+most-len(cutMark)]), cutMark...)
	}
	return dst
}

// append appends the place as structured data (RFC 5424 section 6.3).
func (p place) append(dst []byte) []byte {
	if p.record == 0 {
		return append(dst, '-')
	}
	dst = strconv.AppendUint(append(dst, "["+placeID+" record=\""...), p.record, 10)
	dst = strconv.AppendInt(append(dst, "\" line=\""...), int64(p.line), 10)
	return append(dst, "\"]"...)
}

// trimRune takes away the beginning of a character whose rest was cut off.
func trimRune(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		c := b[len(b)-i]
		if !utf8.RuneStart(c) {
			continue
		}
		if !utf8.FullRune(b[len(b)-i:]) {
			return b[:len(b)-i]
		}
		break
	}
	return b
}

// batch is messages as they go onto the wire. Its owner is a Syslog.
type batch struct {
	bytes   []byte
	ends    []int // of the messages
	scratch []byte
	lines   []projections.Line
}

func (b *batch) reset() {
	if cap(b.bytes) > 4*batchBytes {
		b.bytes = nil
	}
	b.bytes, b.ends = b.bytes[:0], b.ends[:0]
}

// add frames a message: over a stream with its length before it (RFC 6587 section 3.4.1), which no text can imitate; those of
// RFC 3164 end in a line end there (section 3.4.2), as their receivers expect. A datagram is a frame by itself.
func (b *batch) add(f *Format, datagrams bool, at journal.Instant, from place, l projections.Line) {
	switch {
	case datagrams:
		b.bytes = f.appendMessage(b.bytes, at, from, l, maxDatagram)
	case f.BSD:
		b.bytes = append(f.appendMessage(b.bytes, at, from, l, maxStreamed), '\n')
	default:
		b.scratch = f.appendMessage(b.scratch[:0], at, from, l, maxStreamed)
		b.bytes = append(strconv.AppendInt(b.bytes, int64(len(b.scratch)), 10), ' ')
		b.bytes = append(b.bytes, b.scratch...)
	}
	b.ends = append(b.ends, len(b.bytes))
}
