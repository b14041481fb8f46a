package shell

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// Lookups is what a person may have the gateway ask of the world.
type Lookups interface {
	// Dig puts a question to the DNS, past the cache, as the gateway itself would.
	Dig(ctx context.Context, q DNSQuestion) (DNSReply, error)
	// VerifyTLS connects to a domain's hosts for mail and tries their TLS, step by step.
	VerifyTLS(ctx context.Context, q TLSQuestion, each func(TLSStep) error) error
}

// DNSQuestion is what is asked.
type DNSQuestion struct {
	Name    string // a domain name, or with Reverse an address
	Type    string // MX, A, TYPE65 ...; with Reverse "" is PTR
	Reverse bool
	Server  string // an address, address:port or host name; "": the gateway's servers
}

// DNSReply is what a server said.
type DNSReply struct {
	Name       string      `json:"name"`
	Type       string      `json:"type"`
	Server     string      `json:"server"` // address:port
	Network    string      `json:"network"`
	ID         uint16      `json:"id"`
	Status     string      `json:"status"` // NOERROR, NXDOMAIN ...
	Flags      []string    `json:"flags"`
	Answer     []DNSRecord `json:"answer"`
	Authority  []DNSRecord `json:"authority"`
	Additional []DNSRecord `json:"additional"`
	Omitted    int         `json:"omitted,omitempty"` // records that were too many to show
	Asked      time.Time   `json:"asked"`
	Seconds    float64     `json:"seconds"` // that the answer took
}

// DNSRecord is a record of a reply, its data in presentation format.
type DNSRecord struct {
	Name  string `json:"name"`
	TTL   uint32 `json:"ttl"` // seconds
	Class string `json:"class"`
	Type  string `json:"type"`
	Data  string `json:"data"`
}

// TLSQuestion is whose TLS is verified.
type TLSQuestion struct {
	Domain string // that the certificate may stand for, and whose mail exchangers are tried
	Host   string // host or host:port to connect to instead; "": the exchangers
}

// TLSStep is what came of one step.
type TLSStep struct {
	Host    string `json:"host,omitempty"`
	Address string `json:"address,omitempty"` // address:port
	Step    string `json:"step"`              // mx, address, connect, greeting, ehlo, starttls, handshake, certificate, chain, name, host, domain
	OK      bool   `json:"ok"`
	Text    string `json:"text"`
}

// Prober does what Lookups asks for. Its fields are set before use; a nil one cannot be done.
type Prober struct {
	Dig       func(context.Context, DNSQuestion) (DNSReply, error)
	VerifyTLS func(context.Context, TLSQuestion, func(TLSStep) error) error
	probes    atomic.Int32
}

// maxProbes is how many lookups and verifications are under way at once; one more is refused.
const maxProbes = 16

var errTooManyProbes = &RefusedError{"There are too many lookups under way: wait for one to end."}

func (p *Prober) begin() (end func(), err error) {
	end = func() { p.probes.Add(-1) }
	if p.probes.Add(1) > maxProbes {
		end()
		return nil, errTooManyProbes
	}
	return end, nil
}

func (p *Prober) dig(ctx context.Context, q DNSQuestion) (DNSReply, error) {
	if p.Dig == nil {
		return DNSReply{}, ErrNotRunning
	}
	end, err := p.begin()
	if err != nil {
		return DNSReply{}, err
	}
	defer end()
	return p.Dig(ctx, q)
}

// Dig implements Gateway.
func (l *Local) Dig(ctx context.Context, q DNSQuestion) (DNSReply, error) {
	return l.Prober.dig(ctx, q)
}

// VerifyTLS implements Gateway.
func (l *Local) VerifyTLS(ctx context.Context, q TLSQuestion, each func(TLSStep) error) error {
	if l.Prober.VerifyTLS == nil {
		return errors.New("this gateway does not deliver mail")
	}
	end, err := l.Prober.begin()
	if err != nil {
		return err
	}
	defer end()
	return l.Prober.VerifyTLS(ctx, q, each)
}

// Dig implements Gateway: it asks the servers of the system.
func (o *Offline) Dig(ctx context.Context, q DNSQuestion) (DNSReply, error) {
	return o.Prober.dig(ctx, q)
}

func (notRunning) Dig(context.Context, DNSQuestion) (r DNSReply, err error) { return r, ErrNotRunning }

func (notRunning) VerifyTLS(context.Context, TLSQuestion, func(TLSStep) error) error {
	return ErrNotRunning
}

// Dig implements Gateway.
func (r *Remote) Dig(ctx context.Context, q DNSQuestion) (reply DNSReply, err error) {
	v := url.Values{"name": {q.Name}, "type": {q.Type}, "server": {q.Server}}
	if q.Reverse {
		v.Set("reverse", "1")
	}
	return reply, r.post(ctx, "/v1/dig", v, &reply)
}

// VerifyTLS implements Gateway.
func (r *Remote) VerifyTLS(ctx context.Context, q TLSQuestion, each func(TLSStep) error) error {
	return r.order(ctx, "/v1/tlsverify", url.Values{"domain": {q.Domain}, "host": {q.Host}}, func(raw json.RawMessage) error {
		var s TLSStep
		if err := json.Unmarshal(raw, &s); err != nil {
			return r.broken(ctx, err)
		}
		return each(s)
	})
}

// lookupRoutes takes these questions as orders: they make the gateway send something to somebody.
func lookupRoutes(mux *http.ServeMux, g Gateway) {
	post(mux, "/v1/dig", func(ctx context.Context, v url.Values) (any, error) {
		return g.Dig(ctx, DNSQuestion{Name: v.Get("name"), Type: v.Get("type"), Server: v.Get("server"), Reverse: v.Has("reverse")})
	})
	streamingOrder(mux, "/v1/tlsverify", func(ctx context.Context, v url.Values, each func(any) error) error {
		return g.VerifyTLS(ctx, TLSQuestion{Domain: v.Get("domain"), Host: v.Get("host")}, func(s TLSStep) error { return each(s) })
	})
}
