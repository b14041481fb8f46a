package snmp

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"postern/hardware"
	"postern/projections"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// busyGateway has something in every table, and no two figures alike.
func busyGateway() (*Gateway, *Figures) {
	f := &Figures{Status: projections.Status{
		Seq: 7001, Build: "1.2.3", Hostname: "mail3.example.com", Timestamp: noon, Running: true, BirthTime: noon.Add(-time.Hour), UptimeSeconds: 3600,
		Boots: 12, LastCounterReset: noon.Add(-2 * time.Hour), System: projections.SystemDeliverySuspended,
		Oldest: projections.OldestMessage{Seconds: 612, MID: 4100}, IDs: projections.CurrentIDs{MID: 4242, ICID: 4243, DCID: 4244},
		Gauges: map[string]int64{}, Texts: map[string]string{projections.GaugeLogAvailable: "148G", projections.GaugeSwapUsage: "3%"},
		DeliverySuspended: []string{"*"}, ListenersSuspended: []string{"a", "b"}, WorkQueuePaused: true, WorkQueueIn: 1 << 40, WorkQueueOut: 1<<40 - 9, Revision: 31,
		ConservationReasons: []string{"followers", "memoryShortage", "queueSpaceShortage"},
	}}
	for c := range projections.NumCounters {
		f.Counters[c] = projections.Columns{Reset: 1000 + uint64(c), Uptime: 2000 + uint64(c), Lifetime: 5_000_000_000 + uint64(c)}
	}
	for i := range projections.RateCounters() {
		f.Rates[i] = projections.Rate{Minute: 60 + uint64(i), Minutes5: 70 + uint64(i), Quarter: 80 + uint64(i)}
	}
	for i, name := range []string{projections.GaugeRAMUtilization, projections.GaugeCPUUtilization, projections.GaugeDiskUtilization,
		projections.GaugeTotalUtilization, projections.GaugeQueueLoaded, projections.GaugeConservation, projections.GaugeWorkQueue,
		projections.GaugeOutstandingDNS, projections.GaugeWaitingDNS, projections.GaugeOpenFiles, projections.GaugeInbound, projections.GaugeOutbound,
		projections.GaugePendingOutbound, projections.GaugeActive, projections.GaugeFollowerLag} {
		f.Gauges[name] = int64(20 + i)
	}
	f.Gauges[projections.GaugeKilobytesUsed], f.Gauges[projections.GaugeKilobytesFree] = 300, 700
	f.Gauges[projections.GaugeJournalRecords], f.Gauges[projections.GaugeJournalBytes] = 7003, 6<<40
	for i := range 12 {
		f.Top = append(f.Top, projections.HostStatus{Host: fmt.Sprintf("d%d.example", i), State: projections.HostState(i % 3), Active: uint64(100 - i),
			Unattempted: 10, Attempted: uint64(90 - i), Connections: 3, Completed: 1 << 33, Delivered: 1<<33 - 7, HardBounced: 7, SoftBounced: 19})
	}
	sensors := &hardware.Sensors{RAIDEvents: 3,
		Temperatures:  []hardware.Temperature{{Index: 1, Name: "CPU 0", Celsius: 61.6}, {Index: 3, Name: "inlet", Celsius: -4.2}},
		Fans:          []hardware.Fan{{Index: 1, Name: "fan1", RPM: 4200}, {Index: 2, Name: "fan2"}, {Index: 3, Name: "Fan 3 DutyCycle", Percent: 21.95}, {Index: 4, Name: "Fan 4 DutyCycle", Percent: 21.95, Failed: true}},
		PowerSupplies: []hardware.PowerSupply{{Index: 2, Name: "PS2", Status: hardware.SupplyNoAC, Redundancy: hardware.RedundancyLost}},
		Drives: []hardware.Drive{{Index: 1, ID: "md0 sda1", Status: hardware.DriveHealthy, LastError: "No Error"},
			{Index: 2, ID: "md0 sdb1", Status: hardware.DriveFailure, LastError: "faulty"}}}
	return &Gateway{
		Figures: func(time.Time) Figures { return *f },
		Sensors: func(time.Time) *hardware.Sensors { return sensors },
		Keys: func(now time.Time) []Key {
			return []Key{{Description: "Certificate InboundMail", Expires: now.Add(90 * time.Second)}, {Description: "engine", Perpetual: true},
				{Description: "Certificate HTTP", Expires: now.Add(-time.Hour)}, {Description: "Certificate unread"}}
		},
		Updates: func(time.Time) []Update { return []Update{{"blocklist", 1<<32 + 5, 2}} },
		Followers: func() []Follower {
			return []Follower{{"figures", 2, 1500 * time.Millisecond, false}, {"mail_logs", 1 << 40, time.Hour, true}}
		},
		Problems: func(time.Time) []string { return []string{"the queue is loading, 24 %", "a\x1b[2Jname"} },
		Refused:  func() (uint64, uint64) { return 1<<32 + 6, 1 },
		Targets: func() []TargetStatus {
			return []TargetStatus{{Target: "192.0.2.9", Sent: 8}, {Target: "traps.example.com:1162", Sent: 1, Failed: 5, Unanswered: 4, Dropped: 3, Waiting: 512, Problem: errNoAnswer.Error()}}
		},
	}, f
}

// readings are a branch's variables by name.
func readings(t testing.TB, b Branch) map[string]Value {
	t.Helper()
	out := map[string]Value{}
	for i, list := 0, b.Read(noon); i < len(list); i++ {
		if i > 0 && list[i-1].OID.Compare(list[i].OID) >= 0 {
			t.Errorf("%s stands behind %s", list[i].OID, list[i-1].OID)
		}
		if !list[i].OID.HasPrefix(b.Root) {
			t.Errorf("%s is not below %s", list[i].OID, b.Root)
		}
		out[list[i].OID.String()] = list[i].Value
	}
	return out
}

// TestGatewayAgainstMIB holds what is answered to what our MIB files say: every object that may be read, no other, each of
// its type and within its range.
func TestGatewayAgainstMIB(t *testing.T) {
	g, _ := busyGateway()
	b := g.Branch()
	values := readings(t, b)
	objects, _ := mibObjects(t)
	if len(objects) < 100 {
		t.Fatalf("the MIB files have %d objects", len(objects))
	}
	readable := map[string]object{}
	for _, o := range objects {
		if o.access == "read-only" {
			readable[o.oid.String()] = o
		}
	}
	for i, o := range b.Objects {
		if i > 0 && b.Objects[i-1].Compare(o) >= 0 {
			t.Errorf("the object %s stands behind %s", o, b.Objects[i-1])
		}
		if _, ok := readable[o.String()]; !ok {
			t.Errorf("%s is in no MIB file, or may not be read", o)
		}
	}
	if len(b.Objects) != len(readable) {
		t.Errorf("%d objects are answered, the MIB files have %d that may be read", len(b.Objects), len(readable))
	}
	seen := map[string]bool{}
	for name, v := range values {
		i := strings.LastIndexByte(name, '.')
		o, ok := readable[name[:i]]
		for ; !ok && i > len("1.3.6.1.4.1"); o, ok = readable[name[:i]] {
			i = strings.LastIndexByte(name[:i], '.')
		}
		if !ok {
			t.Errorf("%s is an instance of nothing", name)
			continue
		}
		seen[o.name] = true
		if v.Type != o.kind {
			t.Errorf("%s.%s is of type %v, want %v", o.name, name[i:], v.Type, o.kind)
		}
		n, whole := v.Data.(int)
		if o.values != nil && !o.values[n] {
			t.Errorf("%s is %v, which has no name", o.name, v.Data)
		}
		if o.most != 0 && (!whole || n < o.least || n > o.most) {
			t.Errorf("%s is %v, and must be from %d to %d", o.name, v.Data, o.least, o.most)
		}
	}
	for _, o := range readable {
		if !seen[o.name] {
			t.Errorf("%s has no instance", o.name)
		}
	}
}

// is asks for instances by the names of their objects.
func is(t *testing.T, values map[string]Value, names map[string]OID, want map[string]Value) {
	t.Helper()
	for name, v := range want {
		object, index, _ := strings.Cut(name, ".")
		oid := names[object]
		if oid == nil {
			t.Errorf("no object is called %s", object)
			continue
		}
		if text, quoted := strings.CutPrefix(index, "'"); quoted {
			oid = oid.Append(byText(strings.TrimSuffix(text, "'"))...)
		} else {
			oid = oid.Append(MustOID(index)...)
		}
		got, there := values[oid.String()]
		if !there && v != (Value{}) || got != v {
			t.Errorf("%s is %v, want %v", name, got, v)
		}
	}
}

func TestGatewayFigures(t *testing.T) {
	g, f := busyGateway()
	values := readings(t, g.Branch())
	_, names := mibObjects(t)
	is(t, values, names, map[string]Value{
		"perCentMemoryUtilization.0": Integer(20), "perCentCPUUtilization.0": Integer(21), "perCentDiskIOUtilization.0": Integer(22),
		"perCentCPULoad.0": Integer(23), "perCentQueueUtilization.0": Integer(30), "queueAvailabilityStatus.0": Integer(2),
		"resourceConservationReason.0": Integer(2), "memoryAvailabilityStatus.0": Integer(2), "workQueueMessages.0": Gauge32(26),
		"oldestMessageAge.0": Gauge32(612), "outstandingDNSRequests.0": Gauge32(27), "pendingDNSRequests.0": Gauge32(28), "raidEvents.0": Counter32(3),
		"openFilesOrSockets.0": Gauge32(29), "mailTransferThreads.0": Gauge32(30 + 31 + 32), "hsmErrorReason.0": DisplayString(""), "fipsMode.0": Integer(2),
		"connectionURL.0": {}, "temperatureIndex.1": {}, "fanIndex.1": {}, "powerSupplyIndex.2": Integer(2), "powerSupplyStatus.2": Integer(3),
		"powerSupplyRedundancy.2": Integer(2), "powerSupplyName.2": DisplayString("PS2"), "degreesCelsius.1": Integer(62), "degreesCelsius.3": Integer(-4),
		"temperatureName.3": DisplayString("inlet"), "fanRPMs.1": Gauge32(4200), "fanRPMs.2": Gauge32(0), "fanName.2": DisplayString("fan2"),
		"fanRPMs.3": {}, "fanName.3": {}, "fanRPMs.4": Gauge32(0), "fanName.4": DisplayString("Fan 4 DutyCycle"),
		"raidIndex.2": Integer(2), "raidStatus.2": Integer(2), "raidID.1": DisplayString("md0 sda1"), "raidLastError.1": DisplayString("No Error"),
		"keyExpirationIndex.3": Integer(3), "keyDescription.1": DisplayString("Certificate InboundMail"), "keyIsPerpetual.1": Integer(2),
		"keyIsPerpetual.2": Integer(1), "keySecondsUntilExpire.1": Gauge32(90), "keySecondsUntilExpire.2": Gauge32(math.MaxUint32), "keySecondsUntilExpire.3": Gauge32(0),
		"keyExpirationIndex.4": {}, "keyDescription.4": {}, "keyIsPerpetual.4": {}, "keySecondsUntilExpire.4": {},
		"updateIndex.1": Integer(1), "updateServiceName.1": DisplayString("blocklist"), "updates.1": Counter32(5), "updateFailures.1": Counter32(2),
	})
	is(t, values, names, map[string]Value{
		"posternFiguresRecord.0": Counter64(7001), "posternSystemStatus.0": Integer(3), "posternHostname.0": DisplayString("mail3.example.com"),
		"posternUptime.0": Gauge32(3600), "posternStartTime.0": Gauge32(uint64(noon.Add(-time.Hour).Unix())), "posternOldestMessageID.0": Gauge32(4100),
		"posternLastMessageID.0": Gauge32(4242), "posternLastInjectionID.0": Gauge32(4243), "posternLastDeliveryID.0": Gauge32(4244),
		"posternConservation.0": Gauge32(25), "posternConservationReasons.0": DisplayString("followers memoryShortage queueSpaceShortage"),
		"posternWorkQueuePaused.0": Integer(1), "posternWorkQueueIn.0": Counter64(1 << 40), "posternProblems.0": Gauge32(2),
		"posternCounterReset.'inj_msgs'": Counter64(1000), "posternCounterLifetime.'cache_expired'": Counter64(f.Counters[projections.CacheExpired].Lifetime),
		"posternRate15Minutes.'delivered_recips'": Gauge32(f.Rates.Of(projections.Delivered).Quarter), "posternGaugeValue.'journal_bytes'": Counter64(6 << 40),
		"posternTextValue.'log_available'": DisplayString("148G"), "posternDestinationName.1": DisplayString("d0.example"),
		"posternDestinationState.2": Integer(2), "posternDestinationActive.10": Gauge32(91), "posternDestinationName.11": {},
		"posternDestinationDelivered.1": Counter64(1<<33 - 7), "posternJournalRecord.0": Counter64(7003), "posternJournalBytes.0": Counter64(6 << 40),
		"posternJournalLag.0": Counter64(34), "posternQueueLoaded.0": Integer(24), "posternFollowerName.2": DisplayString("mail_logs"),
		"posternFollowerLag.2": Gauge32(math.MaxUint64), "posternFollowerAge.1": Gauge32(1), "posternFollowerState.1": Integer(1), "posternFollowerState.2": Integer(2),
		"posternProblemText.2": DisplayString("a?[2Jname"), "posternAgentLimitedDatagrams.0": Counter32(6), "posternAgentContainedDatagrams.0": Counter32(1),
		"posternTargetName.1": DisplayString("192.0.2.9"), "posternTargetSent.1": Counter32(8), "posternTargetFailed.2": Counter32(5),
		"posternTargetUnanswered.2": Counter32(4), "posternTargetDropped.2": Counter32(3), "posternTargetWaiting.2": Gauge32(512),
		"posternTargetProblem.1": DisplayString(""), "posternTargetProblem.2": DisplayString("it does not answer informs"), "posternTargetName.3": {},
	})
}

// TestGatewayIdle: a machine with nothing in its tables has nothing in them, and all its scalars.
func TestGatewayIdle(t *testing.T) {
	g := &Gateway{Figures: func(time.Time) Figures { return Figures{Status: projections.Status{System: projections.SystemOnline}} }}
	b := g.Branch()
	values := readings(t, b)
	for name, v := range values {
		oid := MustOID(name)
		if table := oid[:len(oid)-2]; oid[len(oid)-1] != 0 && !table.HasPrefix(ownObjects) {
			t.Errorf("%s is %v on a machine that has nothing", name, v)
		}
	}
	_, names := mibObjects(t)
	is(t, values, names, map[string]Value{"perCentQueueUtilization.0": Integer(0), "queueAvailabilityStatus.0": Integer(1), "resourceConservationReason.0": Integer(1),
		"memoryAvailabilityStatus.0": Integer(1), "oldestMessageAge.0": Gauge32(0), "raidEvents.0": Counter32(0), "posternLastCounterReset.0": Gauge32(0),
		"posternSystemStatus.0": Integer(1), "posternConservationReasons.0": DisplayString(""), "posternCounterLifetime.'inj_msgs'": Counter64(0)})
	tree := NewTree(b)
	for name, want := range map[string]gosnmp.Asn1BER{"fanRPMs": gosnmp.NoSuchInstance, "connectionURL": gosnmp.NoSuchObject, "temperatureIndex": gosnmp.NoSuchObject} {
		if v, ok := tree.Get(names[name].Append(1)); ok || v.Value.Type != want {
			t.Errorf("%s.1 is %v", name, v.Value)
		}
	}
}

func TestConservation(t *testing.T) {
	for _, c := range []struct {
		degree                int64
		reasons               string
		reason, queue, memory int
	}{
		{0, "", 1, 1, 1},
		{17, "memoryShortage", 2, 1, 2},
		{999, "memoryShortage", 2, 1, 3},
		{17, "queueSpaceShortage", 3, 2, 1},
		{999, "queueFull memoryShortage", 4, 3, 2},
		{30, "writeStalls followers", 1, 1, 1},
		{30, "writeStalls queueSpaceShortage", 3, 2, 1},
	} {
		i := &image{Figures: Figures{Status: projections.Status{ConservationReasons: strings.Fields(c.reasons), Gauges: map[string]int64{projections.GaugeConservation: c.degree}}}}
		got := []int{ConservationReason(i.ConservationReasons), i.queueAvailability(), i.memoryAvailability()}
		if want := []int{c.reason, c.queue, c.memory}; !reflect.DeepEqual(got, want) {
			t.Errorf("%d, %q: reason, queue, memory are %v, want %v", c.degree, c.reasons, got, want)
		}
	}
}

// TestAbsurdReadings: what no sensor can mean does not leave the ranges of the MIB.
func TestAbsurdReadings(t *testing.T) {
	g, f := busyGateway()
	for name := range f.Gauges {
		f.Gauges[name] = -5
	}
	f.Gauges[projections.GaugeRAMUtilization], f.Gauges[projections.GaugeOpenFiles], f.Gauges[""] = 4711, math.MaxInt64, 1
	f.Gauges[strings.Repeat("x", 65)] = 1
	f.Gauges[projections.GaugeKilobytesUsed], f.Gauges[projections.GaugeKilobytesFree] = math.MaxInt64, math.MaxInt64
	f.Oldest.Seconds, f.Rates[0].Minute = -1, math.MaxUint64
	sensors := &hardware.Sensors{RAIDEvents: 1<<32 + 1,
		Temperatures:  []hardware.Temperature{{Index: 1, Celsius: math.NaN()}, {Index: 2, Celsius: math.Inf(1)}, {Index: 4, Celsius: -1e300}, {Index: 3}, {Index: 65}},
		PowerSupplies: []hardware.PowerSupply{{Index: 1, Name: "a", Status: 9, Redundancy: -1}}, Drives: []hardware.Drive{{Index: 1, Status: 0}},
		Fans: []hardware.Fan{{Index: -1, RPM: 1}, {Index: 0, RPM: 2}, {Index: 5, RPM: -300}, {Index: 6, RPM: math.MaxInt64}}}
	g.Sensors = func(time.Time) *hardware.Sensors { return sensors }
	values := readings(t, g.Branch())
	_, names := mibObjects(t)
	is(t, values, names, map[string]Value{
		"perCentMemoryUtilization.0": Integer(100), "perCentCPUUtilization.0": Integer(0), "perCentQueueUtilization.0": Integer(50), "openFilesOrSockets.0": Gauge32(1 << 32),
		"oldestMessageAge.0": Gauge32(0), "raidEvents.0": Counter32(1), "degreesCelsius.1": {}, "temperatureName.1": {}, "degreesCelsius.2": Integer(math.MaxInt32),
		"powerSupplyStatus.1": {}, "powerSupplyRedundancy.1": {}, "powerSupplyName.1": DisplayString("a"), "raidStatus.1": {},
		"degreesCelsius.4": Integer(math.MinInt32), "degreesCelsius.3": {}, "degreesCelsius.65": {}, "fanRPMs.0": {}, "fanRPMs.5": Gauge32(0),
		"fanRPMs.6": Gauge32(math.MaxUint32), "posternGaugeValue.'conn_in'": Counter64(0), "posternRate1Minute.'inj_msgs'": Gauge32(math.MaxUint32),
	})
	if len(g.Branch().Read(noon)) != len(values) {
		t.Error("a name was given twice")
	}
}

func BenchmarkGatewayBranch(b *testing.B) {
	g, _ := busyGateway()
	branch := g.Branch()
	b.ReportAllocs()
	for b.Loop() {
		branch.Read(noon)
	}
}

// Pollers walk one column of a table after the other, and put together what stands at the same place of each.
func TestRowsAreWhole(t *testing.T) {
	g, _ := busyGateway()
	busy := g.Sensors(noon)
	odd := *busy
	odd.Temperatures = append(odd.Temperatures, hardware.Temperature{Index: 5, Name: "no number", Celsius: math.NaN()})
	g.Sensors = func(time.Time) *hardware.Sensors { return &odd }
	rows := map[string]map[string]string{} // of a table, by the column, the indices
	for _, v := range g.Branch().Read(noon) {
		if !v.OID.HasPrefix(asyncosObjects) || len(v.OID) != len(asyncosObjects)+4 {
			continue
		}
		table, column, index := v.OID[:len(v.OID)-2].String(), v.OID[:len(v.OID)-1].String(), v.OID[len(v.OID)-1:].String()
		if rows[table] == nil {
			rows[table] = map[string]string{}
		}
		rows[table][column] += " " + index
	}
	if len(rows) != 6 {
		t.Errorf("there are %d tables", len(rows))
	}
	for table, columns := range rows {
		for column, indices := range columns {
			for other, others := range columns {
				if indices != others {
					t.Errorf("of %s the column %s has the rows%s, %s has%s", table, column, indices, other, others)
				}
			}
		}
	}
}
