package hardware

import (
	"context"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// hanging is a file system in which one file hangs, from when that is set until it is let go.
type hanging struct {
	fs.FS
	hangs  atomic.Bool
	letGo  chan struct{}
	opened atomic.Int64
}

func (h *hanging) Open(name string) (fs.File, error) {
	if h.hangs.Load() && name == "class/hwmon/hwmon4/temp1_input" {
		h.opened.Add(1)
		<-h.letGo
	}
	return h.FS.Open(name)
}

// A drive that hangs as it is asked keeps nobody waiting for long, and no stop.
func TestSensorThatHangs(t *testing.T) {
	for _, fromBeginning := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			m := machineTree(t, "nuc").monitor(Limits{}, nil)
			h := &hanging{FS: m.Sys, letGo: make(chan struct{})}
			m.Sys = h
			h.hangs.Store(fromBeginning)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- m.Run(ctx) }()
			synctest.Wait()
			began := time.Now()
			s := m.Sensors(began)
			if waited := time.Since(began); fromBeginning && (waited > readPatience || !strings.Contains(s.Problem, "not answered yet")) || !fromBeginning && (waited != 0 || s.Problem != "") {
				t.Errorf("hanging from the beginning %v: after %v it says %q", fromBeginning, waited, s.Problem)
			}
			h.hangs.Store(true)
			time.Sleep(time.Minute)
			began = time.Now()
			for range 100 {
				s = m.Sensors(began)
			}
			if waited := time.Since(began); waited != 0 || !strings.Contains(s.Problem, "a drive or a chip hangs") || h.opened.Load() != 1 {
				t.Errorf("hanging from the beginning %v: after %v it says %q; %d wait for the drive", fromBeginning, waited, s.Problem, h.opened.Load())
			}
			began = time.Now()
			cancel()
			if err := <-ended; err != nil || time.Since(began) > stopPatience {
				t.Errorf("the end comes after %v, %v", time.Since(began), err)
			}
			h.hangs.Store(false)
			close(h.letGo)
			synctest.Wait()
			if s = m.Sensors(time.Now()); s.Problem != "" || len(s.Temperatures) == 0 {
				t.Errorf("when the drive has answered it says %q", s.Problem)
			}
		})
	}
}
