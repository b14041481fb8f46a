package hardware

import (
	"context"
	"io/fs"
	"os"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

// changing is a tree of files, some of which a test changes while they are read.
type changing struct {
	under fs.FS
	mu    sync.Mutex
	over  fstest.MapFS
}

func captured(tree, part string) *changing {
	return &changing{under: os.DirFS("testdata/" + tree + "/" + part), over: fstest.MapFS{}}
}

func (c *changing) Open(name string) (fs.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over[name] != nil {
		return c.over.Open(name)
	}
	return c.under.Open(name)
}

func (c *changing) set(name, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over[name] = &fstest.MapFile{Data: []byte(text)}
}

// read takes the readings of one moment.
func read(m *Machine) *Machine {
	m.prepare()
	return m
}

func TestMemoryOfControlGroup(t *testing.T) {
	for _, c := range []struct {
		tree           string
		percent, limit int64
		share          float64
		configured     int64
	}{
		// Version 1: 146,309,120 bytes in use, 42,033,152 of them for files.
		{"version1", 50, 209_715_200, 0.509, 0},
		// Version 2: 201,326,592 in use, 83,886,080 of them for files and what can be given back; memory.high is the limit.
		{"version2", 44, 268_435_456, 0.419, 0},
		// A configured limit counts our own 109,309,952 bytes.
		{"version2", 81, 128 << 20, 0.814, 128 << 20},
		{"version2", 44, 268_435_456, 0.419, 1 << 40},
	} {
		m := read(&Machine{Proc: captured(c.tree, "proc"), Sys: captured(c.tree, "sys"), Limit: func() int64 { return c.configured }})
		if m.RAMPercent() != c.percent || m.RAMLimit() != c.limit || m.MemoryShare() != c.share || m.RAMUsed() != 109_309_952 {
			t.Errorf("%s, configured %d: %d%% of %d, share %v, resident %d; want %d%% of %d, share %v",
				c.tree, c.configured, m.RAMPercent(), m.RAMLimit(), m.MemoryShare(), m.RAMUsed(), c.percent, c.limit, c.share)
		}
	}
}

func TestMemoryOfMachine(t *testing.T) {
	sys := captured("version2", "sys")
	service := "fs/cgroup/system.slice/postern.service/memory."
	sys.set(service+"max", "max\n")
	sys.set(service+"high", "max\n")
	proc := captured("version2", "proc")
	m := read(&Machine{Proc: proc, Sys: sys})
	// 24,684,084 KiB in all, 23,102,996 available.
	if m.RAMPercent() != 6 || m.RAMLimit() != 24_684_084<<10 || m.MemoryShare() != 0.004 {
		t.Errorf("without limits: %d%% of %d, share %v", m.RAMPercent(), m.RAMLimit(), m.MemoryShare())
	}
	// Somebody else has nearly all of it: what is left is short for us, too.
	proc.set("meminfo", "MemTotal: 24684084 kB\nMemAvailable: 20000 kB\n")
	m.readMemory()
	if m.RAMPercent() != 100 || m.MemoryShare() < 0.8 || m.MemoryShare() >= 0.9 {
		t.Errorf("on a full machine: %d%%, share %v", m.RAMPercent(), m.MemoryShare())
	}
	// The slice around the service has a limit of its own.
	sys.set("fs/cgroup/system.slice/memory.max", "8000000000\n")
	proc.set("meminfo", "MemTotal: 24684084 kB\nMemAvailable: 23102996 kB\n")
	m.readMemory()
	if m.RAMLimit() != 8_000_000_000 || m.RAMPercent() != 87 {
		t.Errorf("in a limited slice: %d%% of %d", m.RAMPercent(), m.RAMLimit())
	}
}

// In a container the group is the root of what can be seen, whatever /proc/self/cgroup calls it.
func TestControlGroupSeenFromWithin(t *testing.T) {
	for name, self := range map[string][2]string{
		"own namespace":   {"0::/\n", "/"},
		"host's paths":    {"0::/docker/3a7f\n", "/docker/3a7f"},
		"beside the root": {"0::/../../user.slice\n", "/"},
	} {
		proc, sys := captured("version2", "proc"), &changing{under: fstest.MapFS{}, over: fstest.MapFS{}}
		proc.set("self/cgroup", self[0])
		proc.set("self/mountinfo", "99 98 0:26 "+self[1]+" /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n")
		sys.set("fs/cgroup/memory.max", "536870912\n")
		sys.set("fs/cgroup/memory.current", "134217728\n")
		if m := read(&Machine{Proc: proc, Sys: sys}); m.RAMLimit() != 512<<20 || m.RAMPercent() != 25 {
			t.Errorf("%s: %d%% of %d", name, m.RAMPercent(), m.RAMLimit())
		}
	}
	// Version 1 shows in a group what is allowed around it.
	proc, sys := captured("version1", "proc"), captured("version1", "sys")
	sys.set("fs/cgroup/memory/postern.service/memory.limit_in_bytes", "9223372036854771712\n")
	if m := read(&Machine{Proc: proc, Sys: sys}); m.RAMLimit() != 209_715_200 {
		t.Errorf("hierarchical limit: %d", m.RAMLimit())
	}
}

func TestSwapAndFiles(t *testing.T) {
	m := read(&Machine{Proc: captured("version2", "proc"), Sys: captured("version2", "sys")})
	if m.SwappedIn() != 12345 || m.SwappedOut() != 67890 || m.SwapPercent() != 25 || m.OpenFiles() != 4 {
		t.Errorf("swapped in %d, out %d, %d%% in use; %d open files", m.SwappedIn(), m.SwappedOut(), m.SwapPercent(), m.OpenFiles())
	}
	m = read(&Machine{Proc: captured("version1", "proc"), Sys: captured("version1", "sys")})
	if m.SwapPercent() != 0 {
		t.Errorf("without swap space %d%% of it are in use", m.SwapPercent())
	}
}

func TestProcessorsAndDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proc := captured("version1", "proc")
		began := time.Now()
		ctx, cancel := context.WithCancel(context.Background())
		// A second of work on one of two processors, then nothing.
		m := &Machine{Proc: proc, Sys: captured("version1", "sys"), Spent: func() time.Duration { return min(time.Since(began), time.Second) }}
		go m.Run(ctx)
		synctest.Wait()
		next := func(io, stat string) {
			proc.set("self/io", io)
			proc.set("stat", stat)
			<-time.After(time.Second)
			synctest.Wait()
		}
		// 400 pages written, 100 read, and much said to sockets; 150 of 200 ticks busy, a twentieth of the time stolen.
		next("wchar: 900000000\nsyscw: 90000\nread_bytes: 434176\nwrite_bytes: 43610112\n",
			"cpu  110892 0 25615 241892 548 0 234 555 0 0\ncpu0 1 0 0 0\ncpu1 1 0 0 0\n")
		if m.CPUPercent() != 50 || m.DiskPercent() != 100 || m.MaxIO() != 500 || m.TotalPercent() != 75 {
			t.Errorf("CPU %d%%, all %d%%, disk %d%% of %d", m.CPUPercent(), m.TotalPercent(), m.DiskPercent(), m.MaxIO())
		}
		// A quarter of the highest, and an idle machine: what was before still counts, for five seconds.
		next("read_bytes: 434176\nwrite_bytes: 44122112\n", "cpu  110892 0 25615 242092 548 0 234 555 0 0\ncpu0 1 0 0 0\ncpu1 1 0 0 0\n")
		if m.CPUPercent() != 25 || m.DiskPercent() != 62 || m.MaxIO() != 500 || m.TotalPercent() != 38 || m.CPUSeconds() != 1 {
			t.Errorf("CPU %d%%, all %d%%, disk %d%% of %d, %d s", m.CPUPercent(), m.TotalPercent(), m.DiskPercent(), m.MaxIO(), m.CPUSeconds())
		}
		for range 3 {
			next("read_bytes: 434176\nwrite_bytes: 44122112\n", "cpu  110892 0 25615 242092 548 0 234 555 0 0\ncpu0 1 0 0 0\ncpu1 1 0 0 0\n")
		}
		if m.CPUPercent() != 10 || m.DiskPercent() != 25 {
			t.Errorf("over five seconds: CPU %d%%, disk %d%%", m.CPUPercent(), m.DiskPercent())
		}
		next("read_bytes: 434176\nwrite_bytes: 44122112\n", "cpu  110892 0 25615 242292 548 0 234 555 0 0\ncpu0 1 0 0 0\ncpu1 1 0 0 0\n")
		if m.CPUPercent() != 0 || m.DiskPercent() != 5 || m.TotalPercent() != 0 {
			t.Errorf("what was more than five seconds ago still counts: CPU %d%%, all %d%%, disk %d%%", m.CPUPercent(), m.TotalPercent(), m.DiskPercent())
		}
		cancel()
		synctest.Wait()
	})
}

// A system that shows nothing (another kernel, a closed sandbox) gives zeros.
func TestNothingToRead(t *testing.T) {
	m := read(&Machine{Proc: fstest.MapFS{}, Sys: fstest.MapFS{}})
	if m.RAMPercent() != 0 || m.MemoryShare() != 0 || m.RAMUsed() != 0 || m.OpenFiles() != 0 {
		t.Errorf("memory %d%%, share %v, resident %d, %d files", m.RAMPercent(), m.MemoryShare(), m.RAMUsed(), m.OpenFiles())
	}
}

// On the machine that runs the test the figures are at least possible.
func TestThisMachine(t *testing.T) {
	m := read(&Machine{})
	if m.RAMUsed() <= 0 || m.RAMLimit() < m.RAMUsed() || m.OpenFiles() < 3 || m.RAMPercent() <= 0 || m.RAMPercent() > 100 {
		t.Errorf("resident %d of %d (%d%%), %d open files", m.RAMUsed(), m.RAMLimit(), m.RAMPercent(), m.OpenFiles())
	}
	if used, left := DiskUsed(t.TempDir()); used < 0 || used > 100 || left == "0K" {
		t.Errorf("disk: %d%% used, %s left", used, left)
	}
}

func TestSizesInWords(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0K", 1023: "0K", 5 << 10: "5K", 1023 << 20: "1023M", 148 << 30: "148G", 388<<30 + 1<<29: "388G",
		1 << 40: "1T", 3 << 40: "3T", 5 << 50: "5P", 3 << 60: "3072P"} {
		if got := inWords(bytes); got != want {
			t.Errorf("%d bytes are %s, want %s", bytes, got, want)
		}
	}
}
