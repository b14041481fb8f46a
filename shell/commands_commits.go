package shell

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// rollbacks is how many commits rollbackconfig lists.
const rollbacks = 10

var _ = register(
	&Command{Name: "commitdetail", Summary: "the last commit of the configuration, or an earlier one", Offline: true, Run: runCommitDetail,
		Params: []Param{{Name: "REVISION", Optional: true, Check: checkRevision, Complete: completeRevision}},
		Help:   "With a number, that revision: rollbackconfig lists the last ones. Secrets are masked."},
	&Command{Name: "rollbackconfig", Summary: "go back to an earlier configuration", Run: runRollback, Configures: true, Offline: true,
		Params: []Param{{Name: "REVISION", Optional: true, Check: checkRevision, Complete: completeRevision}},
		Help: "The last 10 commits are listed, the newest first; commitdetail shows what each changed. The configuration of the one that is\n" +
			"chosen waits for commit, or is committed at once: no history is lost, the way back is a commit of its own. Without a number, in\n" +
			"batch, the commits are listed. All revisions are kept; an older one than those listed is chosen by its number."})

func checkRevision(word string) error {
	if n, err := strconv.ParseUint(word, 10, 64); err != nil || n == 0 {
		return fmt.Errorf("%.60q is not a revision: \"rollbackconfig\" lists the last ones", word)
	}
	return nil
}

func completeRevision(ctx context.Context, g Gateway, word string) (list []Suggestion) {
	commits, err := g.Commits(ctx, rollbacks)
	if err != nil {
		return nil
	}
	for _, c := range commits {
		if n := strconv.FormatUint(c.Revision, 10); strings.HasPrefix(n, word) {
			list = append(list, Suggestion{n, c.By + ": " + c.Comment})
		}
	}
	return list
}

func runCommitDetail(ctx context.Context, c *Call) error {
	revision, _ := strconv.ParseUint(c.Arg(0), 10, 64)
	d, err := c.Gateway.CommitDetail(ctx, revision)
	if err != nil {
		return err
	}
	return c.Answer(d, renderCommitDetail(d, c.Zone))
}

func renderCommitDetail(d CommitDetail, zone *time.Location) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nCommit at %s with comments: \"%s\".\n", Date(d.Time.In(zone), true), oneLine(d.Comment))
	fmt.Fprintf(&b, "Revision %d, committed by %s.\n", d.Revision, oneLine(d.By))
	switch {
	case d.First:
		b.WriteString("It is the first one.\n")
	case len(d.Changes) == 0:
		b.WriteString("No value changed.\n")
	default:
		b.WriteString("\n" + renderChanges(d.Changes))
	}
	return b.String()
}

func runRollback(ctx context.Context, c *Call) error {
	if c.Arg(0) == "" && (c.Asker == nil || c.stopped()) {
		list, err := c.Gateway.Commits(ctx, rollbacks)
		if err != nil {
			return err
		}
		return c.Answer(list, renderCommits(list, c.Zone))
	}
	if c.stopped() {
		return ErrNotRunning
	}
	if c.Asker != nil && c.Uncommitted() {
		return &RefusedError{"There are changes that were not committed: commit or clear them first"}
	}
	to, what, err := c.chooseRevision(ctx)
	if err != nil {
		return err
	}
	if c.Asker != nil {
		if yes, err := c.Confirm(ctx, "\nAre you sure you want to roll back the configuration?", false); err != nil || !yes {
			return err
		}
	}
	old, err := c.Gateway.CommittedConfiguration(ctx, to)
	if err != nil {
		return err
	}
	if err := c.anew(ctx); err != nil {
		return err
	}
	if err := c.replace(ctx, []byte(old.Text)); err != nil {
		return fmt.Errorf("the configuration of revision %d is not allowed any more: %w", to, err)
	}
	switch {
	case !c.Uncommitted():
		return &RefusedError{fmt.Sprintf("The configuration is that of revision %d already", to)}
	case c.Asker == nil:
		return nil // it is committed as any change is
	}
	c.Say("\nReverted to " + what)
	if yes, err := c.Confirm(ctx, "\nDo you want to commit this configuration now?", false); err != nil || !yes {
		return err
	}
	return c.commit(ctx, "rollback to revision "+strconv.FormatUint(to, 10))
}

// chooseRevision is the revision that was given, or that somebody chooses from the list, and what it is called.
func (c *Call) chooseRevision(ctx context.Context) (revision uint64, what string, err error) {
	if c.Arg(0) != "" {
		revision, err = strconv.ParseUint(c.Arg(0), 10, 64)
		return revision, fmt.Sprintf("revision %d.", revision), err
	}
	list, err := c.Gateway.Commits(ctx, rollbacks)
	if err != nil {
		return 0, "", err
	}
	if len(list) < 2 {
		return 0, "", &RefusedError{"There is no earlier configuration to go back to"}
	}
	c.Say(strings.TrimSuffix(renderCommits(list, c.Zone), "\n"))
	inForce := list[0].Revision // the last commit is
	number, err := c.Question(ctx, Param{Question: "Enter the number of the config to revert to.", Required: true, Check: func(word string) error {
		if n, err := strconv.Atoi(word); err != nil || n < 1 || n > len(list) {
			return fmt.Errorf("%.20q is not a number from 1 to %d", word, len(list))
		} else if list[n-1].Revision == inForce {
			return fmt.Errorf("revision %d is in force: choose an earlier one", inForce)
		}
		return nil
	}})
	if err != nil {
		return 0, "", err
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0, "", errors.New("no number was given")
	}
	chosen := list[n-1]
	return chosen.Revision, fmt.Sprintf("%s %s", Date(chosen.Time.In(c.Zone), false), oneLine(chosen.Comment)), nil
}

// renderCommits is AsyncOS's list of commits, with the revisions; the newest one is in force.
func renderCommits(list []Commit, zone *time.Location) string {
	if len(list) == 0 {
		return "\nNo configuration was ever committed here.\n"
	}
	var b strings.Builder
	b.WriteString("\nPrevious Commits :\n\n")
	fmt.Fprintf(&b, "     %-26s %-9s %-14s %s\n%s\n", "Committed On", "Revision", "User", "Description", strings.Repeat("-", 80))
	for i, c := range list {
		what := oneLine(c.Comment)
		if i == 0 {
			what = strings.TrimSpace(what + " (in force)")
		}
		fmt.Fprintf(&b, "%-4s %-26s %-9d %-14s %s\n", strconv.Itoa(i+1)+".", Date(c.Time.In(zone), false), c.Revision, oneLine(c.By), what)
	}
	return b.String()
}
