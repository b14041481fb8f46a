package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/projections"
)

// RenderStatus writes status, or status detail, in the words, the order and the columns of AsyncOS.
func RenderStatus(s projections.Status, detail bool, zone *time.Location) string {
	t := &table{}
	pastHead(t, s.Past, zone)
	statusHead(t, s, zone)
	statusCounters(t, s, detail)
	if detail {
		statusRates(t, s)
	}
	statusGauges(t, s, detail)
	if s.Past != nil {
		statusSample(t, s.Past, detail, zone)
	}
	return t.String()
}

func statusHead(t *table, s projections.Status, zone *time.Location) {
	t.value("Status as of:", Date(s.Timestamp.In(zone), true))
	since := "Never"
	if !s.BirthTime.IsZero() {
		since = Date(s.BirthTime.In(zone), true)
		if s.Running {
			since += " (" + Uptime(time.Duration(s.UptimeSeconds)*time.Second) + ")"
		} else {
			since = "Not running (last start " + since + ")"
		}
	}
	t.value("Up since:", since)
	reset := "Never"
	if !s.LastCounterReset.IsZero() {
		reset = Date(s.LastCounterReset.In(zone), true)
	}
	t.value("Last counter reset:", reset)
	t.value("System status:", s.System)
	if domains := s.DeliverySuspended; len(domains) > 0 && !slices.Contains(domains, everyDomain) {
		t.value("Delivery suspended to:", firstOf(domains, shownDomains))
	}
	oldest := "No Messages"
	if s.Oldest.MID != 0 {
		oldest = Age(time.Duration(s.Oldest.Seconds) * time.Second)
	}
	t.value("Oldest Message:", oldest)
}

// shownDomains is how many of the domains that delivery is suspended to are named.
const shownDomains = 3

// firstOf names the first of a list, and counts the others.
func firstOf(names []string, most int) string {
	text := oneLine(strings.Join(names[:min(len(names), most)], ", "))
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// statusRow is a counter's row; those of detail are left out of plain status.
type statusRow struct {
	category string // begins one
	indent   int
	counter  projections.Counter
	detail   bool
}

var statusRows = []statusRow{
	{category: "Receiving", indent: 4, counter: projections.MessagesReceived},
	{indent: 4, counter: projections.RecipientsReceived},
	{indent: 4, counter: projections.GenBounceRecipients, detail: true},
	{category: "Rejection", indent: 4, counter: projections.RejectedRecipients},
	{indent: 4, counter: projections.DroppedMessages},
	{category: "Queue", indent: 4, counter: projections.SoftBouncedEvents},
	{category: "Completion", indent: 4, counter: projections.CompletedRecipients},
	{indent: 4, counter: projections.HardBounced, detail: true},
	{indent: 6, counter: projections.DNSHardBounces, detail: true},
	{indent: 6, counter: projections.FiveXXHardBounces, detail: true},
	{indent: 6, counter: projections.ExpiredHardBounces, detail: true},
	{indent: 6, counter: projections.FilterHardBounces, detail: true},
	{indent: 6, counter: projections.OtherHardBounces, detail: true},
	{indent: 4, counter: projections.Delivered, detail: true},
	{indent: 4, counter: projections.Deleted, detail: true},
	{indent: 6, counter: projections.GlobalUnsubHits, detail: true},
	{indent: 4, counter: projections.DomainKeysSigned, detail: true},
}

func statusCounters(t *table, s projections.Status, detail bool) {
	t.head("Counters:", "Reset", "Uptime", "Lifetime")
	for _, r := range statusRows {
		if r.category != "" {
			t.category(r.category)
		}
		if c := s.Counters[r.counter]; !r.detail || detail {
			t.row(r.indent, r.counter.Label(), Thousands(c.Reset), Thousands(c.Uptime), Thousands(c.Lifetime))
		}
	}
	t.category("Current IDs")
	t.last(4, "Message ID (MID)", strconv.FormatUint(uint64(s.IDs.MID), 10))
	t.last(4, "Injection Conn. ID (ICID)", strconv.FormatUint(uint64(s.IDs.ICID), 10))
	t.last(4, "Delivery Conn. ID (DCID)", strconv.FormatUint(uint64(s.IDs.DCID), 10))
}

func statusRates(t *table, s projections.Status) {
	t.head("Rates (Events Per Hour):", "1-Minute", "5-Minutes", "15-Minutes")
	categories := map[projections.Counter]string{projections.MessagesReceived: "Receiving", projections.SoftBouncedEvents: "Queue",
		projections.CompletedRecipients: "Completion"}
	for _, c := range projections.RateCounters() {
		if title := categories[c]; title != "" {
			t.category(title)
		}
		r := s.Rates.Of(c)
		t.row(4, c.Label(), Thousands(r.Minute), Thousands(r.Minutes5), Thousands(r.Quarter))
	}
}

func statusGauges(t *table, s projections.Status, detail bool) {
	gauge := func(name string) string { return gaugeText(s, name, "") }
	percent := func(name string) string { return gaugeText(s, name, "%") }
	t.head("Gauges:", "Current")
	if detail {
		t.category("System")
		t.row(4, "RAM Utilization", percent(projections.GaugeRAMUtilization))
		t.b.WriteString("    CPU Utilization\n")
		t.row(6, "MGA", percent(projections.GaugeCPUUtilization))
		t.row(6, "AntiSpam", percent(projections.GaugeAntiSpamUtilization))
		t.row(6, "AntiVirus", percent(projections.GaugeAntiVirusUtilization))
		t.row(4, "Disk I/O Utilization", percent(projections.GaugeDiskUtilization))
		t.row(4, "Resource Conservation", gauge(projections.GaugeConservation))
	}
	t.category("Connections")
	t.row(4, "Current Inbound Conn.", gauge(projections.GaugeInbound))
	t.row(4, "Current Outbound Conn.", gauge(projections.GaugeOutbound))
	t.category("Queue")
	t.row(4, "Active Recipients", gauge(projections.GaugeActive))
	if detail {
		t.row(6, "Unattempted Recipients", gauge(projections.GaugeUnattempted))
		t.row(6, "Attempted Recipients", gauge(projections.GaugeAttempted))
	}
	t.row(4, "Messages In Work Queue", gauge(projections.GaugeWorkQueue))
	t.row(4, "Messages In Quarantine", gauge(projections.GaugeQuarantine))
	if detail {
		t.row(4, "Destinations In Memory", gauge(projections.GaugeDestinations))
	}
	t.row(4, "Kilobytes Used", gauge(projections.GaugeKilobytesUsed))
	t.row(4, "Kilobytes In Quarantine", gauge(projections.GaugeQuarantineKilobytes))
	t.row(4, "Kilobytes Free", gauge(projections.GaugeKilobytesFree))
}

// gaugeText is a gauge's figure; of the past not every one is known.
func gaugeText(s projections.Status, name, unit string) string {
	v, known := s.Gauges[name]
	if s.Past != nil && !known {
		return notRecorded
	}
	return Thousands(uint64(max(0, v))) + unit
}

// sampledRows are the rows of status whose figures are measured, by their gauges; those of detail come first.
var sampledRows = []struct {
	gauge, label string
	detail       bool
}{
	{projections.GaugeRAMUtilization, "RAM Utilization", true}, {projections.GaugeCPUUtilization, "MGA", true},
	{projections.GaugeAntiSpamUtilization, "AntiSpam", true}, {projections.GaugeAntiVirusUtilization, "AntiVirus", true},
	{projections.GaugeDiskUtilization, "Disk I/O Utilization", true}, {projections.GaugeKilobytesFree, "Kilobytes Free", false},
}

// statusSample says which rows are as of the minute's sample.
func statusSample(t *table, m *projections.Moment, detail bool, zone *time.Location) {
	var rows []string
	for _, r := range sampledRows {
		if slices.Contains(m.FromSample, r.gauge) && (detail || !r.detail) {
			rows = append(rows, r.label)
		}
	}
	if len(rows) > 0 {
		fmt.Fprintf(&t.b, "As sampled %s: %s.\n", Date(m.Sampled.In(zone), false), strings.Join(rows, ", "))
	}
}
