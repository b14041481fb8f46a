package snmp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"postern/engine/config"
)

// runSender runs a sender of an agent whose port is taken by somebody else, until the test ends.
func runSender(t testing.TB, d *config.Document, more ...func(*Sender)) (*Sender, *complaints) {
	t.Helper()
	said := &complaints{}
	s := &Sender{Agent: deafAgent(t, d), OnTarget: func(target string, err error) { said.add(fmt.Errorf("%s: %w", target, orWell(err))) },
		OnDropped: func(target string) { said.add(fmt.Errorf("%s: too many", target)) }}
	for _, set := range more {
		set(s)
	}
	s.Configure(d)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, said
}

var errWell = fmt.Errorf("it is well")

func orWell(err error) error {
	if err == nil {
		return errWell
	}
	return err
}

// deafAgent could not bind its port, and signs all the same.
func deafAgent(t testing.TB, d *config.Document) *Agent {
	a := &Agent{EngineFile: filepath.Join(t.TempDir(), "engine.json"), Listen: func(context.Context, netip.AddrPort) (*net.UDPConn, error) {
		return nil, fmt.Errorf("the port is busy")
	}}
	a.Start(d)
	if a.Addr().IsValid() {
		t.Fatal("it is bound")
	}
	return a
}
