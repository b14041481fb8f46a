package shell

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/engine/config"
	"postern/journal"
	"postern/projections"
)

// remembered is a resolver's cache: MX records as "10 host", addresses as such, "null" for a domain that takes no mail.
type remembered map[string][]string

var lookedAt = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func (c remembered) MX(domain string) (hosts []MXRecord, null bool, expires time.Time, ok bool) {
	list, ok := c["mx "+domain]
	for _, line := range list {
		var x MXRecord
		if line == "null" {
			return nil, true, lookedAt.Add(time.Hour), true
		}
		fmt.Sscan(line, &x.Preference, &x.Host)
		hosts = append(hosts, x)
	}
	return hosts, false, lookedAt.Add(3144 * time.Second), ok
}

func (c remembered) Addresses(host string) (addrs []netip.Addr, expires time.Time, ok bool) {
	list, ok := c[host]
	for _, ip := range list {
		addrs = append(addrs, netip.MustParseAddr(ip))
	}
	return addrs, lookedAt.Add(time.Duration(len(host)) * time.Minute), ok
}

func (c remembered) Name(addr netip.Addr) (string, bool) {
	if list := c["name "+addr.String()]; len(list) == 1 {
		return list[0], true
	}
	return "", false
}

func (remembered) Flush() {}

func TestHostLookup(t *testing.T) {
	cache := remembered{
		"mx a.example":  {"10 mx1.a.example", "10 mx2.a.example", "20 backup.example"},
		"mx1.a.example": {"192.0.2.1", "192.0.2.2"}, "mx2.a.example": {"192.0.2.2", "192.0.2.3", "192.0.2.4"}, "backup.example": {"2001:db8::1", "192.0.2.1"},
		"mx self.example": {}, "self.example": {"192.0.2.7"},
		"mx null.example": {"null"}, "null.example": {"192.0.2.8"},
		"alone.example": {"192.0.2.9"}, "relay.example": {"192.0.2.10"},
	}
	doc, err := config.Parse([]byte(`
[[smtp_route]]
domain = "routed.example"
to = ["[relay.example]:2525", "192.0.2.20", "a.example"]
[[smtp_route]]
domain = ".routed.example"
to = ["USEDNS"]
[[smtp_route]]
domain = "gone.example"
to = ["/dev/null"]
`), "test")
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{
		"a.example":          `until 13m; 10 192.0.2.1, 10 192.0.2.2, 10 192.0.2.3, 10 192.0.2.4, 20 2001:db8::1; 10 mx1.a.example 3144, 10 mx2.a.example 3144, 20 backup.example 3144; `,
		"self.example":       `until 12m; 0 192.0.2.7; ; `,
		"null.example":       `; ; ; `,
		"alone.example":      `; ; ; `, // its addresses are known, but not whether mail goes to them
		"unknown.example":    `; ; ; `,
		"[192.0.2.30]":       `; 0 192.0.2.30; ; `,
		"[ipv6:2001:db8::9]": `; 0 2001:db8::9; ; `,
		"gone.example":       `; ; ; /dev/null`,
		"x.routed.example":   `; ; ; USEDNS`,
	} {
		r := HostReport{Timestamp: lookedAt}
		r.Host = host
		r.lookUp(doc, cache)
		if got := lookedUp(&r); got != want {
			t.Errorf("%s:\n got %s\nwant %s", host, got, want)
		}
	}
	r := HostReport{Timestamp: lookedAt}
	r.Host = "routed.example"
	r.lookUp(doc, cache)
	if got, want := lookedUp(&r), `until 13m; 1 192.0.2.10, 2 192.0.2.20, 10 192.0.2.1, 10 192.0.2.2, 10 192.0.2.3, 10 192.0.2.4, 20 2001:db8::1; `+
		`10 mx1.a.example 3144, 10 mx2.a.example 3144, 20 backup.example 3144; [relay.example]:2525, 192.0.2.20, a.example`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if text := RenderHost(r, gmt); !strings.HasSuffix(text, "SMTP Routes for this host:\n  Preference  Destination\n  1           [relay.example]:2525\n"+
		"  2           192.0.2.20\n  3           a.example\n") {
		t.Errorf("%s", text)
	}
}

func lookedUp(r *HostReport) string {
	var b strings.Builder
	if !r.Expires.IsZero() {
		fmt.Fprintf(&b, "until %.0fm", r.Expires.Sub(lookedAt).Minutes())
	}
	b.WriteString("; ")
	var parts []string
	for _, a := range r.Addresses {
		parts = append(parts, fmt.Sprint(a.Preference, a.IP))
	}
	b.WriteString(strings.Join(parts, ", ") + "; ")
	parts = nil
	for _, x := range r.MX {
		parts = append(parts, fmt.Sprintf("%d %s %d", x.Preference, x.Host, x.TTL))
	}
	return b.String() + strings.Join(parts, ", ") + "; " + strings.Join(r.Routes, ", ")
}

// TestLooks: who looks again learns what was there before, and what was looked at longest ago is forgotten first.
func TestLooks(t *testing.T) {
	var s looks
	for i := range maxLooks + 1 {
		r := s.note(HostReading{Host: fmt.Sprint(i), Delivered: uint64(i), Timestamp: lookedAt.Add(time.Duration(i))})
		if r.Before != nil {
			t.Fatalf("host %d was never looked at", i)
		}
	}
	if r := s.note(HostReading{Host: "5", Timestamp: lookedAt.Add(time.Hour)}); r.Before == nil || r.Before.Delivered != 5 {
		t.Errorf("before: %+v", r.Before)
	}
	if r := s.note(HostReading{Host: "0"}); r.Before != nil || len(s.byHost) > maxLooks {
		t.Errorf("%d are remembered, the first among them: %v", len(s.byHost), r.Before != nil)
	}
}

// TestReportIsBounded whatever the DNS says.
func TestReportIsBounded(t *testing.T) {
	var r HostReport
	for i := range 1000 {
		r.addAddress(0, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	if len(r.Addresses) != maxOrdered || !slices.IsSortedFunc(r.Addresses, func(a, b OrderedAddress) int { return a.IP.Compare(b.IP) }) {
		t.Errorf("%d addresses", len(r.Addresses))
	}
}

// TestSilentClientsAreSeen: topin counts those who hold a connection and have said nothing, which no fact tells of.
func TestSilentClientsAreSeen(t *testing.T) {
	f := projections.NewFigures(0)
	told := netip.MustParseAddr("192.0.2.1")
	f.Apply(journal.Record{Seq: 1, Event: &journal.ConnectionAccepted{ICID: 1, Listener: "In", Remote: told, ReverseDNS: "mail.example", Verified: true}})
	silent, nameless := netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	l := &Local{Follower: &projections.Follower{Source: nothing{}, Figures: f}, Figures: f, Cache: remembered{"name 192.0.2.2": {"idle.example"}},
		Inbound: func() []projections.InboundClient {
			return []projections.InboundClient{{Remote: told, Listener: "In", Connections: 2}, {Remote: nameless, Listener: "In", Connections: 1},
				{Remote: silent, Listener: "In", Connections: 400}}
		}}
	top, err := l.TopInbound(t.Context(), 20)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, c := range top.Clients {
		rows = append(rows, fmt.Sprint(c.Hostname, " ", c.Connections))
	}
	if got := strings.Join(rows, ", "); got != "idle.example 400, mail.example 2, 192.0.2.3 1" {
		t.Error(got)
	}
	if top, _ := l.TopInbound(t.Context(), 1); len(top.Clients) != 1 {
		t.Errorf("%d rows, asked for 1", len(top.Clients))
	}
}

// nothing is a journal without records.
type nothing struct{}

func (nothing) Durable() uint64                                              { return 0 }
func (nothing) Wait(ctx context.Context, _ uint64) error                     { <-ctx.Done(); return ctx.Err() }
func (nothing) Read(uint64, int, []journal.Record) ([]journal.Record, error) { return nil, nil }
