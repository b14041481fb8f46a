package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/bench"
)

// statusOf asks as a monitoring script would.
func statusOf(t *testing.T, g *bench.Gateway) (s struct {
	Running  bool
	Uptime   int64 `json:"uptime_seconds"`
	System   string
	Counters map[string]struct{ Uptime, Lifetime uint64 }
	Gauges   map[string]int64
}) {
	t.Helper()
	if err := json.Unmarshal([]byte(output(t, "status", "--json", "--data", g.Data)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// The status of a stopped gateway has the room that there is, and no uptime; what the last run counted stays counted.
func TestStatusOfStoppedGateway(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, "")
	send(t, g.Address, "user@sink.test")
	eventually(t, "it is delivered and counted", func() bool { return statusOf(t, g).Counters["delivered_recips"].Uptime == 1 })
	on := statusOf(t, g)
	stop(t, g)
	off := statusOf(t, g)
	if !on.Running || off.Running || off.Uptime != 0 || off.System != "Offline" {
		t.Errorf("running: %+v\nstopped: %+v", on, off)
	}
	if c := off.Counters["delivered_recips"]; c.Uptime != 0 || c.Lifetime != 1 {
		t.Errorf("delivered when stopped: %+v", c)
	}
	free, was := off.Gauges["kbytes_free"], on.Gauges["kbytes_free"]
	if free <= 0 || free < was*9/10 || free > was*11/10 {
		t.Errorf("%d kB free when stopped, %d before", free, was)
	}
	text := output(t, "status", "--data", g.Data)
	if !strings.Contains(text, "Up since:                    Not running (last start ") {
		t.Errorf("it says\n%s", text)
	}
	start(t, g)
	if again := statusOf(t, g); !again.Running || again.Uptime > 20 || again.Counters["delivered_recips"].Uptime != 0 {
		t.Errorf("started again: %+v", again)
	}
	stop(t, g)
}

// A gateway on a restored backup says that it holds delivery, wherever somebody may look, at its first start and after.
func TestRestoredBackupHoldsDelivery(t *testing.T) {
	s := runSink(t)
	g := runGateway(t, s, quickRetries)
	send(t, g.Address, "defer-b@sink.test")
	eventually(t, "it is queued", func() bool { return statusOf(t, g).Gauges["active_recips"] == 1 })
	stop(t, g)
	backup := &bench.Gateway{Binary: binary, Data: filepath.Join(t.TempDir(), "backup"), Address: g.Address}
	output(t, "journal", "backup", backup.Data, "--data", g.Data)
	s.Lift()
	for _, log := range []string{"This journal was restored from a backup", "start 3\n"} {
		start(t, backup)
		if is := statusOf(t, backup); is.System != "Delivery Suspended" || is.Gauges["active_recips"] != 1 {
			t.Errorf("status: %+v", is)
		}
		eventually(t, "the mail log says so", func() bool {
			text, _ := os.ReadFile(filepath.Join(backup.Data, "logs", "mail_logs.current"))
			_, run, found := bytes.Cut(text, []byte(log))
			return found && (bytes.Contains(run, []byte("Deliveries are currently suspended")) || log[0] == 'T')
		})
		stop(t, backup)
	}
	if s.Total() != 0 {
		t.Errorf("%d messages were delivered by the backup", s.Total())
	}
	if said := backup.Said(); strings.Count(said, "suspended") != 2 {
		t.Errorf("the process said:\n%s", said)
	}
}

// A queue that the configuration limits has no more room than that, stopped or not.
func TestRoomOfLimitedQueue(t *testing.T) {
	g := runGateway(t, runSink(t), "[queue]\nkilobytes = 5000\n")
	eventually(t, "the disk was looked at", func() bool { return statusOf(t, g).Gauges["kbytes_free"] == 5000 })
	stop(t, g)
	if free := statusOf(t, g).Gauges["kbytes_free"]; free != 5000 {
		t.Errorf("%d kB free when stopped", free)
	}
}
