package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"postern/bench/load"
)

// LatencyFigures are the p99 of the reply to the final dot, in milliseconds, of each round: with the queue left alone and
// while all of it is deleted.
type LatencyFigures struct {
	Rate                 float64 // messages a second, half of what comes in as fast as it goes
	Alone, During, Times []float64
}

func (f *LatencyFigures) least() float64 { return slices.Min(f.Times) }
func (f *LatencyFigures) most() float64  { return slices.Max(f.Times) }

// latency lets mail in beside an order that does not touch it. A ratio is made within its round, because machines are noisy.
func (o *ordersRun) latency(ctx context.Context, f *OrdersFigures) error {
	l := &f.Latency
	if err := o.settled(ctx); err != nil {
		return err
	}
	fast, err := o.arrive(ctx, 0, o.forAWhile)
	if err != nil {
		return err
	}
	l.Rate = fast.Rate() / 2
	came := len(fast.Acked)
	for range o.Rounds {
		if err := o.settled(ctx); err != nil {
			return err
		}
		alone, err := o.arrive(ctx, l.Rate, o.forAWhile)
		if err != nil {
			return err
		}
		during, err := o.arrive(ctx, l.Rate, func(ctx context.Context) error {
			_, err := o.order(ctx, o.Messages, "deleterecipients", "host", queuedDomain)
			return err
		})
		if err != nil {
			return err
		}
		if _, err := o.undo(ctx, o.Messages); err != nil {
			return err
		}
		came += len(alone.Acked) + len(during.Acked)
		a, d := milliseconds(alone.Percentile(0.99)), milliseconds(during.Percentile(0.99))
		l.Alone, l.During, l.Times = append(l.Alone, a), append(l.During, d), append(l.Times, d/a)
		fmt.Fprintf(o.Progress, "accepting %.0f/s: p99 %.2f ms, during a deletion %.2f ms (%d of %d at %.0f/s), longest %.0f ms\n", l.Rate, a, d,
			len(during.Acked), int(l.Rate*during.Elapsed.Seconds()), during.Rate(), milliseconds(during.Percentile(1)))
	}
	_, err = o.order(ctx, came, "deleterecipients", "host", arrivesDomain)
	return err
}

// settled waits until what an order has left to do behind it is done: followers that lag slow down who sends mail.
func (o *ordersRun) settled(ctx context.Context) error {
	began := time.Now()
	if _, err := o.command(ctx, "showrecipients", "host", "nobody.test"); err != nil { // it waits for the rows
		return err
	}
	for {
		s, err := gatewayStatus{o.gateway}.read()
		if err != nil {
			return err
		}
		if s.Gauges["resource_conservation"] == 0 {
			fmt.Fprintf(o.Progress, "settled after %.1f s\n", time.Since(began).Seconds())
			return pause(ctx, storeSettles)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (o *ordersRun) forAWhile(ctx context.Context) error { return pause(ctx, o.Alone) }

// arrive lets mail in as long as something is done.
func (o *ordersRun) arrive(ctx context.Context, rate float64, while func(context.Context) error) (*load.Result, error) {
	o.loads++
	loading, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan *load.Result, 1)
	go func() {
		done <- load.Run(loading, load.Config{Address: o.gateway.Address, Clients: 20, KeepOpen: true, Rate: rate, Prefix: fmt.Sprintf("arrives-%d", o.loads),
			Recipient: func(n int) string { return fmt.Sprintf("user-%d@%s", n, arrivesDomain) }, Patience: time.Minute})
	}()
	err := while(ctx)
	stop()
	r := <-done
	switch {
	case err != nil:
		return nil, err
	case len(r.Acked) == 0 || r.Refused+r.Failed+len(r.Unanswered) > 0:
		return nil, fmt.Errorf("%d messages were accepted beside an order, %d refused (%s), %d connections failed", len(r.Acked), r.Refused, r.Reply, r.Failed+len(r.Unanswered))
	}
	return r, nil
}
