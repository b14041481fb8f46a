package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// scraped is a gateway whose metrics have something in them, and their address.
func scraped(t *testing.T) (at string) {
	t.Helper()
	s := runSink(t)
	at = freeAddress(t)
	g := runGateway(t, s, quickRetries+fmt.Sprintf("[http]\naddress = %q\n", at))
	for _, to := range []string{"a@one.test", "bounce-b@two.test", "defer-c@three.test"} {
		send(t, g.Address, to)
	}
	eventually(t, "the mail is delivered, bounced and deferred", func() bool {
		is := statusOf(t, g)
		return is.Counters["delivered_recips"].Lifetime == 2 && is.Gauges["attempted_recips"] == 1
	})
	return at
}

// Prometheus's own checker finds nothing to say about the metrics.
func TestPromtoolReadsTheMetrics(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (prometheus)")
	}
	code, text := fetch(t, "http://"+scraped(t)+"/metrics", "", "")
	if code != http.StatusOK || !strings.Contains(text, `postern_host_delivered_recips_total{host="one.test"} 1`) {
		t.Fatalf("%d\n%s", code, text)
	}
	c := exec.Command(promtool, "check", "metrics")
	c.Stdin = strings.NewReader(text)
	if said, err := c.CombinedOutput(); err != nil || len(bytes.TrimSpace(said)) > 0 {
		t.Errorf("%v: %s", err, said)
	}
}

// Prometheus scrapes the gateway, and has its figures.
func TestPrometheusScrapesTheGateway(t *testing.T) {
	prometheus, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not installed")
	}
	at, own, dir := scraped(t), freeAddress(t), t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "global:\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\nscrape_configs:\n  - job_name: postern\n    static_configs:\n      - targets: [%q]\n", at), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	c := exec.Command(prometheus, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+own)
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		c.Process.Kill()
		c.Wait()
		if t.Failed() {
			t.Logf("prometheus said:\n%s", said.String())
		}
	}()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	value := func(query string) string {
		answer, err := client.Get("http://" + own + "/api/v1/query?query=" + url.QueryEscape(query))
		if err != nil {
			return err.Error()
		}
		defer answer.Body.Close()
		var r struct {
			Data struct{ Result []struct{ Value []any } }
		}
		if err := json.NewDecoder(answer.Body).Decode(&r); err != nil || len(r.Data.Result) != 1 || len(r.Data.Result[0].Value) != 2 {
			return fmt.Sprint(r, err)
		}
		return fmt.Sprint(r.Data.Result[0].Value[1])
	}
	for query, want := range map[string]string{"up": "1", "postern_inj_msgs_total": "3", `postern_host_hard_bounced_recips_total{host="two.test"}`: "1",
		`postern_system_status{status="online"}`: "1", "sum(postern_host_active_recips)": "1"} {
		last := ""
		eventually(t, query, func() bool { last = value(query); return last == want })
	}
}
