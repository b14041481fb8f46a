package hardware

import (
	"context"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

func TestMachineReadsProc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proc := fstest.MapFS{
			"meminfo":     {Data: []byte("MemTotal:       1000 kB\nMemFree: 10 kB\nMemAvailable:    250 kB\n")},
			"self/status": {Data: []byte("Name:\tpostern\nVmRSS:\t  512 kB\n")},
			"self/io":     {Data: []byte("syscw: 0\n")},
			"stat":        {Data: []byte("cpu  1 2\ncpu0 1\ncpu1 1\nintr 5\n")},
		}
		spent := time.Duration(0)
		m := &Machine{Proc: proc, Spent: func() time.Duration { return spent }}
		ctx, cancel := context.WithCancel(context.Background())
		go m.Run(ctx)
		synctest.Wait()
		if m.RAMPercent() != 75 || m.RAMUsed() != 512<<10 {
			t.Errorf("memory %d%%, %d bytes", m.RAMPercent(), m.RAMUsed())
		}
		spent += time.Second
		proc["self/io"].Data = []byte("syscw: 400\n")
		time.Sleep(time.Second)
		synctest.Wait()
		if m.CPUPercent() != 50 || m.DiskPercent() != 100 || m.MaxIO() != 400 {
			t.Errorf("CPU %d%%, disk %d%% of %d", m.CPUPercent(), m.DiskPercent(), m.MaxIO())
		}
		proc["self/io"].Data = []byte("syscw: 500\n")
		time.Sleep(time.Second)
		synctest.Wait()
		if m.DiskPercent() != 25 {
			t.Errorf("disk %d%%, want 25", m.DiskPercent())
		}
		cancel()
		synctest.Wait()
	})
}
