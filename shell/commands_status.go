package shell

import (
	"context"
)

var _ = register(&Command{Name: "status", Summary: "counters, rates and gauges of the gateway", Offline: true,
	Params: []Param{{Name: "detail", Optional: true, Choices: []Choice{{Key: "detail", Title: "detail"}}}},
	Run: func(ctx context.Context, c *Call) error {
		s, err := c.Gateway.Status(ctx)
		if err != nil {
			return err
		}
		return c.Answer(s, "\n"+RenderStatus(s, c.Arg(0) == "detail", c.Zone))
	}})
