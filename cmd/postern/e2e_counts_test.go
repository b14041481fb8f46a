package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern/bench"
	"postern/bench/dnsserver"
	"postern/bench/load"
	"postern/bench/sink"
	"postern/projections"
)

// mixedGateway gives up what is deferred after three attempts, finds no nx.test in the DNS, and has a second, public
// listener that takes mail for sink.test only. It returns that listener's address and that of the status pages.
func mixedGateway(t *testing.T, s *sink.Sink) (g *bench.Gateway, public, status string) {
	t.Helper()
	names, err := dnsserver.New("other.test. 300 IN A 127.0.0.1\n")
	if err != nil {
		t.Fatal(err)
	}
	dns, err := names.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { names.Close() })
	public, status = freeAddress(t), freeAddress(t)
	return runGateway(t, s, quickRetries+fmt.Sprintf("max_attempts = 3\n[[smtp_route]]\ndomain = \"nx.test\"\nto = [\"USEDNS\"]\n[dns]\nservers = [%q]\n"+
		"[[listener]]\nname = \"Public\"\nkind = \"public\"\naddress = %q\naccept_domains = [\"sink.test\"]\n[http]\naddress = %q\n", dns, public, status)), public, status
}

// mixedRecipient is the n-th message's: of ten, one bounces, one is deferred, one is for a domain that is not there.
func mixedRecipient(n int) string {
	switch n % 10 {
	case 0:
		return fmt.Sprintf("bounce-%d@sink.test", n)
	case 1:
		return fmt.Sprintf("defer-%d@later.test", n)
	case 2:
		return fmt.Sprintf("user-%d@nx.test", n)
	}
	return fmt.Sprintf("user-%d@d%d.test", n, n%3)
}

// settled waits until nothing is queued any more, and returns the figures.
func settled(t *testing.T, g *bench.Gateway) map[string]uint64 {
	t.Helper()
	eventually(t, "the queue is empty", func() bool { return statusOf(t, g).Gauges["msgs_in_system"] == 0 })
	counters := map[string]uint64{}
	for name, c := range statusOf(t, g).Counters {
		counters[name] = c.Lifetime
	}
	return counters
}

// What status, hoststatus, tophosts, the feeds, the status log and the mail log count is what the clients and the peers
// have counted; a kill -9 in the midst of mail changes nothing in that.
func TestCountersAgreeWithTheLoad(t *testing.T) {
	s := runSink(t)
	g, public, status := mixedGateway(t, s)
	const messages, doubled = 300, 20
	for _, c := range []load.Config{{Messages: messages, Prefix: "mixed", Recipient: mixedRecipient},
		{Messages: doubled, Prefix: "double", Sender: "bounce-me@sender.test", Recipient: func(n int) string { return fmt.Sprintf("bounce-%d@double.test", n) }}} {
		c.Address, c.Clients, c.KeepOpen = g.Address, 8, true
		if r := load.Run(t.Context(), c); len(r.Acked) != c.Messages {
			t.Fatalf("%d of %d messages were accepted: %s", len(r.Acked), c.Messages, r.Reply)
		}
	}
	// One message of two recipients, of which one is refused; and one that is never finished.
	talk(t, public, "EHLO x\r\nMAIL FROM:<a@sender.test>\r\nRCPT TO:<user@sink.test>\r\nRCPT TO:<user@elsewhere.test>\r\nDATA\r\nSubject: public\r\n\r\nx\r\n.\r\nQUIT\r\n", 10*time.Second)
	talk(t, public, "EHLO x\r\nMAIL FROM:<a@sender.test>\r\nRCPT TO:<one@sink.test>\r\nRCPT TO:<two@sink.test>\r\nQUIT\r\n", 10*time.Second)
	got := settled(t, g)
	const tenth = messages / 10
	want := map[string]uint64{
		"inj_msgs": messages + doubled + 1, "inj_recips": messages + doubled + 1, "rejected_recips": 3,
		"gen_bounce_recips": 3*tenth + doubled, "delivered_recips": s.Total(),
		"5xx_hard_bounced_recips": tenth + 2*doubled, "expired_hard_bounced_recips": tenth, "dns_hard_bounced_recips": tenth,
		"hard_bounced_recips": 3*tenth + 2*doubled, "completed_recips": s.Total() + 3*tenth + 2*doubled,
		"soft_bounced_evts": 3 * tenth, "dropped_msgs": 0, "deleted_recips": 0,
	}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s is %d, counted were %d", name, got[name], n)
		}
	}
	if n := uint64(7*tenth + 3*tenth + 1); s.Total() != n {
		t.Errorf("the peer has %d, sent and notified were %d", s.Total(), n)
	}
	facesAgree(t, g, s, status, got)
	crashAgrees(t, g, s, got)
	stop(t, g)
}

// facesAgree compares all that shows counters with status.
func facesAgree(t *testing.T, g *bench.Gateway, s *sink.Sink, status string, lifetime map[string]uint64) {
	t.Helper()
	perHost := map[string]int{}
	for a, n := range s.Arrived() {
		_, host, _ := strings.Cut(a.Recipient, "@")
		perHost[host] += n
	}
	for host, n := range perHost {
		if h := asJSON[hostAnswer](t, g, "hoststatus", host); h.Delivered != uint64(n) {
			t.Errorf("hoststatus %s: %d delivered, the peer has %d", host, h.Delivered, n)
		}
	}
	sum := func(order string, of func(hostAnswer) uint64) (n uint64) {
		for _, h := range asJSON[struct{ Hosts []hostAnswer }](t, g, "tophosts", order).Hosts {
			n += of(h)
		}
		return n
	}
	if d, h := sum("delivered", func(h hostAnswer) uint64 { return h.Delivered }), sum("hard", func(h hostAnswer) uint64 { return h.HardBounced }); d != lifetime["delivered_recips"] || h != lifetime["hard_bounced_recips"] {
		t.Errorf("the hosts of tophosts have %d delivered, %d hard bounced", d, h)
	}
	code, text := fetch(t, "http://"+status+"/metrics", "", "")
	for name, n := range lifetime {
		if line := fmt.Sprintf("\npostern_%s_total %d\n", name, n); code != 200 || !strings.Contains(text, line) {
			t.Errorf("%d: /metrics has no line %q", code, strings.TrimSpace(line))
		}
	}
	_, text = fetch(t, "http://"+status+"/xml/status", "", "")
	var feed struct {
		Counters []struct {
			Name     string `xml:"name,attr"`
			Lifetime uint64 `xml:"lifetime,attr"`
		} `xml:"counters>counter"`
	}
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // our names are ASCII
	if err := d.Decode(&feed); err != nil || len(feed.Counters) != int(projections.NumFeedCounters) {
		t.Fatalf("%v, %d counters in\n%s", err, len(feed.Counters), text)
	}
	for _, c := range feed.Counters {
		if c.Lifetime != lifetime[c.Name] {
			t.Errorf("the XML feed has %s %d, status %d", c.Name, c.Lifetime, lifetime[c.Name])
		}
	}
	mailLogAgrees(t, g, lifetime)
}

var mailLogCounts = []struct {
	counters []string // the sum of these
	lines    *regexp.Regexp
}{
	{[]string{"inj_msgs"}, regexp.MustCompile(`Info: MID \d+ ready \d+ bytes from `)},
	{[]string{"gen_bounce_recips"}, regexp.MustCompile(`Info: MID \d+ ICID 0 RID \d+ To: `)},
	{[]string{"delivered_recips"}, regexp.MustCompile(`Info: Message done DCID \d+ MID \d+ to RID \[\d+\]`)},
	{[]string{"hard_bounced_recips"}, regexp.MustCompile(`Info: (Bounced: DCID|Double bounce: MID) \d+ `)},
	{[]string{"soft_bounced_evts"}, regexp.MustCompile(`(Info: Delayed:|Warning: Outcome unknown:)( DCID \d+)? MID \d+ to RID `)},
	{[]string{"inj_msgs", "gen_bounce_recips"}, regexp.MustCompile(`Info: Message finished MID \d+ done\n`)},
}

// mailLogAgrees counts the lines of the mail log, which a follower writes a moment later.
func mailLogAgrees(t *testing.T, g *bench.Gateway, lifetime map[string]uint64) {
	t.Helper()
	for _, c := range mailLogCounts {
		want := uint64(0)
		for _, name := range c.counters {
			want += lifetime[name]
		}
		eventually(t, fmt.Sprintf("%d lines of %s in the mail log: %v", want, c.lines, c.counters), func() bool {
			return uint64(len(c.lines.FindAllIndex(logText(t, g, "mail_logs"), -1))) == want
		})
	}
}

// logText is all of a log, the oldest file first.
func logText(t *testing.T, g *bench.Gateway, name string) (text []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(g.Data, "logs", name+".@*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the log %s: %v, %v", name, files, err)
	}
	for _, file := range files {
		part, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, part...)
	}
	return text
}

// crashAgrees kills the gateway in the midst of mail. Afterwards each message that was injected has arrived, and is counted
// once, whoever heard of it.
func crashAgrees(t *testing.T, g *bench.Gateway, s *sink.Sink, before map[string]uint64) {
	t.Helper()
	total := s.Total()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan *load.Result, 1)
	go func() {
		done <- load.Run(ctx, load.Config{Address: g.Address, Clients: 8, Prefix: "crash", Recipient: func(n int) string { return fmt.Sprintf("user-%d@crash.test", n) }})
	}()
	for range 2 {
		flowing := s.Total()
		eventually(t, "mail flows", func() bool { return s.Total() > flowing+200 })
		g.Kill()
		start(t, g)
	}
	cancel()
	r := <-done
	after := settled(t, g)
	grown := func(name string) uint64 { return after[name] - before[name] }
	unique := uint64(0)
	for a := range s.Arrived() {
		if strings.HasPrefix(a.ID, "crash-") {
			unique++
		}
	}
	injected := grown("inj_msgs")
	if acked := uint64(len(r.Acked)); injected < acked || injected > acked+uint64(len(r.Unanswered)) {
		t.Errorf("%d messages were received; the clients know of %d, and not of %d", injected, acked, len(r.Unanswered))
	}
	if grown("delivered_recips") != injected || unique != injected || grown("completed_recips") != injected || grown("inj_recips") != injected {
		t.Errorf("received %d, delivered %d, completed %d, arrived %d", injected, grown("delivered_recips"), grown("completed_recips"), unique)
	}
	if twice := s.Total() - total - unique; twice > grown("unknown_outcomes") {
		t.Errorf("%d arrived twice, %d attempts are said to have ended unknown", twice, grown("unknown_outcomes"))
	}
	if h := asJSON[hostAnswer](t, g, "hoststatus", "crash.test"); h.Delivered != injected || h.SoftBounced != grown("soft_bounced_evts") {
		t.Errorf("hoststatus: delivered %d, soft bounced %d", h.Delivered, h.SoftBounced)
	}
	mailLogAgrees(t, g, after)
}

// The sums of the status log hold on each of its lines, those in the midst of a mixed load too; what came is what went and
// what is still here, until somebody resets the counters.
func TestStatusLogOfAMixedLoad(t *testing.T) {
	s := runSink(t)
	g, _, _ := mixedGateway(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan *load.Result, 1)
	go func() {
		done <- load.Run(ctx, load.Config{Address: g.Address, Clients: 4, Rate: 300, Recipient: mixedRecipient, Patience: 15 * time.Second})
	}()
	flow := func() {
		t.Helper()
		before := s.Total()
		eventually(t, "mail flows", func() bool { return s.Total() > before+100 })
	}
	for _, end := range []func(){func() { stop(t, g) }, g.Kill, func() { stop(t, g) }} { // a line at each stop
		flow()
		end()
		start(t, g)
	}
	for range 3 { // a line before each reset
		flow()
		ask(t, g, "resetcounters")
	}
	flow()
	stop(t, g)
	cancel()
	<-done
	var lines []map[string]int64
	for line := range strings.Lines(string(logText(t, g, "status"))) {
		if strings.Contains(line, " Info: Status: ") {
			lines = append(lines, statusLine(t, line))
		}
	}
	if len(lines) < 6 {
		t.Fatalf("%d lines", len(lines))
	}
	var last map[string]int64
	reset, busy, given := false, 0, map[string]int64{}
	for i, v := range lines {
		reset = reset || last != nil && v["InjRcp"] < last["InjRcp"]
		if came, went := v["InjRcp"]+v["GenBncRcp"], v["CmpRcp"]+v["ActvRcp"]; !reset && came != went {
			t.Errorf("line %d: %d came, %d went or are here: %v", i, came, went, v)
		}
		for _, id := range []string{"CrtMID", "CrtICID", "CrtDCID"} {
			if v[id] < given[id] {
				t.Errorf("line %d: %s is %d after %d", i, id, v[id], given[id])
			}
			given[id] = v[id]
		}
		if v["ActvRcp"] > 0 && v["HrdBncRcp"] > 0 && v["DlvRcp"] > 0 {
			busy++
		}
		last = v
	}
	if !reset || busy < 3 {
		t.Errorf("of %d lines %d are of a busy queue; the counters were reset: %v", len(lines), busy, reset)
	}
}

var statusLinePattern = regexp.MustCompile(`^\w\w\w \w\w\w (\d+| \d+) \d+:\d+:\d+ \d+ Info: Status: (.*)\n$`)

// statusLine reads a line by names and order, and adds its sums up. Words count as 0.
func statusLine(t *testing.T, line string) map[string]int64 {
	t.Helper()
	m := statusLinePattern.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("not a status line: %q", line)
	}
	words, names, v := strings.Split(m[2], " "), projections.StatusLogNames(), map[string]int64{}
	if len(words) != 2*len(names) {
		t.Fatalf("%d words in %s", len(words), line)
	}
	for i, name := range names {
		n, err := strconv.ParseInt(words[2*i+1], 10, 64)
		if words[2*i] != name || err != nil && name != "LogAvail" && name != "SwapUsage" {
			t.Fatalf("pair %d is %s %s in %s", i, words[2*i], words[2*i+1], line)
		}
		v[name] = n
	}
	if v["HrdBncRcp"] != v["DnsHrdBnc"]+v["5XXHrdBnc"]+v["FltrHrdBnc"]+v["ExpHrdBnc"]+v["OtrHrdBnc"] ||
		v["CmpRcp"] != v["HrdBncRcp"]+v["DlvRcp"]+v["DelRcp"] || v["ActvRcp"] != v["UnatmptRcp"]+v["AtmptRcp"] {
		t.Errorf("a sum does not hold in %s", line)
	}
	return v
}
