package shell

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"postern/engine/config"
)

// settle tells of a commit that has come between, and asks what is to become of the changes that wait. true: they are made
// of the configuration in force by now, and can be committed.
func (c *Call) settle(ctx context.Context, conflict *Conflict) (again bool, err error) {
	p := c.Changes
	theirs, err := config.Parse([]byte(conflict.InForce.Text), "configuration in force")
	if err != nil {
		return false, err
	}
	both := config.Overlap(p.from, p.document, theirs)
	c.Say(renderConflict(conflict, config.Diff(p.from, theirs), both, c))
	if c.Asker == nil {
		return false, &RefusedError{"Nothing was committed: repeat it, it begins with the configuration that is in force now"}
	}
	mine, err := c.chooseSide(ctx, both)
	if err != nil {
		return false, err
	}
	if mine == keepWaiting {
		told := *conflict
		told.InForce.Text = "" // it has secrets
		return false, c.Answer(Committed{Conflict: &told}, "\nNothing was committed. Your changes wait as before: \"showchanges\" lists them, \"clearchanges\" forgets them.\n")
	}
	merged, _ := config.Merge(p.from, p.document, theirs, mine == takeMine)
	return true, c.rebase(conflict.InForce, theirs, merged)
}

// What is done about a conflict.
const (
	keepWaiting = "neither"
	takeMine    = "mine"
	takeTheirs  = "theirs"
)

// chooseSide asks about changes of the same values, or, when there are none, whether the two may be brought together.
func (c *Call) chooseSide(ctx context.Context, both []string) (string, error) {
	if len(both) == 0 {
		yes, err := c.Confirm(ctx, "\nNone of your changes is about the same. Do you want to commit yours on top of that?", true)
		if err != nil || !yes {
			return keepWaiting, err
		}
		return takeTheirs, nil
	}
	return c.Question(ctx, Param{Question: "Which changes of these do you want to keep?", Default: keepWaiting, Choices: []Choice{
		{keepWaiting, "Neither: commit nothing now"}, {takeTheirs, "Theirs, and yours of everything else"}, {takeMine, "Yours"}}})
}

// rebase makes what waits a change of what is in force now.
func (c *Call) rebase(base Configuration, from, merged *config.Document) error {
	text := config.Encode(merged)
	d, err := config.Parse(text, "the merged configuration")
	if err != nil {
		refused := refusedChange(err)
		return fmt.Errorf("nothing was committed, and your changes wait as before: together with theirs they make a configuration that is not allowed: %w", refused)
	}
	p := c.Changes
	if len(config.Diff(from, d)) == 0 {
		p.Clear()
		return errors.New("nothing was committed: nothing of your changes is left, and they are dropped")
	}
	p.base, p.from, p.document, p.text = base, from, d, text
	return nil
}

func renderConflict(conflict *Conflict, theirs []config.Change, both []string, c *Call) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nSince you began, %s has committed revision %d, %s, with comments: %q.\n", Printable(conflict.By), conflict.Revision,
		Date(conflict.Time.In(c.Zone), true), Printable(conflict.Comment))
	fmt.Fprintf(&b, "\nIts changes:\n%s", renderChanges(theirs))
	if len(both) > 0 {
		fmt.Fprintf(&b, "\nYou have changed these as well, in another way:\n")
		for _, path := range both {
			fmt.Fprintln(&b, "  "+Printable(path))
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
