package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"postern/projections"
)

// dnsCounters are the rows of dnsstatus.
var dnsCounters = []projections.Counter{projections.DNSRequests, projections.NetworkRequests, projections.CacheHits,
	projections.CacheMisses, projections.CacheExceptions, projections.CacheExpired}

// dnsStatus is what dnsstatus shows: the resolver's counters by name.
type dnsStatus struct {
	Timestamp time.Time                      `json:"timestamp"`
	Counters  map[string]projections.Columns `json:"counters"`
	Past      *projections.Moment            `json:"past,omitempty"`
}

var _ = register(
	&Command{Name: "dnsstatus", Summary: "what the DNS resolver and its cache have done", Offline: true, Options: []Option{atOption},
		Help: atHelp + "\n                as the resolver had counted at the minute's sample before",
		Run: func(ctx context.Context, c *Call) error {
			at, err := c.asOf()
			if err != nil {
				return err
			}
			s, err := c.statusOf(ctx, at)
			if err != nil {
				return err
			}
			d := dnsStatus{Timestamp: s.Timestamp, Counters: make(map[string]projections.Columns), Past: s.Past}
			for _, k := range dnsCounters {
				d.Counters[k.Name()] = s.Counters[k]
			}
			return c.Answer(d, renderDNS(s, c.Zone))
		}},
	&Command{Name: "dnsflush", Summary: "empty the DNS cache", Synopsis: "[--yes]", Run: runFlush, Help: "In batch it acts only with --yes."},
	&Command{Name: "resetcounters", Summary: "start the Reset column of all counters anew", Run: runReset,
		Help: "The counters of recipient hosts and of the DNS resolver begin anew too. Lifetime and Uptime go on."})

func renderDNS(s projections.Status, zone *time.Location) string {
	t := &table{}
	pastHead(t, s.Past, zone)
	t.value("Status as of:", Date(s.Timestamp.In(zone), false))
	t.head("Counters:", "Reset", "Uptime", "Lifetime")
	for _, k := range dnsCounters {
		v := s.Counters[k]
		t.row(2, k.Label(), Thousands(v.Reset), Thousands(v.Uptime), Thousands(v.Lifetime))
	}
	switch m := s.Past; {
	case m == nil:
	case m.Sampled.IsZero() && s.Running:
		t.b.WriteString("Not sampled since the start: what was counted since is not recorded.\n")
	case !m.Sampled.IsZero():
		fmt.Fprintf(&t.b, "As sampled %s.\n", Date(m.Sampled.In(zone), false))
	}
	return t.String()
}

func runFlush(ctx context.Context, c *Call) error {
	yes, err := c.Confirm(ctx, "Are you sure you want to clear out the DNS cache?", false)
	if err != nil {
		return err
	}
	if !yes {
		if c.Asker == nil {
			return errors.New("this would clear out the DNS cache: repeat it with --yes")
		}
		return nil
	}
	if err := c.Gateway.FlushDNS(ctx); err != nil {
		return err
	}
	return c.Answer(json.RawMessage(`{"flushed":true}`), "The DNS cache is empty.\n")
}

func runReset(ctx context.Context, c *Call) error {
	done, err := c.Gateway.ResetCounters(ctx)
	if err != nil {
		return err
	}
	return c.Answer(done, "Counters reset: "+Date(done.Time.In(c.Zone), false)+"\n")
}
