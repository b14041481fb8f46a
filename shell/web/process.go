package web

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"

	"postern/projections"
)

// runtimeMetrics are those of Go's that tell most, under the names that boards for Go programs ask for.
var runtimeMetrics = []struct{ name, kind, help, from string }{
	{"go_goroutines", typeGauge, "Goroutines.", "/sched/goroutines:goroutines"},
	{"go_threads", typeGauge, "Threads of the system that Go has made.", "/sched/threads/total:threads"},
	{"go_sched_gomaxprocs_threads", typeGauge, "Processors that Go may use at once.", "/sched/gomaxprocs:threads"},
	{"go_memstats_heap_alloc_bytes", typeGauge, "Bytes of objects in the heap, the dead that were not swept included.", "/memory/classes/heap/objects:bytes"},
	{"go_memstats_heap_idle_bytes", typeGauge, "Bytes of the heap that are free and not given back.", "/memory/classes/heap/free:bytes"},
	{"go_memstats_heap_released_bytes", typeGauge, "Bytes of the heap that were given back.", "/memory/classes/heap/released:bytes"},
	{"go_memstats_sys_bytes", typeGauge, "Bytes of memory that Go has mapped.", "/memory/classes/total:bytes"},
	{"go_memstats_alloc_bytes_total", typeCounter, "Bytes allocated in the heap.", "/gc/heap/allocs:bytes"},
	{"go_memstats_next_gc_bytes", typeGauge, "Size of the heap at which the next collection ends.", "/gc/heap/goal:bytes"},
	{"go_gc_cycles_total", typeCounter, "Garbage collections.", "/gc/cycles/total:gc-cycles"},
	{"go_gc_cpu_seconds_total", typeCounter, "Processor time of garbage collection, estimated.", "/cpu/classes/gc/total:cpu-seconds"},
	{"go_sync_mutex_wait_total_seconds_total", typeCounter, "Time that goroutines waited for locks.", "/sync/mutex/wait/total:seconds"},
}

// process adds the basics of Go and of the process.
func (e *exposition) process(v projections.Status) {
	e.metric("go_info", typeGauge, "Go's version.")
	e.whole(1, "version", runtime.Version())
	samples := make([]metrics.Sample, len(runtimeMetrics))
	for i := range runtimeMetrics {
		samples[i].Name = runtimeMetrics[i].from
	}
	metrics.Read(samples)
	for i, m := range runtimeMetrics {
		switch value := samples[i].Value; value.Kind() {
		case metrics.KindUint64:
			e.metric(m.name, m.kind, m.help)
			e.count(value.Uint64())
		case metrics.KindFloat64:
			e.metric(m.name, m.kind, m.help)
			e.real(value.Float64())
		}
	}
	e.metric("process_cpu_seconds_total", typeCounter, "Processor time of the process.")
	e.real(processorTime().Seconds())
	e.one("process_resident_memory_bytes", typeGauge, "Resident memory of the process.", residentBytes())
	e.one("process_start_time_seconds", typeGauge, "When the process was started, in seconds since 1970.", unix(v.BirthTime))
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// residentBytes is 0 where the system does not tell.
func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
