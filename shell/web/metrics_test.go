package web

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"postern/engine/config"
	"postern/journal"
	"postern/projections"
)

// scraped reads metrics as Prometheus does.
func scraped(t *testing.T, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := new(expfmt.TextParser).TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return families
}

// valueOf finds the sample with these labels, names and values by turns.
func valueOf(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	for _, m := range families[name].GetMetric() {
		if len(m.Label)*2 != len(labels) {
			continue
		}
		same := true
		for i, l := range m.Label {
			same = same && l.GetName() == labels[2*i] && l.GetValue() == labels[2*i+1]
		}
		if same && families[name].GetType() == dto.MetricType_COUNTER {
			return m.GetCounter().GetValue()
		} else if same {
			return m.GetGauge().GetValue()
		}
	}
	t.Errorf("there is no %s%q", name, labels)
	return -1
}

func injected(n int, domain string) *journal.MessageInjected {
	e := &journal.MessageInjected{MID: 7, ICID: 3, Size: 4096, Queued: true}
	for rid := range uint32(n) {
		e.Recipients = append(e.Recipients, journal.InjectedRecipient{RID: rid, Domain: domain})
	}
	return e
}

func TestMetrics(t *testing.T) {
	s := testServer(config.HTTP{})
	s.Gauges.Register(projections.GaugeFollowerLag, func() int64 { return 12 })
	s.Gauges.Register(projections.GaugeJournalBytes, func() int64 { return 1 << 40 })
	s.Gauges.Register("some new-gauge", func() int64 { return -5 })
	s.Gauges.RegisterText(projections.GaugeLogAvailable, func() string { return "148G" })
	fold(s.Figures, &journal.Started{Boot: 3, Version: "1.2.3", Hostname: "gateway.test"},
		injected(3, "a.example"),
		&journal.Delivered{Message: 2, Destination: "a.example", RIDs: []uint32{0}},
		&journal.DeliverySuspended{Domains: []string{"x.example", "y.example"}})
	w := ask(s, "/metrics")
	if got := w.Header().Get("Content-Type"); w.Code != 200 || got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("%d, %s", w.Code, got)
	}
	m := scraped(t, w.Body.Bytes())
	for name, want := range map[string]float64{
		"postern_boots_total": 3, "postern_inj_msgs_total": 1, "postern_inj_recips_total": 3, "postern_delivered_recips_total": 1,
		"postern_5xx_hard_bounced_recips_total": 0, "postern_active_recips": 2, "postern_follower_lag": 12,
		"postern_journal_bytes": 1 << 40, "postern_some_new_gauge": -5, "postern_kbytes_used": 4, "postern_figures_record": 4,
		"postern_start_time_seconds": float64(noon.Time().Unix()), "postern_last_reset_time_seconds": 0,
		"postern_delivery_suspended_domains": 2, "postern_http_requests_total": 1,
	} {
		if got := valueOf(t, m, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if valueOf(t, m, "postern_info", "hostname", "gateway.test", "version", "1.2.3") != 1 ||
		valueOf(t, m, "postern_system_status", "status", "online") != 1 ||
		valueOf(t, m, "postern_system_status", "status", "offline") != 0 ||
		valueOf(t, m, "postern_current_id", "id", "message_id") != 7 ||
		valueOf(t, m, "postern_host_active_recips", "host", "a.example") != 2 ||
		valueOf(t, m, "postern_host_delivered_recips_total", "host", "a.example") != 1 {
		t.Error("a labelled sample is wrong")
	}
	for _, name := range []string{"go_goroutines", "go_memstats_heap_alloc_bytes", "go_threads", "process_cpu_seconds_total", "process_resident_memory_bytes"} {
		if valueOf(t, m, name) <= 0 {
			t.Errorf("%s is nothing", name)
		}
	}
	for c := range projections.NumCounters {
		if m["postern_"+c.Name()+"_total"].GetType() != dto.MetricType_COUNTER {
			t.Errorf("counter %s is missing", c.Name())
		}
	}
	for _, c := range projections.RateCounters() {
		valueOf(t, m, "postern_rate_per_hour", "event", c.Name(), "window", "15m")
	}
}

// Names of hosts come from anybody's addresses.
func TestMetricsOfHostileHosts(t *testing.T) {
	s := testServer(config.HTTP{})
	names := []string{"a\"} 1\nevil_metric 1\n", `back\slash`, "\xff\xfe", "\x1b[2J", "xn--bcher-kva.example", "bücher.example", strings.Repeat("x", 5000),
		"twin\x01.example", "twin\x02.example"}
	for i, name := range names {
		fold(s.Figures, injected(1+i, name))
	}
	text := ask(s, "/metrics").Body.String()
	m := scraped(t, []byte(text))
	if m["evil_metric"] != nil || strings.ContainsAny(text, "\x00\x01\x1b") {
		t.Errorf("a name has become something else:\n%q", text)
	}
	if got := valueOf(t, m, "postern_host_active_recips", "host", "a\"} 1?evil_metric 1?"); got != 1 {
		t.Errorf("it has %v", got)
	}
	if valueOf(t, m, "postern_host_active_recips", "host", `back\slash`) != 2 || valueOf(t, m, "postern_host_active_recips", "host", "bücher.example") != 6 ||
		valueOf(t, m, "postern_host_active_recips", "host", "twin?.example") != 9 {
		t.Error("a name is not what it was")
	}
}

func TestMetricsOfTheBusiestHostsOnly(t *testing.T) {
	s := testServer(config.HTTP{})
	for i := range 3000 {
		fold(s.Figures, injected(1+i%50, fmt.Sprintf("d%d.example", i)))
	}
	fold(s.Figures, injected(99, "big.example"))
	var m map[string]*dto.MetricFamily
	for range 1000 { // a slow machine needs several answers to look at all
		if m = scraped(t, ask(s, "/metrics").Body.Bytes()); len(m["postern_host_active_recips"].GetMetric()) > 0 {
			break
		}
	}
	if n := len(m["postern_host_active_recips"].GetMetric()); n != maxHosts {
		t.Errorf("%d hosts have metrics, want %d", n, maxHosts)
	}
	if valueOf(t, m, "postern_host_active_recips", "host", "big.example") != 99 {
		t.Error("the busiest is not among them")
	}
}

func TestPromtool(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (prometheus)")
	}
	s := testServer(config.HTTP{})
	fold(s.Figures, injected(3, "a.example"))
	c := exec.Command(tool, "check", "metrics")
	c.Stdin = bytes.NewReader(ask(s, "/metrics").Body.Bytes())
	out, err := c.CombinedOutput()
	if exit := c.ProcessState.ExitCode(); exit != 0 && exit != 3 { // 3: it would name something otherwise
		t.Errorf("%v: %s", err, out)
	}
}
