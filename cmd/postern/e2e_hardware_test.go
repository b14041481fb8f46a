package main

import (
	"net"
	"os"
	"testing"

	"postern/hardware"
)

// The machine has its sensors and links whether the gateway runs or not, and both ways tell of the same.
func TestHardwareOfTheMachine(t *testing.T) {
	if _, err := os.Stat("/sys/class/net/lo"); err != nil {
		t.Skip(err)
	}
	g := runGateway(t, runSink(t), "[hardware]\nmodel = \"C170\"\n")
	running := asJSON[hardware.Sensors](t, g, "hardwarestatus")
	wantAll(t, "hardwarestatus", ask(t, g, "hardwarestatus"), "Thresholds of model:   C170\n", "\nTemperatures\n", "\nLinks\n")
	stop(t, g)
	stopped := asJSON[hardware.Sensors](t, g, "hardwarestatus")
	for _, s := range []hardware.Sensors{running, stopped} {
		if s.Model != "C170" || s.Time.IsZero() || len(s.Links) == 0 && hasAddress(t) {
			t.Errorf("%+v", s)
		}
	}
	if len(running.Links) != len(stopped.Links) || len(running.Temperatures) != len(stopped.Temperatures) {
		t.Errorf("running %+v\nstopped %+v", running, stopped)
	}
}

// hasAddress tells whether the machine can be reached from elsewhere.
func hasAddress(t *testing.T) bool {
	t.Helper()
	list, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		if addresses, _ := i.Addrs(); i.Flags&net.FlagLoopback == 0 && len(addresses) > 0 {
			return true
		}
	}
	return false
}
