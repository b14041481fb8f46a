package projections

import (
	"fmt"
	"slices"
	"sync"
)

// The names of the gauges: those of the XML status feed where it has one.
const (
	GaugeRAMUtilization       = "ram_utilization"       // percent of the machine's memory
	GaugeTotalUtilization     = "total_utilization"     // percent of the machine's processors
	GaugeCPUUtilization       = "cpu_utilization"       // percent, of the gateway's own process
	GaugeAntiSpamUtilization  = "case_utilization"      // percent
	GaugeAntiVirusUtilization = "av_utilization"        // percent
	GaugeDiskUtilization      = "disk_utilization"      // disk I/O, percent of the highest seen
	GaugeConservation         = "resource_conservation" // 0 to 60, 999
	GaugeLogUsed              = "log_used"              // percent of the logs' disk
	GaugeLogAvailable         = "log_available"         // a text, "148G"
	GaugeInbound              = "conn_in"               // connections
	GaugeOutbound             = "conn_out"              // connections
	GaugeActive               = "active_recips"         //
	GaugeUnattempted          = "unattempted_recips"    //
	GaugeAttempted            = "attempted_recips"      //
	GaugeWorkQueue            = "msgs_in_work_queue"    //
	GaugeDestinations         = "dests_in_memory"       //
	GaugeKilobytesUsed        = "kbytes_used"           //
	GaugeKilobytesFree        = "kbytes_free"           //
	GaugeQuarantine           = "msgs_in_policy_virus_outbreak_quarantine"
	GaugeQuarantineKilobytes  = "kbytes_in_policy_virus_outbreak_quarantine"
	GaugeReportingUtilization = "reporting_utilization"  // percent
	GaugeQuarantineLoad       = "quarantine_utilization" // percent

	GaugeMessages          = "msgs_in_system"           // live messages
	GaugeHeldBack          = "waiting_recips"           // recipients in the work queue or in quarantine
	GaugePendingOutbound   = "conn_out_pending"         // connections that have not reached the greeting
	GaugePendingDNS        = "pending_dns_requests"     // the next two together
	GaugeOutstandingDNS    = "outstanding_dns_requests" // questions on the network
	GaugeWaitingDNS        = "waiting_dns_requests"     // questions that wait to be put there
	GaugeOpenFiles         = "open_files"               //
	GaugeFollowerLag       = "follower_lag"             // records that the slowest follower has still to see
	GaugeForgottenHosts    = "forgotten_dests"          // destinations that had to make room for others
	GaugeDNSRequests       = "dns_requests"             // the six of dnsstatus, since the start: View makes counters of them
	GaugeNetworkRequests   = "network_requests"         //
	GaugeCacheHits         = "cache_hits"               //
	GaugeCacheMisses       = "cache_misses"             //
	GaugeCacheExceptions   = "cache_exceptions"         //
	GaugeCacheExpired      = "cache_expired"            //
	GaugeCPUSeconds        = "cpu_seconds"              // processor time of the process
	GaugeMaxIO             = "max_io"                   // disk operations a second, the highest seen
	GaugeRAMUsed           = "ram_used_bytes"           //
	GaugeSwappedIn         = "swap_in"                  //
	GaugeSwappedOut        = "swap_out"                 //
	GaugePagedIn           = "swap_page_in"             //
	GaugePagedOut          = "swap_page_out"            //
	GaugeSwapUsage         = "swap_usage"               // a text, "0%"
	GaugeSuspendedListener = "listeners_suspended"      // from the facts

	GaugeStoreBodies    = "store_body_bytes"      // put into bodies since the start, as the next three
	GaugeStoreLogged    = "store_wal_bytes"       // written to the store's write-ahead log
	GaugeStoreFlushed   = "store_flushed_bytes"   // written by its flushes
	GaugeStoreCompacted = "store_compacted_bytes" // written by its compactions
)

// Gauges is the registry of what lives in no event: named functions, asked at the moment of a look. Registering comes
// first, at the start of the daemon; the functions are called by many goroutines at once and must be quick. The zero value
// and nil are empty registries.
type Gauges struct {
	mu    sync.RWMutex
	names []string // ascending
	value map[string]func() int64
	text  map[string]func() string
}

// Register names a gauge. A second one of the same name is a mistake of the program, and panics.
func (g *Gauges) Register(name string, fn func() int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.claim(name)
	if g.value == nil {
		g.value = make(map[string]func() int64)
	}
	g.value[name] = fn
}

// RegisterText names a gauge that is a word.
func (g *Gauges) RegisterText(name string, fn func() string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.claim(name)
	if g.text == nil {
		g.text = make(map[string]func() string)
	}
	g.text[name] = fn
}

func (g *Gauges) claim(name string) {
	i, taken := slices.BinarySearch(g.names, name)
	if taken {
		panic(fmt.Sprintf("projections: gauge %s is registered twice", name))
	}
	g.names = slices.Insert(g.names, i, name)
}

// Names lists what is registered, in ascending order.
func (g *Gauges) Names() []string {
	if g == nil {
		return nil
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.Clone(g.names)
}

// Value asks a gauge; false: nobody has registered it, or it is a text.
func (g *Gauges) Value(name string) (int64, bool) {
	if g == nil {
		return 0, false
	}
	g.mu.RLock()
	fn := g.value[name]
	g.mu.RUnlock()
	if fn == nil {
		return 0, false
	}
	return fn(), true
}

// Text asks a gauge that is a word.
func (g *Gauges) Text(name string) (string, bool) {
	if g == nil {
		return "", false
	}
	g.mu.RLock()
	fn := g.text[name]
	g.mu.RUnlock()
	if fn == nil {
		return "", false
	}
	return fn(), true
}

// fill asks all gauges, without holding the lock over any of them.
func (g *Gauges) fill(values map[string]int64, texts map[string]string) {
	for _, name := range g.Names() {
		if v, ok := g.Value(name); ok {
			values[name] = v
		} else if t, ok := g.Text(name); ok {
			texts[name] = t
		}
	}
}
