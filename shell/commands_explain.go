package shell

import (
	"context"
	"fmt"
	"strings"
	"time"

	"postern/journal"
	"postern/projections"
)

var _ = register(&Command{Name: "explain", Summary: "why each recipient of a message is where it is", Offline: true, Run: runExplain,
	Params: append(midParam("Enter the MID to explain.", ""),
		Param{Name: "RID", Optional: true, Check: func(word string) error { _, err := parseRID(word); return err }}),
	Help: "Told from what is recorded: where each recipient is and why, what was tried and what the peer said, the state of its host,\n" +
		"what binds it and who set that, and when it is due next; also of messages that have left the queue. Of several messages\n" +
		"with that MID it is the newest in the queue, else the newest. findevent shows the lines of the mail log instead."})

func runExplain(ctx context.Context, c *Call) error {
	mid, err := parseMID(c.Arg(0))
	if err != nil {
		return err
	}
	var only *uint32
	if word := c.Arg(1); word != "" {
		rid, err := parseRID(word)
		if err != nil {
			return err
		}
		only = &rid
	}
	x, err := c.Gateway.Explain(ctx, mid, only)
	if err != nil {
		return err
	}
	return c.Answer(x, renderExplanation(x, c.Zone))
}

// explanation writes an explanation in plain words.
type explanation struct {
	*projections.Explanation
	strings.Builder
	zone *time.Location
}

func renderExplanation(x *projections.Explanation, zone *time.Location) string {
	e := &explanation{Explanation: x, zone: zone}
	sender := x.Sender
	if sender == "" {
		sender = "<>"
	}
	fmt.Fprintf(e, "MID %d  from %s  \"%s\"  %s bytes  received %s\n", x.MID, oneLine(sender), oneLine(x.Subject), Thousands(uint64(max(0, x.Bytes))),
		Date(x.Received.In(zone), false))
	if x.MadeFrom != 0 {
		fmt.Fprintf(e, "It was made from MID %d.\n", x.MadeFrom)
	}
	switch {
	case x.Namesakes == 1:
		e.WriteString("Another message bears or bore this MID.\n")
	case x.Namesakes > 1:
		fmt.Fprintf(e, "%d other messages bear or bore this MID.\n", x.Namesakes)
	}
	for i := range x.Recipients {
		e.recipient(&x.Recipients[i])
	}
	if x.More > 0 {
		fmt.Fprintf(e, "%s not shown: explain %d RID shows one.\n", plural(x.More, "more recipient")+either(x.More, " is", " are"), x.MID)
	}
	e.WriteString(e.configuration())
	return e.String()
}

// configuration says which one holds, as far as is recorded.
func (e *explanation) configuration() string {
	switch c := &e.Configuration; {
	case c.Since.IsZero() && c.Revision == 0:
		return "Configuration: as its file has it; no commit is recorded.\n"
	case c.Since.IsZero():
		return fmt.Sprintf("Configuration: revision %d, as its file has it; its commit is not recorded.\n", c.Revision)
	default:
		return fmt.Sprintf("Configuration: revision %d%s%s%s.\n", c.Revision, e.since(" since ", c.Since), byWhom(c.By), quotedBehind(c.Comment))
	}
}

// recipient tells of one recipient: where it is, what happened to it, and what it waits for.
func (e *explanation) recipient(c *projections.ExplainedRecipient) {
	fmt.Fprintf(e, "RID %d  %s", c.RID, oneLine(c.Address))
	if c.Redirected {
		fmt.Fprintf(e, ", redirected to %s", oneLine(c.Destination))
	}
	fmt.Fprintf(e, ": %s\n", e.where(c))
	if c.Earlier > 0 {
		fmt.Fprintf(e, "   %s earlier facts are not shown.\n", Thousands(uint64(c.Earlier)))
	}
	for i := range c.History {
		e.fact(&c.History[i])
	}
	e.waits(c)
}

// where says where a recipient is.
func (e *explanation) where(c *projections.ExplainedRecipient) string {
	switch c.State {
	case projections.StateQueued:
		return "queued, " + attempts(c.Attempts) + ", the next one " + e.at(c.Next)
	case projections.StateDue:
		return "queued, " + attempts(c.Attempts) + ", due as soon as there is room"
	case projections.StateAttempting:
		return fmt.Sprintf("attempt %d is under way%s", c.Attempts, e.since(" since ", c.Since))
	case projections.StateInDoubt:
		return fmt.Sprintf("in doubt, attempt %d was under way when the gateway ended%s: the peer may have it", c.Attempts, e.since(", begun ", c.Since))
	case projections.StateHostDown:
		return "waits for its host, " + attempts(c.Attempts) + ", the next one " + e.at(c.Next) + " at the earliest"
	case projections.StateHeld:
		return "held" + e.since(" since ", c.Since) + byWhom(c.By) + reason(c.Reason) + ": it is not tried until it is released" + e.then(c.Next)
	case projections.StateSuspended:
		return "queued, " + attempts(c.Attempts) + ", and the delivery to its host is suspended"
	case projections.StateWorkQueue:
		return "in the work queue: it has not been processed yet"
	case projections.StateQuarantined:
		return "in quarantine" + spaced(c.Reason) + e.since(" since ", c.Since)
	case projections.StateSetAside:
		return "set aside" + e.since(" since ", c.Since) + reason(c.Reason) + ": it is not tried until it is released"
	case projections.StateGone:
		return "gone; how is not recorded any more"
	}
	return string(c.State) + e.since(" ", c.Since) + byWhom(c.By) + reason(c.Reason)
}

// fact writes a line of a recipient's history.
func (e *explanation) fact(f *projections.ExplainedFact) {
	fmt.Fprintf(e, "   %s  ", e.clock(f.Time))
	if f.Attempt != 0 {
		fmt.Fprintf(e, "attempt %d", f.Attempt)
		switch {
		case f.Host != "":
			fmt.Fprintf(e, ", %s [%s]", oneLine(f.Host), f.Peer)
		case f.Peer.IsValid():
			fmt.Fprintf(e, ", %s", f.Peer)
		}
		e.WriteString(": ")
	}
	e.WriteString(oneLine(f.Text) + "\n")
}

// waits says what a recipient waits for: its host, and what binds it.
func (e *explanation) waits(c *projections.ExplainedRecipient) {
	for i := range e.Hosts {
		h := &e.Hosts[i]
		if h.Destination != c.Destination {
			continue
		}
		fmt.Fprintf(e, "   The host %s is down%s, %s in a row, the last one: %s.", oneLine(h.Destination), e.since(" since ", h.Since), plural(int(h.Failures), "failure"), oneLine(h.Reason))
		if c.State == projections.StateHostDown {
			fmt.Fprintf(e, " It is probed next %s, one message at a time; its other mail waits for that.", e.at(h.Next))
		}
		e.WriteString("\n")
	}
	for i := range e.Bounds {
		if text := e.bound(c, &e.Bounds[i]); text != "" {
			e.WriteString("   " + text + "\n")
		}
	}
	if !c.Expires.IsZero() && c.State != projections.StateHeld && c.State != projections.StateSetAside && c.State != projections.StateQuarantined {
		fmt.Fprintf(e, "   If it is not delivered it is given up %s.\n", e.at(c.Expires))
	}
}

// bound says how something binds a recipient; "": it does not.
func (e *explanation) bound(c *projections.ExplainedRecipient, b *projections.Bound) string {
	due := c.State == projections.StateDue
	switch b.What {
	case projections.BoundSuspension:
		if c.State != projections.StateSuspended || b.Object != "" && !strings.EqualFold(b.Object, c.Destination) {
			return ""
		}
		all := "all deliveries are suspended"
		if b.Object != "" {
			all = "the delivery to " + oneLine(b.Object) + " is suspended"
		}
		return sentence(all + e.since(" since ", b.Since) + byWhom(b.By) + ": resumedel ends that")
	case projections.BoundWorkQueue:
		if c.State != projections.StateWorkQueue {
			return ""
		}
		return sentence("the work queue is paused" + e.since(" since ", b.Since) + byWhom(b.By) + reason(b.Reason))
	case projections.BoundOrder:
		if !due {
			return ""
		}
		return sentence("an order" + reason(b.Reason) + " is being carried out" + e.since(" since ", b.Since) + byWhom(b.By) + "; what belongs to it is not tried meanwhile")
	case projections.BoundPerDestination:
		if !due || b.Object != c.Destination {
			return ""
		}
		return sentence(fmt.Sprintf("attempts to %[2]s under way: %[1]s; the configuration allows %[3]s (per_destination), fewer to a host that has not earned them yet",
			Thousands(uint64(b.Now)), oneLine(b.Object), Thousands(uint64(b.Limit))))
	case projections.BoundConnections:
		if !due {
			return ""
		}
		return sentence(fmt.Sprintf("attempts under way in all: %s; the configuration allows %s (connections)", Thousands(uint64(b.Now)), Thousands(uint64(b.Limit))))
	case projections.BoundStopped:
		if !due {
			return ""
		}
		return "The gateway does not run: nothing is tried."
	case projections.BoundConservation:
		return sentence(fmt.Sprintf("resources are conserved in degree %d%s%s, which slows what comes in, not deliveries", b.Now, e.since(" since ", b.Since), reason(b.Reason)))
	}
	return ""
}

// clock writes a time of the day, with the day when it is not that of the explanation.
func (e *explanation) clock(t time.Time) string {
	t, now := t.In(e.zone), e.Now.In(e.zone)
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format(time.TimeOnly)
	}
	return Date(t, false)
}

// at writes a moment and how far it is away.
func (e *explanation) at(t time.Time) string {
	if d := t.Sub(e.Now).Round(time.Second); d > 0 {
		return "at " + e.clock(t) + " (in " + Uptime(d) + ")"
	}
	return "at " + e.clock(t) + " (now)"
}

// since writes a moment behind a word; "" when it is not known.
func (e *explanation) since(word string, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return word + e.clock(t)
}

// then says when a recipient is due once nothing holds it; "": at once.
func (e *explanation) then(next time.Time) string {
	if !next.After(e.Now) {
		return ""
	}
	return ", and then " + e.at(next)
}

func attempts(n uint32) string {
	if n == 0 {
		return "no attempt yet"
	}
	return plural(int(n), "attempt")
}

func plural(n int, what string) string {
	return Thousands(uint64(max(0, n))) + " " + either(n, what, what+"s")
}

func byWhom(who string) string {
	switch who {
	case "":
		return ""
	case journal.ByInDoubt:
		return " as in doubt"
	}
	return " by " + oneLine(who)
}

func reason(text string) string {
	if text == "" {
		return ""
	}
	return " (" + oneLine(text) + ")"
}

func spaced(text string) string {
	if text == "" {
		return ""
	}
	return " " + oneLine(text)
}

func quotedBehind(text string) string {
	if text == "" {
		return ""
	}
	return `, "` + oneLine(text) + `"`
}
