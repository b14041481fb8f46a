package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// gated is a server that answers with one MX when the gate opens.
func gated(t *testing.T, ttl int) (s *fakeServer, asked <-chan struct{}, open func()) {
	gate, arrived := make(chan struct{}), make(chan struct{}, 100)
	s = serve(t, func(m *dns.Msg, _ bool) bool {
		arrived <- struct{}{}
		<-gate
		m.Answer = parse(t, fmt.Sprintf("example.com. %d IN MX 10 mx.example.com.", ttl))
		return true
	})
	open = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(open)
	return s, arrived, open
}

// waitFor yields until the condition holds.
func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for !condition() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestOneQueryForManyAskers(t *testing.T) {
	s, _, open := gated(t, 0)
	r := resolver(t, newClock(), s)
	const askers = 50
	results := make(chan error, askers)
	for range askers {
		go func() {
			_, err := r.LookupMX(context.Background(), "example.com")
			results <- err
		}()
	}
	waitFor(t, "all askers", func() bool { return r.Counters().Misses == askers })
	if r.Outstanding() != 1 || r.Pending() != 0 {
		t.Errorf("%d outstanding, %d pending, want 1 and 0", r.Outstanding(), r.Pending())
	}
	open()
	for range askers {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if n := s.queries.Load(); n != 1 {
		t.Errorf("%d queries for %d askers", n, askers)
	}
	counts(t, r, Counters{Requests: askers, NetworkRequests: 1, Misses: askers})
	waitFor(t, "the gauge", func() bool { return r.Outstanding() == 0 })
}

func TestImpatienceIsNotShared(t *testing.T) {
	s, asked, open := gated(t, 60)
	r := resolver(t, newClock(), s)
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := r.LookupMX(ctx, "example.com"); first <- err }()
	<-asked
	go func() { _, err := r.LookupMX(context.Background(), "example.com"); second <- err }()
	waitFor(t, "the second asker", func() bool { return r.Counters().Misses == 2 })
	cancel()
	err := <-first
	failsWith(t, err, Canceled, "DNS Temporary Failure example.com MX - Canceled")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not tell its cause", err)
	}
	open()
	if err := <-second; err != nil {
		t.Errorf("the patient asker got %v", err)
	}
}

// An answer that was asked for before a flush is given to its askers and does not enter the cache.
func TestFlushDuringFlight(t *testing.T) {
	s, asked, open := gated(t, 60)
	r := resolver(t, newClock(), s)
	result := make(chan error, 1)
	go func() { _, err := r.LookupMX(context.Background(), "example.com"); result <- err }()
	<-asked
	r.Flush()
	open()
	if err := <-result; err != nil {
		t.Error(err)
	}
	if _, _, ok := r.CachedMX("example.com"); ok {
		t.Error("the answer of before the flush is in the cache")
	}
}

func TestCloseEndsFlights(t *testing.T) {
	s, asked, _ := gated(t, 60)
	r := resolver(t, newClock(), s)
	result := make(chan error, 1)
	go func() { _, err := r.LookupMX(context.Background(), "example.com"); result <- err }()
	<-asked
	r.Close()
	failsWith(t, <-result, Canceled, "")
	_, err := r.LookupMX(context.Background(), "example.com")
	failsWith(t, err, Canceled, "")
}

func TestWaitingForTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := &Resolver{Servers: addrs("192.0.2.1:53"), Timeout: time.Hour}
		dial := pipes(func(_ string, q []byte) []byte { return packed(t, q, oneMX) })
		r.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			<-gate
			return dial(ctx, network, address)
		}
		var askers sync.WaitGroup
		for i := range MaxFlights {
			askers.Go(func() { r.LookupMX(t.Context(), fmt.Sprintf("n%d.example", i)) })
		}
		synctest.Wait()
		if r.Outstanding() != MaxOutstanding || r.Pending() != MaxFlights-MaxOutstanding {
			t.Errorf("%d outstanding, %d pending", r.Outstanding(), r.Pending())
		}
		_, err := r.LookupMX(t.Context(), "more.example")
		failsWith(t, err, Busy, "DNS Temporary Failure more.example MX - Busy")
		close(gate)
		askers.Wait()
		r.Close()
		if r.Outstanding() != 0 || r.Pending() != 0 {
			t.Errorf("at the end %d outstanding, %d pending", r.Outstanding(), r.Pending())
		}
	})
}
