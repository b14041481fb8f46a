package shell

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"postern/projections"
)

// secondsParam asks how often a live display shows a row.
var secondsParam = Param{Name: "SECONDS", Question: "Enter the number of seconds between displays.", Default: "10",
	Check: func(word string) error { return checkNumber(word, "seconds", 86400) }}

// interval is the seconds argument.
func interval(word string) time.Duration {
	n, _ := strconv.Atoi(word)
	return time.Duration(max(n, 1)) * time.Second
}

var _ = register(
	&Command{Name: "rate", Summary: "the gateway's connections, recipients and queue as they change", Offline: true, Live: true,
		Params: []Param{secondsParam}, Run: runRate, Options: []Option{replayOption},
		Help: `  --replay FROM-TO  the rows of a period of the past, a minute apart unless SECONDS are given, and then ends:
                    03:00-03:20, "2026-11-23 03:00-03:20", "2026-11-22 23:50 - 2026-11-23 00:10"`},
	&Command{Name: "hostrate", Summary: "a recipient host's figures as they change", Offline: true, Live: true,
		Params: []Param{hostParam, secondsParam}, Run: runHostRate,
		Help: "The first row shows what has changed since somebody last looked at the host, if anybody has."})

// RateRow is a row of rate. Received and completed count since ever.
type RateRow struct {
	Timestamp      time.Time `json:"timestamp"`
	Seq            uint64    `json:"seq,omitempty"` // of the past: the last record of then
	Inbound        int64     `json:"conn_in"`
	Outbound       int64     `json:"conn_out"`
	Received       uint64    `json:"inj_recips"`
	ReceivedDelta  uint64    `json:"inj_recips_delta"`
	Completed      uint64    `json:"completed_recips"`
	CompletedDelta uint64    `json:"completed_recips_delta"`
	Kilobytes      int64     `json:"kbytes_used"`

	Crashed   bool      `json:"crashed,omitempty"`  // of the past: after that record the gateway ended without a stop
	Restarted time.Time `json:"restarted,omitzero"` // when it was started again; zero: it was not yet
}

const rateHeading = "Time     Connections  Recipients           Recipients            Queue\n" +
	"            In   Out    Received   Delta    Completed   Delta   K-Used\n"

// rateRowOf takes out of the figures what rate shows; the deltas are still to come.
func rateRowOf(s projections.Status) RateRow {
	return RateRow{Timestamp: s.Timestamp, Inbound: s.Gauges[projections.GaugeInbound], Outbound: s.Gauges[projections.GaugeOutbound],
		Received: s.Counters[projections.RecipientsReceived].Lifetime, Completed: s.Counters[projections.CompletedRecipients].Lifetime,
		Kilobytes: s.Gauges[projections.GaugeKilobytesUsed]}
}

func runRate(ctx context.Context, c *Call) error {
	if period, given := c.Options[replayOption.Name]; given {
		return c.replay(ctx, period)
	}
	var last *RateRow
	return c.every(ctx, interval(c.Arg(0)), func() error {
		s, err := c.Gateway.Status(ctx)
		if err != nil {
			return err
		}
		if last == nil && c.Asker != nil {
			c.Say("Hit Ctrl-C to return to the main prompt.")
		}
		r := rateRowOf(s)
		return c.rateRow(&last, r)
	})
}

// rateRow prints a row, with what has changed since the last one.
func (c *Call) rateRow(last **RateRow, r RateRow) error {
	if *last != nil {
		r.ReceivedDelta, r.CompletedDelta = grown((*last).Received, r.Received), grown((*last).Completed, r.Completed)
	}
	*last = &r
	return c.Row(rateHeading, r, fmt.Sprintf("%s%6d%6d%12d%8d%13d%8d%9d\n", r.Timestamp.In(c.Zone).Format(time.TimeOnly),
		r.Inbound, r.Outbound, r.Received, r.ReceivedDelta, r.Completed, r.CompletedDelta, r.Kilobytes))
}

// replayOption lets rate show a period of the past.
var replayOption = Option{Name: "--replay", Value: "FROM-TO"}

// replayStep is how far apart the rows of a replay are unless seconds are given.
const replayStep = time.Minute

// replay prints the table as it was in a period.
func (c *Call) replay(ctx context.Context, period string) error {
	from, to, err := parsePeriod(period, c.time(), c.zone())
	if err != nil {
		return &UsageError{c.Command, replayOption.Name + ": " + err.Error()}
	}
	step := replayStep
	if c.given > 0 {
		step = interval(c.Arg(0))
	}
	if now := c.time(); to.After(now) && from.Before(now) {
		to = now.In(to.Location())
		if !c.begun {
			c.Say("The period ends in the future: it is shown up to now.")
		}
	}
	if !c.begun {
		c.begun = true
		c.Say(fmt.Sprintf("The past: from %s to %s.", Date(from, true), Date(to, true)))
	}
	var last *RateRow
	err = c.Gateway.Replay(ctx, from, to, step, func(r RateRow) error {
		if c.Over() {
			return errEnough
		}
		if c.shown++; last == nil && r.Timestamp.After(from) {
			c.Say("The history begins later than that: the first row counts what came since it begins.")
		}
		if r.Crashed && (last == nil || last.Seq != r.Seq) {
			c.Say(strings.TrimSuffix(crashLine(r.Restarted, c.zone()), "\n"))
		}
		return c.rateRow(&last, r)
	})
	if c.Over() && errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// grown is by how much a counter has grown; one that was reset meanwhile began at zero.
func grown(before, now uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

// hostRateRow is a row of hostrate.
type hostRateRow struct {
	Timestamp   time.Time             `json:"timestamp"`
	Host        string                `json:"host"`
	State       projections.HostState `json:"state"`
	Connections uint64                `json:"conn_out"`
	Active      uint64                `json:"active_recips"`
	ActiveDelta int64                 `json:"active_recips_delta"`
	Delivered   uint64                `json:"delivered_recips_delta"`
	HardBounced uint64                `json:"hard_bounced_recips_delta"`
	SoftBounced uint64                `json:"soft_bounced_evts_delta"`
}

const hostRateHeading = "    Time   Host   CrtCncOut   ActvRcp   ActvRcp   DlvRcp  HrdBncRcp  SftBncEvt\n" +
	"         Status                           Delta    Delta      Delta      Delta\n"

func runHostRate(ctx context.Context, c *Call) error {
	var last *HostReading
	return c.every(ctx, interval(c.Arg(1)), func() error {
		now, err := c.Gateway.HostReading(ctx, c.host())
		if err != nil {
			return err
		}
		if last == nil {
			last = now.Before
		}
		r := hostRateRow{Timestamp: now.Timestamp, Host: now.Host, State: now.State, Connections: now.Connections, Active: now.Active}
		if last != nil {
			r.ActiveDelta = int64(now.Active) - int64(last.Active)
			r.Delivered = grown(last.Delivered, now.Delivered)
			r.HardBounced = grown(last.HardBounced, now.HardBounced)
			r.SoftBounced = grown(last.SoftBounced, now.SoftBounced)
		}
		last = &now
		return c.Row(hostRateHeading, r, fmt.Sprintf("%s %7s%11d%10d%10d%9d%11d%11d\n", r.Timestamp.In(c.Zone).Format(time.TimeOnly),
			r.State, r.Connections, r.Active, r.ActiveDelta, r.Delivered, r.HardBounced, r.SoftBounced))
	})
}
