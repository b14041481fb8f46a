package shell

import (
	"os"
	"strings"
	"testing"
	"time"

	"postern/projections"
)

// TestStatusDetail feeds the figures of the seed's transcript and compares every row, as its reader would: runs of spaces
// folded. Feature rows are shown only for engines that are configured, which this gateway has none of.
func TestStatusDetail(t *testing.T) {
	zone := time.FixedZone("PDT", -7*3600)
	s := seedStatus(zone)
	compareFolded(t, "testdata/status-detail.txt", RenderStatus(s, true, zone))
}

func seedStatus(zone *time.Location) projections.Status {
	now := time.Date(2005, 6, 30, 13, 9, 18, 0, zone)
	s := projections.Status{Timestamp: now, BirthTime: time.Date(2005, 6, 23, 22, 21, 14, 0, zone), System: projections.SystemOnline,
		LastCounterReset: time.Date(2004, 6, 29, 19, 30, 42, 0, zone),
		IDs:              projections.CurrentIDs{MID: 7615199, ICID: 3263654, DCID: 1988479}, Gauges: map[string]int64{
			projections.GaugeRAMUtilization: 1, projections.GaugeQuarantine: 19, projections.GaugeDestinations: 3,
			projections.GaugeKilobytesUsed: 473, projections.GaugeQuarantineKilobytes: 473, projections.GaugeKilobytesFree: 39845415}}
	s.Running, s.UptimeSeconds = true, int64(now.Sub(s.BirthTime)/time.Second)
	for c, v := range map[projections.Counter]projections.Columns{
		projections.MessagesReceived:    {Reset: 2571967, Uptime: 24760, Lifetime: 3113176},
		projections.RecipientsReceived:  {Reset: 2914875, Uptime: 25450, Lifetime: 3468024},
		projections.GenBounceRecipients: {Reset: 2165, Lifetime: 7451},
		projections.RejectedRecipients:  {Reset: 1019453, Uptime: 792, Lifetime: 1740603},
		projections.DroppedMessages:     {Reset: 1209001, Uptime: 66, Lifetime: 1209028},
		projections.SoftBouncedEvents:   {Reset: 11236, Lifetime: 11405},
		projections.CompletedRecipients: {Reset: 2591740, Uptime: 49095, Lifetime: 3145002},
		projections.HardBounced:         {Reset: 2469, Lifetime: 7875},
		projections.DNSHardBounces:      {Reset: 199, Lifetime: 3235},
		projections.FiveXXHardBounces:   {Reset: 2151, Lifetime: 4520},
		projections.ExpiredHardBounces:  {Reset: 119, Lifetime: 120},
		projections.Delivered:           {Reset: 2589270, Uptime: 49095, Lifetime: 3137126},
		projections.Deleted:             {Reset: 1, Lifetime: 1},
		projections.DomainKeysSigned:    {Reset: 10, Uptime: 9, Lifetime: 10},
	} {
		s.Counters[c] = v
	}
	received, done := projections.Rate{Minute: 180, Minutes5: 300, Quarter: 188}, projections.Rate{Minute: 360, Minutes5: 600, Quarter: 368}
	for i, c := range projections.RateCounters() {
		switch c {
		case projections.MessagesReceived, projections.RecipientsReceived:
			s.Rates[i] = received
		case projections.CompletedRecipients, projections.Delivered:
			s.Rates[i] = done
		}
	}
	return s
}

// TestStatusColumns holds the edges at which figures end: 41, 57 and 73.
func TestStatusColumns(t *testing.T) {
	zone := time.FixedZone("PDT", -7*3600)
	for _, line := range strings.Split(RenderStatus(seedStatus(zone), true, zone), "\n") {
		if f := strings.Fields(line); strings.HasPrefix(line, "    ") && len(f) > 1 && f[0] != "CPU" && len(line) != 41 && len(line) != 73 {
			t.Errorf("ends at column %d: %q", len(line), line)
		}
	}
}

func compareFolded(t *testing.T, golden, got string) {
	t.Helper()
	raw, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := foldedLines(string(raw))
	have := foldedLines(got)
	for i := range max(len(want), len(have)) {
		w, h := "", ""
		if i < len(want) {
			w = want[i]
		}
		if i < len(have) {
			h = have[i]
		}
		if w != h {
			t.Fatalf("line %d:\nwant %q\nhave %q", i+1, w, h)
		}
	}
}

func foldedLines(text string) (lines []string) {
	for _, l := range strings.Split(text, "\n") {
		l = strings.Join(strings.Fields(l), " ")
		if l != "" && !strings.HasPrefix(l, "Feature - ") && !strings.Contains(l, "> status") {
			lines = append(lines, l)
		}
	}
	return lines
}

func TestAgesAndUptimes(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		2422013 * time.Second: {"4 weeks 46 mins 53 secs", "28d 0h 46m 53s"},
		3935 * time.Second:    {"1 hour 5 mins 35 secs", "1h 5m 35s"},
		time.Second:           {"1 sec", "1s"},
		0:                     {"0 secs", "0s"},
	} {
		if got := [2]string{Age(d), Uptime(d)}; got != want {
			t.Errorf("%v: %v, want %v", d, got, want)
		}
	}
}
