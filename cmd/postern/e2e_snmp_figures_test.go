package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"postern/bench"
	"postern/bench/load"
	"postern/projections"
	"postern/snmp"
)

// Where the gateway's figures stand: snmp/mibs.
const (
	enterprises    = ".1.3.6.1.4.1."
	asyncosObjects = enterprises + "15497.1.1.1."
	ownObjects     = enterprises + "32473.2525.1.1."
	figuresRecord  = ownObjects + "1.1.0"
)

// inArcs is a name as the index of a row.
func inArcs(name string) string {
	var b strings.Builder
	for i := range len(name) {
		fmt.Fprintf(&b, ".%d", name[i])
	}
	return b.String()
}

// snmpFigures are all figures of one reading, by name: the walk is repeated until none came of another reading.
func snmpFigures(t *testing.T, port int) map[string]any {
	t.Helper()
	c := &gosnmp.GoSNMP{Target: "127.0.0.1", Port: uint16(port), Version: gosnmp.Version2c, Community: "ironport", Timeout: 2 * time.Second, Retries: 2, MaxRepetitions: 40}
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	defer c.Conn.Close()
	var values map[string]any
	eventually(t, "a walk of one reading", func() bool {
		list, err := c.BulkWalkAll(strings.TrimSuffix(enterprises, "."))
		if err != nil {
			t.Fatal(err)
		}
		last, err := c.Get([]string{figuresRecord, ownObjects + "1.5.0"})
		if err != nil {
			t.Fatal(err)
		}
		values = make(map[string]any, len(list))
		for _, v := range list {
			if _, twice := values[v.Name]; twice {
				t.Fatalf("%s comes twice", v.Name)
			}
			values[v.Name] = v.Value
			if text, ok := v.Value.([]byte); ok {
				values[v.Name] = string(text)
			}
		}
		return values[figuresRecord] == last.Variables[0].Value && values[ownObjects+"1.5.0"] == last.Variables[1].Value
	})
	return values
}

// figuresOfStatus are what SNMP is to say when status says s; top are the first destinations. What the resolver counts and
// what is measured is left out: that has no Seq.
func figuresOfStatus(s projections.Status, top []projections.HostStatus) map[string]any {
	gauge := func(name string) uint { return uint(s.Gauges[name]) }
	want := map[string]any{
		asyncosObjects + "11.0": gauge(projections.GaugeWorkQueue),
		ownObjects + "1.1.0":    s.Seq, ownObjects + "1.4.0": s.Hostname, ownObjects + "1.6.0": uint(s.Boots), ownObjects + "1.10.0": uint(s.Oldest.MID),
		ownObjects + "1.7.0": uint(s.BirthTime.Unix()), ownObjects + "1.12.0": uint(s.IDs.MID), ownObjects + "1.13.0": uint(s.IDs.ICID),
		ownObjects + "1.14.0": uint(s.IDs.DCID), ownObjects + "1.15.0": gauge(projections.GaugeConservation),
		ownObjects + "1.18.0": s.WorkQueueIn, ownObjects + "1.19.0": s.WorkQueueOut,
	}
	for c := range projections.NumCounters {
		if c >= projections.DNSRequests && c <= projections.CacheExpired {
			continue
		}
		index := inArcs(c.Name())
		want[ownObjects+"2.1.2"+index], want[ownObjects+"2.1.3"+index], want[ownObjects+"2.1.4"+index] = s.Counters[c].Reset, s.Counters[c].Uptime, s.Counters[c].Lifetime
	}
	for _, name := range []string{projections.GaugeActive, projections.GaugeUnattempted, projections.GaugeAttempted, projections.GaugeWorkQueue, projections.GaugeHeldBack,
		projections.GaugeMessages, projections.GaugeKilobytesUsed, projections.GaugeDestinations, projections.GaugeQuarantine} {
		want[ownObjects+"4.1.2"+inArcs(name)] = uint64(gauge(name))
	}
	for i, h := range top {
		at := func(column int) string { return fmt.Sprintf("%s6.1.%d.%d", ownObjects, column, i+1) }
		want[at(2)], want[at(3)], want[at(4)], want[at(5)], want[at(6)] = h.Host, int(h.State)+1, uint(h.Active), uint(h.Unattempted), uint(h.Attempted)
		want[at(7)], want[at(8)], want[at(9)], want[at(10)], want[at(11)] = uint(h.Connections), h.Completed, h.Delivered, h.HardBounced, h.SoftBounced
	}
	return want
}

// differences are what SNMP says otherwise.
func differences(got, want map[string]any) (out []string) {
	for name, v := range want {
		if got[name] != v {
			out = append(out, fmt.Sprintf("%s is %v, want %v", name, got[name], v))
		}
	}
	slices.Sort(out)
	return out
}

// snmpGateway runs a gateway that answers SNMP, and defers, bounces and cannot find some of its mail.
func snmpGateway(t *testing.T) (g *bench.Gateway, port int) {
	t.Helper()
	port = freeUDP(t)
	s := runSink(t)
	return runGateway(t, s, quickRetries+fmt.Sprintf("max_attempts = 3\n[snmp]\nenabled = true\nport = %d\nlevel = \"noAuthNoPriv\"\nv1v2c = true\ncommunity = \"ironport\"\ntrap_targets = [%q]\n",
		port, receiveTraps(t).conn.LocalAddr())), port
}

// TestSNMPFiguresUnderLoad: what SNMP says while mail flows is what the journal, folded up to the same Seq, says of that moment.
func TestSNMPFiguresUnderLoad(t *testing.T) {
	g, port := snmpGateway(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan *load.Result, 1)
	go func() {
		done <- load.Run(ctx, load.Config{Address: g.Address, Clients: 4, Rate: 300, Patience: 15 * time.Second, Recipient: mixedRecipient})
	}()
	var walks []map[string]any
	for last := uint64(0); len(walks) < 6; {
		w := snmpFigures(t, port)
		if seq := w[figuresRecord].(uint64); seq > last {
			walks, last = append(walks, w), seq+100
		}
	}
	cancel()
	<-done
	stop(t, g)
	f, busy := projections.NewFigures(0), 0
	for _, r := range facts(t, g) {
		f.Apply(r)
		if len(walks) == 0 || walks[0][figuresRecord] != r.Seq {
			continue
		}
		at := r.Time.Time()
		s := f.View(at, nil, []string{"Mail"})
		for _, d := range differences(walks[0], figuresOfStatus(s, f.Top(10, projections.ByActive, at))) {
			t.Errorf("at record %d: %s", r.Seq, d)
		}
		if s.Gauges[projections.GaugeActive] > 0 && s.Counters[projections.SoftBouncedEvents].Lifetime > 0 {
			busy++
		}
		walks = walks[1:]
	}
	if len(walks) > 0 || busy == 0 {
		t.Errorf("%d walks are of no record of the journal; %d of a busy queue", len(walks), busy)
	}
}

// TestSNMPFiguresAreThoseOfStatus compares them with status --json, tophosts and the certificates when nothing moves.
func TestSNMPFiguresAreThoseOfStatus(t *testing.T) {
	g, port := snmpGateway(t)
	if r := load.Run(t.Context(), load.Config{Address: g.Address, Clients: 4, Messages: 100, Recipient: mixedRecipient}); len(r.Acked) != 100 {
		t.Fatalf("%d of 100 messages were accepted: %s", len(r.Acked), r.Reply)
	}
	ask(t, g, "suspenddel", "0")
	var differ []string
	defer func() {
		if t.Failed() {
			t.Logf("they differ: %s", strings.Join(differ, "\n"))
		}
	}()
	eventually(t, "SNMP and status are of the same record", func() bool {
		got := snmpFigures(t, port)
		s := asJSON[projections.Status](t, g, "status")
		if got[figuresRecord] != s.Seq {
			return false
		}
		want := figuresOfStatus(s, asJSON[struct{ Hosts []projections.HostStatus }](t, g, "tophosts").Hosts)
		for _, c := range []projections.Counter{projections.DNSRequests, projections.NetworkRequests, projections.CacheHits, projections.CacheMisses} {
			want[ownObjects+"2.1.4"+inArcs(c.Name())] = s.Counters[c].Lifetime
		}
		want[asyncosObjects+"1.0"], want[asyncosObjects+"19.0"] = int(s.Gauges[projections.GaugeRAMUtilization]), uint(s.Gauges[projections.GaugeOpenFiles])
		want[asyncosObjects+"20.0"] = uint(s.Gauges[projections.GaugeInbound] + s.Gauges[projections.GaugeOutbound] + s.Gauges[projections.GaugePendingOutbound])
		want[ownObjects+"7.1.0"] = uint64(s.Gauges[projections.GaugeJournalRecords])
		differ = differences(got, want)
		return len(differ) == 0
	})
	stop(t, g)
}

// TestSNMPKeys: the certificates in use are keys, with the seconds that are left of them; one that cannot be read, of which
// nobody knows how many, has no row, and that is said.
func TestSNMPKeys(t *testing.T) {
	certificate, key := writePair(t)
	expires, err := expiryOf(certificate)
	if err != nil {
		t.Fatal(err)
	}
	port := freeUDP(t)
	g := runGateway(t, runSink(t), fmt.Sprintf("[[listener]]\nname = \"Secured\"\nkind = \"private\"\naddress = %q\ncertificate = %q\nkey = %q\n"+
		"[snmp]\nenabled = true\nport = %d\nlevel = \"noAuthNoPriv\"\nv1v2c = true\ncommunity = \"ironport\"\n", freeAddress(t), certificate, key, port))
	row := func(column int) string { return fmt.Sprintf("%s12.1.%d.1", asyncosObjects, column) }
	got, left := snmpFigures(t, port), uint(time.Until(expires)/time.Second)
	if got[row(1)] != 1 || got[row(2)] != "Certificate Secured" || got[row(3)] != 2 {
		t.Errorf("the first key is %v, %v, perpetual %v", got[row(1)], got[row(2)], got[row(3)])
	}
	if n, ok := got[row(4)].(uint); !ok || n < left || n > left+5 {
		t.Errorf("%v s are left of it, want %d", got[row(4)], left)
	}
	g.Kill() // what comes back after a crash does so without its certificates
	if err := os.WriteFile(certificate, []byte("lost\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, g)
	got = snmpFigures(t, port)
	for column := 1; column <= 4; column++ {
		if value, there := got[row(column)]; there {
			t.Errorf("unread, column %d of the first key is %v", column, value)
		}
	}
	if said := g.Said(); strings.Count(said, `"certificate":"Secured"`) != 1 || !strings.Contains(said, "cannot be told") {
		t.Errorf("it says\n%s", said)
	}
	stop(t, g)
}

// TestSNMPWholeTree: a walk over everything goes forward, meets each name once, and comes through all groups; net-snmp has
// a name of ours for each of the gateway's.
func TestSNMPWholeTree(t *testing.T) {
	g, port := snmpGateway(t)
	send(t, g.Address, "user-1@later.test")
	c := &gosnmp.GoSNMP{Target: "127.0.0.1", Port: uint16(port), Version: gosnmp.Version2c, Community: "ironport", Timeout: 2 * time.Second, Retries: 2, MaxRepetitions: 25}
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	defer c.Conn.Close()
	list, err := c.BulkWalkAll(".1.3")
	if err != nil {
		t.Fatal(err)
	}
	var last snmp.OID
	var own []string
	groups := map[string]int{".1.3.6.1.2.1.1.": 0, ".1.3.6.1.2.1.2.": 0, ".1.3.6.1.2.1.4.": 0, ".1.3.6.1.2.1.5.": 0, ".1.3.6.1.2.1.6.": 0, ".1.3.6.1.2.1.7.": 0,
		".1.3.6.1.2.1.11.": 0, ".1.3.6.1.2.1.31.1.1.": 0, asyncosObjects: 0, ownObjects: 0,
		ownObjects + "10.": 0, ownObjects + "11.": 0}
	for _, v := range list {
		name := snmp.MustOID(v.Name)
		if last.Compare(name) >= 0 {
			t.Errorf("%s comes behind %s", name, last)
		}
		last = name
		for root := range groups {
			if strings.HasPrefix(v.Name, root) {
				groups[root]++
			}
		}
		if strings.HasPrefix(v.Name, enterprises) {
			own = append(own, v.Name)
		}
	}
	for root, n := range groups {
		if n == 0 {
			t.Errorf("nothing is answered below %s", root)
		}
	}
	stop(t, g)
	program, err := exec.LookPath("snmptranslate")
	if err != nil {
		t.Skip("snmptranslate is not installed (snmp)")
	}
	out, err := exec.Command(program, append([]string{"-M", "../../snmp/testdata/base:../../snmp/mibs", "-m", "ALL", "-OS"}, own...)...).Output()
	names := strings.Fields(string(out))
	if err != nil || len(names) != len(own) {
		t.Fatalf("%v: %d names of %d objects", err, len(names), len(own))
	}
	for i, name := range names {
		if !strings.HasPrefix(name, "POSTERN-ASYNCOS-MAIL-MIB::") && !strings.HasPrefix(name, "POSTERN-MIB::postern") {
			t.Errorf("%s is called %s", own[i], name)
		}
	}
}
