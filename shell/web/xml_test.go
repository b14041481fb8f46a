package web

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"postern/projections"
)

var pacific = time.FixedZone("PDT", -7*3600)

// exampleStatus has the figures of testdata/status.xml.
func exampleStatus() (projections.Status, []Feature) {
	now := time.Date(2005, 6, 30, 13, 9, 18, 0, pacific)
	v := projections.Status{Build: "0.1.0-001", Hostname: "mail3.example.com", Timestamp: now.UTC(), System: projections.SystemOnline,
		BirthTime: time.Date(2005, 6, 23, 22, 21, 14, 0, pacific), LastCounterReset: time.Date(2004, 6, 29, 19, 30, 42, 0, pacific),
		Oldest: projections.OldestMessage{Seconds: 261369, MID: 10836353},
		IDs:    projections.CurrentIDs{MID: 7615199, ICID: 3263654, DCID: 1988479},
		Texts:  map[string]string{projections.GaugeLogAvailable: "388G", projections.GaugeSwapUsage: "0%"},
		Gauges: map[string]int64{projections.GaugeRAMUtilization: 1, projections.GaugeLogUsed: 14, projections.GaugeInbound: 7,
			projections.GaugeDestinations: 3, projections.GaugeKilobytesUsed: 473, projections.GaugeKilobytesFree: 39845415,
			projections.GaugeQuarantine: 19, projections.GaugeQuarantineKilobytes: 473, projections.GaugeOpenFiles: 77}}
	v.UptimeSeconds = int64(now.Sub(v.BirthTime) / time.Second)
	for c, columns := range map[projections.Counter]projections.Columns{
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
		v.Counters[c] = columns
	}
	for i, c := range projections.RateCounters() {
		switch c {
		case projections.MessagesReceived, projections.RecipientsReceived:
			v.Rates[i] = projections.Rate{Minute: 180, Minutes5: 300, Quarter: 188}
		case projections.CompletedRecipients, projections.Delivered:
			v.Rates[i] = projections.Rate{Minute: 360, Minutes5: 600, Quarter: 368}
		}
	}
	features := []Feature{{"Certificate mail3.example.com", now.Add(2592000 * time.Second)}, {"Sophos", time.Time{}}, {"Old", now.Add(-46298076 * time.Second)}}
	return v, features
}

func exampleXML() []byte {
	var b bytes.Buffer
	v, features := exampleStatus()
	writeXML(&b, v, features, pacific)
	return b.Bytes()
}

// The form is fixed to the last space: there are readers that take it by lines.
func TestXMLGolden(t *testing.T) {
	want, err := os.ReadFile("testdata/status.xml")
	if err != nil {
		t.Fatal(err)
	}
	got, lines := strings.Split(string(exampleXML()), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(lines)) {
		if i >= len(got) || i >= len(lines) || got[i] != lines[i] {
			t.Fatalf("line %d of %d (%d are wanted) is %q, want %q", i+1, len(got), len(lines), got[min(i, len(got)-1)], lines[min(i, len(lines)-1)])
		}
	}
}

// feedOf reads a feed as a program would.
type feedOf struct {
	XMLName  xml.Name `xml:"status"`
	Build    string   `xml:"build,attr"`
	Hostname string   `xml:"hostname,attr"`
	Time     string   `xml:"timestamp,attr"`
	Birth    struct {
		Time string `xml:"timestamp,attr"`
	} `xml:"birth_time"`
	Reset struct {
		Time string `xml:"timestamp,attr"`
	} `xml:"last_counter_reset"`
	System struct {
		Status string `xml:"status,attr"`
	} `xml:"system"`
	Oldest struct {
		Seconds string `xml:"secs,attr"`
		MID     string `xml:"mid,attr"`
	} `xml:"oldest_message"`
	Features []struct {
		Name string `xml:"name,attr"`
		Left string `xml:"time_remaining,attr"`
	} `xml:"features>feature"`
	Counters []struct {
		Name     string `xml:"name,attr"`
		Reset    uint64 `xml:"reset,attr"`
		Uptime   uint64 `xml:"uptime,attr"`
		Lifetime uint64 `xml:"lifetime,attr"`
	} `xml:"counters>counter"`
	Rates []struct {
		Name string `xml:"name,attr"`
		Last uint64 `xml:"last_15_min,attr"`
	} `xml:"rates>rate"`
	Gauges []struct {
		Name    string `xml:"name,attr"`
		Current string `xml:"current,attr"`
	} `xml:"gauges>gauge"`
}

func parseFeed(t *testing.T, text []byte) (f feedOf) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(name string, in io.Reader) (io.Reader, error) {
		if name != "ISO-8859-1" {
			return nil, fmt.Errorf("the feed says that it is in %s", name)
		}
		raw, err := io.ReadAll(in)
		runes := make([]rune, len(raw))
		for i, c := range raw {
			runes[i] = rune(c)
		}
		return strings.NewReader(string(runes)), err
	}
	if err := d.Decode(&f); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return f
}

// What only a parser of XML sees, and what it must still see of texts that are not meant well.
func TestXMLIsParsed(t *testing.T) {
	f := parseFeed(t, exampleXML())
	if f.Hostname != "mail3.example.com" || f.System.Status != "online" || f.Oldest.MID != "10836353" || len(f.Features) != 3 ||
		len(f.Counters) != 16 || len(f.Rates) != 6 || len(f.Gauges) != 23 || f.Rates[5].Last != 368 || f.Gauges[9].Current != "388G" {
		t.Errorf("%+v", f)
	}
	v, _ := exampleStatus()
	v.Build, v.Hostname = `a"><evil x="&`, "Zürich €\x00\xff\x1b"
	v.Texts[projections.GaugeLogAvailable] = "1<2"
	var b bytes.Buffer
	writeXML(&b, v, []Feature{{Name: "\ufffe\n'"}}, pacific)
	f = parseFeed(t, b.Bytes())
	if f.Build != v.Build || f.Hostname != "Zürich €???" || f.Gauges[9].Current != "1<2" || f.Features[0].Name != "??'" {
		t.Errorf("%+v", f)
	}
	if bytes.Contains(b.Bytes(), []byte("ü")) || !bytes.Contains(b.Bytes(), []byte("Z\xfcrich")) {
		t.Error("the text is not in ISO 8859-1")
	}
}

// What never was is empty or zero.
func TestXMLOfANewGateway(t *testing.T) {
	var b bytes.Buffer
	writeXML(&b, projections.NewFigures(0).View(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), nil, nil), nil, time.UTC)
	f := parseFeed(t, b.Bytes())
	if f.Time != "20260102030405" || f.Birth.Time != "" || f.Reset.Time != "" || f.Oldest.Seconds != "0" || f.Oldest.MID != "0" || len(f.Features) != 0 {
		t.Errorf("%s", b.Bytes())
	}
	for _, g := range f.Gauges {
		if g.Current != "0" {
			t.Errorf("gauge %s is %s", g.Name, g.Current)
		}
	}
}

// These are the ways of readers that are in use.
func TestXMLForReadersOfLines(t *testing.T) {
	for command, want := range map[string]string{
		`grep conn_in | cut -d\" -f4`:                                               "7",
		`grep -A 3 'rate name="inj_msgs' | grep last_15_min | cut -d\" -f2`:         "188",
		`grep -A 3 'counter name="delivered_recips' | grep lifetime | cut -d\" -f2`: "3137126",
		`grep 'gauge name="kbytes_free"' | cut -d\" -f4`:                            "39845415",
	} {
		c := exec.Command("sh", "-c", command)
		c.Stdin = bytes.NewReader(exampleXML())
		out, err := c.Output()
		if got := strings.TrimSuffix(string(out), "\n"); err != nil || got != want {
			t.Errorf("%s gives %q, %v; want %s", command, got, err, want)
		}
	}
}

func TestXMLLint(t *testing.T) {
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed (libxml2-utils)")
	}
	c := exec.Command(lint, "--noout", "-")
	c.Stdin = bytes.NewReader(exampleXML())
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
