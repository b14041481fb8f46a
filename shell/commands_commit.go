package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"postern/engine/config"
)

var _ = register(
	&Command{Name: "commit", Summary: "put the changes of the configuration into effect", Configures: false, Run: runCommit,
		Params: []Param{{Name: "COMMENT", Optional: true, Rest: true}},
		Help: "Changes that commands such as interfaceconfig or snmpconfig make wait in the shell in which they were made until they are\n" +
			"committed there; all of them come into effect together, or none. What takes effect at the next start only is named. The file\n" +
			"postern.toml is written anew: comments that somebody wrote in it do not stay there. In batch there is nothing that waits: commands\n" +
			"that change the configuration commit it themselves, with --yes and --comment TEXT."},
	&Command{Name: "clearchanges", Aliases: []string{"clear"}, Summary: "forget the changes that were not committed", Run: runClearChanges},
	&Command{Name: "showchanges", Summary: "the changes that were not committed", Run: runShowChanges,
		Help: "A line for each value that changes: its key, and what it is before and after. Secrets are masked."})

// errNothingToCommit says that no change waits.
var errNothingToCommit = &RefusedError{"There are no changes to commit."}

// commentQuestion is AsyncOS's.
const commentQuestion = "\nPlease enter some comments describing your changes:\n[]> "

func runCommit(ctx context.Context, c *Call) error {
	if c.Asker == nil {
		return &RefusedError{"No changes wait in batch: commit in the shell in which they were made. Commands that change the configuration, such as " +
			"loadconfig, commit in batch themselves, with --yes and --comment TEXT"}
	}
	if !c.Uncommitted() {
		return errNothingToCommit
	}
	comment := strings.Join(c.Args, " ")
	if comment == "" {
		var err error
		if comment, err = c.Asker.Ask(ctx, commentQuestion, nil); err != nil {
			return err
		}
	}
	return c.commit(ctx, comment)
}

// commit proposes what waits until it is in force, or a conflict is left as it is.
func (c *Call) commit(ctx context.Context, comment string) error {
	for {
		p := c.Changes
		done, err := c.Gateway.Commit(ctx, Proposal{Revision: p.base.Revision, Hash: p.base.Hash, Text: string(p.text), Comment: strings.TrimSpace(comment)})
		if err != nil {
			return err
		}
		if done.Conflict == nil {
			p.Clear()
			text := renderCommitted(done, c.Zone)
			if c.said != "" {
				text = c.said + strings.TrimPrefix(text, "\n")
			}
			return c.Answer(done, text)
		}
		if again, err := c.settle(ctx, done.Conflict); err != nil || !again {
			return err
		}
	}
}

func renderCommitted(done Committed, zone *time.Location) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nChanges committed: %s\n", Date(done.Time.In(zone), true))
	if len(done.Restart) > 0 {
		fmt.Fprintf(&b, "These take effect when the gateway starts the next time (\"reboot\" restarts it): %s.\n", Printable(strings.Join(done.Restart, ", ")))
	}
	for _, w := range done.Warnings {
		fmt.Fprintf(&b, "Warning: %s\n", Printable(w))
	}
	return b.String()
}

// commitInBatch commits what a command has changed, or says what it would change.
func (c *Call) commitInBatch(ctx context.Context) error {
	if !c.Uncommitted() {
		return nil
	}
	if !c.Yes {
		if err := c.Answer(c.Changes.listed(), renderChanges(c.Changes.changes())); err != nil {
			return err
		}
		return errors.New("nothing was committed: repeat it with --yes")
	}
	comment := c.Options["--comment"]
	if comment == "" {
		comment = strings.TrimSpace(c.Command.Name + " " + strings.Join(c.Args, " "))
	}
	return c.commit(ctx, comment[:min(len(comment), maxComment)])
}

func runClearChanges(ctx context.Context, c *Call) error {
	if !c.Uncommitted() {
		return &RefusedError{"There are no changes to clear."}
	}
	yes, err := c.Confirm(ctx, "\nAre you sure you want to clear all changes since the last commit?", true)
	if err != nil || !yes {
		return err
	}
	c.Changes.Clear()
	return c.Answer(clearedAt{c.time()}, fmt.Sprintf("\nChanges cleared: %s\n", Date(c.time().In(c.Zone), true)))
}

// clearedAt is what clearchanges tells programs.
type clearedAt struct {
	Time time.Time `json:"cleared"`
}

func runShowChanges(_ context.Context, c *Call) error {
	if !c.Uncommitted() {
		return c.Answer(c.Changes.listed(), "\nThere are no changes.\n")
	}
	return c.Answer(c.Changes.listed(), "\n"+renderChanges(c.Changes.changes()))
}

// changeList is what showchanges tells programs.
type changeList struct {
	Base    uint64          `json:"base_revision"`
	Changes []config.Change `json:"changes"`
}

func (p *Pending) listed() changeList {
	l := changeList{Changes: []config.Change{}}
	if p.Changed() {
		l.Base, l.Changes = p.base.Revision, p.changes()
	}
	return l
}

// renderChanges writes a change in two lines or three: the key, and what it was and is.
func renderChanges(changes []config.Change) string {
	var b strings.Builder
	for _, ch := range changes {
		fmt.Fprintln(&b, Printable(ch.Path))
		if ch.Before != "" {
			fmt.Fprintln(&b, "  - "+Printable(ch.Before))
		}
		if ch.After != "" {
			fmt.Fprintln(&b, "  + "+Printable(ch.After))
		}
	}
	return b.String()
}

// Leaving with changes loses them: that is asked about, as AsyncOS does.
const (
	leavingLoses  = "Configuration changes entered but not committed. Exiting will lose changes."
	leavingAdvice = "Type 'commit' at the command prompt to commit changes."
)

func (c *Call) leave(ctx context.Context) error {
	if !c.Uncommitted() {
		return errLeave
	}
	c.Say("\n" + leavingLoses + "\n" + leavingAdvice)
	switch yes, err := c.Confirm(ctx, "Are you sure you wish to exit?", false); {
	case errors.Is(err, io.EOF), err == nil && yes:
		return errLeave
	case err != nil:
		return err
	}
	return nil
}

// lose says that somebody has left without a question: the end of the input answers none.
func (s *Shell) lose() {
	if s.changes.Changed() {
		fmt.Fprintln(s.Out, "\nConfiguration changes entered but not committed: they are lost.")
		s.failed = true
	}
}

// Reload commits the file of the configuration as somebody has edited it; its argument is the comment. It is a tool of the
// program's, and no command of the shell.
var Reload = &Command{Name: "config reload", Params: []Param{{Name: "COMMENT", Optional: true}}, Run: func(ctx context.Context, c *Call) error {
	done, err := c.Gateway.Commit(ctx, Proposal{Edited: true, Comment: c.Arg(0)})
	if err != nil {
		return err
	}
	return c.Answer(done, renderCommitted(done, c.Zone))
}}
