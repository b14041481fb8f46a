package main

import (
	"fmt"
	"strings"
	"time"

	"postern/engine"
	"postern/engine/config"
	"postern/hardware"
	"postern/projections"
)

// The kinds of alerts.
const (
	alertConservation = "resourceConservation" // replies to senders are held back, or worse
	alertRefused      = "mailRefused"          // nothing is accepted
	alertQueue        = "queueSpace"           // the queue is nearly full
	alertHost         = "hostDown"             // of a host for which many recipients wait
	alertCertificate  = "certificateExpiry"    // of a listener
	alertFollower     = "followerBehind"       // who writes logs or counts is behind, or cannot write
	alertPush         = "logPush"              // a log does not reach the host that it is pushed to
	alertHistory      = "historySpace"         // the disk may not hold the history that is to be kept
	alertHardware     = "hardware"             // of a component of the machine
	alertRetention    = "retentionInDanger"    // history cannot be shortened as it should be
	alertDoubt        = "mailInDoubt"          // mail is held because its peer may have it, for as long as nobody decides
	alertDamage       = "journalDamaged"       // records are not what was written, or the books do not balance
)

// levels is where alerts come from: each function tells how something stands now.
type levels struct {
	document     func() *config.Document
	conservation func() (degree int, reasons []string)
	queue        func() (used, free int64) // bytes
	down         func(now time.Time, atLeast uint64) []projections.HostStatus
	expiries     func(now time.Time) []expiry
	lags         *lags
	stuck        func(now time.Time) []stuck           // pushes of logs that do not get on; nil: there are none
	history      func() (journal, room int64)          // bytes that the journal takes, and that the disk has above the watermark
	sensors      func(now time.Time) *hardware.Sensors // nil: nobody reads them
	retention    func() string                         // why history cannot be shortened, a sentence; "": it can. nil: nobody shortens it
	doubts       func() (int, time.Time)               // recipients that are held as in doubt, and since when the first is; nil: nobody counts
	damage       func() string                         // what is known against the journal, a sentence; "": nothing. nil: nobody knows
}

// expiry is when a certificate ends.
type expiry struct {
	name string
	at   time.Time
}

// wrong lists all that is wrong. stands tells whether something was told and not cleared: what stands needs to be a little
// better than what has raised it, to be over.
func (l *levels) wrong(now time.Time, stands func(kind, object string) bool) (out []engine.Alert) {
	out = l.resources(out, stands)
	out = l.hosts(out, now, stands)
	out = l.certificates(out, now)
	out = l.followers(out, stands)
	out = l.pushes(out, now, stands)
	out = l.hardware(out, now, stands)
	if l.retention != nil {
		if why := l.retention(); why != "" {
			out = append(out, engine.Alert{Kind: alertRetention, Severity: severityWarning, Text: why})
		}
	}
	if l.doubts != nil {
		if n, since := l.doubts(); n > 0 {
			out = append(out, engine.Alert{Kind: alertDoubt, Severity: severityWarning,
				Text: fmt.Sprintf("Mail is held because nobody knows whether its hosts have it: recipients, %d; the first since %s. \"indoubt\" lists them and takes answers.",
					n, since.UTC().Format("2006-01-02 15:04 MST"))})
		}
	}
	out = l.journal(out)
	return l.disk(out, stands)
}

// nearlyFull is the share of the queue's limit that is worth an alert, nearlyFullUntil what it must come down to.
const (
	nearlyFull      = 75 // percent
	nearlyFullUntil = 65
)

func (l *levels) resources(out []engine.Alert, stands func(string, string) bool) []engine.Alert {
	degree, reasons := l.conservation()
	because := ""
	if len(reasons) > 0 {
		because = " (" + strings.Join(reasons, ", ") + ")"
	}
	if degree > 0 {
		out = append(out, engine.Alert{Kind: alertConservation, Severity: severityWarning,
			Text: fmt.Sprintf("Resource conservation has begun%s, its degree is %d: replies to senders are held back.", because, min(degree, engine.Slowest))})
	}
	if degree >= engine.Refusing {
		out = append(out, engine.Alert{Kind: alertRefused, Severity: severityCritical,
			Text: "No mail is accepted for lack of resources" + because + ". Delivery goes on, and mail will be accepted when it has made room."})
	}
	used, free := l.queue()
	limit, full := used+max(0, free), int64(nearlyFull)
	if stands(alertQueue, "") {
		full = nearlyFullUntil
	}
	if used > 0 && used*100 >= limit*full {
		out = append(out, engine.Alert{Kind: alertQueue, Severity: severityWarning,
			Text: fmt.Sprintf("The queue holds %d of %d kilobytes (%d %%).", used>>10, limit>>10, used*100/limit)})
	}
	return out
}

// maxHostAlerts is how many hosts have an alert of their own at a time: when the network is gone, all of them are down.
const maxHostAlerts = 20

func (l *levels) hosts(out []engine.Alert, now time.Time, stands func(string, string) bool) []engine.Alert {
	many, before := uint64(l.document().Alerts.HostRecipients), len(out)
	for _, h := range l.down(now, (many+1)/2) {
		if !stands(alertHost, h.Host) && (h.Active < many || len(out)-before >= maxHostAlerts) {
			continue
		}
		text := fmt.Sprintf("%d recipients wait for %s, which is down.", h.Active, h.Host)
		if h.DownReason != "" {
			text += " The last attempt said: " + h.DownReason
		}
		out = append(out, engine.Alert{Kind: alertHost, Object: h.Host, Severity: severityWarning, Text: text})
	}
	return out
}

func (l *levels) certificates(out []engine.Alert, now time.Time) []engine.Alert {
	days := time.Duration(l.document().Alerts.CertificateDays) * 24 * time.Hour
	for _, c := range l.expiries(now) {
		left := c.at.Sub(now)
		a := engine.Alert{Kind: alertCertificate, Object: c.name, Severity: severityWarning,
			Text: fmt.Sprintf("The certificate of %s ends on %s, in %d days.", c.name, c.at.UTC().Format("2006-01-02 15:04 MST"), int(left.Hours()/24))}
		switch {
		case left > days:
			continue
		case left <= 0:
			a.Severity = severityCritical
			a.Text = fmt.Sprintf("The certificate of %s ended on %s. Peers that look at it do not trust it any more.", c.name, c.at.UTC().Format("2006-01-02 15:04 MST"))
		}
		out = append(out, a)
	}
	return out
}

// A follower that is lagAlert behind is worth an alert until it is no more than lagOver behind.
const (
	lagAlert = time.Minute
	lagOver  = 10 * time.Second
)

func (l *levels) followers(out []engine.Alert, stands func(string, string) bool) []engine.Alert {
	for _, f := range l.lags.followers() {
		if f.elsewhere {
			continue
		}
		age, most := time.Duration(f.age.Load()), lagAlert
		if stands(alertFollower, f.name) {
			most = lagOver
		}
		text := ""
		switch {
		case f.broken.Load():
			text = fmt.Sprintf("The log %s cannot be written; what happens meanwhile is written when it can be. The gateway's own log says why.", f.name)
		case age >= most:
			text = fmt.Sprintf("What is shown by %s is %d seconds behind.", f.name, int(age.Seconds()))
		default:
			continue
		}
		out = append(out, engine.Alert{Kind: alertFollower, Object: f.name, Severity: severityWarning, Text: text})
	}
	return out
}

// disk tells when there is less room left than a fourth of what the journal takes: at the pace of before, the history that
// is to be kept will not fit.
func (l *levels) disk(out []engine.Alert, stands func(string, string) bool) []engine.Alert {
	takes, room := l.history()
	part := int64(4)
	if stands(alertHistory, "") {
		part = 3
	}
	if takes <= 0 || room >= takes/part {
		return out
	}
	return append(out, engine.Alert{Kind: alertHistory, Severity: severityWarning,
		Text: fmt.Sprintf("The journal takes %d megabytes, and the disk has only %d left before mail is refused. It needs more room, or journal.keep_days, which is %d, must be less.",
			takes>>20, max(0, room)>>20, l.document().Journal.KeepDays)})
}

// overText says that something is over.
func overText(kind, object string) string {
	switch kind {
	case alertConservation:
		return "Resource conservation is over: replies to senders are not held back any more."
	case alertRefused:
		return "Mail is accepted again."
	case alertQueue:
		return "The queue has room again."
	case alertHost:
		return fmt.Sprintf("%s answers again, or hardly anybody waits for it any more.", object)
	case alertCertificate:
		return fmt.Sprintf("The certificate of %s is good for a while again, or is not used any more.", object)
	case alertFollower:
		return fmt.Sprintf("%s has caught up.", object)
	case alertPush:
		return fmt.Sprintf("The log %s reaches the host that it is pushed to again, or is pushed no more.", object)
	case alertHistory:
		return "The disk has room for the journal again."
	case alertHardware:
		return fmt.Sprintf("%s of the machine is normal again, or not there any more.", object)
	case alertDoubt:
		return "No mail is held as in doubt any more."
	case alertDamage:
		return "A verify has found nothing wrong with the journal."
	case alertRetention:
		return "The history is as short again as it should be."
	}
	return "It is over: " + kind + "."
}
