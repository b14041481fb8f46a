package shell

import (
	"context"
	"errors"
)

var errNotShut = errors.New("nothing was stopped: repeat it with --yes")

var _ = register(
	&Command{Name: "shutdown", Summary: "stop the gateway; mail stays in the queue", Params: []Param{graceParam}, Synopsis: "[SECONDS] [--yes]",
		Help: "What is open has SECONDS (30 when nothing is said) to end, then it is cut off. In batch it acts only with --yes.",
		Run:  func(ctx context.Context, c *Call) error { return c.shutDown(ctx, false) }},
	&Command{Name: "reboot", Summary: "stop the gateway and start it again", Params: []Param{graceParam}, Synopsis: "[SECONDS] [--yes]",
		Help: "The machine goes on; the gateway's program starts anew. What is open has SECONDS (30 when nothing is said) to end, then it is cut\n" +
			"off. In batch it acts only with --yes.",
		Run: func(ctx context.Context, c *Call) error { return c.shutDown(ctx, true) }})

// stopped is what shutdown and reboot have done, for programs.
type stopped struct {
	Stopped   bool `json:"stopped"`
	Restarted bool `json:"restarted"`
}

// shutDown stops the gateway, and leaves the shell whose gateway is gone.
func (c *Call) shutDown(ctx context.Context, restart bool) error {
	how := "shutting down"
	if restart {
		how = "rebooting"
	}
	if c.Asker == nil && !c.Yes {
		c.Say("This would stop the gateway" + map[bool]string{true: " and start it again"}[restart] + ".")
		return errNotShut
	}
	if err := c.running(ctx); err != nil {
		return err
	}
	c.Say(receivingWait)
	if err := c.Gateway.Shutdown(ctx, grace(c.Arg(0)), restart, func() { c.Say("Receiving suspended.\n" + deliveryWait) }); err != nil {
		return err
	}
	c.Say("Mail delivery suspended.")
	if err := c.Answer(stopped{true, restart}, "System "+how+". Please wait while the queue is being closed...\n"); err != nil || c.Asker == nil {
		return err
	}
	return errLeave
}
