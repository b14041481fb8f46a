package hardware

import (
	"context"
	"io/fs"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

// changing is a /proc whose files a test can change while they are read.
type changing struct {
	mu sync.Mutex
	fs fstest.MapFS
}

func (c *changing) Open(name string) (fs.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fs.Open(name)
}

func (c *changing) set(name, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fs[name] = &fstest.MapFile{Data: []byte(text)}
}

func TestMachineReadsProc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proc := &changing{fs: fstest.MapFS{}}
		proc.set("meminfo", "MemTotal:       1000 kB\nMemFree: 10 kB\nMemAvailable:    250 kB\n")
		proc.set("self/status", "Name:\tpostern\nVmRSS:\t  512 kB\n")
		proc.set("self/io", "syscw: 0\n")
		proc.set("stat", "cpu  1 2\ncpu0 1\ncpu1 1\nintr 5\n")
		began := time.Now()
		ctx, cancel := context.WithCancel(context.Background())
		// Half of the time that passes is spent on one of two processors, then nothing.
		m := &Machine{Proc: proc, Spent: func() time.Duration { return min(time.Since(began), time.Second) }}
		go m.Run(ctx)
		synctest.Wait()
		if m.RAMPercent() != 75 || m.RAMUsed() != 512<<10 {
			t.Errorf("memory %d%%, %d bytes", m.RAMPercent(), m.RAMUsed())
		}
		proc.set("self/io", "syscw: 400\n")
		<-time.After(time.Second)
		synctest.Wait()
		if m.CPUPercent() != 50 || m.DiskPercent() != 100 || m.MaxIO() != 400 {
			t.Errorf("CPU %d%%, disk %d%% of %d", m.CPUPercent(), m.DiskPercent(), m.MaxIO())
		}
		proc.set("self/io", "syscw: 500\n")
		<-time.After(time.Second)
		synctest.Wait()
		if m.CPUPercent() != 0 || m.DiskPercent() != 25 {
			t.Errorf("CPU %d%%, disk %d%%, want 0 and 25", m.CPUPercent(), m.DiskPercent())
		}
		cancel()
		synctest.Wait()
	})
}
