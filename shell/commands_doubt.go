package shell

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"postern/engine"
	"postern/journal"
	"postern/projections"
)

var _ = register(&Command{Name: "indoubt", Summary: "mail that its peer may have without our knowing", Offline: true, OwnFlags: true,
	Synopsis: "[--since TIME] | resend|delivered MID [RID] [--yes]",
	Params:   []Param{{Name: "WORD", Optional: true, Rest: true, Complete: completeDoubt}},
	Help: `The attempts that were started and have no certain outcome: the reply to the end of the message was lost, or the gateway
ended before it was written down; and what was done about them. What is done stands in the configuration, [delivery] in_doubt
and [[delivery.doubt]]: such mail is sent again (resend), held, or held until somebody answers (ask).
  --since TIME            since then: 2026-11-23, "2026-11-23 03:10", 90m, 4h, 2d (ago)
  resend MID [RID]        let what is held as in doubt go on: it may arrive twice
  delivered MID [RID]     take it for delivered; its sender is not told
In batch an answer takes --yes.`,
	Run: runInDoubt})

func completeDoubt(context.Context, Gateway, string) []Suggestion {
	return []Suggestion{{"--since", "since a time"}, {journal.AnswerResend, "let it go on"}, {journal.AnswerDelivered, "take it for delivered"}}
}

func runInDoubt(ctx context.Context, c *Call) error {
	words := c.Args
	if len(words) > 0 && (words[0] == journal.AnswerResend || words[0] == journal.AnswerDelivered) {
		return c.answerDoubt(ctx, words[0], words[1:])
	}
	since, err := c.sinceWords(words)
	if err != nil {
		return err
	}
	list, err := c.Gateway.InDoubt(ctx, since)
	if err != nil {
		return err
	}
	return c.Answer(list, renderDoubts(list, c.time(), c.Zone))
}

// sinceWords reads --since TIME or nothing.
func (c *Call) sinceWords(words []string) (since time.Time, err error) {
	if len(words) == 0 {
		return since, nil
	}
	name, value, given := strings.Cut(words[0], "=")
	rest := words[1:]
	if name == "--since" && !given && len(rest) > 0 {
		value, rest = rest[0], rest[1:]
	}
	if name != "--since" || value == "" || len(rest) > 0 {
		return since, &UsageError{c.Command, fmt.Sprintf("indoubt does not take %.60q", strings.Join(words, " "))}
	}
	if since, err = parseMoment(value, c.time(), c.Zone); err != nil {
		return since, &UsageError{c.Command, err.Error()}
	}
	return since, nil
}

// answerDoubt has an operator's answer confirmed and carried out.
func (c *Call) answerDoubt(ctx context.Context, answer string, words []string) error {
	if c.stopped() {
		return ErrNotRunning
	}
	if len(words) == 0 || len(words) > 2 {
		return &UsageError{c.Command, "say which message: MID, or MID and RID"}
	}
	mid, err := parseMID(words[0])
	if err != nil {
		return err
	}
	var rid *uint32
	if len(words) == 2 {
		n, err := parseRID(words[1])
		if err != nil {
			return err
		}
		rid = &n
	}
	list, err := c.Gateway.InDoubt(ctx, time.Time{})
	if err != nil {
		return err
	}
	a := openDoubt(list, mid, rid)
	if len(a.RIDs) == 0 {
		return notInDoubt(mid, rid)
	}
	what := fmt.Sprintf("send %s again, which may bring it twice", midOf(a.MID, a.RIDs))
	if answer == journal.AnswerDelivered {
		what = fmt.Sprintf("take %s for delivered", midOf(a.MID, a.RIDs))
	}
	if c.Asker == nil && !c.Yes {
		return fmt.Errorf("this would %s: repeat it with --yes", what)
	}
	if c.Asker != nil {
		if yes, err := c.Confirm(ctx, "Are you sure you want to "+what+"?", false); err != nil || !yes {
			return err
		}
	}
	if a, err = c.Gateway.AnswerDoubt(ctx, mid, rid, answer); err != nil {
		return err
	}
	text := midOf(a.MID, a.RIDs) + " goes on, at its time.\n"
	if answer == journal.AnswerDelivered {
		text = midOf(a.MID, a.RIDs) + " is taken for delivered.\n"
	}
	return c.Answer(a, text)
}

// doubtsHeld warns whoever releases mail of what is among it, or may be, that is held because its peer may have it.
func (c *Call) doubtsHeld(ctx context.Context, s engine.Selection) (warnings []string, err error) {
	held, err := c.Gateway.HeldInDoubt(ctx, s.MID, s.Host)
	if err != nil && !errors.Is(err, errNoQueue) { // the order says that itself
		return nil, err
	}
	if held == 0 {
		return nil, nil
	}
	warning := fmt.Sprintf("%s held as in doubt: what of it is released may arrive twice (indoubt lists it)", plural(held, "recipient")+either(held, " is", " are"))
	return []string{warning}, c.Say("WARNING: " + warning)
}

// renderDoubts writes a doubt with a line for each of its recipients.
func renderDoubts(list DoubtList, now time.Time, zone *time.Location) string {
	if len(list.Doubts) == 0 {
		return "Nothing is in doubt.\n"
	}
	e := &explanation{Explanation: &projections.Explanation{Now: now}, zone: zone}
	if list.More > 0 {
		fmt.Fprintf(e, "%s not listed.\n", plural(list.More, "older one")+either(list.More, " is", " are"))
	}
	for i := range list.Doubts {
		d := &list.Doubts[i]
		if !d.Time.IsZero() {
			e.WriteString(Date(d.Time.In(zone), false) + "  ")
		}
		fmt.Fprintf(e, "MID %d  attempt %d to %s: %s\n", d.MID, d.Attempt, oneLine(d.Destination), oneLine(d.Reason))
		for k, c := range d.Recipients {
			if k == maxNamed {
				fmt.Fprintf(e, "   and %s\n", plural(len(d.Recipients)-k, "more recipient"))
				break
			}
			fmt.Fprintf(e, "   RID %d  %s: %s\n", c.RID, oneLine(c.Address), e.done(d.MID, &c))
		}
	}
	return e.String()
}

// done says what was done about a recipient in doubt.
func (e *explanation) done(mid uint32, c *projections.DoubtRCPT) string {
	next := ""
	if !c.Next.IsZero() {
		next = " " + e.at(c.Next)
	}
	switch c.Done {
	case projections.DoubtCutOff:
		return "nothing yet: the next start decides"
	case projections.DoubtWaits:
		return "it is sent again" + next
	case projections.DoubtHeld:
		return "held" + e.since(" since ", c.Since) + byWhom(c.By)
	case projections.DoubtAsked:
		return fmt.Sprintf("waits for an answer%s: indoubt resend %d %d, or indoubt delivered %d %d", e.since(" since ", c.Since), mid, c.RID, mid, c.RID)
	case projections.DoubtReleased:
		return "released" + e.since(" ", c.Since) + byWhom(c.By)
	case projections.DoubtResent:
		return "sent again" + e.since(" ", c.Since)
	case projections.DoubtDelivered:
		return "taken for delivered" + e.since(" ", c.Since) + byWhom(c.By)
	}
	return string(c.Done) + e.since(" ", c.Since) + byWhom(c.By)
}
