package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/bench"
	"postern/bench/dnsserver"
	"postern/bench/sink"
	"postern/journal"
)

// mailHosts is a gateway that delivers by MX to a sink; nobody answers for down.test.
func mailHosts(t *testing.T) (*bench.Gateway, *sink.Sink) {
	t.Helper()
	s := runSink(t)
	d, err := dnsserver.New(`
aol.test. 3600 IN MX 15 mx1.aol.test.
aol.test. 3600 IN MX 30 mx2.aol.test.
mx1.aol.test. 900 IN A 127.0.0.1
mx2.aol.test. 900 IN A 127.0.0.9
plain.test. 300 IN A 127.0.0.1
down.test. 300 IN A 127.0.0.99
`)
	if err != nil {
		t.Fatal(err)
	}
	dns, err := d.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	g := &bench.Gateway{Binary: binary, Data: filepath.Join(t.TempDir(), "data")}
	extra := fmt.Sprintf("[dns]\nservers = [%q]\n[delivery]\nport = %d\n%s", dns, s.Address().Port(), quickRetries)
	if err := g.Configure("USEDNS", extra); err != nil {
		t.Fatal(err)
	}
	startUntilEnd(t, g)
	return g, s
}

// ask runs a command in batch.
func ask(t *testing.T, g *bench.Gateway, words ...string) string {
	t.Helper()
	out, err := exec.Command(binary, append(words, "--data", g.Data)...).Output()
	if err != nil {
		if exit, ok := err.(*exec.ExitError); ok {
			t.Fatalf("%s: %s", strings.Join(words, " "), exit.Stderr)
		}
		t.Fatal(err)
	}
	return string(out)
}

func asJSON[T any](t *testing.T, g *bench.Gateway, words ...string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(ask(t, g, append(words, "--json")...)), &v); err != nil {
		t.Fatalf("%s: %v", strings.Join(words, " "), err)
	}
	return v
}

type hostAnswer struct {
	Host        string
	State       string
	Delivered   uint64 `json:"delivered_recips"`
	SoftBounced uint64 `json:"soft_bounced_evts"`
	HardBounced uint64 `json:"hard_bounced_recips"`
	Active      uint64 `json:"active_recips"`
	Addresses   []struct {
		Preference int
		IP         string
	} `json:"ordered_addresses"`
	MX []struct {
		Preference int
		TTL        int64
		Hostname   string
	} `json:"mx_records"`
	Last5XX *struct{ Text, IP string } `json:"last_5xx_error"`
}

func TestHostsAreToldOf(t *testing.T) {
	g, s := mailHosts(t)
	for _, to := range []string{"a@aol.test", "b@aol.test", "bounce-c@aol.test", "d@plain.test", "e@down.test"} {
		send(t, g.Address, to)
	}
	host := func(name string) hostAnswer { return asJSON[hostAnswer](t, g, "hoststatus", name) }
	eventually(t, "the mail is delivered, bounced and delayed", func() bool {
		return s.Total() == 3 && host("aol.test").HardBounced == 1 && host("down.test").State == "down"
	})
	h := host("AOL.test")
	if h.Host != "aol.test" || h.State != "up" || h.Delivered != 2 || fmt.Sprint(h.Addresses) != "[{15 127.0.0.1}]" ||
		len(h.MX) != 2 || h.MX[0].Hostname != "mx1.aol.test" || h.MX[0].TTL < 3000 || h.MX[0].TTL > 3600 || h.Last5XX == nil || h.Last5XX.IP != "127.0.0.1" {
		t.Errorf("%+v", h)
	}
	if h := host("plain.test"); fmt.Sprint(h.Addresses) != "[{0 127.0.0.1}]" || len(h.MX) != 0 {
		t.Errorf("a host without MX records: %+v", h)
	}
	if h := host("never.test"); h.State != "unknown" || h.Delivered+h.Active != 0 {
		t.Errorf("a host that nobody knows: %+v", h)
	}
	top := ask(t, g, "tophosts", "active")
	if !strings.Contains(top, "Hosts marked with '*'") || !strings.Contains(top, "\n1*  down.test ") {
		t.Errorf("tophosts:\n%s", top)
	}
	stop(t, g)
	if h := host("aol.test"); h.Delivered != 2 || len(h.MX)+len(h.Addresses) != 0 {
		t.Errorf("the stopped store: %+v", h)
	}
	if offline := ask(t, g, "tophosts", "active_rcpts"); !strings.Contains(offline, "\n1*  down.test ") || !strings.Contains(offline, "\n2   aol.test ") {
		t.Errorf("tophosts of the stopped store:\n%s\nbefore:\n%s", offline, top)
	}
}

type dnsAnswer struct {
	Counters map[string]struct{ Reset, Uptime, Lifetime uint64 }
}

func TestResetStartsAnewAndLifetimeGoesOn(t *testing.T) {
	g, s := mailHosts(t)
	send(t, g.Address, "a@aol.test")
	eventually(t, "it is delivered", func() bool { return s.Total() == 1 })
	dns := func() struct{ Reset, Uptime, Lifetime uint64 } {
		return asJSON[dnsAnswer](t, g, "dnsstatus").Counters["dns_requests"]
	}
	before := dns()
	if before.Reset == 0 || before.Reset != before.Lifetime {
		t.Fatalf("at first %+v", before)
	}
	if said := ask(t, g, "resetcounters"); !strings.HasPrefix(said, "Counters reset: ") {
		t.Errorf("%q", said)
	}
	after := dns()
	h := asJSON[hostAnswer](t, g, "hoststatus", "aol.test")
	if after.Reset != 0 || after.Lifetime < before.Lifetime || h.Delivered != 0 {
		t.Errorf("after the reset %+v, delivered to the host %d", after, h.Delivered)
	}
	stop(t, g)
	if stopped := dns(); stopped.Lifetime != after.Lifetime || stopped.Reset != 0 {
		t.Errorf("stopped %+v", stopped)
	}
	start(t, g)
	send(t, g.Address, "b@aol.test")
	eventually(t, "the second one is delivered", func() bool { return s.Total() == 2 })
	if again := dns(); again.Uptime == 0 || again.Lifetime != after.Lifetime+again.Uptime || again.Reset != again.Uptime {
		t.Errorf("after a restart %+v, before it %+v", again, after)
	}
	stop(t, g)
	by := ""
	for _, r := range facts(t, g) {
		if e, ok := r.Event.(*journal.CountersReset); ok {
			by = e.By
		}
	}
	if by == "" || by == "unknown" {
		t.Errorf("the counters were reset by %q", by)
	}
}

// TestLiveDisplays begin on a stopped store, go on when a gateway starts, and end with a sentence when it stops.
func TestLiveDisplays(t *testing.T) {
	g, _ := mailHosts(t)
	client, err := net.Dial("tcp", g.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	bufio.NewReader(client).ReadString('\n')
	eventually(t, "topin shows a client", func() bool {
		f := strings.Fields(strings.SplitN(ask(t, g, "topin"), "\n", 3)[2])
		return len(f) == 5 && f[0] == "1" && f[2] == "127.0.0.1" && f[3] == "In" && f[4] == "1"
	})
	client.Close()
	stop(t, g)

	rate := exec.Command(binary, "rate", "1", "--json", "--data", g.Data)
	out, err := rate.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	rate.Stderr = &said
	if err := rate.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { rate.Process.Kill() })
	defer late.Stop()
	rows := bufio.NewScanner(out)
	if !rows.Scan() {
		t.Fatalf("no row of the stopped store: %s", said.String())
	}
	start(t, g)
	send(t, g.Address, "a@aol.test")
	for row := (struct {
		Received uint64 `json:"inj_recips"`
	}{}); row.Received == 0; {
		if !rows.Scan() {
			t.Fatalf("no row of the gateway: %s", said.String())
		}
		if err := json.Unmarshal(rows.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
	}
	stop(t, g)
	for rows.Scan() {
	}
	rate.Wait()
	if code := rate.ProcessState.ExitCode(); code != exitRefused || strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), "stopped") {
		t.Errorf("it ended with %d and said %q", code, said.String())
	}
}
