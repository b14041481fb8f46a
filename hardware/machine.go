package hardware

import (
	"context"
	"io/fs"
	"sync/atomic"
	"time"
)

// Machine watches memory, processor, disk and open files. Its functions and file systems are set before Run, which keeps
// the figures up to date; anybody may read them meanwhile.
type Machine struct {
	Proc  fs.FS                // /proc; nil: the system's
	Sys   fs.FS                // /sys; nil: the system's
	Spent func() time.Duration // processor time of this process; nil: getrusage
	Limit func() int64         // bytes of memory that the gateway is to keep within, 0: none; nil: none
	Every time.Duration        // between readings; 0: 1 s

	ram, rss, capacity, share atomic.Int64 // share in thousandths
	cpu, total, cpuSeconds    atomic.Int64
	disk, maxIO               atomic.Int64
	files                     atomic.Int64
	swappedIn, swappedOut     atomic.Int64 // pages
	swapUsed                  atomic.Int64 // percent
	spans                     []spending   // the readings of loadSpan, the oldest first. Owned by Run
	filesAt                   time.Time    // as spans
}

// loadSpan is the time over which loads are a mean: that over which AsyncOS's perCentCPUUtilization is one.
const loadSpan = 5 * time.Second

// spending is what was spent up to a moment.
type spending struct {
	at  time.Time
	cpu time.Duration // by this process
	io  int64         // pages that this process has moved
	all processors    // by everybody
}

// RAMPercent is how much of the memory is in use that there is within the tightest limit: that of the machine, of the
// control group, or the configured one. Within the first two everybody's memory counts, within the last our own.
func (m *Machine) RAMPercent() int64 { return m.ram.Load() }

// RAMLimit is that limit, in bytes.
func (m *Machine) RAMLimit() int64 { return m.capacity.Load() }

// RAMUsed is the resident memory of this process, in bytes.
func (m *Machine) RAMUsed() int64 { return m.rss.Load() }

// MemoryShare is how much of the memory that this process could have it has already, from 0 to 1. What others use makes
// that less to have, and is no shortage as long as there is enough left.
func (m *Machine) MemoryShare() float64 { return float64(m.share.Load()) / 1000 }

// CPUPercent is this process's share of all processors over the last five seconds.
func (m *Machine) CPUPercent() int64 { return m.cpu.Load() }

// TotalPercent is everybody's share of all processors over the last five seconds.
func (m *Machine) TotalPercent() int64 { return m.total.Load() }

// CPUSeconds is the processor time that this process has spent.
func (m *Machine) CPUSeconds() int64 { return m.cpuSeconds.Load() }

// DiskPercent is this process's disk operations of the last five seconds against the most in a second since the start.
func (m *Machine) DiskPercent() int64 { return m.disk.Load() }

// MaxIO is that most: pages read from and written to disks in a second.
func (m *Machine) MaxIO() int64 { return m.maxIO.Load() }

// OpenFiles is how many file descriptors this process holds.
func (m *Machine) OpenFiles() int64 { return m.files.Load() }

// SwappedIn and SwappedOut are the pages that the machine has swapped since it started.
func (m *Machine) SwappedIn() int64 { return m.swappedIn.Load() }

// SwappedOut is described with SwappedIn.
func (m *Machine) SwappedOut() int64 { return m.swappedOut.Load() }

// SwapPercent is how much of the swap space is in use.
func (m *Machine) SwapPercent() int64 { return m.swapUsed.Load() }

// filesEvery is how often open files are counted: it costs a system call for some hundred of them.
const filesEvery = 5 * time.Second

// Run reads until ctx ends.
func (m *Machine) Run(ctx context.Context) error {
	m.prepare()
	tick := time.NewTicker(m.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		m.read(time.Now())
	}
}

// prepare sets defaults and takes the first readings, against which the next are compared.
func (m *Machine) prepare() {
	m.Proc, m.Sys = orSystem(m.Proc, "/proc"), orSystem(m.Sys, "/sys")
	if m.Spent == nil {
		m.Spent = processTime
	}
	if m.Every <= 0 {
		m.Every = time.Second
	}
	now := time.Now()
	m.spans = []spending{m.spending(now)}
	m.readMemory()
	m.readSwap()
	m.countFiles(now)
}

func (m *Machine) spending(now time.Time) spending {
	return spending{now, m.Spent(), transferred(m.Proc), readProcessors(m.Proc)}
}

func (m *Machine) read(now time.Time) {
	m.readMemory()
	m.readSwap()
	m.countFiles(now)
	last := m.spans[len(m.spans)-1]
	if now.Sub(last.at) <= 0 {
		return
	}
	next := m.spending(now)
	m.spans = append(m.spans, next)
	for len(m.spans) > 2 && now.Sub(m.spans[1].at) >= loadSpan {
		m.spans = m.spans[1:]
	}
	first := m.spans[0]
	m.cpuSeconds.Store(int64(next.cpu / time.Second))
	m.cpu.Store(percent(int64(next.cpu-first.cpu), int64(now.Sub(first.at))*int64(max(1, next.all.count))))
	m.total.Store(percent(next.all.busy-first.all.busy, next.all.time-first.all.time))
	m.maxIO.Store(max(m.maxIO.Load(), next.rate(last)))
	m.disk.Store(percent(next.rate(first), m.maxIO.Load()))
}

// rate is how many pages were moved in a second since an earlier moment.
func (s spending) rate(before spending) int64 {
	return int64(float64(s.io-before.io) / s.at.Sub(before.at).Seconds())
}

func (m *Machine) countFiles(now time.Time) {
	if !m.filesAt.IsZero() && now.Sub(m.filesAt) < filesEvery {
		return
	}
	m.filesAt = now
	m.files.Store(openFiles(m.Proc))
}

func percent(part, whole int64) int64 {
	if whole <= 0 || part <= 0 {
		return 0
	}
	return min(100, (part*100+whole/2)/whole)
}
