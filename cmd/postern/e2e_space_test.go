//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"postern/bench"
)

// A small disk: the watermark is 1.5 GiB, so little more than that is needed, and little of it is ever filled.
const (
	smallDisk = "size=1856m"
	ballast   = 512 << 20 // leaves less than the watermark
)

// A disk that becomes full refuses mail with a reason to come back, and what is in the queue is delivered all the same; when
// there is room again, mail is taken without anybody's doing.
func TestFullDiskRefusesAndResumes(t *testing.T) {
	disk := mountSmallDisk(t)
	s := runSink(t)
	g := &bench.Gateway{Binary: binary, Data: filepath.Join(disk, "data")}
	if err := g.Configure(s.Address().String(), quickRetries); err != nil {
		t.Fatal(err)
	}
	startUntilEnd(t, g)
	send(t, g.Address, "defer-b@sink.test")
	c := connect(t, g.Address)
	asks := func() string {
		_, reply := c.say("MAIL FROM:<a@sender.test>")
		if _, after := c.say("RSET"); !strings.Contains(after, "2.0.0") {
			t.Fatalf("RSET: %s", after)
		}
		return reply
	}
	full := func() bool { return strings.HasPrefix(asks(), "4.3.1 ") }
	if reply := asks(); !strings.HasPrefix(reply, "2.") {
		t.Fatalf("with room on the disk: %s", reply)
	}
	fill := filepath.Join(disk, "fill")
	allocate(t, fill, ballast)
	eventually(t, "mail is refused", full)
	if got := talk(t, g.Address, "EHLO x\r\nMAIL FROM:<a@b.test>\r\nQUIT\r\n", 10*time.Second); !strings.Contains(got, "\n452 4.3.1 ") {
		t.Errorf("a new connection: %q", got)
	}
	s.Lift()
	eventually(t, "what was queued is delivered", func() bool { return s.Total() == 1 })
	if !full() {
		t.Error("the disk is full, and mail is taken")
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	eventually(t, "mail is taken again", func() bool { return !full() })
	send(t, g.Address, "user@sink.test")
	eventually(t, "and delivered", func() bool { return s.Total() == 2 })
	c.Close()
	stop(t, g)
}

// mountSmallDisk mounts a file system in memory, which only root may.
func mountSmallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small disk")
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, smallDisk); err != nil {
		t.Skipf("no small disk can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func allocate(t *testing.T, name string, size int64) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Fallocate(int(f.Fd()), 0, 0, size); err != nil {
		t.Fatal(err)
	}
}
