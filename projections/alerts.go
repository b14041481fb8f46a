package projections

import (
	"slices"
	"strings"
	"time"

	"postern/journal"
)

// maxAlerts is how many alerts are remembered, maxAlertText how many bytes of their text; the oldest are forgotten.
const (
	maxAlerts    = 200
	maxAlertText = 1000
)

// Alert is something that an operator was to hear of.
type Alert struct {
	Seq      uint64    `json:"seq"` // of the fact that raised it
	Time     time.Time `json:"timestamp"`
	Kind     string    `json:"alert"`  // one word
	Object   string    `json:"object"` // what it is about; "": the gateway itself
	Severity string    `json:"severity"`
	Text     string    `json:"text"`
	Cleared  time.Time `json:"cleared,omitzero"` // zero: it still stands
}

// alerts are the last ones, the oldest first. Part of the figures.
type alerts struct{ list []alert }

type alert struct {
	seq                          uint64
	raised, cleared              journal.Instant
	kind, object, severity, text string
}

func (s *alerts) add(a alert) {
	if len(s.list) >= maxAlerts {
		s.list = slices.Delete(s.list, 0, len(s.list)-maxAlerts+1)
	}
	s.list = append(s.list, a)
}

func (s *alerts) raise(r journal.Record, e *journal.AlertRaised) {
	s.add(alert{seq: r.Seq, raised: r.Time, kind: strings.Clone(e.Alert), object: strings.Clone(e.Object),
		severity: strings.Clone(e.Severity), text: shortened(e.Text, maxAlertText)})
}

// clear ends all alerts of a kind about an object.
func (s *alerts) clear(at journal.Instant, e *journal.AlertCleared) {
	for i := range s.list {
		if a := &s.list[i]; a.cleared == 0 && a.kind == e.Alert && a.object == e.Object {
			a.cleared = at
		}
	}
}

// Alerts gives the last alerts, the newest first, at most max; 0 is all that are remembered.
func (f *Figures) Alerts(max int) []Alert {
	list := f.alerts.list
	if max > 0 && len(list) > max {
		list = list[len(list)-max:]
	}
	out := make([]Alert, 0, len(list))
	for _, a := range slices.Backward(list) {
		out = append(out, Alert{Seq: a.seq, Time: a.raised.Time(), Kind: a.kind, Object: a.object, Severity: a.severity, Text: a.text,
			Cleared: a.cleared.Time()})
	}
	return out
}

func (s *alerts) encode(e *encoder) {
	e.uint(uint64(len(s.list)))
	for i := range s.list {
		a := &s.list[i]
		e.strings([]string{a.kind, a.object, a.severity, a.text})
		e.uint(a.seq)
		e.int(int64(a.raised))
		e.int(int64(a.cleared))
	}
}

func (s *alerts) decode(d *decoder) {
	for range d.count() {
		words := d.strings()
		if len(words) != 4 {
			d.fail()
			return
		}
		s.add(alert{kind: words[0], object: words[1], severity: words[2], text: words[3], seq: d.uint(),
			raised: journal.Instant(d.int()), cleared: journal.Instant(d.int())})
	}
}
