package shell

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"postern/projections"
)

// hostParam asks for a destination; it completes from those in memory.
var hostParam = Param{Name: "HOST", Question: "Recipient host:", Required: true, Check: checkHost, Complete: completeHost}

// checkHost tells why a word cannot be a destination: a domain, or an address in brackets.
func checkHost(word string) error {
	switch {
	case word == "":
		return errors.New("give the name of a recipient host")
	case strings.Contains(word, "@"):
		return fmt.Errorf("%q is an address: give the host only, what stands after the @", word)
	case len(word) > 255 || strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || steers(r) }):
		return fmt.Errorf("%.60q is not the name of a host", word)
	}
	return nil
}

// host is the destination that a command was given, without the final dot of its full name.
func (c *Call) host() string { return strings.TrimSuffix(c.Arg(0), ".") }

// suggested is how many hosts are offered to complete a word.
const suggested = 20

func completeHost(ctx context.Context, g Gateway, word string) (list []Suggestion) {
	names, err := g.HostNames(ctx, word, suggested)
	if err != nil {
		return nil
	}
	for _, name := range names {
		list = append(list, Suggestion{Text: name})
	}
	return list
}

var _ = register(&Command{Name: "hoststatus", Summary: "all that is known of a recipient host", Offline: true, Params: []Param{hostParam},
	Options: []Option{atOption},
	Help:    "Counters run since the last resetcounters. Addresses and MX records are those in the resolver's cache: none are looked up.\n" + atHelp,
	Run: func(ctx context.Context, c *Call) error {
		at, err := c.asOf()
		if err != nil {
			return err
		}
		ask := c.Gateway.Host
		if !at.IsZero() {
			ask = func(ctx context.Context, name string) (HostReport, error) { return c.Gateway.HostAt(ctx, name, at) }
		}
		r, err := ask(ctx, c.host())
		if err != nil {
			return err
		}
		return c.Answer(r, RenderHost(r, c.Zone))
	}})

// hostOrders are the keys of the menu of tophosts, in the order of projections.HostOrder.
var hostOrders = []Choice{
	{Key: "active_rcpts", Title: "Active Recipients"},
	{Key: "conn_out", Title: "Connections Out"},
	{Key: "delivered_rcpts", Title: "Delivered Recipients"},
	{Key: "soft_bounced_evts", Title: "Soft Bounced Events"},
	{Key: "hard_bounced_rcpts", Title: "Hard Bounced Recipients"},
}

// otherOrders are words that mean the same, those of the XML status feed among them.
var otherOrders = map[string]string{
	"active": "active_rcpts", "active_recips": "active_rcpts", "connections": "conn_out", "delivered": "delivered_rcpts",
	"delivered_recips": "delivered_rcpts", "soft": "soft_bounced_evts", "hard": "hard_bounced_rcpts", "hard_bounced_recips": "hard_bounced_rcpts",
}

// topHosts is how many rows tophosts has.
const topHosts = 20

var _ = register(&Command{Name: "tophosts", Summary: "the recipient hosts with the most mail", Offline: true,
	Params:  []Param{{Name: "ORDER", Question: "Sort results by:", Default: "active_rcpts", Choices: hostOrders, Also: otherOrders}},
	Options: []Option{atOption}, Help: atHelp,
	Run: func(ctx context.Context, c *Call) error {
		at, err := c.asOf()
		if err != nil {
			return err
		}
		order := projections.ByActive
		for i, o := range hostOrders {
			if o.Key == c.Arg(0) {
				order = projections.HostOrder(i)
			}
		}
		ask := c.Gateway.TopHosts
		if !at.IsZero() {
			ask = func(ctx context.Context, order projections.HostOrder, n int) (TopHosts, error) {
				return c.Gateway.TopHostsAt(ctx, order, n, at)
			}
		}
		top, err := ask(ctx, order, topHosts)
		if err != nil {
			return err
		}
		return c.Answer(top, RenderTopHosts(top, c.Zone))
	}})

// topInbound is how many rows topin has unless more are asked for.
const topInbound = 20

var _ = register(&Command{Name: "topin", Summary: "the hosts with the most open connections to this gateway", Offline: true,
	Params:  []Param{{Name: "ROWS", Optional: true, Check: func(word string) error { return checkNumber(word, "rows", maxTopInbound) }}},
	Options: []Option{atOption}, Help: atHelp + "\n                as the facts told of clients: one tells of a client when it begins to send",
	Run: func(ctx context.Context, c *Call) error {
		at, err := c.asOf()
		if err != nil {
			return err
		}
		n := topInbound
		if c.Arg(0) != "" {
			n, _ = strconv.Atoi(c.Arg(0))
		}
		ask := c.Gateway.TopInbound
		if !at.IsZero() {
			ask = func(ctx context.Context, n int) (TopInbound, error) { return c.Gateway.TopInboundAt(ctx, n, at) }
		}
		top, err := ask(ctx, n)
		if err != nil {
			return err
		}
		return c.Answer(top, RenderTopInbound(top, c.Zone))
	}})

// checkNumber tells why a word is no number from 1 to most.
func checkNumber(word, of string, most int) error {
	if n, err := strconv.Atoi(word); err != nil || n < 1 || n > most {
		return fmt.Errorf("%q is not a number of %s from 1 to %d", word, of, most)
	}
	return nil
}
