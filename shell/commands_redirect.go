package shell

import (
	"context"
	"fmt"

	"postern/engine"
)

var _ = register(&Command{Name: "redirectrecipients", Summary: "send the mail in the queue to another machine", OwnFlags: true,
	Synopsis: "HOST[:PORT] [host DOMAIN | from ADDRESS | all [OPTION ...]] [--yes]", Run: runRedirect,
	Params: []Param{{Name: "TARGET", Optional: true, Complete: completeHost}, {Name: "SELECTION", Optional: true, Rest: true, Complete: completeSelection()}},
	Help: "Without a selection all mail in the queue is redirected. undo takes it back for a while.\n" +
		"In batch it acts only with --yes; without it, it says what it would touch.\n" + selectionHelp})

const redirectWarning = "WARNING: redirecting recipients to a host or IP address that is not prepared to accept large volumes of SMTP mail from this host " +
	"will cause messages to bounce and possibly result in the loss of mail."

func runRedirect(ctx context.Context, c *Call) error {
	w, err := parseSelection(c.Command, c.Args, true)
	switch {
	case err != nil:
		return err
	case w.target == "" && (w.chosen || c.Asker == nil):
		return &UsageError{c.Command, "say first which machine the mail is to be sent to: HOST[:PORT]"}
	case w.target != "":
		if _, err := parseTarget(w.target); err != nil {
			return &UsageError{c.Command, err.Error()}
		}
	default:
		if w.target, err = c.Question(ctx, Param{Question: "Please enter the hostname or IP address of the machine you want to send all mail to.",
			Required: true, Check: func(word string) error { _, err := parseTarget(word); return err }, Complete: completeHost}); err != nil {
			return err
		}
	}
	judged, err := c.Gateway.RedirectTarget(ctx, w.target)
	if err != nil {
		return err
	}
	if c.Asker != nil {
		c.Say("\n" + redirectWarning)
	}
	for _, warning := range judged.Warnings {
		c.Say("WARNING: " + oneLine(warning))
	}
	question := fmt.Sprintf("%s to %q", redirectVerb.question(w.Selection), w.target)
	return c.order(ctx, engine.Order{Action: engine.ActionRedirect, Target: judged.Target, Selection: w.Selection}, redirectVerb, question, judged.Warnings)
}
