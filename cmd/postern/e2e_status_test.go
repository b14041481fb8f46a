package main

import (
	"encoding/json"
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

// A queue that the configuration limits has no more room than that, stopped or not.
func TestRoomOfLimitedQueue(t *testing.T) {
	g := runGateway(t, runSink(t), "[queue]\nkilobytes = 5000\n")
	eventually(t, "the disk was looked at", func() bool { return statusOf(t, g).Gauges["kbytes_free"] == 5000 })
	stop(t, g)
	if free := statusOf(t, g).Gauges["kbytes_free"]; free != 5000 {
		t.Errorf("%d kB free when stopped", free)
	}
}
