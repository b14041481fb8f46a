package shell

import (
	"context"
	"fmt"
	"strings"
)

var _ = register(&Command{Name: "sethostname", Summary: "the gateway's own name", Synopsis: "[HOSTNAME]", Configures: true, Offline: true,
	Params: []Param{{Name: "HOSTNAME", Optional: true, Check: checkDomain}},
	Help: "It stands in the prompt, in greetings, Received lines and notifications. Interfaces that have had the same name take the new one\n" +
		"too. The change is pending until commit.",
	Run: runSetHostname})

func runSetHostname(ctx context.Context, c *Call) error {
	d, err := c.Pending(ctx)
	if err != nil {
		return err
	}
	t := &turn{Call: c, document: d, words: c.Args}
	if c.Asker == nil && len(c.Args) == 0 {
		return c.Answer(map[string]string{"hostname": d.Hostname}, d.Hostname+"\n")
	}
	if c.stopped() {
		return ErrNotRunning
	}
	before := d.Hostname
	if err := t.field(ctx, "Enter the fully qualified name of this gateway.", d, "hostname", "hostname"); err != nil {
		return err
	}
	var followed []string
	for i := range d.Interfaces {
		if in := &d.Interfaces[i]; in.Hostname == before && before != d.Hostname {
			in.Hostname = d.Hostname
			followed = append(followed, in.Name)
		}
	}
	if err := c.Change(ctx, d); err != nil {
		return err
	}
	said := "The hostname is " + d.Hostname + ".\n"
	if len(followed) > 0 {
		said += fmt.Sprintf("It is that of %s too.\n", strings.Join(followed, ", "))
	}
	return c.answerChange(map[string]string{"hostname": d.Hostname}, said)
}
