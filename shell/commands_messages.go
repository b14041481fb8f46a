package shell

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// midParam asks for a MID.
func midParam(question, shown string) []Param {
	return []Param{{Name: "MID", Question: question, Default: shown, Required: true, Complete: completeOldest,
		Check: func(word string) error { _, err := parseMID(word); return err }}}
}

// completeOldest suggests the oldest message, which is the one that is mostly meant.
func completeOldest(ctx context.Context, g Gateway, _ string) []Suggestion {
	m, err := g.OldestMessage(ctx)
	if err != nil || m == nil {
		return nil
	}
	return []Suggestion{{strconv.FormatUint(uint64(m.MID), 10), "the oldest message"}}
}

var _ = register(
	&Command{Name: "oldmessage", Summary: "the oldest message in the queue, with its header", Offline: true, Run: runOldMessage,
		Help: "Messages in quarantine do not count. showmessage shows more of it, archivemessage takes it out of the queue."},
	&Command{Name: "showmessage", Summary: "a message in the queue", Offline: true, Run: runShowMessage,
		Params: midParam("Enter the MID to show.", ""),
		Help: "Header and content are shown as they are in the queue, with what could steer a terminal written as escapes (\\x1b),\n" +
			"up to the first megabyte. Messages in quarantine are shown too."},
	&Command{Name: "removemessage", Summary: "delete a message from the queue", Run: runRemoveMessage, Synopsis: "MID [--yes]",
		Params: midParam("Enter the MID to remove.", ""),
		Help: "All recipients that the message still has are deleted; nobody is told. One that is in quarantine is refused.\n" +
			"In batch it takes --yes."},
	&Command{Name: "archivemessage", Summary: "save a message in a file and take it out of the queue", Run: runArchiveMessage, Synopsis: "MID [--yes]",
		Params: midParam("Enter the MID to archive and remove.", "0"),
		Help: "The file is an mbox in the directory \"configuration\" of the data directory. A file that is there already is never\n" +
			"overwritten: the next is called oldmessage_47.1.mbox. A message in quarantine is saved and stays there.\n" +
			"In batch it takes --yes."})

func runOldMessage(ctx context.Context, c *Call) error {
	m, err := c.Gateway.OldestMessage(ctx)
	if err != nil {
		return err
	}
	if m == nil {
		return c.Answer(nil, "No messages.\n")
	}
	return c.Answer(m, m.heading()+m.Header)
}

func runShowMessage(ctx context.Context, c *Call) error {
	mid, err := parseMID(c.Arg(0))
	if err != nil {
		return err
	}
	m, err := c.Gateway.Message(ctx, mid, maxContent)
	if err != nil {
		return err
	}
	text := m.heading() + "\n" + m.Header + "\n" + m.Content
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if m.Left > 0 {
		text += fmt.Sprintf("\n%s more bytes of the message are not shown.\n", Thousands(uint64(m.Left)))
	}
	return c.Answer(m, text)
}

// heading tells which message it is, and how old.
func (m *Message) heading() string {
	text := fmt.Sprintf("MID %d: %s old\n", m.MID, Age(time.Duration(m.AgeSeconds)*time.Second))
	switch {
	case m.Namesakes == 1:
		text += "(An older message in the queue bears this MID too.)\n"
	case m.Namesakes > 1:
		text += fmt.Sprintf("(%d older messages in the queue bear this MID too.)\n", m.Namesakes)
	}
	return text
}

// namedRecipients is how many recipients are named before a question.
const namedRecipients = 5

// fromTo tells who sent a message to whom, in one line.
func (m *Message) fromTo() string {
	names := m.Recipients
	rest := m.More
	if len(names) > namedRecipients {
		rest += len(names) - namedRecipients
		names = names[:namedRecipients]
	}
	text := fmt.Sprintf("from <%s> to <%s>", Printable(m.Sender), Printable(strings.Join(names, ">, <")))
	if rest > 0 {
		text += fmt.Sprintf(" and %s more", Thousands(uint64(rest)))
	}
	return text
}

func runRemoveMessage(ctx context.Context, c *Call) error {
	mid, err := parseMID(c.Arg(0))
	if err != nil {
		return err
	}
	m, err := c.Gateway.Message(ctx, mid, 0)
	if err != nil {
		return err
	}
	if m.Quarantined {
		return inQuarantine(mid)
	}
	if c.Asker == nil && !c.Yes {
		return fmt.Errorf("this would remove MID %d, %s, from the queue: repeat it with --yes", mid, m.fromTo())
	}
	if err := c.Say(m.heading() + m.fromTo()); err != nil {
		return err
	}
	yes, err := c.Confirm(ctx, fmt.Sprintf("Are you sure you want to remove MID %d?", mid), false)
	if err != nil || !yes {
		return err
	}
	done, err := c.Gateway.RemoveMessage(ctx, mid, m.Seq)
	if err != nil {
		return err
	}
	return c.Answer(done, fmt.Sprintf("MID %d has been removed from the queue.\n", mid))
}

func runArchiveMessage(ctx context.Context, c *Call) error {
	mid, err := parseMID(c.Arg(0))
	if err != nil {
		return err
	}
	if c.Asker == nil && !c.Yes {
		m, err := c.Gateway.Message(ctx, mid, 0)
		if err != nil {
			return err
		}
		what := "save MID %d, %s, in the configuration directory and remove it from the queue"
		if m.Quarantined {
			what = "save MID %d, %s, in the configuration directory; it would stay in quarantine"
		}
		return fmt.Errorf("this would "+what+": repeat it with --yes", mid, m.fromTo())
	}
	done, err := c.Gateway.ArchiveMessage(ctx, mid)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("MID %d has been saved in file %s in the configuration directory\n", mid, done.File)
	if !done.Removed {
		text += "It stays in quarantine.\n"
	}
	return c.Answer(done, text)
}
