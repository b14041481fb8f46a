package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"postern/engine"
	"postern/projections"
)

// recipientsVerb is something that is done to selected mail, in the words of its dialogue.
type recipientsVerb struct {
	action            string
	verb, doing, done string // delete, Deleting, deleted
	all               string // what "all" is: all messages in the queue
}

var (
	deleteVerb   = &recipientsVerb{engine.ActionDelete, "delete", "Deleting", "deleted", "all messages in the delivery queue (all active recipients)"}
	bounceVerb   = &recipientsVerb{engine.ActionBounce, "bounce", "Bouncing", "bounced", "all messages in the queue"}
	holdVerb     = &recipientsVerb{engine.ActionHold, "hold", "Holding", "held", "all messages in the queue"}
	releaseVerb  = &recipientsVerb{engine.ActionRelease, "release", "Releasing", "released", "all messages that are held"}
	redirectVerb = &recipientsVerb{engine.ActionRedirect, "redirect", "Redirecting", "redirected", "all mail in the queue"}
	showVerb     = &recipientsVerb{"", "show", "Showing", "shown", ""}
)

var _ = register(
	deleteVerb.command("deleterecipients", "delete mail in the queue", "Nobody is told of what is deleted. undo brings it back for a while.\n"),
	bounceVerb.command("bouncerecipients", "bounce mail in the queue", "Senders get a bounce message. undo takes it back for a while, as long as that has not left.\n"),
	holdVerb.command("hold", "keep mail in the queue from being delivered", "What is held is not tried until it is released.\n"),
	releaseVerb.command("release", "let mail that is held be delivered", "What is held as in doubt, because its peer may have it, goes with it: indoubt lists that.\n"))

// command is the verb's, whose dialogue is that of AsyncOS.
func (v *recipientsVerb) command(name, summary, help string) *Command {
	c := &Command{Name: name, Summary: summary, OwnFlags: true, Synopsis: selectionSynopsis + " [--yes]", Run: v.run,
		Params: []Param{{Name: "SELECTION", Optional: true, Rest: true, Complete: completeSelection()}},
		Help:   help + "In batch it acts only with --yes; without it, it says what it would touch.\n" + selectionHelp}
	if v == holdVerb {
		c.Synopsis = selectionSynopsis + " [--reason TEXT] [--yes]"
		c.Params[0].Complete = completeSelection("--reason")
		c.Help += "\n  --reason TEXT    why, for the log"
	}
	return c
}

func (v *recipientsVerb) run(ctx context.Context, c *Call) error {
	w, err := parseSelection(c.Command, c.Args, false)
	if err != nil {
		return err
	}
	if err := c.choose(ctx, &w, v); err != nil {
		return err
	}
	question := v.question(w.Selection)
	var warnings []string
	if v == releaseVerb {
		w.Held = true
		if warnings, err = c.doubtsHeld(ctx, w.Selection); err != nil {
			return err
		}
	}
	return c.order(ctx, engine.Order{Action: v.action, Reason: w.reason, Selection: w.Selection}, v, question, warnings)
}

// choose asks what is selected when the command line does not say. The answers take the place of arguments: who is asked
// again, of another gateway, is not asked twice.
func (c *Call) choose(ctx context.Context, w *selectionWords, v *recipientsVerb) error {
	if w.chosen {
		return nil
	}
	if c.Asker == nil {
		return &UsageError{c.Command, "say which messages: host DOMAIN, from ADDRESS or all"}
	}
	how, err := c.Question(ctx, Param{Question: "Please select how you would like to " + v.verb + " messages:", Default: "host",
		Choices: []Choice{{"host", "By recipient host."}, {"from", "By Envelope From address."}, {"all", "All."}}})
	if err != nil {
		return err
	}
	switch how {
	case "host":
		answer, err := c.Question(ctx, Param{Question: "Please enter the hostname for the messages you wish to " + v.verb + ".", Required: true,
			Check: checkDomain, Complete: completeHost})
		if err != nil {
			return err
		}
		c.Args = []string{"host", answer}
		w.Host, err = parseDomain(answer)
		return err
	case "from":
		answer, err := c.Question(ctx, Param{Question: "Please enter the Envelope From address for the messages you wish to " + v.verb + ".", Required: true,
			Check: checkSender})
		if err != nil {
			return err
		}
		c.Args = []string{"from", answer}
		w.From, err = parseSender(answer)
		return err
	}
	c.Args = []string{"all"}
	return nil
}

// question is what a person is asked before anything is touched: in the words of AsyncOS where it knows such a selection.
func (v *recipientsVerb) question(s engine.Selection) string {
	rest := s
	rest.Host, rest.From = "", nil
	what := fmt.Sprintf("the messages selected (%s)", s)
	switch {
	case rest != engine.Selection{} || s.Host != "" && s.From != nil:
	case s.Host != "":
		what = fmt.Sprintf("all messages being delivered to %q", s.Host)
	case s.From != nil && *s.From == "":
		what = `all messages with the Envelope From address of "<>"`
	case s.From != nil:
		what = fmt.Sprintf("all messages with the Envelope From address of %q", *s.From)
	default:
		what = v.all
	}
	return "Are you sure you want to " + v.verb + " " + what
}

// wouldTouch is what an order would do, for programs.
type wouldTouch struct {
	Action    string           `json:"action"`
	Target    string           `json:"target,omitempty"`
	Selection engine.Selection `json:"selection"`
	engine.Preview
	Warnings []string `json:"warnings,omitempty"`
}

// wasTouched is what an order has done, for programs.
type wasTouched struct {
	Action string `json:"action"`
	Target string `json:"target,omitempty"`
	engine.Done
	Excluded []pastRecall `json:"excluded,omitempty"` // their delivery could not be stopped any more
	Left     uint64       `json:"left,omitempty"`     // recipients that left between the preview and the order
	MIDs     []uint32     `json:"mids"`               // ascending
	Warnings []string     `json:"warnings,omitempty"`
}

// pastRecall are recipients of a message whose delivery could not be stopped any more.
type pastRecall struct {
	Message uint64   `json:"message"`
	MID     uint32   `json:"mid"`
	RIDs    []uint32 `json:"rids"`
}

// order counts what would be touched, has it confirmed and done, and says what was done. In batch --yes confirms it.
func (c *Call) order(ctx context.Context, o engine.Order, v *recipientsVerb, question string, warnings []string) error {
	var before *engine.Preview
	if c.Asker != nil || !c.Yes {
		p, err := c.Gateway.Preview(ctx, o.Selection)
		if err != nil {
			return err
		}
		if c.Asker == nil {
			return c.refuseWithoutYes(wouldTouch{o.Action, o.Target, o.Selection, p, warnings}, v)
		}
		before, o.AsOf = &p, p.AsOf
		if err := c.Say(fmt.Sprintf("\n%s %s.", count(p.Messages, "message"), either(p.Messages, "matches", "match"))); err != nil {
			return err
		}
		if p.Messages == 0 {
			_, err := io.WriteString(c.Out, c.unreached(ctx))
			return err
		}
		if yes, err := c.Confirm(ctx, question+"?", false); err != nil || !yes {
			return err
		}
	}
	if err := c.running(ctx); err != nil {
		return err
	}
	c.Say(v.doing + " messages, please wait.")
	result := wasTouched{Action: o.Action, Target: o.Target, MIDs: []uint32{}, Warnings: warnings}
	var err error
	if result.Done, err = c.carryOut(ctx, &result.MIDs, func(tell func(engine.Progress)) (engine.Done, error) { return c.Gateway.Order(ctx, o, tell) }); err != nil {
		return err
	}
	known := result.Recipients
	for _, m := range result.Done.Excluded {
		result.Excluded = append(result.Excluded, pastRecall{m.Message, m.MID, m.RIDs})
		known += uint64(len(m.RIDs))
	}
	if before != nil && before.Recipients > known {
		result.Left = before.Recipients - known
	}
	text := v.result(&result)
	if result.Messages == 0 {
		text += c.unreached(ctx)
	}
	return c.Answer(result, text)
}

// running is an error if the gateway does not run: before it is said that something happens now.
func (c *Call) running(ctx context.Context) error {
	if _, err := c.Gateway.Identity(ctx); errors.Is(err, ErrNotRunning) {
		return err
	}
	return nil
}

// unreached is a line about mail that an order does not reach, since it is in the work queue still; "" when there is none.
func (c *Call) unreached(ctx context.Context) string {
	if c.JSON {
		return ""
	}
	s, err := c.Gateway.Status(ctx)
	if n := s.Gauges[projections.GaugeWorkQueue]; err == nil && n > 0 {
		return fmt.Sprintf("%s %s in the work queue, which orders do not reach.\n", count(n, "message"), either(n, "waits", "wait"))
	}
	return ""
}

// refuseWithoutYes says what a batch command would have done.
func (c *Call) refuseWithoutYes(w wouldTouch, v *recipientsVerb) error {
	text := fmt.Sprintf("%s (%s) would be %s: %s\n", count(w.Messages, "message"), count(w.Recipients, "recipient"), v.done, oneLine(w.Selection.String()))
	if err := c.Answer(w, text); err != nil {
		return err
	}
	return fmt.Errorf("nothing was %s: repeat it with --yes", v.done)
}

// carryOut has an order done, shows how far it is, and gathers the MIDs for programs.
func (c *Call) carryOut(ctx context.Context, mids *[]uint32, do func(tell func(engine.Progress)) (engine.Done, error)) (engine.Done, error) {
	line, taken := c.progress(), false
	done, err := do(func(p engine.Progress) {
		taken = true
		line.show(p.Done, p.Total)
		if c.JSON {
			*mids = append(*mids, p.MIDs...)
		}
	})
	line.erase()
	slices.Sort(*mids)
	*mids = slices.Compact(*mids)
	switch {
	case err != nil && ctx.Err() != nil && !taken:
		c.Say(`The order may have been taken: "undo" shows it if it was.`)
	case err != nil && ctx.Err() != nil:
		c.Say(`What is under way goes on in the gateway: "undo" shows it.`)
	case errors.Is(err, errBrokenOff):
		err = fmt.Errorf(`%w: "undo" shows whether the order was taken, and how far it is`, err)
	}
	return done, err
}

// result is what was done, in the words of AsyncOS; what was not done stands on lines of its own.
func (v *recipientsVerb) result(r *wasTouched) string {
	text := fmt.Sprintf("%s %s.\n", count(r.Messages, "message"), v.done)
	if v == redirectVerb {
		text = fmt.Sprintf("%s %s.\n", count(r.Recipients, "recipient"), v.done)
	}
	if r.Left > 0 && v == holdVerb {
		text += fmt.Sprintf("%s held already, or had left the queue since they were counted.\n", count(r.Left, "recipient")+either(r.Left, " was", " were"))
	} else if r.Left > 0 {
		text += fmt.Sprintf("%s had left the queue since they were counted.\n", count(r.Left, "recipient"))
	}
	return text + renderPastRecall(r.Excluded)
}

// maxNamed is how many messages are named where many may have to be.
const maxNamed = 100

// renderPastRecall names, on one line, the recipients that could not be stopped any more.
func renderPastRecall(list []pastRecall) string {
	if len(list) == 0 {
		return ""
	}
	var names []string
	recipients := 0
	for i, m := range list {
		if recipients += len(m.RIDs); i < maxNamed {
			names = append(names, midOf(m.MID, m.RIDs))
		}
	}
	text := fmt.Sprintf("%s past recall, their delivery could not be stopped any more: %s", count(recipients, "recipient")+either(recipients, " was", " were"), strings.Join(names, ", "))
	if more := len(list) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + ".\n"
}

// midOf names recipients of a message as the log does: MID 12 [0, 3].
func midOf(mid uint32, rids []uint32) string {
	var numbers []string
	for _, rid := range rids[:min(len(rids), maxNamed)] {
		numbers = append(numbers, strconv.FormatUint(uint64(rid), 10))
	}
	if len(rids) > maxNamed {
		numbers = append(numbers, "...")
	}
	return fmt.Sprintf("MID %d [%s]", mid, strings.Join(numbers, ", "))
}
