package shell

import (
	"context"
	"fmt"
	"strings"
	"time"
)

var _ = register(
	&Command{Name: "date", Summary: "the gateway's date and time", Offline: true, Anywhere: true, Run: func(ctx context.Context, c *Call) error {
		now, err := c.Gateway.Clock(ctx)
		if err != nil {
			return err
		}
		return c.Answer(now, Date(now.Time.In(c.Zone), true)+"\n")
	}},
	&Command{Name: "version", Summary: "which program runs, since when, and on what machine", Offline: true, Anywhere: true,
		Help: "Build Date is that of the program's file, Install Date that of the store's first start. The serial number is made of\n" +
			"the gateway's host name. RAID shows the arrays that the kernel knows; what a controller hides is not seen.",
		Run: func(ctx context.Context, c *Call) error {
			v, err := c.Gateway.Version(ctx)
			if err != nil {
				return err
			}
			return c.Answer(v, renderVersion(v, c.Zone))
		}},
	&Command{Name: "tcpservices", Summary: "where the gateway listens", Offline: true, Run: func(ctx context.Context, c *Call) error {
		s, err := c.Gateway.Services(ctx)
		if err != nil {
			return err
		}
		return c.Answer(s, renderServices(s))
	}})

func renderVersion(v Version, zone *time.Location) string {
	known := func(t time.Time, layout string) string {
		if t.IsZero() {
			return ""
		}
		return t.In(zone).Format(layout)
	}
	raid := v.RAID
	if raid == "" {
		raid = "no software array"
	}
	var b strings.Builder
	b.WriteString("\nCurrent Version\n===============\n")
	for _, row := range [][2]string{{"Product", v.Product}, {"Model", v.Model}, {"Version", v.Version}, {"Build Date", known(v.Built, time.DateOnly)},
		{"Install Date", known(v.Installed, time.DateTime)}, {"Serial #", v.Serial}, {"BIOS", v.BIOS}, {"RAID", raid}} {
		if row[1] == "" {
			row[1] = "unknown"
		}
		fmt.Fprintf(&b, "%s: %s\n", row[0], row[1])
	}
	return b.String()
}

func renderServices(s Services) string {
	var features, sockets [][]string
	for _, f := range s.Features {
		what := "- " + f.What
		if !f.Listening {
			what += " (does not listen)"
		}
		features = append(features, []string{"  " + f.Name, what})
	}
	sockets = append(sockets, []string{"COMMAND", "USER", "TYPE", "NODE", "NAME"})
	for _, r := range s.Sockets {
		sockets = append(sockets, []string{r.Command, r.User, r.Type, r.Node, r.Name})
	}
	return "\nSystem Processes (Note: All processes may not always be present)\n" +
		"  postern  - receives, queues, delivers and writes the logs\n" +
		"\nFeature Processes\n" + aligned(features...) + "\n" + aligned(sockets...)
}
