package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"postern/bench/load"
	"postern/bench/sink"
)

// HTTPConfig is a gateway with a long queue for many destinations that cannot be reached, whose status is asked for.
type HTTPConfig struct {
	Binary       string // of the gateway
	Dir          string // for its data; not there or empty
	Messages     int    // default a million
	Destinations int    // default 20,000
	Asked        int    // how often each page is asked for; default 500
	Progress     io.Writer
}

// HTTPFigures is how long the answers took, ascending, by path: with the queue at rest, and while mail goes through.
type HTTPFigures struct {
	Messages        int
	Few, Rest, Busy map[string][]time.Duration // Few: at rest, with fewMessages in the queue
	AtRest          float64                    // percent of a processor that the gateway uses with the long queue, when it is asked
	Rate            float64                    // of the mail that went through, a second
}

// fewMessages is a short queue.
const fewMessages = 1000

// httpPages are what monitoring systems ask for; the last one is what the command status asks the admin socket.
var httpPages = []string{"/metrics", "/xml/status", adminStatus}

const adminStatus = "/v1/status"

// HTTP fills the queue and asks.
func HTTP(ctx context.Context, c HTTPConfig) (f HTTPFigures, err error) {
	c.defaults()
	f.Messages = c.Messages
	s := &sink.Sink{}
	if err := s.Listen("127.0.0.1:0"); err != nil {
		return f, err
	}
	defer s.Close()
	dead, err := freePort()
	if err != nil {
		return f, err
	}
	status, err := freePort()
	if err != nil {
		return f, err
	}
	g := &Gateway{Binary: c.Binary, Data: c.Dir, Listener: "max_messages = 1000000"}
	if err := g.Configure(s.Address().String(), fmt.Sprintf("[[smtp_route]]\ndomain = \".dead.test\"\nto = [%q]\n\n[http]\naddress = %q\n", dead, status)); err != nil {
		return f, err
	}
	if _, err := g.Start(20 * time.Second); err != nil {
		return f, err
	}
	defer func() { g.Kill() }()
	queued := c.load(g.Address, "queued", func(n int) string { return fmt.Sprintf("user-%d@d%d.dead.test", n, n%c.Destinations) })
	for _, step := range []struct {
		messages int
		prefix   string
		took     *map[string][]time.Duration
	}{{fewMessages, "few", &f.Few}, {c.Messages - fewMessages, "queued", &f.Rest}} {
		queued.Messages, queued.Prefix = step.messages, step.prefix
		if r := load.Run(ctx, queued); len(r.Acked) != step.messages {
			return f, fmt.Errorf("of %d messages %d were accepted, %d refused (%s)", step.messages, len(r.Acked), r.Refused, r.Reply)
		}
		fmt.Fprintf(c.Progress, "%d messages more are queued\n", step.messages)
		if f.AtRest, err = g.settle(ctx); err != nil {
			return f, err
		}
		fmt.Fprintf(c.Progress, "the gateway uses %.0f %% of a processor\n", f.AtRest)
		if *step.took, err = c.ask(ctx, g, status); err != nil {
			return f, err
		}
	}
	loading, stop := context.WithCancel(ctx)
	through := make(chan *load.Result, 1)
	go func() {
		through <- load.Run(loading, c.load(g.Address, "through", func(n int) string { return fmt.Sprintf("user-%d@alive.test", n) }))
	}()
	f.Busy, err = c.ask(ctx, g, status)
	stop()
	f.Rate = (<-through).Rate()
	return f, err
}

func (c *HTTPConfig) defaults() {
	if c.Messages == 0 {
		c.Messages = 1_000_000
	}
	if c.Destinations == 0 {
		c.Destinations = 20_000
	}
	if c.Asked == 0 {
		c.Asked = 500
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
}

// load is many small messages over few connections.
func (c *HTTPConfig) load(address, prefix string, recipient func(int) string) load.Config {
	return load.Config{Address: address, Clients: 20, KeepOpen: true, Pipeline: true, Size: 1024, Prefix: prefix, Recipient: recipient}
}

// ask takes the time from each question until its answer was read, with pauses: over one connection, but for the admin
// socket, to which each command makes its own.
func (c *HTTPConfig) ask(ctx context.Context, g *Gateway, address string) (map[string][]time.Duration, error) {
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	admin := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(g.Data, "admin.sock"))
		}}}
	took := make(map[string][]time.Duration)
	for range c.Asked {
		for _, page := range httpPages {
			by, url := client, "http://"+address+page
			if page == adminStatus {
				by, url = admin, "http://postern"+page
			}
			began := time.Now()
			if err := read(ctx, by, url); err != nil {
				return nil, err
			}
			took[page] = append(took[page], time.Since(began))
			if err := pause(ctx, 10*time.Millisecond); err != nil {
				return nil, err
			}
		}
	}
	for _, page := range httpPages {
		slices.Sort(took[page])
		fmt.Fprintf(c.Progress, "%s: %s\n", page, spread(took[page]))
	}
	return took, nil
}

func read(ctx context.Context, client *http.Client, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	n, err := io.Copy(io.Discard, answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || n == 0) {
		err = fmt.Errorf("%s: %s, %d bytes", url, answer.Status, n)
	}
	return err
}

// percentileOf takes ascending times; p from 0 to 1.
func percentileOf(took []time.Duration, p float64) time.Duration {
	return took[int(p*float64(len(took)-1))]
}

func spread(took []time.Duration) string {
	return fmt.Sprintf("median %.2f ms, p99 %.2f ms, longest %.2f ms", milliseconds(percentileOf(took, 0.5)), milliseconds(percentileOf(took, 0.99)),
		milliseconds(percentileOf(took, 1)))
}

func measureHTTP(ctx context.Context, s Settings, rows []Row) error {
	f, err := HTTP(ctx, HTTPConfig{Binary: s.Binary, Dir: s.Dir + "/data", Messages: s.Queue, Progress: s.Progress})
	if err != nil {
		return err
	}
	for i, page := range httpPages {
		rows[i].Value = milliseconds(percentileOf(f.Rest[page], 0.99))
		rows[i].Note = fmt.Sprintf("%s, beside %.0f %% of a processor for what is queued; with %.0f/s going through %s", spread(f.Rest[page]), f.AtRest, f.Rate, spread(f.Busy[page]))
		if f.Messages != 1_000_000 {
			rows[i].Note = fmt.Sprintf("only %d queued, %s", f.Messages, rows[i].Note)
		}
	}
	few := &rows[len(httpPages)]
	few.Value, few.Note = milliseconds(percentileOf(f.Few[adminStatus], 0.99)), spread(f.Few[adminStatus])
	return nil
}
