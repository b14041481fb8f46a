package shell

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"postern/journal"
	"postern/projections"
)

// TestDisplayAlerts shows the last alerts, the newest first: locally, over the socket, in a dialogue and for programs.
func TestDisplayAlerts(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	g := visited(t, &now,
		&journal.AlertRaised{Alert: "hostDown", Object: "a.example", Severity: "Warning", Text: "1200 recipients wait for a.example, which is down. The last attempt said: \x1b[2J"},
		&journal.AlertRaised{Alert: "mailRefused", Severity: "Critical", Text: "No mail is accepted for lack of resources (queueFull)."},
		&journal.AlertCleared{Alert: "mailRefused"})
	want := `Date and Time Stamp         Description
--------------------------------------------------------------------------------
23 Nov 2026 10:47:00 (UTC)  Critical: No mail is accepted for lack of resources (queueFull).
                            mailRefused, cleared 23 Nov 2026 11:34:00 (UTC)
23 Nov 2026 10:00:00 (UTC)  Warning: 1200 recipients wait for a.example, which is down. The last attempt said: \x1b[2J
                            hostDown of a.example, still stands
`
	for _, g := range []Gateway{g, overSocket(t, g)} {
		if got, err := dialogue(t, t.Context(), g, "displayalerts", "batch"); err != nil || got != want {
			t.Errorf("%v, have\n%s\nwant\n%s", err, got, want)
		}
		if got, err := dialogue(t, t.Context(), g, "displayalerts 1", "batch"); err != nil || !strings.Contains(got, "mailRefused") || strings.Contains(got, "hostDown") {
			t.Errorf("%v, one alert:\n%s", err, got)
		}
		var list []projections.Alert
		got, err := dialogue(t, t.Context(), g, "displayalerts --json", "batch")
		if err == nil {
			err = json.Unmarshal([]byte(got), &list)
		}
		if err != nil || len(list) != 2 || list[0].Kind != "mailRefused" || list[0].Cleared.IsZero() || !list[1].Cleared.IsZero() || list[1].Object != "a.example" {
			t.Errorf("%v, for programs:\n%s", err, got)
		}
	}
	for _, bad := range []string{"0", "-1", "x", "201"} {
		if _, err := dialogue(t, t.Context(), g, "displayalerts "+bad, "batch"); err == nil {
			t.Errorf("%s is a number of alerts", bad)
		}
	}
	if got := renderAlerts(nil, time.UTC); got != "\nThere are no alerts.\n" {
		t.Errorf("without alerts: %q", got)
	}
}
