// Package load sends mail as many clients at once and knows of each message, by an identity in its X-Bench-ID header and
// in its subject, whether it was answered 250. It never sends an identity twice, so that every repetition downstream is
// somebody else's.
package load

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config is one load.
type Config struct {
	Address   string           // of the server
	Clients   int              // default 1
	Messages  int              // in all; 0: until the context ends
	KeepOpen  bool             // many messages a connection; otherwise one
	Pipeline  bool             // MAIL, RCPT and DATA in one write
	Size      int              // bytes of the body, about; default 4096
	Noise     bool             // the body is an attachment of random bytes, which nothing compresses; otherwise a text
	Rate      float64          // messages a second at most, in all; 0: as fast as they go
	Prefix    string           // of the identities; default "load"
	Sender    string           // default load@sender.test
	Recipient func(int) string // the recipient of the n-th message; default user-N@sink.test
	Patience  time.Duration    // for one reply; default 30s
}

// Result is what became of the messages: Acked is exactly those that were answered 250 to their final dot, Unanswered
// those whose final dot was sent and whose answer never came.
type Result struct {
	Acked      []string
	Unanswered []string
	Refused    int    // answered, but not 250
	Failed     int    // the connection ended before the final dot, or was not made
	Reply      string // an example of a refusal
	Elapsed    time.Duration
	Latency    []time.Duration // of the reply to the final dot, of those acked, ascending
}

// Rate is acked messages a second.
func (r *Result) Rate() float64 { return float64(len(r.Acked)) / r.Elapsed.Seconds() }

// Percentile of the latencies; p from 0 to 1.
func (r *Result) Percentile(p float64) time.Duration {
	if len(r.Latency) == 0 {
		return 0
	}
	return r.Latency[int(p*float64(len(r.Latency)-1))]
}

// Run sends until the messages are used up or ctx ends; a message that is under way then is finished. A connection that
// fails is made anew, after a moment when it could not be made at all.
func Run(ctx context.Context, c Config) *Result {
	c.defaults()
	started, next := time.Now(), new(atomic.Int64)
	parts := make([]Result, c.Clients)
	var clients sync.WaitGroup
	for i := range parts {
		clients.Go(func() { (&client{config: &c, result: &parts[i], number: i, started: started}).run(ctx, next) })
	}
	clients.Wait()
	all := &Result{Elapsed: time.Since(started)}
	for _, p := range parts {
		all.add(&p)
	}
	slices.Sort(all.Latency)
	return all
}

func (r *Result) add(p *Result) {
	r.Acked, r.Unanswered = append(r.Acked, p.Acked...), append(r.Unanswered, p.Unanswered...)
	r.Refused, r.Failed = r.Refused+p.Refused, r.Failed+p.Failed
	r.Latency = append(r.Latency, p.Latency...)
	if r.Reply == "" {
		r.Reply = p.Reply
	}
}

func (c *Config) defaults() {
	c.Clients = max(c.Clients, 1)
	if c.Size == 0 {
		c.Size = 4096
	}
	if c.Prefix == "" {
		c.Prefix = "load"
	}
	if c.Sender == "" {
		c.Sender = "load@sender.test"
	}
	if c.Recipient == nil {
		c.Recipient = func(n int) string { return fmt.Sprintf("user-%d@sink.test", n) }
	}
	if c.Patience == 0 {
		c.Patience = 30 * time.Second
	}
}
