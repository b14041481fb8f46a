package shell

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

var _ = register(&Command{Name: "delivernow", Summary: "try mail that waits at once", Synopsis: "[host] DOMAIN | all", Run: runDeliverNow,
	Params: []Param{{Name: "DOMAIN", Optional: true, Rest: true, Complete: func(ctx context.Context, g Gateway, word string) []Suggestion {
		return append([]Suggestion{{"all", "All messages"}, {"host", "By recipient host"}}, completeHost(ctx, g, word)...)
	}}},
	Help: "What waits for its next attempt is due now, and hosts that are down are tried. The domain is compared whole;\n" +
		"HOST:PORT is what redirectrecipients has sent mail to."})

// scheduled is what delivernow has scheduled, for programs.
type scheduled struct {
	Domain string `json:"domain"` // "" : all
}

func runDeliverNow(ctx context.Context, c *Call) error {
	words := c.Args
	if len(words) == 2 && strings.EqualFold(words[0], "host") {
		words = words[1:]
	}
	domain, err := "", error(nil)
	switch {
	case len(words) > 1 || len(words) == 1 && strings.EqualFold(words[0], "host"):
		return &UsageError{Command: c.Command}
	case len(words) == 1 && strings.EqualFold(words[0], "all") && len(c.Args) == 1:
	case len(words) == 1:
		if domain, err = parseDestination(words[0]); err != nil {
			return &UsageError{c.Command, err.Error()}
		}
	case c.Asker == nil:
		return &UsageError{Command: c.Command}
	default:
		if domain, err = c.askDeliverNow(ctx); err != nil {
			return err
		}
	}
	if err := c.Gateway.ForceDelivery(ctx, domain); err != nil {
		return err
	}
	text := "Rescheduling all messages for immediate delivery.\n"
	if domain != "" {
		text = fmt.Sprintf("Rescheduling all messages to %s for immediate delivery.\n", domain)
	}
	// That it is done does not depend on whether this can be said.
	if s, err := c.Gateway.Status(ctx); err == nil && (slices.Contains(s.DeliverySuspended, everyDomain) ||
		domain != "" && slices.Contains(s.DeliverySuspended, strings.ToLower(domain))) {
		text += "Mail delivery is suspended; it begins when it is resumed.\n"
	}
	return c.Answer(scheduled{domain}, text)
}

func (c *Call) askDeliverNow(ctx context.Context) (string, error) {
	how, err := c.Question(ctx, Param{Question: "Please choose an option for scheduling immediate delivery.", Default: "host",
		Choices: []Choice{{"host", "By recipient host"}, {"all", "All messages"}}})
	if err != nil || how == "all" {
		return "", err
	}
	answer, err := c.Question(ctx, Param{Question: "Please enter the domain to schedule for immediate delivery.", Required: true,
		Check: checkDestination, Complete: completeHost})
	if err != nil {
		return "", err
	}
	return parseDestination(answer)
}
