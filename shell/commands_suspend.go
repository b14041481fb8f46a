package shell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// graceParam asks how long what is open is given to end by itself.
var graceParam = Param{Name: "SECONDS", Question: "Enter the number of seconds to wait before abruptly closing connections.", Default: "30", Check: checkGrace}

// checkGrace tells why a word is no number of seconds to wait.
func checkGrace(word string) error {
	if n, err := strconv.Atoi(word); err != nil || n < 0 || n > maxGrace {
		return fmt.Errorf("%.60q is not a number of seconds from 0 to %d", word, maxGrace)
	}
	return nil
}

func grace(word string) time.Duration {
	n, _ := strconv.Atoi(word)
	return time.Duration(n) * time.Second
}

var domainsParam = Param{Name: "DOMAIN", Optional: true, Rest: true, Complete: completeHost}

// maxDomains is how many domains a command takes at once.
const maxDomains = 50

const (
	receivingWait = "Waiting for listeners to exit..."
	deliveryWait  = "Waiting for outgoing deliveries to finish..."
)

var _ = register(
	&Command{Name: "suspenddel", Summary: "stop delivering mail, to all domains or to some", Params: []Param{domainsParam},
		Synopsis: "[SECONDS] [DOMAIN ...]",
		Help: "No new delivery begins; those under way have SECONDS (30 when nothing is said) to end, then they are cut off. Mail is still\n" +
			"received. The suspension survives a restart; resumedel ends it. A DOMAIN may be HOST:PORT, to which mail was redirected.",
		Run: func(ctx context.Context, c *Call) error {
			seconds, first, err := c.secondsFirst(ctx)
			if err != nil {
				return err
			}
			domains, err := c.domains(first)
			if err != nil {
				return err
			}
			change, text, err := c.suspendDelivery(ctx, domains, seconds)
			if err != nil {
				return err
			}
			return c.Answer(change, text)
		}},
	&Command{Name: "resumedel", Summary: "deliver mail again", Params: []Param{domainsParam},
		Help: "Without a domain every suspension of delivery ends, that of single domains too.",
		Run: func(ctx context.Context, c *Call) error {
			domains, err := c.domains(0)
			if err != nil {
				return err
			}
			change, err := c.Gateway.ResumeDelivery(ctx, domains)
			if err != nil {
				return err
			}
			return c.Answer(change, renderChange(change, "Mail delivery resumed", "Mail delivery is not suspended", domains != nil))
		}},
	&Command{Name: "suspendlistener", Summary: "close listeners' ports", Params: []Param{listenersParam, {Name: "SECONDS", Optional: true, Check: checkGrace}},
		Help: "Connections that are open have SECONDS (30 when nothing is said) to end, then they are cut off. Mail is still delivered. The\n" +
			"suspension survives a restart; resumelistener ends it.",
		Run: runSuspendListener},
	&Command{Name: "resumelistener", Summary: "open listeners' ports again", Params: []Param{listenersParam}, Run: runResumeListener},
	&Command{Name: "suspend", Summary: "stop receiving and delivering mail", Params: []Param{graceParam}, Run: runSuspend,
		Help: "Does what suspendlistener and suspenddel do for all listeners and all domains."},
	&Command{Name: "resume", Summary: "receive and deliver mail again", Run: runResume,
		Help: "Ends every suspension, of listeners and of deliveries."})

// secondsFirst is the grace, which stands before the domains if it is given at all, and where those begin. It is asked for
// where nothing is given.
func (c *Call) secondsFirst(ctx context.Context) (seconds time.Duration, domains int, err error) {
	word := c.Arg(0)
	switch {
	case len(c.Args) == 0 && c.Asker == nil:
		word = graceParam.Default
	case len(c.Args) == 0:
		if word, err = c.Question(ctx, graceParam); err != nil {
			return 0, 0, err
		}
	case word == "" || strings.Trim(word, "0123456789") != "": // a domain
		return grace(graceParam.Default), 0, nil
	}
	if err := checkGrace(word); err != nil {
		return 0, 0, &UsageError{c.Command, err.Error()}
	}
	return grace(word), 1, nil
}

// domains are the arguments from the i-th on.
func (c *Call) domains(i int) (list []string, err error) {
	if len(c.Args) <= i {
		return nil, nil
	}
	if len(c.Args)-i > maxDomains {
		return nil, &UsageError{c.Command, fmt.Sprintf("%s takes at most %d domains at once", c.Command.Name, maxDomains)}
	}
	for _, word := range c.Args[i:] {
		domain, err := parseDestination(word)
		if err != nil {
			return nil, &UsageError{c.Command, err.Error()}
		}
		list = append(list, domain)
	}
	return lowered(list), nil
}

// suspendDelivery suspends delivery and words what has changed.
func (c *Call) suspendDelivery(ctx context.Context, domains []string, grace time.Duration) (Change, string, error) {
	if err := c.running(ctx); err != nil {
		return Change{}, "", err
	}
	c.Say(deliveryWait)
	change, err := c.Gateway.SuspendDelivery(ctx, domains, grace)
	return change, renderChange(change, "Mail delivery suspended", "Mail delivery is suspended already", domains != nil), c.waited(ctx, err)
}

// renderChange says what has changed and what was so already, each with names where some were given.
func renderChange(c Change, changed, already string, named bool) string {
	var b strings.Builder
	line := func(text string, names []string) {
		switch {
		case len(names) == 0:
		case named:
			fmt.Fprintf(&b, "%s for %s.\n", text, oneLine(strings.Join(names, ", ")))
		default:
			b.WriteString(text + ".\n")
		}
	}
	line(already, c.Already)
	line(changed, c.Changed)
	return b.String()
}

var listenersParam = Param{Name: "LISTENER[,LISTENER]|all", Optional: true, Complete: completeListener}

// completeListener completes the last of several names.
func completeListener(ctx context.Context, g Gateway, word string) (list []Suggestion) {
	id, err := g.Identity(ctx)
	if err != nil {
		return nil
	}
	before := word[:strings.LastIndexByte(word, ',')+1]
	for _, name := range append([]string{"all"}, id.Listeners...) {
		list = append(list, Suggestion{Text: before + name})
	}
	return list
}

// chooseListeners is which listeners are meant, nil: all. In batch that is what nothing said means.
func (c *Call) chooseListeners(ctx context.Context, verb string) ([]string, error) {
	id, err := c.Gateway.Identity(ctx)
	if err != nil {
		return nil, err
	}
	word := c.Arg(0)
	if word == "" && len(c.Args) > 0 {
		return nil, &UsageError{c.Command, "say which listener: its name, or all"}
	}
	if word == "" && c.Asker != nil {
		var menu strings.Builder
		fmt.Fprintf(&menu, "Choose the listener(s) you wish to %s.\nSeparate multiple entries with commas.\n1. All", verb)
		for i, name := range id.Listeners {
			fmt.Fprintf(&menu, "\n%d. %s", i+2, name)
		}
		if word, err = c.Question(ctx, Param{Question: menu.String(), Default: "1", Complete: completeListener,
			Check: func(word string) error { _, err := listenersNamed(id.Listeners, word); return err }}); err != nil {
			return nil, err
		}
	}
	return listenersNamed(id.Listeners, word)
}

// listenersNamed reads names of listeners, or their numbers in the menu, with commas between them; nil: all.
func listenersNamed(have []string, word string) ([]string, error) {
	names := []string{}
	for entry := range strings.SplitSeq(word, ",") {
		entry = strings.TrimSpace(entry)
		i := slices.IndexFunc(have, func(name string) bool { return strings.EqualFold(name, entry) })
		if n, err := strconv.Atoi(entry); err == nil && i < 0 {
			i = n - 2
		}
		switch {
		case word == "", strings.EqualFold(entry, "all"), i == -1 && entry == "1":
			return nil, nil
		case i < 0 || i >= len(have):
			return nil, noSuchListener(entry, have)
		case !slices.Contains(names, have[i]):
			names = append(names, have[i])
		}
	}
	if len(names) == len(have) {
		return nil, nil
	}
	return names, nil
}

func runSuspendListener(ctx context.Context, c *Call) error {
	names, err := c.chooseListeners(ctx, "suspend")
	if err != nil {
		return err
	}
	seconds := c.Arg(1)
	if seconds == "" {
		seconds = graceParam.Default
		if c.Asker != nil {
			if seconds, err = c.Question(ctx, graceParam); err != nil {
				return err
			}
		}
	}
	change, text, err := c.suspendListeners(ctx, names, grace(seconds))
	if err != nil {
		return err
	}
	return c.Answer(change, text)
}

// suspendListeners suspends listeners and words what has changed.
func (c *Call) suspendListeners(ctx context.Context, names []string, grace time.Duration) (Change, string, error) {
	if err := c.running(ctx); err != nil {
		return Change{}, "", err
	}
	c.Say(receivingWait)
	change, err := c.Gateway.SuspendListeners(ctx, names, grace)
	return change, renderListeners(change, names, "Receiving suspended", "Receiving is suspended already"), c.waited(ctx, err)
}

// waited tells whoever did not want to wait for what is open that the rest goes on.
func (c *Call) waited(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		c.Say(`The wait was left. "status" shows what is suspended.`)
	}
	return err
}

// renderListeners names those that were so already where all were meant and only some changed.
func renderListeners(c Change, names []string, changed, already string) string {
	return renderChange(c, changed, already, names != nil || len(c.Changed) > 0 && len(c.Already) > 0)
}

func runResumeListener(ctx context.Context, c *Call) error {
	names, err := c.chooseListeners(ctx, "resume")
	if err != nil {
		return err
	}
	change, err := c.Gateway.ResumeListeners(ctx, names)
	if err != nil {
		return err
	}
	return c.Answer(change, renderListeners(change, names, "Receiving resumed", "Receiving is not suspended"))
}

// changes is what suspend and resume have changed, for programs.
type changes struct {
	Receiving Change `json:"receiving"`
	Delivery  Change `json:"delivery"`
}

func runSuspend(ctx context.Context, c *Call) (err error) {
	var both changes
	var text string
	if both.Receiving, text, err = c.suspendListeners(ctx, nil, grace(c.Arg(0))); err != nil {
		return err
	}
	if !c.JSON {
		if _, err := c.Out.Write([]byte(text)); err != nil {
			return err
		}
	}
	if both.Delivery, text, err = c.suspendDelivery(ctx, nil, grace(c.Arg(0))); err != nil {
		return err
	}
	return c.Answer(both, text)
}

// runResume does both halves, whatever becomes of the first.
func runResume(ctx context.Context, c *Call) error {
	var both changes
	var failed, err error
	both.Receiving, failed = c.Gateway.ResumeListeners(ctx, nil)
	if errors.Is(failed, ErrNotRunning) {
		return failed
	}
	both.Delivery, err = c.Gateway.ResumeDelivery(ctx, nil)
	text := renderListeners(both.Receiving, nil, "Receiving resumed", "Receiving is not suspended") +
		renderChange(both.Delivery, "Mail delivery resumed", "Mail delivery is not suspended", false)
	return errors.Join(c.Answer(both, text), failed, err)
}
