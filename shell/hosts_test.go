package shell

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/projections"
)

var gmt = time.FixedZone("GMT", 0)

// told is a gateway that says what it was told to, and remembers what it was asked for.
type told struct {
	notRunning
	host     HostReport
	readings []HostReading // one after the other; then it has stopped
	statuses []projections.Status
	top      TopHosts
	clients  TopInbound
	reset    CountersReset
	names    []string
	last     func() // is called with the last reading

	order   projections.HostOrder
	rows    int
	flushed int
}

func (g *told) Host(_ context.Context, name string) (HostReport, error) {
	r := g.host
	r.Host = name
	return r, nil
}

func (g *told) HostReading(context.Context, string) (HostReading, error) {
	return next(&g.readings, g.last)
}

func (g *told) Status(context.Context) (projections.Status, error) { return next(&g.statuses, g.last) }

func next[T any](list *[]T, last func()) (v T, err error) {
	if len(*list) == 0 {
		return v, ErrNotRunning
	}
	v, *list = (*list)[0], (*list)[1:]
	if len(*list) == 0 && last != nil {
		last()
	}
	return v, nil
}

func (g *told) TopHosts(_ context.Context, order projections.HostOrder, n int) (TopHosts, error) {
	g.order, g.rows = order, n
	return g.top, nil
}

func (g *told) TopInbound(_ context.Context, n int) (TopInbound, error) {
	g.rows = n
	return g.clients, nil
}

func (g *told) HostNames(context.Context, string, int) ([]string, error) { return g.names, nil }

func (g *told) ResetCounters(context.Context) (CountersReset, error) { return g.reset, nil }

func (g *told) FlushDNS(context.Context) error { g.flushed++; return nil }

func TestHostStatusTranscript(t *testing.T) {
	at := time.Date(2010, 3, 2, 15, 17, 32, 0, gmt)
	peer := netip.MustParseAddr("10.10.10.10")
	r := HostReport{Timestamp: at, Known: true, Expires: at.Add(time.Hour), HostStatus: projections.HostStatus{State: projections.HostStateUp,
		Completed: 1, HardBounced: 1, FiveXX: 1, LastActivity: at,
		Last5XX: &projections.Last5XX{Text: "550 REQUESTED ACTION NOT TAKEN: DNS FAILURE", Time: at, IP: peer},
		LastTLS: &projections.LastTLS{Level: "Required - Verify", Text: "TLS required, STARTTLS unavailable", Time: at, IP: peer}}}
	for _, ip := range strings.Fields(`64.12.137.121 64.12.138.89 64.12.138.120 64.12.137.89 64.12.138.152 152.163.224.122
		64.12.137.184 64.12.137.89 64.12.136.57 64.12.138.57 64.12.136.153 205.188.156.122 64.12.138.57 64.12.137.152 64.12.136.89
		64.12.138.89 205.188.156.154 64.12.138.152 64.12.136.121 152.163.224.26 64.12.137.184 64.12.138.120 64.12.137.152 64.12.137.121`) {
		r.Addresses = append(r.Addresses, OrderedAddress{15, netip.MustParseAddr(ip)})
	}
	for i := range 4 {
		r.MX = append(r.MX, MXRecord{15, 52*60 + 24, fmt.Sprintf("mailin-%02d.mx.aol.com", i+1)})
	}
	r.Gateways = []VirtualGateway{{Hostname: "example.com", Interface: "PublicNet_017", State: projections.HostStateUp,
		LastActivity: time.Date(2005, 6, 22, 13, 47, 2, 0, gmt)}}
	compareTranscript(t, "hoststatus.txt", play(t, &told{host: r}, gmt, "hoststatus\naol.com\n", nil))
}

func TestTopHostsTranscript(t *testing.T) {
	top := TopHosts{Timestamp: time.Date(2003, 11, 18, 22, 22, 23, 0, gmt)}
	for _, h := range []struct {
		name string
		n    [5]uint64
	}{{"aol.com", [5]uint64{365, 10, 255, 21, 8}}, {"hotmail.com", [5]uint64{290, 7, 198, 28, 13}}, {"yahoo.com", [5]uint64{134, 6, 123, 11, 19}},
		{"excite.com", [5]uint64{98, 3, 84, 9, 4}}, {"msn.com", [5]uint64{84, 2, 76, 33, 29}}} {
		top.Hosts = append(top.Hosts, projections.HostStatus{Host: h.name, State: projections.HostStateUp, Active: h.n[0], Connections: h.n[1],
			Delivered: h.n[2], SoftBounced: h.n[3], HardBounced: h.n[4]})
	}
	g := &told{top: top}
	compareTranscript(t, "tophosts.txt", play(t, g, gmt, "tophosts\n1\n", nil))
	if g.order != projections.ByActive || g.rows != 20 {
		t.Errorf("order %d, %d rows", g.order, g.rows)
	}
}

func TestTopHostsOrders(t *testing.T) {
	for i, words := range []string{"active_rcpts active 1", "conn_out connections 2", "delivered_rcpts delivered 3", "soft_bounced_evts soft 4",
		"hard_bounced_rcpts HARD 5"} {
		for _, word := range strings.Fields(words) {
			g := &told{}
			if _, err := batch(g, "tophosts", word); err != nil || g.order != projections.HostOrder(i) {
				t.Errorf("%s: order %d, %v", word, g.order, err)
			}
		}
	}
	if _, err := batch(&told{}, "tophosts", "age"); err == nil {
		t.Error("an order that there is not")
	}
}

// TestDownHostsAreMarked, and the line that explains the mark stands only where there is one.
func TestDownHostsAreMarked(t *testing.T) {
	list := []projections.HostStatus{{Host: "up.example", State: projections.HostStateUp}, {Host: strings.Repeat("x", 60), State: projections.HostUnknown}}
	if got := RenderTopHosts(TopHosts{Hosts: list}, gmt); strings.Contains(got, "*") {
		t.Errorf("nobody is down:\n%s", got)
	}
	list[1].State = projections.HostStateDown
	got := RenderTopHosts(TopHosts{Hosts: list}, gmt)
	lines := strings.Split(got, "\n")
	if lines[1] != "Hosts marked with '*' were down as of the last delivery attempt." || !strings.HasPrefix(lines[5], "2*  xxx") || lines[4][:2] != "1 " {
		t.Errorf("in\n%s", got)
	}
	for _, l := range lines[2:6] {
		if len(l) != len(lines[2]) {
			t.Errorf("the columns are not straight:\n%s", got)
		}
	}
}

func TestTopInboundTranscript(t *testing.T) {
	top := TopInbound{Timestamp: time.Date(2003, 8, 23, 21, 50, 54, 0, gmt)}
	for i, row := range []struct{ host, listener, n int }{{1, 1, 10}, {1, 2, 10}, {3, 1, 5}, {4, 2, 4}, {5, 1, 3}, {6, 2, 3}, {7, 1, 3}, {8, 1, 3},
		{9, 1, 3}, {10, 1, 2}, {11, 1, 2}, {12, 2, 2}, {13, 1, 2}, {14, 1, 2}, {15, 1, 2}, {16, 1, 2}, {17, 1, 1}, {18, 2, 1}, {19, 1, 1}, {20, 1, 1}} {
		ip := row.host + 1
		if i == 0 {
			ip = 2
		}
		top.Clients = append(top.Clients, projections.InboundClient{Hostname: fmt.Sprintf("mail.remotedomain%02d.com", row.host),
			Remote: netip.AddrFrom4([4]byte{172, 16, 0, byte(ip)}), Listener: fmt.Sprintf("Incoming%02d", row.listener), Connections: row.n})
	}
	got := play(t, &told{clients: top}, gmt, "topin\n", nil)
	compareTranscript(t, "topin.txt", got)
	for _, line := range strings.Split(RenderTopInbound(top, gmt), "\n")[1:21] {
		if len(line) != 72 || line[3] == ' ' || line[30] == ' ' || line[48] == ' ' || line[47] != ' ' {
			t.Errorf("columns: %q", line)
		}
	}
}

// TestTopInboundRows: 20, or as many as are asked for; a hundredth row and a long address stay apart from what follows.
func TestTopInboundRows(t *testing.T) {
	g := &told{}
	for i := range 100 {
		g.clients.Clients = append(g.clients.Clients, projections.InboundClient{Hostname: strings.Repeat("h", i), Listener: "In",
			Remote: netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:6666")})
	}
	out, err := batch(g, "topin", "100")
	if err != nil || g.rows != 100 || !strings.Contains(out, "\n100 hhh") || !strings.Contains(out, ":6666 In ") {
		t.Errorf("%d rows, %v:\n%s", g.rows, err, out)
	}
	if batch(g, "topin"); g.rows != 20 {
		t.Errorf("%d rows", g.rows)
	}
	for _, word := range []string{"0", "-1", "x", "10001"} {
		if _, err := batch(g, "topin", word); err == nil {
			t.Errorf("topin %s", word)
		}
	}
}

func TestHostRateTranscript(t *testing.T) {
	at := time.Date(2003, 8, 23, 23, 38, 23, 0, gmt)
	g := &told{}
	for i, delivered := range []uint64{104, 108, 120} {
		g.readings = append(g.readings, HostReading{Timestamp: at.Add(time.Duration(i) * time.Second), Host: "aol.com", State: projections.HostStateUp,
			Connections: 1, Delivered: delivered, Before: &HostReading{Delivered: 100}})
	}
	got := play(t, g, gmt, "hostrate\naol.com\n1\n", func(_ context.Context, cancel func()) { g.last = cancel })
	compareTranscript(t, "hostrate.txt", got)
}

// TestHostRateOfAReset: a gauge may fall, a counter that was reset began at zero; a host that nobody looked at has changed
// by nothing.
func TestHostRateOfAReset(t *testing.T) {
	g := &told{readings: []HostReading{{Active: 9, Delivered: 100}, {Active: 4, Delivered: 3}}}
	out, err := batch(g, "hostrate", "a.example", "1", "--count", "2", "--json")
	if err != nil || !strings.Contains(out, `"active_recips":9,"active_recips_delta":0,"delivered_recips_delta":0`) ||
		!strings.Contains(out, `"active_recips":4,"active_recips_delta":-5,"delivered_recips_delta":3`) {
		t.Errorf("%v: %s", err, out)
	}
}

// TestHostCompletes from the hosts in memory.
func TestHostCompletes(t *testing.T) {
	c := &completer{gateway: &told{names: []string{"aol.com", "aol.example", "other.example"}}}
	if list := c.complete(t.Context(), "hoststatus ao"); !slices.Equal(list, []Suggestion{{Text: "aol.com"}, {Text: "aol.example"}}) {
		t.Errorf("%v", list)
	}
}

func TestHostsThatAreNone(t *testing.T) {
	for _, word := range []string{"", " ", "user@example.com", "a b", "a\tb", "a\x1b[31m", strings.Repeat("x", 256)} {
		if _, err := batch(&told{}, "hoststatus", word); err == nil {
			t.Errorf("%q", word)
		}
	}
}

// TestHostNeverSeen is all zeros, unknown, and nothing that is not known.
func TestHostNeverSeen(t *testing.T) {
	out, err := batch(&told{}, "hoststatus", "nobody.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Host mail status for: 'nobody.example'", "Host up/down:                unknown\n", "Oldest Message               No Messages\n",
		"Last Activity                Never\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	_, figures, _ := strings.Cut(strings.ReplaceAll(out, "5XX", ""), "unknown")
	if strings.ContainsAny(figures, "123456789(") || strings.Count(figures, ":") != 3 || !strings.Contains(figures, "\nNothing is known of this host: ") {
		t.Errorf("it knows something:\n%s", out)
	}
	raw, _ := batch(&told{}, "hoststatus", "nobody.example", "--json")
	var v map[string]any
	if err := json.Unmarshal([]byte(raw), &v); err != nil || v["state"] != "unknown" || v["known"] != false || v["active_recips"] != 0.0 || v["host"] != "nobody.example" {
		t.Errorf("%v: %s", err, raw)
	}
}

// batch runs a command as from a script, without anybody to ask.
func batch(g Gateway, name string, words ...string) (string, error) {
	var out bytes.Buffer
	c := &Call{Gateway: g, Command: Find(name), Out: &out, Zone: gmt}
	if err := c.Parse(words); err != nil {
		return "", err
	}
	err := c.Do(context.Background())
	return out.String(), err
}
