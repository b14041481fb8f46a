package projections

import (
	"strconv"
	"time"

	"postern/journal"
)

// printSystem prints the facts of the daemon itself.
func (p *page) printSystem(e journal.Event) bool {
	switch e := e.(type) {
	case *journal.IDsReserved, *journal.Sampled:
	case *journal.Started:
		p.started(e)
	case *journal.Stopped:
		p.info().str("SMTP server shut down").end()
	case *journal.Settled:
		p.info().str("Running well, unclean ends before it no longer count: ").num(uint64(e.Unclean)).end()
	case *journal.ClockJumped:
		p.warning().str("Clock jumped by ").seconds(time.Duration(e.Delta)).str(" seconds, the queue's times moved with it").end()
	case *journal.ConfigurationCommitted:
		p.info().str("Configuration revision ").num(e.Revision).str(" committed").by(e.By).str(": ").quoted(e.Comment).end()
	case *journal.CountersReset:
		p.info().str("Counters reset").by(e.By).end()
	case *journal.ResourceConservationChanged:
		p.conservation(e)
	case *journal.AlertRaised:
		p.alert(e)
	case *journal.AlertCleared:
		p.info().str("Alert cleared: ").plain(e.Alert).object(e.Object).end()
	case *journal.LogRolledOver:
		p.info().str("Log ").plain(e.Log).str(" rolled over").by(e.By).end()
	case *journal.HistoryCut:
		p.info().str("History before record ").num(e.Before).str(" removed").end()
	case *journal.Forgotten:
		p.info().str("Private data of ").num(e.Records).str(" records erased").by(e.By).end()
	case *journal.NotesOmitted:
		p.omitted(e)
	default:
		return false
	}
	return true
}

func (p *page) started(e *journal.Started) {
	p.info().str("SMTP server starting").end()
	p.info().str("Postern ").plainOr(e.Version, "of unknown version").str(" on host ").plain(e.Hostname).
		str(", start ").num(e.Boot).end()
	if !e.Clean && e.Boot > 1 {
		p.warning().str("The run before did not shut down, its connections are closed").end()
	}
	for _, domain := range e.Suspended {
		p.stillSuspended(domain)
	}
}

func (p *page) stillSuspended(domain string) {
	p.warning().str("Deliveries are currently suspended")
	if domain != "*" {
		p.str(" [").plain(domain).str("]")
	}
	p.end()
}

func (p *page) conservation(e *journal.ResourceConservationChanged) {
	level := LineWarning
	if e.Degree == 0 {
		level = LineInfo
	}
	p.line(level).str("Resource conservation ").num(uint64(e.Degree))
	for i, reason := range e.Reasons {
		if i == 0 {
			p.str(", reasons: ")
		} else {
			p.str(", ")
		}
		p.plain(reason)
	}
	p.end()
}

func (p *page) alert(e *journal.AlertRaised) {
	level := LineInfo
	switch e.Severity {
	case "Warning":
		level = LineWarning
	case "Critical":
		level = LineCritical
	}
	p.line(level).str("Alert raised: ").plain(e.Alert).object(e.Object).str(": ").quoted(e.Text).end()
}

func (p *page) object(name string) *page {
	if name == "" {
		return p
	}
	return p.str(" of ").plain(name)
}

func (p *page) omitted(e *journal.NotesOmitted) {
	p.warning().str("Too many facts at once, left out:")
	for i, c := range e.Counts {
		if i > 0 {
			p.str(",")
		}
		p.str(" ").num(uint64(max(c.Value, 0))).str(" ").plain(c.Name)
	}
	p.end()
}

// seconds appends a signed number of seconds with three decimals.
func (p *page) seconds(d time.Duration) *page {
	if d >= 0 {
		p.b = append(p.b, '+')
	}
	p.b = strconv.AppendFloat(p.b, d.Seconds(), 'f', 3, 64)
	return p
}
