package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"postern/bench/sink"
	"postern/engine/config"
	"postern/journal"
	"postern/shell"
	"postern/smtp/receive"
)

// An operator's stop gives as much time as it says: a client that is in the midst of a message has a third of it, a delivery
// that waits for the reply to its final dot all of it. Then they are cut off, and the journal says what nobody knows.
func TestStopWithGrace(t *testing.T) {
	const grace = 1500 * time.Millisecond
	release := make(chan struct{})
	s := &sink.Sink{Delay: func() time.Duration { <-release; return 0 }}
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	defer close(release)
	data, address := t.TempDir(), freeAddress(t)
	text := fmt.Sprintf("hostname = \"x.test\"\n[[listener]]\nname = \"In\"\nkind = \"private\"\naddress = %q\n[[smtp_route]]\ndomain = \"ALL\"\nto = [%q]\n", address, s.Address())
	if err := os.WriteFile(filepath.Join(data, configName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := flags{data: data}
	doc, _, err := loadDocument(f)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{flags: f, log: zerolog.Nop(), data: data, orders: make(chan order, 1), drained: newDrained()}
	g.inForce.Store(doc)
	if err := g.build(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	g.start(ctx, ended)
	send(t, address, "user@sink.test")
	eventually(t, "the message is past its final dot", func() bool { return s.Total() == 1 })
	beginMessage(t, address)

	if _, err := g.Stop(grace, false); err != nil {
		t.Fatal(err)
	}
	var refused *shell.RefusedError
	if _, err := g.Stop(grace, true); !errors.As(err, &refused) || !strings.Contains(err.Error(), "already") {
		t.Errorf("a second order: %v", err)
	}
	o, err := g.await(ended, nil, nil)
	if err != nil || o.grace != grace || o.restart {
		t.Fatalf("%+v, %v", o, err)
	}
	began, received := time.Now(), make(chan time.Duration, 1)
	go func() {
		<-g.drained.receiving
		received <- time.Since(began)
	}()
	if g.stop(o, cancel, make(chan os.Signal, 1)) {
		t.Error("it would begin anew")
	}
	took := time.Since(began)
	<-g.drained.delivery
	if in := <-received; in < grace/3 || in > took || took < grace || took > grace+10*time.Second {
		t.Errorf("receiving took %s, all %s", in, took)
	}
	j, err := journal.Open(filepath.Join(data, "journal"), journal.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	records, err := j.Read(0, 1<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	unknown, killed := false, false
	for _, r := range records {
		switch e := r.Event.(type) {
		case *journal.OutcomeUnknown:
			unknown = strings.Contains(e.Reason, "delivery was stopped") && e.DCID != 0
		case *journal.ConnectionClosed:
			killed = killed || e.How == "killed"
		}
	}
	if _, is := records[len(records)-1].Event.(*journal.Stopped); !is || !unknown || !killed {
		t.Errorf("stopped %v, outcome unknown %v, client cut off %v", is, unknown, killed)
	}
}

// Operators are told in a sentence why a listener does not do what they want.
func TestListenersOfOperators(t *testing.T) {
	address := freeAddress(t)
	document := &config.Document{Hostname: "x.test", Listeners: []config.Listener{{Name: "In", Kind: config.Private, Address: netip.MustParseAddrPort(address)}}}
	s := &receive.Server{Document: func() *config.Document { return document }, Suspended: []string{"In"}}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	l := listeners{s}
	var refused *shell.RefusedError
	if err := l.Suspend(t.Context(), []string{"Out"}, 0); !errors.As(err, &refused) || !strings.Contains(err.Error(), `"Out"`) {
		t.Errorf("an unknown one: %v", err)
	}
	other, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Resume(nil); !errors.As(err, &refused) || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "has the port") {
		t.Errorf("a busy port: %v", err)
	}
	other.Close()
	if err := l.Resume([]string{"In"}); err != nil || s.Addr("In") == nil {
		t.Errorf("resumed: %v", err)
	}
	if err := l.Suspend(t.Context(), nil, time.Minute); err != nil || s.Addr("In") != nil {
		t.Errorf("suspended: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := l.Resume(nil); err == nil || s.Addr("In") != nil {
		t.Errorf("resumed after the end: %v", err)
	}
}
