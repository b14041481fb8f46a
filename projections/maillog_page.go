package projections

import (
	"net/netip"
	"strconv"
	"time"

	"postern/journal"
)

// LineLevel is how much a line of a text log matters.
type LineLevel uint8

// The levels that Postern writes.
const (
	LineInfo LineLevel = iota
	LineWarning
	LineCritical
)

// String gives the level as a line's frame shows it.
func (l LineLevel) String() string {
	switch l {
	case LineWarning:
		return "Warning"
	case LineCritical:
		return "Critical"
	}
	return "Info"
}

// Line is one line of a text log without its frame: no time, no line end. Text holds no control character.
type Line struct {
	Level LineLevel
	Text  string
}

// frameTime is the time in a line's frame, in the zone of the machine.
const frameTime = "Mon Jan _2 15:04:05 2006"

// AppendFramed appends a line as it stands in a file: its time in the zone (nil: the system's), level and text, and a
// line end.
func AppendFramed(dst []byte, at time.Time, zone *time.Location, l Line) []byte {
	dst = at.In(zoneOrLocal(zone)).AppendFormat(dst, frameTime)
	dst = append(dst, ' ')
	dst = append(dst, l.Level.String()...)
	dst = append(dst, ": "...)
	dst = appendPlain(dst, l.Text)
	return append(dst, '\n')
}

func zoneOrLocal(zone *time.Location) *time.Location {
	if zone == nil {
		return time.Local
	}
	return zone
}

// page is where the lines of facts are put together: pieces of text are appended to one buffer that is used again and
// again, and nothing is formatted by way of an interface. With a frame each line begins with its time and level and ends
// with a line end; without, the ends are noted in cuts.
type page struct {
	b      []byte
	zone   *time.Location
	framed bool
	stamp  []byte // frameTime of second, in zone
	second int64
	cuts   []cut // without a frame: where the lines end
}

type cut struct {
	level LineLevel
	end   int
}

// at sets the time of the lines that follow.
func (p *page) at(t journal.Instant) {
	if !p.framed {
		return
	}
	second := int64(t) / int64(time.Second)
	if len(p.stamp) > 0 && second == p.second {
		return
	}
	p.second = second
	p.stamp = time.Unix(second, 0).In(p.zone).AppendFormat(p.stamp[:0], frameTime)
}

// info begins a line.
func (p *page) info() *page { return p.line(LineInfo) }

// warning begins a line.
func (p *page) warning() *page { return p.line(LineWarning) }

func (p *page) line(l LineLevel) *page {
	if !p.framed {
		p.cuts = append(p.cuts, cut{level: l})
		return p
	}
	p.b = append(p.b, p.stamp...)
	switch l {
	case LineInfo:
		p.b = append(p.b, " Info: "...)
	case LineWarning:
		p.b = append(p.b, " Warning: "...)
	default:
		p.b = append(p.b, " Critical: "...)
	}
	return p
}

// end ends the line.
func (p *page) end() {
	if p.framed {
		p.b = append(p.b, '\n')
		return
	}
	p.cuts[len(p.cuts)-1].end = len(p.b)
}

// lines hands out what was written without a frame.
func (p *page) lines(dst []Line) []Line {
	from := 0
	for _, c := range p.cuts {
		dst = append(dst, Line{Level: c.level, Text: string(p.b[from:c.end])})
		from = c.end
	}
	return dst
}

// str appends words of our own, which are taken as they are.
func (p *page) str(s string) *page {
	p.b = append(p.b, s...)
	return p
}

// num appends a decimal number.
func (p *page) num(n uint64) *page {
	p.b = strconv.AppendUint(p.b, n, 10)
	return p
}

// id appends a name and a public id, as in "MID 4".
func (p *page) id(name string, n uint32) *page {
	p.b = append(p.b, name...)
	p.b = append(p.b, ' ')
	p.b = strconv.AppendUint(p.b, uint64(n), 10)
	return p
}

// plain appends a text from outside without quotes, made harmless.
func (p *page) plain(s string) *page {
	p.b = appendPlain(p.b, s)
	return p
}

// plainOr is plain, or what stands for nothing.
func (p *page) plainOr(s, nothing string) *page {
	if s == "" {
		s = nothing
	}
	return p.plain(s)
}

// quoted appends a text from outside in quotes.
func (p *page) quoted(s string) *page {
	p.b = appendQuoted(p.b, s)
	return p
}

// mailbox appends an address in angle brackets; "" is the null sender.
func (p *page) mailbox(s string) *page {
	p.b = append(p.b, '<')
	p.b = appendPlain(p.b, s)
	p.b = append(p.b, '>')
	return p
}

func (p *page) recipient(r *journal.InjectedRecipient) *page {
	p.b = append(p.b, '<')
	p.b = appendPlain(p.b, r.Local)
	if r.Domain != "" {
		p.b = append(p.b, '@')
		p.b = appendPlain(p.b, r.Domain)
	}
	p.b = append(p.b, '>')
	return p
}

// addr appends an IP address, in its IPv4 form if it has one; "unknown" when there is none.
func (p *page) addr(a netip.Addr) *page {
	if !a.IsValid() {
		return p.str("unknown")
	}
	a = a.Unmap()
	if a.Zone() != "" {
		return p.plain(a.String())
	}
	p.b = a.AppendTo(p.b)
	return p
}

// rids appends recipient numbers, as in "[0, 1]".
func (p *page) rids(rids []uint32) *page {
	p.b = append(p.b, '[')
	for i, r := range rids {
		if i > 0 {
			p.b = append(p.b, ", "...)
		}
		p.b = strconv.AppendUint(p.b, uint64(r), 10)
	}
	p.b = append(p.b, ']')
	return p
}

// texts appends a list of quoted texts, as in ['a', "it's"].
func (p *page) texts(list []string) *page {
	p.b = append(p.b, '[')
	for i, s := range list {
		if i > 0 {
			p.b = append(p.b, ", "...)
		}
		p.b = appendQuoted(p.b, s)
	}
	p.b = append(p.b, ']')
	return p
}

// date appends an instant in the form of the frame.
func (p *page) date(t journal.Instant) *page {
	p.b = t.Time().In(p.zone).AppendFormat(p.b, frameTime)
	return p
}

// by appends who gave an order, if that is known.
func (p *page) by(who string) *page {
	if who == "" {
		return p
	}
	return p.str(" by ").plain(who)
}
