package shell

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"postern/projections"
)

// alertsShown is how many alerts displayalerts shows when nobody says, maxAlertsShown how many it can.
const (
	alertsShown    = 10
	maxAlertsShown = 200
)

var _ = register(&Command{Name: "displayalerts", Summary: "the last alerts, the newest first", Offline: true,
	Params: []Param{{Name: "NUMBER", Optional: true, Check: func(word string) error { return checkNumber(word, "alerts", maxAlertsShown) }}},
	Help: "An alert says that something is wrong, and is cleared when that is over. Who gets them by mail stands in the table\n" +
		"[alerts] of the configuration. The last 200 are remembered; 10 of them are shown when no number is given.",
	Run: func(ctx context.Context, c *Call) error {
		n, err := strconv.Atoi(c.Arg(0))
		if err != nil {
			n = alertsShown
		}
		list, err := c.Gateway.Alerts(ctx, n)
		if err != nil {
			return err
		}
		return c.Answer(list, renderAlerts(list, c.Zone))
	}})

const (
	alertStamp   = "02 Jan 2006 15:04:05 (MST)"
	alertColumns = 28 // of the stamp
)

// renderAlerts writes an alert a line, never wrapped, and below it when it was over.
func renderAlerts(list []projections.Alert, zone *time.Location) string {
	if len(list) == 0 {
		return "\nThere are no alerts.\n"
	}
	var b strings.Builder
	row := func(stamp, text string) { fmt.Fprintf(&b, "%-*s%s\n", alertColumns, stamp, text) }
	b.WriteByte('\n')
	row("Date and Time Stamp", "Description")
	b.WriteString(strings.Repeat("-", 80) + "\n")
	for _, a := range list {
		row(a.Time.In(zone).Format(alertStamp), Printable(a.Severity)+": "+Printable(a.Text))
		about := Printable(a.Kind)
		if a.Object != "" {
			about += " of " + Printable(a.Object)
		}
		if a.Cleared.IsZero() {
			row("", about+", still stands")
		} else {
			row("", about+", cleared "+a.Cleared.In(zone).Format(alertStamp))
		}
	}
	return b.String()
}
