package shell

import (
	"context"
	"fmt"
	"strings"
	"time"

	"postern/projections"
)

// atOption lets a command show what it would have shown at a past moment.
var atOption = Option{Name: "--at", Value: "MOMENT"}

const atHelp = `  --at MOMENT   as it was then: "2026-11-23 03:10", with seconds if you like, 2026-11-23T03:10:00Z, or today's time: 03:10`

// asOf is the moment that --at names; zero: the present is asked for.
func (c *Call) asOf() (time.Time, error) {
	word, given := c.Options[atOption.Name]
	if !given {
		return time.Time{}, nil
	}
	at, err := parsePast(word, c.time(), c.zone())
	if err != nil {
		return at, &UsageError{c.Command, "--at: " + err.Error()}
	}
	return at, nil
}

func (c *Call) zone() *time.Location {
	if c.Zone != nil {
		return c.Zone
	}
	return time.Local
}

// parsePast reads a date and a time of the day, or a time of today.
func parsePast(word string, now time.Time, zone *time.Location) (time.Time, error) {
	word = strings.TrimSpace(word)
	if strings.Contains(word, "T") {
		at, err := time.Parse(time.RFC3339Nano, word)
		if err != nil {
			return at, fmt.Errorf("%.60q is no moment: with a T it has to be as 2026-11-23T03:10:00Z or 2026-11-23T03:10:00+01:00", word)
		}
		return at.In(zone), nil
	}
	day, clock, dated := strings.Cut(word, " ")
	switch {
	case dated:
	case strings.Contains(word, ":"):
		day, clock = now.In(zone).Format(time.DateOnly), word
	default:
		return now, fmt.Errorf("%.60q is no moment: give the time of day, too, as in \"2026-11-23 03:10\"", word)
	}
	date, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return date, fmt.Errorf("%.60q is no moment: %.40q is no date such as 2026-11-23", word, day)
	}
	clock = strings.TrimSpace(clock)
	for _, layout := range []string{"15:04", time.TimeOnly} {
		if t, err := time.Parse(layout, clock); err == nil {
			return time.Date(date.Year(), date.Month(), date.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone), nil
		}
	}
	return date, fmt.Errorf("%.60q is no moment: %.40q is no time of day such as 03:10 or 03:10:30", word, clock)
}

// parsePeriod reads two moments with a dash between them; the second may be a time of the first one's day.
func parsePeriod(word string, now time.Time, zone *time.Location) (from, to time.Time, err error) {
	first, last, ok := strings.Cut(word, " - ")
	if !ok { // a date has dashes of its own: the one between the moments comes after a time of day
		clock := max(0, strings.IndexByte(word, ':'))
		var rest string
		rest, last, ok = strings.Cut(word[clock:], "-")
		first = word[:clock] + rest
	}
	if !ok {
		return from, to, fmt.Errorf(`%.60q is no period: give 03:00-03:20, or "2026-11-23 03:00-03:20"`, word)
	}
	if from, err = parsePast(first, now, zone); err != nil {
		return from, to, err
	}
	if to, err = parsePast(last, from, zone); err != nil {
		return from, to, err
	}
	if !from.Before(to) {
		return from, to, fmt.Errorf("%.60q is no period: it ends before it has begun", word)
	}
	return from, to, nil
}

// pastLine says of which moment an answer is.
func pastLine(m *projections.Moment, zone *time.Location) string {
	text := fmt.Sprintf("The past: as of record %s, written %s, the last one up to %s.\n", Thousands(m.Seq), Date(m.Recorded.In(zone), false), Date(m.At.In(zone), true))
	if m.Crashed {
		text += "The gateway ended without a stop after that record" + restarted(m.Restarted, zone) + ".\n"
	}
	return text
}

// crashLine comes before the first row of the figures that a gateway left behind when it ended without a stop.
func crashLine(again time.Time, zone *time.Location) string {
	return "The gateway had ended without a stop" + restarted(again, zone) + ": what follows is as it was then.\n"
}

func restarted(again time.Time, zone *time.Location) string {
	if again.IsZero() {
		return ""
	}
	return "; it was started again " + Date(again.In(zone), false)
}

// pastHead begins an answer of the past; nil: it is of the present.
func pastHead(t *table, m *projections.Moment, zone *time.Location) {
	if m != nil {
		t.b.WriteString(pastLine(m, zone))
	}
}

// notRecorded stands for a figure of the past that nothing was written down of.
const notRecorded = "not recorded"

// statusOf asks for the figures, of now or of a moment.
func (c *Call) statusOf(ctx context.Context, at time.Time) (projections.Status, error) {
	if at.IsZero() {
		return c.Gateway.Status(ctx)
	}
	return c.Gateway.StatusAt(ctx, at)
}
