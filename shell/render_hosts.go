package shell

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"postern/projections"
)

// RenderHost writes hoststatus.
func RenderHost(r HostReport, zone *time.Location) string {
	t := &table{}
	pastHead(t, r.Past, zone)
	fmt.Fprintf(&t.b, "Host mail status for: '%s'\n", r.Host)
	t.value("Status as of:", Date(r.Timestamp.In(zone), false))
	t.value("Host up/down:", r.State.String())
	if r.Suspended {
		t.value("Delivery:", "suspended by an operator")
	}
	if !r.Known {
		t.b.WriteString("Nothing is known of this host: no mail for it is in the queue, and none was counted.\n")
	}
	hostCounters(t, &r)
	hostGauges(t, &r)
	oldest := "No Messages"
	if r.Oldest.MID != 0 {
		oldest = Age(time.Duration(r.Oldest.Seconds) * time.Second)
	}
	t.value("Oldest Message", oldest)
	t.value("Last Activity", dateOrNever(r.LastActivity, zone))
	hostWays(t, &r, zone)
	if x := r.Last5XX; x != nil {
		t.b.WriteString("Last 5XX Error:\n")
		hostError(t, x.Text, x.Time, x.IP, zone)
	}
	if x := r.LastTLS; x != nil {
		t.value("Last TLS Error:", x.Level)
		hostError(t, x.Text, x.Time, x.IP, zone)
	}
	hostGateways(t, r.Gateways, zone)
	return t.String()
}

func dateOrNever(at time.Time, zone *time.Location) string {
	if at.IsZero() {
		return "Never"
	}
	return Date(at.In(zone), false)
}

func hostCounters(t *table, r *HostReport) {
	t.head("Counters:")
	t.category("Queue")
	t.row(4, "Soft Bounced Events", Thousands(r.SoftBounced))
	t.category("Completion")
	t.row(4, "Completed Recipients", Thousands(r.Completed))
	t.row(4, "Hard Bounced Recipients", Thousands(r.HardBounced))
	t.row(6, "DNS Hard Bounces", Thousands(r.DNS))
	t.row(6, "5XX Hard Bounces", Thousands(r.FiveXX))
	t.row(6, "Filter Hard Bounces", Thousands(r.Filter))
	t.row(6, "Expired Hard Bounces", Thousands(r.Expired))
	t.row(6, "Other Hard Bounces", Thousands(r.Other))
	t.row(4, "Delivered Recipients", Thousands(r.Delivered))
	t.row(4, "Deleted Recipients", Thousands(r.Deleted))
}

func hostGauges(t *table, r *HostReport) {
	t.head("Gauges:")
	t.category("Queue")
	t.row(4, "Active Recipients", Thousands(r.Active))
	t.row(6, "Unattempted Recipients", Thousands(r.Unattempted))
	t.row(6, "Attempted Recipients", Thousands(r.Attempted))
	t.category("Connections")
	t.row(4, "Current Outbound Connections", Thousands(r.Connections))
	pending := Thousands(r.Pending)
	if r.Past != nil {
		pending = notRecorded
	}
	t.row(4, "Pending Outbound Connections", pending)
}

// hostWays writes where mail for the host goes, as far as that is known.
func hostWays(t *table, r *HostReport, zone *time.Location) {
	if len(r.Addresses) > 0 {
		t.b.WriteString("Ordered IP addresses:")
		if !r.Expires.IsZero() {
			fmt.Fprintf(&t.b, " (expiring at %s)", Date(r.Expires.In(zone), false))
		}
		t.b.WriteString("\n  Preference  IPs\n")
		hostAddresses(t, r.Addresses)
	}
	if len(r.MX) > 0 {
		t.b.WriteString("MX Records:\n  Preference  TTL      Hostname\n")
		for _, x := range r.MX {
			fmt.Fprintf(&t.b, "  %-11d %-8s %s\n", x.Preference, time.Duration(x.TTL)*time.Second, x.Host)
		}
	}
	if len(r.Routes) > 0 {
		t.b.WriteString("SMTP Routes for this host:\n  Preference  Destination\n")
		for i, to := range r.Routes {
			fmt.Fprintf(&t.b, "  %-11d %s\n", i+1, to)
		}
	}
}

// hostAddresses writes three addresses of one preference a row.
func hostAddresses(t *table, list []OrderedAddress) {
	for len(list) > 0 {
		n := 1
		for n < min(3, len(list)) && list[n].Preference == list[0].Preference {
			n++
		}
		line := fmt.Sprintf("  %-11d", list[0].Preference)
		for _, a := range list[:n] {
			line += fmt.Sprintf(" %-16s", a.IP)
		}
		t.b.WriteString(strings.TrimRight(line, " ") + "\n")
		list = list[n:]
	}
}

const hostRule = "-----\n"

// hostError writes what a peer said last, between rules.
func hostError(t *table, text string, at time.Time, ip netip.Addr, zone *time.Location) {
	from := "unknown"
	if ip.IsValid() {
		from = ip.String()
	}
	fmt.Fprintf(&t.b, "%s%s\n(at %s) IP: %s\n%s", hostRule, text, Date(at.In(zone), true), from, hostRule)
}

func hostGateways(t *table, list []VirtualGateway, zone *time.Location) {
	if len(list) == 0 {
		return
	}
	t.b.WriteString("Virtual gateway information:\n=====\n")
	for _, g := range list {
		fmt.Fprintf(&t.b, "%s (%s):\n", g.Hostname, g.Interface)
		t.value("Host up/down:", g.State.String())
		t.value("Last Activity", dateOrNever(g.LastActivity, zone))
		t.value("Recipients", strconv.FormatUint(g.Recipients, 10))
		if x := g.Last5XX; x != nil {
			t.b.WriteString("Last 5XX Error:\n")
			hostError(t, x.Text, x.Time, x.IP, zone)
		}
	}
}

// RenderTopHosts writes tophosts; its columns are as wide as the longest name needs.
func RenderTopHosts(top TopHosts, zone *time.Location) string {
	t := &table{}
	pastHead(t, top.Past, zone)
	t.value("Status as of:", Date(top.Timestamp.In(zone), false))
	width, down := 20, false
	for _, h := range top.Hosts {
		width = max(width, len(h.Host))
		down = down || h.State == projections.HostStateDown
	}
	if down {
		t.b.WriteString("Hosts marked with '*' were down as of the last delivery attempt.\n")
	}
	row := func(number, host string, figures ...any) {
		fmt.Fprintf(&t.b, "%-4s%-*s%7v%8v%9v%9v%9v\n", append([]any{number, width, host}, figures...)...)
	}
	row("", "", "Active", "Conn.", "Deliv.", "Soft", "Hard")
	row("#", "Recipient Host", "Recip", "Out", "Recip.", "Bounced", "Bounced")
	for i, h := range top.Hosts {
		number := strconv.Itoa(i + 1)
		if h.State == projections.HostStateDown {
			number += "*"
		}
		row(number, h.Host, h.Active, h.Connections, h.Delivered, h.SoftBounced, h.HardBounced)
	}
	return t.String()
}

// RenderTopInbound writes topin: columns begin at 1, 4, 31 and 49, the connections end at 72. A longer word moves what
// follows.
func RenderTopInbound(top TopInbound, zone *time.Location) string {
	t := &table{}
	pastHead(t, top.Past, zone)
	t.value("Status as of:", Date(top.Timestamp.In(zone), false))
	row := func(number, host, ip, listener, connections string) {
		line := fmt.Sprintf("%-2s ", number)
		line = fmt.Sprintf("%-29s ", line+host)
		line = fmt.Sprintf("%-47s ", line+ip)
		line += listener
		fmt.Fprintf(&t.b, "%s %*s\n", line, max(71-len(line), 0), connections)
	}
	row("#", "Remote hostname", "Remote IP addr.", "listener", "Conn. In")
	for i, c := range top.Clients {
		row(strconv.Itoa(i+1), c.Hostname, c.Remote.String(), c.Listener, strconv.Itoa(c.Connections))
	}
	return t.String()
}
