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
	cpuBefore                 time.Duration
	ioBefore                  int64
	processorsBefore          processors
	readAt, filesAt           time.Time // owned by Run, as the three above
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

// CPUPercent is this process's share of all processors over the last reading's span.
func (m *Machine) CPUPercent() int64 { return m.cpu.Load() }

// TotalPercent is everybody's share of all processors over the last reading's span.
func (m *Machine) TotalPercent() int64 { return m.total.Load() }

// CPUSeconds is the processor time that this process has spent.
func (m *Machine) CPUSeconds() int64 { return m.cpuSeconds.Load() }

// DiskPercent is this process's disk operations against the most in a second since the start.
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
	m.cpuBefore, m.ioBefore, m.processorsBefore, m.readAt = m.Spent(), transferred(m.Proc), readProcessors(m.Proc), time.Now()
	m.readMemory()
	m.readSwap()
	m.countFiles(m.readAt)
}

func (m *Machine) read(now time.Time) {
	m.readMemory()
	m.readSwap()
	m.countFiles(now)
	span := now.Sub(m.readAt)
	if span <= 0 {
		return
	}
	spent, io, all := m.Spent(), transferred(m.Proc), readProcessors(m.Proc)
	m.cpuSeconds.Store(int64(spent / time.Second))
	m.cpu.Store(percent(int64(spent-m.cpuBefore), int64(span)*int64(max(1, all.count))))
	m.total.Store(percent(all.busy-m.processorsBefore.busy, all.time-m.processorsBefore.time))
	rate := int64(float64(io-m.ioBefore) / span.Seconds())
	m.maxIO.Store(max(m.maxIO.Load(), rate))
	m.disk.Store(percent(rate, m.maxIO.Load()))
	m.cpuBefore, m.ioBefore, m.processorsBefore, m.readAt = spent, io, all, now
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
