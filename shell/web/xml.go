package web

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"postern/projections"
	"postern/shell"
)

// feedGauges are the gauges of the feed in its order, as AsyncOS 10 has them. One that nobody measures is 0.
var feedGauges = []string{
	projections.GaugeRAMUtilization, projections.GaugeTotalUtilization, projections.GaugeCPUUtilization,
	projections.GaugeAntiVirusUtilization, projections.GaugeAntiSpamUtilization, "bm_utilization",
	projections.GaugeDiskUtilization, projections.GaugeConservation, projections.GaugeLogUsed, projections.GaugeLogAvailable,
	projections.GaugeInbound, projections.GaugeOutbound, projections.GaugeActive, projections.GaugeUnattempted,
	projections.GaugeAttempted, projections.GaugeWorkQueue, projections.GaugeDestinations, projections.GaugeKilobytesUsed,
	projections.GaugeKilobytesFree, projections.GaugeQuarantine, projections.GaugeQuarantineKilobytes,
	projections.GaugeReportingUtilization, projections.GaugeQuarantineLoad,
}

// Feature is a row of the feed's features: what runs out, and when.
type Feature struct {
	Name    string
	Expires time.Time // zero: never
}

// serveXML answers /xml/status.
func (s *Server) serveXML(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/xml; charset=ISO-8859-1")
	writeXML(w, s.status(), s.features(), s.zone())
}

// writeXML writes the status feed. Its readers often take single lines of it, so that its lines are part of its form: a
// counter and a rate have one attribute a line, a gauge and a feature have one line.
func writeXML(w io.Writer, v projections.Status, features []Feature, zone *time.Location) {
	f := feed{zone: zone}
	f.b.Grow(16 << 10)
	f.line(`<?xml version="1.0" encoding="ISO-8859-1" standalone="yes"?>`)
	f.line(``)
	f.line(`<status build="%s" hostname="%s" timestamp="%s">`, latin1(v.Build), latin1(v.Hostname), f.stamp(v.Timestamp))
	f.head(v)
	f.line(`  <features>`)
	for _, x := range features {
		f.line(`    <feature name="%s" time_remaining="%s" />`, latin1(x.Name), remaining(x, v.Timestamp))
	}
	f.line(`  </features>`)
	f.counters(v)
	f.line("  <current_ids\n    message_id=\"%d\"\n    injection_conn_id=\"%d\"\n    delivery_conn_id=\"%d\" />", v.IDs.MID, v.IDs.ICID, v.IDs.DCID)
	f.rates(v)
	f.line(`  <gauges>`)
	for _, name := range feedGauges {
		current, isText := v.Texts[name]
		if !isText {
			current = strconv.FormatInt(v.Gauges[name], 10)
		}
		f.line(`    <gauge name="%s" current="%s" />`, name, latin1(current))
	}
	f.line(`  </gauges>`)
	f.line(`</status>`)
	io.WriteString(w, f.b.String())
}

// feed gathers the document.
type feed struct {
	b    strings.Builder
	zone *time.Location
}

func (f *feed) line(format string, args ...any) {
	fmt.Fprintf(&f.b, format, args...)
	f.b.WriteByte('\n')
}

func (f *feed) head(v projections.Status) {
	birth := f.stamp(v.BirthTime)
	if birth != "" {
		birth += " (" + shell.Uptime(time.Duration(v.UptimeSeconds)*time.Second) + ")"
	}
	f.line(`  <birth_time timestamp="%s"/>`, birth)
	f.line(`  <last_counter_reset timestamp="%s"/>`, f.stamp(v.LastCounterReset))
	f.line(`  <system status="%s" />`, latin1(strings.ToLower(v.System)))
	f.line(`  <oldest_message secs="%d" mid="%d" />`, v.Oldest.Seconds, v.Oldest.MID)
}

func (f *feed) counters(v projections.Status) {
	f.line(`  <counters>`)
	for c := range projections.NumFeedCounters {
		n := v.Counters[c]
		f.line("    <counter name=\"%s\"\n        reset=\"%d\"\n        uptime=\"%d\"\n        lifetime=\"%d\" />", c.Name(), n.Reset, n.Uptime, n.Lifetime)
	}
	f.line(`  </counters>`)
}

func (f *feed) rates(v projections.Status) {
	f.line(`  <rates>`)
	for i, c := range projections.RateCounters() {
		r := v.Rates[i]
		f.line("    <rate name=\"%s\"\n      last_1_min=\"%d\"\n      last_5_min=\"%d\"\n      last_15_min=\"%d\" />", c.Name(), r.Minute, r.Minutes5, r.Quarter)
	}
	f.line(`  </rates>`)
}

// stamp is a time as the feed writes it, in the machine's zone, which it does not name; nothing for none.
func (f *feed) stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(f.zone).Format("20060102150405")
}

// remaining is how many seconds a feature has left, negative when it is past.
func remaining(x Feature, now time.Time) string {
	if x.Expires.IsZero() {
		return "Dormant/Perpetual"
	}
	return strconv.FormatInt(int64(x.Expires.Sub(now)/time.Second), 10)
}

// latin1 writes a text as the value of an attribute, in ISO 8859-1; what that has not is a character reference, and what
// XML cannot have at all a question mark.
func latin1(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0xd800 && r < 0xe000 || r >= 0xfffd && r < 0x10000:
			b.WriteByte('?')
		case r == '<' || r == '&' || r == '"' || r == '>' || r > 0xff:
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteByte(byte(r))
		}
	}
	return b.String()
}
