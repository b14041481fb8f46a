package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"postern/bench/load"
	"postern/bench/sink"
)

// Demo shows the gateway to somebody who has five minutes: it starts one and a sink, sends a mixed load (delivered,
// refused for good, refused for now), shows the status and the log of one bounced message, and stops everything.
func Demo(ctx context.Context, binary string, out io.Writer) error {
	dir, err := os.MkdirTemp("", "postern-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	peer := &sink.Sink{}
	if err := peer.Listen("127.0.0.1:0"); err != nil {
		return err
	}
	defer peer.Close()
	g := &Gateway{Binary: binary, Data: filepath.Join(dir, "data")}
	if err := g.Configure(peer.Address().String(), ""); err != nil {
		return err
	}
	took, err := g.Start(20 * time.Second)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The gateway accepts mail on %s (%d ms after its start); everything goes to a sink on %s.\n", g.Address, took.Milliseconds(), peer.Address())
	fmt.Fprintln(out, "Sending 5,000 messages of 4 KiB over 20 connections; one in 100 will bounce, one in 50 will be deferred ...")
	r := load.Run(ctx, load.Config{Address: g.Address, Clients: 20, Messages: 5000, KeepOpen: true, Prefix: "demo", Recipient: func(n int) string {
		switch {
		case n%100 == 1:
			return fmt.Sprintf("bounce-%d@one.test", n)
		case n%50 == 2:
			return fmt.Sprintf("defer-%d@two.test", n)
		}
		return fmt.Sprintf("user-%d@sink%d.test", n, n%5)
	}})
	fmt.Fprintf(out, "%d messages were answered 250, each one durable, at %.0f a second.\n\n", len(r.Acked), r.Rate())
	if err := settle(ctx, g, uint64(len(r.Acked))); err != nil {
		return err
	}
	for _, show := range []struct{ title, command string }{
		{"$ postern status detail", fmt.Sprintf("%s status detail --data %s", binary, g.Data)},
		{"$ the mail log of the first bounced message", fmt.Sprintf("grep -m1 -o 'Bounced: DCID [0-9]* MID [0-9]*' %[1]s/logs/mail_logs.current | grep -o '[0-9]*$' | xargs -I{} grep -E 'MID {}( |$)' %[1]s/logs/mail_logs.current", g.Data)},
	} {
		fmt.Fprintln(out, show.title)
		c := exec.CommandContext(ctx, "sh", "-c", show.command)
		c.Stdout, c.Stderr = out, out
		if err := c.Run(); err != nil {
			return fmt.Errorf("%s: %w", show.command, err)
		}
		fmt.Fprintln(out)
	}
	return g.Stop(40 * time.Second)
}

// settle waits until as much mail has come to an end as will without waiting for retries.
func settle(ctx context.Context, g *Gateway, acked uint64) error {
	wait, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := (gatewayStatus{g}).read()
		if err == nil && s.Gauges["unattempted_recips"] == 0 && s.Counters["completed_recips"].Lifetime+uint64(s.Gauges["attempted_recips"]) >= acked {
			return nil
		}
		select {
		case <-tick.C:
		case <-wait.Done():
			return fmt.Errorf("the queue did not settle: %w", wait.Err())
		}
	}
}
