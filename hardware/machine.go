// Package hardware reads gauges of the machine and of the gateway's own process from what Linux shows in /proc.
package hardware

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Machine watches memory, processor and disk. Run keeps the figures, which anybody may read, up to date.
type Machine struct {
	Proc  fs.FS                // /proc; nil: the system's
	Spent func() time.Duration // processor time of this process; nil: getrusage
	Every time.Duration        // between readings; 0: 1 s

	ram, ramUsed, cpu, disk, maxIO atomic.Int64
	cpuSeconds                     atomic.Int64
}

// RAMPercent is how much of the machine's memory is in use.
func (m *Machine) RAMPercent() int64 { return m.ram.Load() }

// RAMUsed is the resident memory of this process, in bytes.
func (m *Machine) RAMUsed() int64 { return m.ramUsed.Load() }

// CPUPercent is this process's share of all processors over the last reading's span.
func (m *Machine) CPUPercent() int64 { return m.cpu.Load() }

// CPUSeconds is the processor time that this process has spent.
func (m *Machine) CPUSeconds() int64 { return m.cpuSeconds.Load() }

// DiskPercent is this process's rate of write operations against the highest seen since the start.
func (m *Machine) DiskPercent() int64 { return m.disk.Load() }

// MaxIO is that highest rate, in operations a second.
func (m *Machine) MaxIO() int64 { return m.maxIO.Load() }

// Run reads until ctx ends.
func (m *Machine) Run(ctx context.Context) error {
	proc, every := m.Proc, m.Every
	if proc == nil {
		proc = os.DirFS("/proc")
	}
	if every <= 0 {
		every = time.Second
	}
	spent := m.Spent
	if spent == nil {
		spent = processTime
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	cpuBefore, ioBefore, at := spent(), writes(proc), time.Now()
	for {
		m.readMemory(proc)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := time.Now()
		span := now.Sub(at)
		if span <= 0 {
			continue
		}
		cpu, io := spent(), writes(proc)
		m.cpuSeconds.Store(int64(cpu / time.Second))
		m.cpu.Store(percent(int64(cpu-cpuBefore), int64(span)*int64(processors(proc))))
		rate := int64(float64(io-ioBefore) / span.Seconds())
		m.maxIO.Store(max(m.maxIO.Load(), rate))
		m.disk.Store(percent(rate, m.maxIO.Load()))
		cpuBefore, ioBefore, at = cpu, io, now
	}
}

func percent(part, whole int64) int64 {
	if whole <= 0 || part <= 0 {
		return 0
	}
	return min(100, (part*100+whole/2)/whole)
}

func (m *Machine) readMemory(proc fs.FS) {
	info := fields(proc, "meminfo")
	m.ram.Store(percent(info["MemTotal"]-info["MemAvailable"], info["MemTotal"]))
	m.ramUsed.Store(fields(proc, "self/status")["VmRSS"] * 1024)
}

// writes counts the write operations of this process.
func writes(proc fs.FS) int64 { return fields(proc, "self/io")["syscw"] }

func processors(proc fs.FS) int {
	f, err := proc.Open("stat")
	if err != nil {
		return 1
	}
	defer f.Close()
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		if t := s.Text(); strings.HasPrefix(t, "cpu") && !strings.HasPrefix(t, "cpu ") {
			n++
		}
	}
	return max(1, n)
}

// fields reads a file of lines "Name: number ...".
func fields(proc fs.FS, name string) map[string]int64 {
	out := map[string]int64{}
	f, err := proc.Open(name)
	if err != nil {
		return out
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		key, rest, ok := strings.Cut(s.Text(), ":")
		if words := strings.Fields(rest); ok && len(words) > 0 {
			if n, err := strconv.ParseInt(words[0], 10, 64); err == nil {
				out[key] = n
			}
		}
	}
	return out
}

func processTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// DiskUsed tells how full the file system of a directory is, in per cent, and what it has left, in words: 148G.
func DiskUsed(dir string) (percentUsed int64, available string) {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil || s.Blocks == 0 {
		return 0, "0K"
	}
	free := int64(s.Bavail) * s.Bsize
	return percent(int64(s.Blocks-s.Bfree), int64(s.Blocks)), inWords(free)
}

func inWords(n int64) string {
	units := []string{"K", "M", "G", "T"}
	n >>= 10
	i := 0
	for ; n >= 1024*10 && i < len(units)-1 || n >= 1024 && i < 2; i++ {
		n >>= 10
	}
	return fmt.Sprintf("%d%s", n, units[i])
}
