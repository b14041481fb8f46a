package shell

import (
	"context"
)

var _ = register(&Command{Name: "status", Summary: "counters, rates and gauges of the gateway", Offline: true,
	Params:  []Param{{Name: "detail", Optional: true, Choices: []Choice{{Key: "detail", Title: "detail"}}}},
	Options: []Option{atOption}, Help: "The figures of the present, or with\n" + atHelp + `
those of the past, exactly as the journal's records up to then give them. Where the clock was set back and a time came
twice, the later one is meant. What is measured once a minute is as of the last sample, and the answer names it; what
nothing is written down of is "not recorded".`,
	Run: func(ctx context.Context, c *Call) error {
		at, err := c.asOf()
		if err != nil {
			return err
		}
		s, err := c.statusOf(ctx, at)
		if err != nil {
			return err
		}
		return c.Answer(s, "\n"+RenderStatus(s, c.Arg(0) == "detail", c.Zone))
	}})
