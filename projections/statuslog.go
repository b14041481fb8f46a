package projections

import (
	"strconv"
	"time"

	"postern/journal"
)

// The status log holds one line a minute, "Status: name value name value ...", printed from Sampled. Its readers take the
// pairs by order and by count, so each line has all of them: a figure that was not sampled is 0.

// statusField is a pair of the line; a text field's value is a word, given by a NamedText or else nothing.
type statusField struct {
	name    string
	isText  bool
	nothing string // of a text that was not sampled
}

// statusFields are the pairs in the order of the line.
var statusFields = []statusField{
	{name: "CPULd"}, {name: "DskIO"}, {name: "RAMUtil"}, {name: "QKUsd"}, {name: "QKFre"}, {name: "CrtMID"}, {name: "CrtICID"},
	{name: "CrtDCID"}, {name: "InjMsg"}, {name: "InjRcp"}, {name: "GenBncRcp"}, {name: "RejRcp"}, {name: "DrpMsg"},
	{name: "SftBncEvnt"}, {name: "CmpRcp"}, {name: "HrdBncRcp"}, {name: "DnsHrdBnc"}, {name: "5XXHrdBnc"}, {name: "FltrHrdBnc"},
	{name: "ExpHrdBnc"}, {name: "OtrHrdBnc"}, {name: "DlvRcp"}, {name: "DelRcp"}, {name: "GlbUnsbHt"}, {name: "ActvRcp"},
	{name: "UnatmptRcp"}, {name: "AtmptRcp"}, {name: "CrtCncIn"}, {name: "CrtCncOut"}, {name: "DnsReq"}, {name: "NetReq"},
	{name: "CchHit"}, {name: "CchMis"}, {name: "CchEct"}, {name: "CchExp"}, {name: "CPUTTm"}, {name: "CPUETm"}, {name: "MaxIO"},
	{name: "RAMUsd"}, {name: "MMLen"}, {name: "DstInMem"}, {name: "ResCon"}, {name: "WorkQ"}, {name: "QuarMsgs"},
	{name: "QuarQKUsd"}, {name: "LogUsd"}, {name: "SophLd"}, {name: "BMLd"}, {name: "CASELd"}, {name: "TotalLd"},
	{name: "LogAvail", isText: true, nothing: "0K"}, {name: "EuQ"}, {name: "EuqRls"}, {name: "CmrkLd"}, {name: "McafLd"},
	{name: "SwIn"}, {name: "SwOut"}, {name: "SwPgIn"}, {name: "SwPgOut"}, {name: "SwapUsage", isText: true, nothing: "0%"},
	{name: "RptLd"}, {name: "QtnLd"}, {name: "EncrQ"}, {name: "InjBytes"},
}

// StatusLogNames returns the names of the line in its order: those that a Sampled should hold, LogAvail and SwapUsage
// among its Texts and all others among its Values.
func StatusLogNames() []string {
	names := make([]string, len(statusFields))
	for i, f := range statusFields {
		names[i] = f.name
	}
	return names
}

// RenderStatusLog appends the line of a record, if it has one, to dst, without a frame.
func RenderStatusLog(r journal.Record, dst []Line) []Line {
	if e, ok := r.Event.(*journal.Sampled); ok {
		p := page{zone: time.UTC}
		p.sampled(e)
		dst = p.lines(dst)
	}
	return dst
}

// StatusLog renders records as they stand in the file. Its owner is one goroutine.
type StatusLog struct {
	Zone *time.Location // set before the first Append; nil: the system's
	page page
}

// Append appends the framed line of a record, if it has one, to dst.
func (s *StatusLog) Append(dst []byte, r *journal.Record) []byte {
	e, ok := r.Event.(*journal.Sampled)
	if !ok {
		return dst
	}
	p := &s.page
	p.zone, p.framed, p.b = zoneOrLocal(s.Zone), true, dst
	p.at(r.Time)
	p.sampled(e)
	dst, p.b = p.b, nil
	return dst
}

func (p *page) sampled(e *journal.Sampled) {
	p.info().str("Status:")
	for i := range statusFields {
		f := &statusFields[i]
		p.str(" ").str(f.name).str(" ")
		if f.isText {
			p.word(textNamed(e.Texts, f.name), f.nothing)
		} else {
			p.b = strconv.AppendInt(p.b, valueNamed(e.Values, f.name), 10)
		}
	}
	p.end()
}

// word appends a text that must stay one word; what holds a space would shift all pairs after it.
func (p *page) word(s, nothing string) {
	for i := range len(s) {
		if s[i] <= ' ' {
			s = ""
			break
		}
	}
	p.plainOr(s, nothing)
}

func valueNamed(values []journal.NamedValue, name string) int64 {
	for i := range values {
		if values[i].Name == name {
			return values[i].Value
		}
	}
	return 0
}

func textNamed(texts []journal.NamedText, name string) string {
	for i := range texts {
		if texts[i].Name == name {
			return texts[i].Text
		}
	}
	return ""
}
