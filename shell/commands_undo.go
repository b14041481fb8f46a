package shell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/engine"
	"postern/projections"
)

var _ = register(&Command{Name: "undo", Summary: "the last orders about the queue, or bring back what one of them took", Offline: true,
	Synopsis: "[ID [--yes] | --all]", Run: runUndo, OwnFlags: true,
	Params: []Param{{Name: "ID", Optional: true, Check: checkOrder, Complete: completeAction}},
	Help: "Without an ID the last 10 orders are listed, with --all all that are remembered (200), the newest first; each line begins with its ID.\n" +
		"What was deleted, bounced (while its bounce message has not left) or redirected can be brought back for [queue] undo_seconds. In\n" +
		"batch it acts only with --yes."})

// listedOrders is how many orders are listed unless all are asked for, listedWidth how long what one was about may be then.
const (
	listedOrders = 10
	listedWidth  = 60
)

// allOrders asks for all of them.
const allOrders = "--all"

func checkOrder(word string) error {
	if word == allOrders {
		return nil
	}
	_, err := actionID(word)
	return err
}

func actionID(word string) (uint64, error) {
	id, err := strconv.ParseUint(word, 10, 64)
	if err != nil || id == 0 {
		return 0, fmt.Errorf("%.60q is not the ID of an order: \"undo\" lists them", word)
	}
	return id, nil
}

func completeAction(ctx context.Context, g Gateway, word string) (list []Suggestion) {
	actions, err := g.Actions(ctx, 0)
	if err != nil {
		return nil
	}
	for _, a := range actions {
		if id := strconv.FormatUint(a.ID, 10); strings.HasPrefix(id, word) && len(list) < suggested {
			list = append(list, Suggestion{id, a.Action.Action + " " + a.what()})
		}
	}
	return list
}

func runUndo(ctx context.Context, c *Call) error {
	list, err := c.Gateway.Actions(ctx, 0)
	if err != nil {
		return err
	}
	if len(c.Args) == 0 || c.Arg(0) == allOrders {
		return c.listOrders(list)
	}
	if c.stopped() {
		return ErrNotRunning
	}
	id, _ := actionID(c.Arg(0))
	a, err := undoable(list, id, c.time(), c.Zone)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("order %d", id)
	if a == nil {
		a = &Action{Action: projections.Action{ID: id}}
	} else {
		what += fmt.Sprintf(" (%s %s: %s)", a.Action.Action, a.what(), a.counts())
	}
	if c.Asker == nil && !c.Yes {
		if err := c.Answer(a, "This would undo "+what+".\n"); err != nil {
			return err
		}
		return errors.New("nothing was undone: repeat it with --yes")
	}
	if c.Asker != nil {
		c.Say("This would undo " + what + ".")
	}
	if yes, err := c.Confirm(ctx, fmt.Sprintf("Are you sure you want to undo order %d?", id), false); err != nil || !yes {
		return err
	}
	return c.undo(ctx, id)
}

// listOrders shows the last of them, or all.
func (c *Call) listOrders(list []Action) error {
	older := 0
	if c.Arg(0) != allOrders && len(list) > listedOrders {
		older = len(list) - listedOrders
		list = list[:listedOrders]
	}
	text := renderActions(list, c.time(), c.Zone)
	if older > 0 {
		text += fmt.Sprintf("%d older: \"undo --all\" lists them too.\n", older)
	}
	return c.Answer(list, text)
}

// undoable finds an action, and tells why it cannot be undone as far as that can be seen. nil: it is older than those that
// are listed, and the gateway has to say.
func undoable(list []Action, id uint64, now time.Time, zone *time.Location) (*Action, error) {
	i := slices.IndexFunc(list, func(a Action) bool { return a.ID == id })
	if i < 0 {
		if len(list) >= projections.MaxActions && id < list[len(list)-1].ID {
			return nil, nil
		}
		return nil, fmt.Errorf("there is no order %d: \"undo\" lists them", id)
	}
	if a := &list[i]; a.UndoneBy == 0 && !a.Completed.IsZero() && now.Before(a.UndoUntil) {
		return a, nil
	}
	return nil, fmt.Errorf("order %d %s", id, list[i].undoState(now, zone))
}

// undone is what an undo has brought back, for programs.
type undone struct {
	engine.Undone
	MIDs []uint32 `json:"mids"` // ascending
}

func (c *Call) undo(ctx context.Context, id uint64) error {
	if err := c.running(ctx); err != nil {
		return err
	}
	c.Say("Bringing messages back, please wait.")
	result := undone{MIDs: []uint32{}}
	_, err := c.carryOut(ctx, &result.MIDs, func(tell func(engine.Progress)) (done engine.Done, err error) {
		result.Undone, err = c.Gateway.Undo(ctx, id, tell)
		return result.Done, err
	})
	if err != nil {
		return err
	}
	if err := c.Answer(result, renderUndone(&result.Undone)); err != nil || result.Recipients > 0 {
		return err
	}
	return errors.New("nothing came back")
}

func renderUndone(u *engine.Undone) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s reinstated.\n", count(u.Recipients, "recipient"), count(u.Messages, "message"))
	lost := u.Rest
	for _, l := range u.Lost {
		lost += uint64(len(l.RIDs))
	}
	if lost > 0 {
		fmt.Fprintf(&b, "%s cannot be brought back:\n", count(lost, "recipient"))
	}
	more := u.Rest
	for i, l := range u.Lost {
		if i >= maxNamed {
			more += uint64(len(l.RIDs))
			continue
		}
		fmt.Fprintf(&b, "  %s: %s\n", midOf(l.MID, l.RIDs), oneLine(l.Reason))
	}
	if more > 0 {
		fmt.Fprintf(&b, "  and %d more\n", more)
	}
	return b.String()
}

// renderActions writes an action a line.
func renderActions(list []Action, now time.Time, zone *time.Location) string {
	if len(list) == 0 {
		return "There are no recent orders.\n"
	}
	var rows [][]string
	for _, a := range list {
		rows = append(rows, []string{strconv.FormatUint(a.ID, 10), Date(a.Time.In(zone), false), oneLine(a.By), oneLine(a.Action.Action), cut(a.what(), listedWidth), a.counts(),
			a.undoState(now, zone)})
	}
	return aligned(rows...)
}

// what is what an action was about.
func (a *Action) what() string {
	text := a.Selection
	if a.Target != "" {
		text += " to " + a.Target
	}
	if a.Undoes != 0 {
		text = fmt.Sprintf("what %d took", a.Undoes)
	}
	if text == "" {
		text = "-"
	}
	return oneLine(text)
}

func (a *Action) counts() string {
	text := count(a.Messages, "message") + ", " + count(a.Recipients, "recipient")
	if a.Excluded > 0 {
		text += fmt.Sprintf(" (%d past recall)", a.Excluded)
	}
	return text
}

// undoState says whether an action can be undone, and until when.
func (a *Action) undoState(now time.Time, zone *time.Location) string {
	switch {
	case a.UndoneBy != 0:
		return fmt.Sprintf("was undone by %d: %s came back", a.UndoneBy, count(a.Reinstated, "recipient"))
	case a.Completed.IsZero():
		return "is under way"
	case a.Action.Action == engine.ActionHold:
		return "is no loss: release ends it"
	case a.UndoUntil.IsZero() && canUndo(a.Action.Action):
		return "cannot be undone now"
	case a.UndoUntil.IsZero():
		return "cannot be undone"
	case !now.Before(a.UndoUntil):
		return "could be undone until " + dateOrTime(a.UndoUntil.In(zone), now)
	}
	return "can be undone until " + dateOrTime(a.UndoUntil.In(zone), now)
}

// dateOrTime is a time of today, or a date.
func dateOrTime(at, now time.Time) string {
	if now = now.In(at.Location()); at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format(time.TimeOnly)
	}
	return Date(at, false)
}

// cut is a text of at most so many characters.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-3]) + "..."
	}
	return text
}
