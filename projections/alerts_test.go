package projections

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

// TestAlerts holds what displayalerts shows: the last ones, the newest first, and which of them still stand.
func TestAlerts(t *testing.T) {
	f := NewFigures(0)
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for i, e := range []journal.Event{
		&journal.AlertRaised{Alert: "hostDown", Object: "a.example", Severity: "Warning", Text: "a is down"},
		&journal.AlertRaised{Alert: "hostDown", Object: "b.example", Severity: "Warning", Text: "b is down"},
		&journal.AlertCleared{Alert: "hostDown", Object: "a.example"},
		&journal.AlertCleared{Alert: "queueSpace"}, // never was
		&journal.AlertRaised{Alert: "hostDown", Object: "a.example", Severity: "Warning", Text: "a is down again"},
		&journal.AlertRaised{Alert: "queueSpace", Severity: "Critical", Text: strings.Repeat("é", maxAlertText)},
	} {
		f.Apply(journal.Record{Seq: uint64(i + 1), Time: journal.InstantOf(at.Add(time.Duration(i) * time.Minute)), Event: e})
	}
	var got strings.Builder
	for _, a := range f.Alerts(0) {
		cleared := "stands"
		if !a.Cleared.IsZero() {
			cleared = "cleared " + a.Cleared.Format("15:04")
		}
		fmt.Fprintf(&got, "%d %s %s %q %s %.20q %s\n", a.Seq, a.Time.Format("15:04"), a.Kind, a.Object, a.Severity, a.Text, cleared)
	}
	if want := `6 10:05 queueSpace "" Critical "éééééééééééééééééééé" stands
5 10:04 hostDown "a.example" Warning "a is down again" stands
2 10:01 hostDown "b.example" Warning "b is down" stands
1 10:00 hostDown "a.example" Warning "a is down" cleared 10:02
`; got.String() != want {
		t.Errorf("have\n%swant\n%s", got.String(), want)
	}
	if n := len(f.Alerts(0)[0].Text); n > maxAlertText {
		t.Errorf("a text has %d bytes", n)
	}
	again, err := decodeFigures(f.encode(nil), 0)
	if err != nil || !reflect.DeepEqual(again.Alerts(0), f.Alerts(0)) {
		t.Errorf("after a keyframe: %v, %+v", err, again.Alerts(0))
	}
	for i := range uint64(2 * maxAlerts) {
		f.Apply(journal.Record{Seq: 100 + i, Event: &journal.AlertRaised{Alert: "hostDown", Object: fmt.Sprint(i)}})
	}
	if all, some := f.Alerts(0), f.Alerts(3); len(all) != maxAlerts || len(some) != 3 || some[0].Object != fmt.Sprint(2*maxAlerts-1) {
		t.Errorf("%d are remembered, 3 of them are %+v", len(all), some)
	}
}
