package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"postern/engine"
	"postern/engine/config"
	"postern/journal"
	"postern/smtp/dns"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a client with its surroundings: names, peers and one message. Connections are pipes, so that it can live in
// a synctest bubble.
type world struct {
	*testing.T
	client   *Client
	document *config.Document
	message  *journal.MessageInjected
	content  string
	probe    bool           // the attempt is one
	exact    bool           // its final dot waits
	mx       map[string]any // domain: []dns.MX, "null", or an error
	hosts    map[string]any // host: address or addresses with spaces between, or an error
	peers    map[string]*peer

	mu     sync.Mutex
	notes  []journal.Event
	dialed []string
	dcid   uint32
	work   sync.WaitGroup
}

// newWorld has a message to one recipient at example.com, whose only host is 192.0.2.1.
func newWorld(t *testing.T) *world {
	w := &world{T: t, content: "Subject: x\r\n\r\nhello\r\n",
		document: &config.Document{Hostname: "mail3.example.net", Delivery: config.Delivery{TLS: "off"}},
		message: &journal.MessageInjected{MID: 7, Size: 21, Sender: "from@example.net",
			Recipients: []journal.InjectedRecipient{{RID: 0, Local: "to", Domain: "example.com"}}},
		mx:    map[string]any{"example.com": []dns.MX{{Host: "mx.example.com", Preference: 10}}},
		hosts: map[string]any{"mx.example.com": "192.0.2.1"},
		peers: map[string]*peer{},
	}
	w.client = &Client{
		Document: func() *config.Document { return w.document },
		Resolver: w, Store: w, Dial: w.dial,
		Content: func(uint64, *journal.MessageInjected) (io.ReadCloser, int64, error) {
			return io.NopCloser(strings.NewReader(w.content)), int64(len(w.content)), nil
		},
		Note: func(e journal.Event) { w.mu.Lock(); w.notes = append(w.notes, e); w.mu.Unlock() },
		DCID: func(context.Context) (uint32, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.dcid++
			return w.dcid, nil
		},
		Rand: func(n int) int { return n - 1 }, // leaves the order alone
	}
	return w
}

// peer puts a server at an address, port 25.
func (w *world) peer(addr string, p *peer) *peer {
	w.peers[addr] = p
	return p
}

func (w *world) At(seq uint64) (journal.Record, error) {
	if seq != 1 {
		return journal.Record{}, errors.New("not found")
	}
	return journal.Record{Seq: 1, Event: w.message}, nil
}

func (w *world) LookupMX(_ context.Context, domain string) (dns.MXAnswer, error) {
	switch v := w.mx[domain].(type) {
	case []dns.MX:
		return dns.MXAnswer{Hosts: append([]dns.MX(nil), v...)}, nil
	case string:
		return dns.MXAnswer{Null: true}, nil
	case dns.Kind:
		return dns.MXAnswer{}, &dns.Error{Name: domain, Type: "MX", Kind: v}
	}
	return dns.MXAnswer{}, &dns.Error{Name: domain, Type: "MX", Kind: dns.NXDomain}
}

func (w *world) LookupAddr(_ context.Context, host string, _ dns.Want) (dns.AddrAnswer, error) {
	switch v := w.hosts[host].(type) {
	case string:
		var a dns.AddrAnswer
		for _, s := range strings.Fields(v) {
			a.Addrs = append(a.Addrs, netip.MustParseAddr(s))
		}
		return a, nil
	case dns.Kind:
		return dns.AddrAnswer{}, &dns.Error{Name: host, Type: "A", Kind: v}
	}
	return dns.AddrAnswer{}, &dns.Error{Name: host, Type: "A", Kind: dns.NXDomain}
}

func (w *world) dial(ctx context.Context, _ string, _ netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	w.mu.Lock()
	w.dialed = append(w.dialed, remote.String())
	w.mu.Unlock()
	p := w.peers[remote.Addr().String()]
	if p == nil {
		p = w.peers[remote.String()]
	}
	if p == nil {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	ours, theirs := net.Pipe()
	w.work.Go(func() { p.serve(theirs) })
	return ours, nil
}

func (w *world) attempt() engine.Attempt {
	a := engine.Attempt{Message: 1, MID: w.message.MID, Destination: "example.com", Number: 1, Probe: w.probe, Exact: w.exact}
	for _, r := range w.message.Recipients {
		a.RIDs = append(a.RIDs, r.RID)
	}
	return a
}

func (w *world) deliver() []engine.Outcome {
	return w.client.Deliver(context.Background(), w.attempt())
}

// end closes the client and waits for the peers.
func (w *world) end() {
	w.client.Close()
	w.work.Wait()
	if n := w.client.Connections() + w.client.Dialling(); n != 0 {
		w.Errorf("%d connections are still counted", n)
	}
	opened, closed := map[uint32]bool{}, map[uint32]bool{}
	for _, e := range w.notes {
		switch e := e.(type) {
		case *journal.DeliveryConnectionOpened:
			opened[e.DCID] = true
		case *journal.DeliveryConnectionClosed:
			if !opened[e.DCID] || closed[e.DCID] {
				w.Errorf("DCID %d was closed without being open", e.DCID)
			}
			closed[e.DCID] = true
		}
	}
	if len(opened) != len(closed) {
		w.Errorf("%d connections opened, %d closed", len(opened), len(closed))
	}
}

// noted gives the notes in short.
func (w *world) noted() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var s []string
	for _, e := range w.notes {
		switch e := e.(type) {
		case *journal.DeliveryConnectionOpened:
			s = append(s, strings.TrimSpace(fmt.Sprintf("opened %d %s %s", e.DCID, e.Address, e.Host)))
		case *journal.DeliveryConnectionSecured:
			s = append(s, fmt.Sprintf("secured %d %s%s", e.DCID, e.Protocol, e.Failure))
		case *journal.DeliveryConnectionFailed:
			s = append(s, fmt.Sprintf("failed %d %s %s: %s", e.DCID, e.Address, e.Reason, e.Details))
		case *journal.DeliveryStarted:
			s = append(s, fmt.Sprintf("started %d %v", e.DCID, e.RIDs))
		case *journal.DeliveryConnectionClosed:
			s = append(s, strings.TrimSpace(fmt.Sprintf("closed %d %s", e.DCID, e.How)))
		}
	}
	return strings.Join(s, "\n")
}

func (w *world) recipients(n int) {
	w.message.Recipients = nil
	for i := range n {
		w.message.Recipients = append(w.message.Recipients,
			journal.InjectedRecipient{RID: uint32(i), Local: fmt.Sprintf("to%d", i), Domain: "example.com"})
	}
}

// short tells of an outcome what matters to the engine and the logs.
func short(o engine.Outcome) string {
	result := [...]string{"temporary", "delivered", "permanent", "unknown"}[o.Result]
	if o.Host {
		result += " host"
	}
	return fmt.Sprintf("%s %s %s %q", result, o.Code, o.Status, strings.Join(o.Reply, "|"))
}

func (w *world) want(o engine.Outcome, want string) {
	w.Helper()
	if got := short(o); got != want {
		w.Errorf("outcome\n got %s\nwant %s", got, want)
	}
}

var pipelining = []string{"PIPELINING", "8BITMIME", "SIZE 1000000"}

const minute = time.Minute
