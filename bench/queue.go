package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"postern/bench/load"
	"postern/bench/sink"
)

// QueueConfig is a long queue of messages of one recipient each for a host that is dead.
type QueueConfig struct {
	Binary   string        // of the gateway
	Dir      string        // for its data; not there or empty
	Messages int           // default a million
	Churn    int           // messages that are delivered before memory is read, to age the heap; default 100,000
	Rest     time.Duration // before memory is read of the tenth part; default 150 s: garbage is collected every two minutes
	Watch    time.Duration // how long the whole queue is left alone and watched; default 10 min
	Starts   int           // after a stop, and again after a kill -9; default 3
	Progress io.Writer
}

// QueueFigures is what such a queue costs. Memory is that of the whole process.
type QueueFigures struct {
	Messages        int
	Watched         time.Duration
	Small, Large    int64   // resident bytes with a tenth of the messages and with all, after churn and rest
	EventsPerMinute float64 // while the queue is left alone
	CPUPercent      float64 // of one processor, meanwhile
	Stopped, Killed StartFigures
}

// StartFigures are medians over the starts on the whole queue, since the exec.
type StartFigures struct{ Accepting, Loaded time.Duration }

// PerRecipient is the memory of one more recipient in the queue.
func (f *QueueFigures) PerRecipient() float64 {
	return float64(f.Large-f.Small) / float64(f.Messages-f.Messages/10)
}

// queueRun is the workload under way.
type queueRun struct {
	QueueConfig
	gateway *Gateway
	sink    *sink.Sink
	sent    int // loads, for their prefixes
}

// Queue fills the queue, ages it, watches it idle, and starts the gateway on it again and again.
func Queue(ctx context.Context, c QueueConfig) (f QueueFigures, err error) {
	c.defaults()
	f.Messages, f.Watched = c.Messages, c.Watch
	q := &queueRun{QueueConfig: c, gateway: &Gateway{Binary: c.Binary, Data: c.Dir, Listener: "max_messages = 1000000"}, sink: &sink.Sink{}}
	if err := q.sink.Listen("127.0.0.1:0"); err != nil {
		return f, err
	}
	defer q.sink.Close()
	dead, err := freePort()
	if err != nil {
		return f, err
	}
	if err := q.gateway.Configure(q.sink.Address().String(), fmt.Sprintf("[[smtp_route]]\ndomain = \"dead.test\"\nto = [%q]\n", dead)); err != nil {
		return f, err
	}
	if _, err := q.gateway.Start(20 * time.Second); err != nil {
		return f, err
	}
	defer func() { q.gateway.Kill() }()
	for _, step := range []func(context.Context, *QueueFigures) error{q.fillTenth, q.fillAll, q.watch, q.starts} {
		if err := step(ctx, &f); err != nil {
			return f, err
		}
	}
	return f, q.gateway.Stop(time.Minute)
}

func (c *QueueConfig) defaults() {
	if c.Messages == 0 {
		c.Messages = 1_000_000
	}
	if c.Churn == 0 {
		c.Churn = 100_000
	}
	if c.Rest == 0 {
		c.Rest = 150 * time.Second
	}
	if c.Watch == 0 {
		c.Watch = 10 * time.Minute
	}
	if c.Starts == 0 {
		c.Starts = 3
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
}

// send hands in messages of 1 KiB and fails if one is refused.
func (q *queueRun) send(ctx context.Context, n int, domain string) error {
	q.sent++
	r := load.Run(ctx, load.Config{Address: q.gateway.Address, Clients: 50, Messages: n, KeepOpen: true, Pipeline: true, Size: 1024, Prefix: fmt.Sprintf("queue-%d", q.sent),
		Recipient: func(n int) string { return fmt.Sprintf("user-%d@%s", n, domain) }})
	if len(r.Acked) != n {
		return fmt.Errorf("of %d messages for %s %d were accepted, %d refused (%s), %d connections failed", n, domain, len(r.Acked), r.Refused, r.Reply, r.Failed)
	}
	fmt.Fprintf(q.Progress, "%d messages for %s at %.0f/s\n", n, domain, r.Rate())
	return nil
}

// churn sends mail through that is delivered at once.
func (q *queueRun) churn(ctx context.Context, n int) error {
	q.sink.Forget()
	want := q.sink.Total() + uint64(n)
	if err := q.send(ctx, n, "alive.test"); err != nil {
		return err
	}
	return arrived(ctx, q.sink, want)
}

func (q *queueRun) fillTenth(ctx context.Context, f *QueueFigures) (err error) {
	if err = q.send(ctx, q.Messages/10, "dead.test"); err == nil {
		err = q.churn(ctx, q.Churn)
	}
	if err == nil {
		err = pause(ctx, q.Rest)
	}
	if err == nil {
		f.Small, err = q.gateway.Resident()
	}
	return err
}

func (q *queueRun) fillAll(ctx context.Context, f *QueueFigures) (err error) {
	if err = q.send(ctx, q.Messages-q.Messages/10, "dead.test"); err == nil {
		err = q.churn(ctx, q.Churn)
	}
	return err
}

// watch leaves the queue alone, and reads the memory at the end.
func (q *queueRun) watch(ctx context.Context, f *QueueFigures) error {
	if err := pause(ctx, 5*time.Second); err != nil {
		return err
	}
	before, err := gatewayStatus{q.gateway}.read()
	if err != nil {
		return err
	}
	began := time.Now()
	cpu, err := q.gateway.Processor()
	if err == nil {
		err = pause(ctx, q.Watch)
	}
	if err != nil {
		return err
	}
	used, err := q.gateway.Processor()
	if err != nil {
		return err
	}
	watched := time.Since(began)
	after, err := gatewayStatus{q.gateway}.read()
	if err != nil {
		return err
	}
	if n := after.Gauges["active_recips"]; n != int64(q.Messages) {
		return fmt.Errorf("of %d recipients %d are in the queue", q.Messages, n)
	}
	f.EventsPerMinute = float64(after.Seq-before.Seq) / watched.Minutes()
	f.CPUPercent = 100 * (used - cpu).Seconds() / watched.Seconds()
	f.Large, err = q.gateway.Resident()
	fmt.Fprintf(q.Progress, "watched %v: %.1f events a minute, %.2f %% of a processor\n", watched.Round(time.Second), f.EventsPerMinute, f.CPUPercent)
	return err
}

// starts stops the gateway, and then kills it, a few times each.
func (q *queueRun) starts(ctx context.Context, f *QueueFigures) (err error) {
	if f.Stopped, err = q.startsAfter(ctx, "stop", func() error { return q.gateway.Stop(time.Minute) }); err == nil {
		f.Killed, err = q.startsAfter(ctx, "kill -9", func() error { q.gateway.Kill(); return nil })
	}
	return err
}

// startsAfter lets mail through before each end, so that the store's memory holds something that a start may have to read
// back from its log.
func (q *queueRun) startsAfter(ctx context.Context, what string, end func() error) (f StartFigures, err error) {
	var accepting, loaded []float64
	for range q.Starts {
		err := q.churn(ctx, q.Churn/2)
		if err == nil {
			err = end()
		}
		if err != nil {
			return f, fmt.Errorf("%s: %w", what, err)
		}
		a, err := q.gateway.Start(time.Minute)
		if err != nil {
			return f, err
		}
		l, err := q.gateway.Loaded(ctx, time.Minute)
		if err != nil {
			return f, err
		}
		fmt.Fprintf(q.Progress, "start after %s: accepting after %v, loaded after %v\n", what, a.Round(time.Millisecond), l.Round(time.Millisecond))
		accepting, loaded = append(accepting, float64(a)), append(loaded, float64(l))
	}
	return StartFigures{Accepting: time.Duration(median(accepting)), Loaded: time.Duration(median(loaded))}, nil
}
