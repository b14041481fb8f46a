package projections

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"postern/journal"
)

var peerAddress = netip.MustParseAddr("192.0.2.25")

// asking makes the gauges of a resolver that has had so many requests.
func asking(requests *int64) *Gauges {
	g := new(Gauges)
	g.Register(GaugeDNSRequests, func() int64 { return *requests })
	return g
}

func wantRequests(t *testing.T, what string, f *Figures, live *Gauges, want Columns) {
	t.Helper()
	if got := f.View(noon.Time(), live, nil).Counters[DNSRequests]; got != want {
		t.Errorf("%s: %+v, want %+v", what, got, want)
	}
}

func TestResolverCountsLiveOn(t *testing.T) {
	f, requests := NewFigures(0), int64(0)
	live := asking(&requests)
	feed(f, noon, &journal.Started{Boot: 1})
	requests = 100
	wantRequests(t, "live", f, live, Columns{100, 100, 100})
	feed(f, noon, f.Sample(noon.Time(), live))
	wantRequests(t, "sampled", f, nil, Columns{100, 100, 100})
	requests = 130
	wantRequests(t, "since the sample", f, live, Columns{130, 130, 130})

	late := f.Sample(noon.Time(), live)
	requests = 150
	feed(f, noon, f.Sample(noon.Time(), live), &journal.CountersReset{})
	wantRequests(t, "reset", f, live, Columns{0, 150, 150})
	feed(f, noon, late)
	wantRequests(t, "a sample from before the reset", f, live, Columns{0, 150, 150})
	requests = 160
	wantRequests(t, "since the reset", f, live, Columns{10, 160, 160})
	last := f.Sample(noon.Time(), live)
	feed(f, noon, last, &journal.Stopped{})
	if got := valueNamed(last.Values, "DnsReq"); got != 10 {
		t.Errorf("the status log says %d, want what was counted since the reset", got)
	}

	requests = 0
	feed(f, noon, &journal.Started{Boot: 2, Clean: true})
	wantRequests(t, "started again", f, live, Columns{10, 0, 160})
	requests = 5
	wantRequests(t, "the second run", f, live, Columns{15, 5, 165})
	feed(f, noon, f.Sample(noon.Time(), live))
	requests = 90 // lost with the crash
	requests = 0
	feed(f, noon, &journal.Started{Boot: 3})
	wantRequests(t, "after a crash", f, live, Columns{15, 0, 165})

	back, err := decodeFigures(f.encode(nil), 0)
	if err != nil {
		t.Fatal(err)
	}
	requests = 1
	wantRequests(t, "from a keyframe", back, live, Columns{16, 1, 166})
	if _, gauge := f.View(noon.Time(), live, nil).Gauges[GaugeDNSRequests]; gauge {
		t.Error("it is a gauge too")
	}
}

// TestResolverCountsNeverGoDown, whatever a sample says.
func TestResolverCountsNeverGoDown(t *testing.T) {
	f := NewFigures(0)
	feed(f, noon, &journal.Started{Boot: 1})
	for _, v := range []int64{50, 20, -1 << 63, 0, 60} {
		before := f.counters.lifetime[DNSRequests]
		feed(f, noon, &journal.Sampled{Values: []journal.NamedValue{{Name: GaugeDNSRequests, Value: v}}})
		if f.counters.lifetime[DNSRequests] < before {
			t.Errorf("a sample of %d took something away", v)
		}
	}
	wantRequests(t, "the greatest", f, nil, Columns{60, 60, 60})
}

func TestLastTLSError(t *testing.T) {
	f := NewFigures(0)
	secured := &journal.DeliveryConnectionSecured{DCID: 1, Destination: "a.example", Protocol: "TLSv1.3"}
	failed := &journal.DeliveryConnectionSecured{DCID: 2, Destination: "a.example", Failure: "evil\x1b[31m " + strings.Repeat("x", 1000),
		Address: peerAddress, Level: "Required - Verify"}
	feed(f, noon, threeTo("a.example", true), secured)
	if s, _ := f.Host("a.example", noon.Time()); s.LastTLS != nil {
		t.Errorf("one that was secured: %+v", s.LastTLS)
	}
	feed(f, noon.Add(time.Minute), failed, secured, &journal.DeliveryConnectionSecured{DCID: 3, Destination: "never.example", Failure: "no"})
	back, err := decodeFigures(f.encode(nil), 0)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := back.Host("A.Example", noon.Time())
	x := s.LastTLS
	if x == nil || x.Level != "Required - Verify" || x.IP != peerAddress || !x.Time.Equal(noon.Add(time.Minute).Time()) ||
		!strings.HasPrefix(x.Text, "evil?[31m ") || len(x.Text) > maxErrorText {
		t.Errorf("%+v", x)
	}
	if _, known := f.Host("never.example", noon.Time()); known {
		t.Error("a host without mail is remembered for its TLS")
	}
	raw, err := json.Marshal(s)
	if err != nil || !strings.Contains(string(raw), `"last_tls_error":{"level":"Required - Verify"`) {
		t.Errorf("%v: %s", err, raw)
	}
	old := &journal.DeliveryConnectionSecured{Destination: "a.example", Failure: "timeout"}
	feed(f, noon, old)
	if s, _ := f.Host("a.example", noon.Time()); s.LastTLS.Level != "Preferred" {
		t.Errorf("a fact of before levels: %+v", s.LastTLS)
	}
}

func TestHostNames(t *testing.T) {
	f := NewFigures(0)
	for i, name := range []string{"aol.com", "aol.example", "other.example", "aaa.example"} {
		feed(f, noon, &journal.MessageInjected{Queued: true, Recipients: recipients(1+i%3, name)})
	}
	feed(f, noon, &journal.HostUp{Destination: "aol.gone"})
	later := noon.Add(HostLife).Time()
	for prefix, want := range map[string]string{"AOL": "aol.example aol.com", "": "other.example aol.example", "x": ""} {
		if got := strings.Join(f.HostNames(prefix, 2, later), " "); got != want {
			t.Errorf("%q: %s, want %s", prefix, got, want)
		}
	}
}

func TestDisconnect(t *testing.T) {
	f := NewFigures(0)
	feed(f, noon, threeTo("a.example", true), &journal.ConnectionAccepted{ICID: 1, Listener: "In", Remote: peerAddress},
		&journal.DeliveryConnectionOpened{DCID: 1, Destination: "a.example"})
	f.Disconnect()
	s, _ := f.Host("a.example", noon.Time())
	v := f.View(noon.Time(), nil, nil)
	if s.Connections != 0 || v.Gauges[GaugeInbound] != 0 || v.Gauges[GaugeOutbound] != 0 || len(f.TopInbound(0)) != 0 || s.Active != 3 {
		t.Errorf("%+v, %v", s, v.Gauges)
	}
}
