package shell

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"postern/projections"
)

var _ = register(&Command{Name: "verify", Summary: "prove that no message was lost and that the books balance", Offline: true,
	Help: `Proved from the journal, up to its end: that its records are those that were written, that every recipient that came has left
or is here, in all and for each destination, that the queue as it is kept for a quick start and the keyframes of the figures
are what a replay gives, and that the content of every queued message is there. What is wrong is named, and the exit status
is 1. It reads the whole history; mail goes on meanwhile.`,
	Run: runVerify})

func runVerify(ctx context.Context, c *Call) error {
	wrong := 0
	err := c.Gateway.Verify(ctx, func(p projections.Proof) error {
		n := len(p.Wrong) + p.More
		wrong += n
		if c.JSON {
			return json.NewEncoder(c.Out).Encode(p)
		}
		if n == 0 {
			return c.Say(fmt.Sprintf("%-6s true   %s", p.What, p.Proved))
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%-6s FALSE  %d wrong:", p.What, n)
		for _, w := range p.Wrong {
			b.WriteString("\n  " + Printable(w))
		}
		if p.More > 0 {
			fmt.Fprintf(&b, "\n  and %d more", p.More)
		}
		return c.Say(b.String())
	})
	if err == nil && wrong > 0 {
		return fmt.Errorf("the journal does not prove true: %d findings", wrong)
	}
	return err
}
