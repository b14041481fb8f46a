package main

import (
	"fmt"
	"time"

	"postern/engine"
)

// stuck is a log whose push does not get on.
type stuck struct {
	log    string
	age    time.Duration // of what waits longest
	what   string        // waits, and for whom
	reason string        // of the last failure
}

// pushes tells of logs that have not reached another host for as long as a follower may be behind.
func (l *levels) pushes(out []engine.Alert, now time.Time, stands func(string, string) bool) []engine.Alert {
	if l.stuck == nil {
		return out
	}
	for _, s := range l.stuck(now) {
		most := lagAlert
		if stands(alertPush, s.log) {
			most = lagOver
		}
		if s.age >= most {
			out = append(out, engine.Alert{Kind: alertPush, Object: s.log, Severity: severityWarning,
				Text: fmt.Sprintf("The log %s is not pushed. %s, for %d seconds now: %s", s.log, s.what, int(s.age.Seconds()), s.reason)})
		}
	}
	return out
}
