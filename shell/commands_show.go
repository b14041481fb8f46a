package shell

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"postern/engine"
	"postern/projections"
)

var _ = register(&Command{Name: "showrecipients", Summary: "the mail in the queue, a recipient an entry", Offline: true, OwnFlags: true,
	Synopsis: selectionSynopsis, Run: runShowRecipients, Options: []Option{atOption},
	Params: []Param{{Name: "SELECTION", Optional: true, Rest: true, Complete: completeSelection()}},
	Help:   "Recipients stand in queue order. What is not simply queued says so behind the recipient.\n" + selectionHelp + "\n\nThe queue of the past:\n" + atHelp})

// The columns of showrecipients: a word that is longer moves what follows it.
const (
	midColumn    = 10
	bytesColumn  = 12
	senderColumn = 26
)

const showHeading = "MID/      Bytes/      Sender/                   Subject\n[RID]     [Atmps]     Recipient\n"

func runShowRecipients(ctx context.Context, c *Call) error {
	if c.rows > 0 {
		return errors.New("the gateway was started while its queue was read: repeat the command")
	}
	w, err := parseSelection(c.Command, c.Args, false)
	if err != nil {
		return err
	}
	at, err := c.asOf()
	if err != nil {
		return err
	}
	if err := c.choose(ctx, &w, showVerb); err != nil {
		return err
	}
	if !c.begun {
		c.begun = true
		c.Say("Showing messages, please wait.")
	}
	if !at.IsZero() {
		return c.showPast(ctx, w.Selection, at)
	}
	err = c.Gateway.Recipients(ctx, w.Selection, func(rows []engine.Listed) error { return c.showPage(rows) })
	if err == nil && c.rows == 0 {
		return c.Say("There are no such messages in the queue.")
	}
	return err
}

// shownPast says first, for programs, of which moment the rows are.
type shownPast struct {
	Past projections.Moment `json:"past"`
}

// showPast lists the queue of a moment.
func (c *Call) showPast(ctx context.Context, s engine.Selection, at time.Time) error {
	err := c.Gateway.RecipientsAt(ctx, s, at, func(m projections.Moment) error {
		if c.JSON {
			return encoder(c.Out).Encode(shownPast{m})
		}
		return c.Say(strings.TrimSuffix(pastLine(&m, c.zone()), "\n"))
	}, c.showPage)
	if err == nil && c.rows == 0 {
		return c.Say("There were no such messages in the queue.")
	}
	return err
}

// showPage prints rows: for programs each on a line of its own.
func (c *Call) showPage(rows []engine.Listed) error {
	var b strings.Builder
	values := encoder(&b)
	if c.rows == 0 && !c.JSON {
		b.WriteString(showHeading)
	}
	c.rows += len(rows)
	for i := range rows {
		if !c.JSON {
			showRecipient(&b, &rows[i])
		} else if err := values.Encode(&rows[i]); err != nil {
			return err
		}
	}
	_, err := c.Out.Write([]byte(b.String()))
	return err
}

func showRecipient(b *strings.Builder, r *engine.Listed) {
	sender := oneLine(r.Sender)
	if sender == "" {
		sender = "<>"
	}
	cell := func(width int, text string) {
		b.WriteString(text)
		b.WriteString(strings.Repeat(" ", max(width-utf8.RuneCountInString(text), 2)))
	}
	cell(midColumn, fmt.Sprint(r.MID))
	cell(bytesColumn, fmt.Sprint(r.Bytes))
	cell(senderColumn, sender)
	b.WriteString(oneLine(r.Subject) + "\n")
	cell(midColumn, fmt.Sprintf("[%d]", r.RID))
	cell(bytesColumn, fmt.Sprintf("[%d]", r.Attempts))
	b.WriteString(oneLine(r.Recipient))
	if r.State != "" && r.State != "queued" {
		b.WriteString(" (" + oneLine(r.State) + ")")
	}
	if r.Redirect != "" {
		b.WriteString(" (redirected to " + oneLine(r.Redirect) + ")")
	}
	b.WriteByte('\n')
}
