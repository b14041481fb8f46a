package bench

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"postern/bench/load"
	"postern/bench/sink"
)

// OrdersConfig is a long queue whose delivery is suspended, and the orders that an operator gives about all of it.
type OrdersConfig struct {
	Binary   string        // of the gateway
	Dir      string        // for its data; not there or empty
	Messages int           // of one recipient each; default a million
	Rounds   int           // of the latency; default 3
	Alone    time.Duration // how long mail is let in without an order, for each figure; default 10 s
	Patience time.Duration // for the notifications of the bounce; default 2 min
	Progress io.Writer
}

// OrdersFigures is what the orders took, and what they did to others.
type OrdersFigures struct {
	Messages         int
	Delete, Undelete OrderFigures // Un...: the undo
	Redirect, Undo   OrderFigures // Undo: of the redirection
	Bounce           OrderFigures
	Notified         time.Duration // from the order to bounce until every notification was written, or patience ended
	Notifications    uint64        // written until then
	Listing          ListingFigures
	Differs          bool // the listing after a deletion and its undo is not that before
	Latency          LatencyFigures
	Wrong            []string // counts that are not the journal's
}

// OrderFigures are those of one order, from the exec of its command to the command's end.
type OrderFigures struct {
	Took, CPU    time.Duration // CPU is the gateway's, of all processors
	Before, Most int64         // resident bytes of the gateway, and the most meanwhile
}

func (f OrderFigures) String() string {
	return fmt.Sprintf("%.1f s of processor, memory %d MiB and at most %d MiB", f.CPU.Seconds(), f.Before>>20, f.Most>>20)
}

// Domains of the queue, and of the mail that comes in while an order is carried out.
const (
	queuedDomain  = "dead.test"
	arrivesDomain = "other.test"
)

// ordersRun is the workload under way.
type ordersRun struct {
	OrdersConfig
	gateway *Gateway
	target  string  // of the redirection
	given   []given // orders
	loads   int     // for their prefixes
}

// Orders fills the queue and gives the orders, one after the other, each undone before the next.
func Orders(ctx context.Context, c OrdersConfig) (f OrdersFigures, err error) {
	c.defaults()
	f.Messages = c.Messages
	s := &sink.Sink{}
	if err := s.Listen("127.0.0.1:0"); err != nil {
		return f, err
	}
	defer s.Close()
	o := &ordersRun{OrdersConfig: c, target: s.Address().String(), gateway: &Gateway{Binary: c.Binary, Data: c.Dir, Listener: "max_messages = 1000000"}}
	if err := o.gateway.Configure(o.target, ""); err != nil {
		return f, err
	}
	if _, err := o.gateway.Start(20 * time.Second); err != nil {
		return f, err
	}
	defer func() { o.gateway.Kill() }()
	for _, step := range []func(context.Context, *OrdersFigures) error{o.fill, o.deletion, o.redirection, o.latency, o.bounces} {
		if err := step(ctx, &f); err != nil {
			return f, err
		}
	}
	if err := o.gateway.Stop(time.Minute); err != nil {
		return f, err
	}
	if n := s.Total(); n != 0 {
		return f, fmt.Errorf("%d messages were delivered while delivery was suspended", n)
	}
	end, err := gatewayStatus{o.gateway}.read() // from the store: the last notifications were written beside the stop
	if err == nil {
		f.Wrong, err = o.account(filepath.Join(c.Dir, "journal"), end)
	}
	return f, err
}

func (c *OrdersConfig) defaults() {
	if c.Messages == 0 {
		c.Messages = 1_000_000
	}
	if c.Rounds == 0 {
		c.Rounds = 3
	}
	if c.Alone == 0 {
		c.Alone = 10 * time.Second
	}
	if c.Patience == 0 {
		c.Patience = 2 * time.Minute
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
}

// fill suspends delivery and lets the queue in.
func (o *ordersRun) fill(ctx context.Context, _ *OrdersFigures) error {
	if _, err := o.command(ctx, "suspenddel", "0"); err != nil {
		return err
	}
	r := load.Run(ctx, load.Config{Address: o.gateway.Address, Clients: 50, Messages: o.Messages, KeepOpen: true, Pipeline: true, Size: 1024, Prefix: "queued",
		Recipient: func(n int) string { return fmt.Sprintf("user-%d@%s", n, queuedDomain) }})
	if len(r.Acked) != o.Messages {
		return fmt.Errorf("of %d messages %d were accepted, %d refused (%s), %d connections failed", o.Messages, len(r.Acked), r.Refused, r.Reply, r.Failed)
	}
	fmt.Fprintf(o.Progress, "%d messages queued at %.0f/s\n", o.Messages, r.Rate())
	return pause(ctx, storeSettles)
}

// deletion compares the listings before and after.
func (o *ordersRun) deletion(ctx context.Context, f *OrdersFigures) (err error) {
	if f.Listing, err = o.list(ctx); err != nil {
		return err
	}
	if f.Delete, err = o.order(ctx, o.Messages, "deleterecipients", "all"); err == nil {
		f.Undelete, err = o.undo(ctx, o.Messages)
	}
	if err != nil {
		return err
	}
	after, err := o.list(ctx)
	f.Differs = after.Sum != f.Listing.Sum
	return err
}

func (o *ordersRun) redirection(ctx context.Context, f *OrdersFigures) (err error) {
	if f.Redirect, err = o.order(ctx, o.Messages, "redirectrecipients", o.target, "all"); err == nil {
		f.Undo, err = o.undo(ctx, o.Messages)
	}
	return err
}

// bounces waits until each sender is told, as far as that goes while delivery is suspended, but not for ever.
func (o *ordersRun) bounces(ctx context.Context, f *OrdersFigures) (err error) {
	began := time.Now()
	if f.Bounce, err = o.order(ctx, o.Messages, "bouncerecipients", "all"); err != nil {
		return err
	}
	for f.Notifications < uint64(o.Messages) && time.Since(began) < o.Patience {
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		s, err := gatewayStatus{o.gateway}.read()
		if err != nil {
			return err
		}
		f.Notifications, f.Notified = s.Counters["gen_bounce_recips"].Lifetime, time.Since(began)
	}
	fmt.Fprintln(o.Progress, f.notified())
	return nil
}

func (f *OrdersFigures) notified() string {
	return fmt.Sprintf("%d of %d notifications written after %.2f s", f.Notifications, f.Messages, f.Notified.Seconds())
}

func measureOrders(ctx context.Context, s Settings, rows []Row) error {
	f, err := Orders(ctx, OrdersConfig{Binary: s.Binary, Dir: filepath.Join(s.Dir, "data"), Messages: s.Queue, Progress: s.Progress})
	if err != nil {
		return err
	}
	for i, o := range []OrderFigures{f.Delete, f.Undelete, f.Redirect, f.Undo, f.Bounce} {
		rows[i].Value, rows[i].Note = o.Took.Seconds(), o.String()
		rows[5].Value = max(rows[5].Value, float64(o.Most-o.Before)/(1<<20))
	}
	rows[4].Note = f.notified() + "; " + rows[4].Note
	l := &f.Latency
	rows[6].Value = median(l.Times)
	rows[6].Note = fmt.Sprintf("%.1f ms while it runs, %.1f ms without, at %.0f/s, medians of %d rounds; %.1f to %.1f times", median(l.During), median(l.Alone), l.Rate, len(l.Times), l.least(), l.most())
	rows[7].Value = milliseconds(f.Listing.First)
	rows[8].Value = f.Listing.All.Seconds()
	rows[8].Note = fmt.Sprintf("%d rows; memory of the gateway %d MiB and at most %d MiB, of the client at most %d MiB", f.Listing.Rows, f.Listing.Before>>20, f.Listing.Most>>20, f.Listing.Client>>20)
	if f.Differs {
		rows[9].Value = 1
	}
	rows[10].Value = float64(len(f.Wrong))
	rows[10].Note = strings.Join(f.Wrong, "; ")
	if f.Messages != 1_000_000 {
		for i := range rows {
			rows[i].Note = strings.TrimSuffix(fmt.Sprintf("only %d queued; %s", f.Messages, rows[i].Note), "; ")
		}
	}
	return nil
}
