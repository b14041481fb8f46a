package projections

import "postern/journal"

// printWorkQueue prints what was done to messages between acceptance and the delivery queue.
func (p *page) printWorkQueue(e journal.Event) bool {
	switch e := e.(type) {
	case *journal.Queued:
		p.queued(e.MID)
	case *journal.PolicyMatched:
		p.info().id("MID", e.MID).str(" matched all recipients for per-recipient policy ").plain(e.Policy).table(e.Table)
	case *journal.Scanned:
		p.scanned(e)
	case *journal.Rewritten:
		p.info().id("MID", e.MID).id(" rewritten to MID", e.NewMID).by(e.By).end()
		p.finished(e.MID, " done")
	case *journal.Split:
		p.info().id("MID", e.MID).id(" was split creating MID", e.NewMID).
			str(" due to a per-recipient policy ").plain(e.Policy).table(e.Table)
	case *journal.Copied:
		p.info().id("MID", e.NewMID).id(" was generated based on MID", e.MID).by(e.By).end()
	case *journal.Quarantined:
		p.info().id("MID", e.MID).str(` quarantined to "`).plain(e.Quarantine).str(`" (`).plain(e.Rule).str(")").end()
	case *journal.Released:
		p.released(e)
	case *journal.Dropped:
		p.info().id("Message aborted MID", e.MID).str(" Dropped by ").plainOr(e.By, "policy").end()
		p.finished(e.MID, " aborted")
	case *journal.WorkQueuePaused:
		p.paused(e)
	case *journal.WorkQueueResumed:
		p.info().str("work queue resumed, ").num(uint64(e.Messages)).str(" msgs").end()
	default:
		return false
	}
	return true
}

func (p *page) table(name string) {
	p.str(" in the ").plainOr(name, "inbound").str(" table").end()
}

// scanned words a verdict by the kind of its engine.
func (p *page) scanned(e *journal.Scanned) {
	p.info().id("MID", e.MID)
	switch {
	case isAntivirus(e.Engine) && e.Interim:
		p.str(" interim AV verdict using ").plain(e.Engine)
	case isAntivirus(e.Engine):
		p.str(" antivirus")
	case e.Engine == "AMP":
		p.str(" AMP file reputation verdict :")
	case e.Engine == "Outbreak Filters":
		p.str(" Outbreak Filters: verdict")
	case e.Interim:
		p.str(" interim verdict using engine: ").plain(e.Engine)
	default:
		p.str(" using engine: ").plain(e.Engine)
	}
	p.str(" ").plain(e.Verdict).end()
}

func isAntivirus(engine string) bool {
	switch engine {
	case "Sophos", "McAfee", "ClamAV", "antivirus":
		return true
	}
	return false
}

func (p *page) released(e *journal.Released) {
	how := " released"
	if e.Deleted {
		how = " deleted"
	}
	p.info().id("MID", e.MID).str(how).str(` from quarantine "`).plain(e.Quarantine).str(`" (`).plainOr(e.Reason, "manual").
		str(") t=").num(uint64(e.Seconds)).end()
	if e.Last {
		p.info().id("MID", e.MID).str(how).str(" from all quarantines").end()
	}
}

// paused prints the pause and, on a second line, its reason.
func (p *page) paused(e *journal.WorkQueuePaused) {
	p.info().str("work queue paused, ").num(uint64(e.Messages)).str(" msgs").end()
	p.info().str("work queue pause reason: ").plainOr(e.Reason, "Manually paused by user")
	if e.By != "" {
		p.str(" (").plain(e.By).str(")")
	}
	p.end()
}
