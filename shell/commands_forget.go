package shell

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"postern/journal"
)

var _ = register(&Command{Name: "forget", Summary: "erase a person's data from the history", Offline: true, OwnFlags: true,
	Synopsis: "ADDRESS [--end-undo] [--yes]",
	Params:   []Param{{Name: "WORD", Rest: true, Question: "Please enter the email address of the person to forget.", Required: true}},
	Help: `Takes an address out of the journal: as sender and recipient, with the subjects and message ids of what it sent and received,
the answers of other systems about it, and every text that quotes it; and out of the mail logs, the index of findevent and the
figures that are kept. "` + journal.ForgottenText + `" stands in its place. Counts stay what they were, verify goes on to prove the history, and
who else had a part in these messages is still there. Mail of the address that is in the queue has to be delivered or deleted first.
  --end-undo  give up undoing the orders that hold mail of the address, and with it the content that is kept for that
  --yes       do it; in batch, without it, only what there is is said
What is not reached is named, and what archivemessage has saved is listed only. The store rewrites its files within minutes, after a
crash the next start goes on with that; until then old copies may lie on the disk.`,
	Run: runForget})

func runForget(ctx context.Context, c *Call) error {
	order, err := c.forgetOrder()
	if err != nil {
		return err
	}
	if order.Do = c.Asker == nil && c.Yes; !order.Do {
		found, err := c.Gateway.Forget(ctx, order)
		if err != nil {
			return err
		}
		if found.Facts == 0 {
			return c.Answer(found, nothingKept(found))
		}
		if err := found.Against(order.EndUndo); err != nil {
			return err
		}
		if c.Asker == nil || c.stopped() {
			if err := c.Answer(found, foundText(found)); err != nil || c.stopped() {
				return err
			}
			return errors.New("nothing was erased: repeat it with --yes")
		}
		if err := c.Say(foundText(found)); err != nil {
			return err
		}
		if yes, err := c.Confirm(ctx, "Are you sure you want to erase that? It cannot be undone.", false); err != nil || !yes {
			return err
		}
		order.Do = true
	}
	done, err := c.Gateway.Forget(ctx, order)
	if err != nil {
		return err
	}
	if done.Facts == 0 && done.LogLines == 0 {
		return c.Answer(done, nothingKept(done))
	}
	return c.Answer(done, doneText(done))
}

func nothingKept(f Forgotten) string {
	return "Nothing is kept of " + Printable(f.Address) + ".\n" + notReached(f)
}

// forgetOrder reads the words of the command line.
func (c *Call) forgetOrder() (order ForgetOrder, err error) {
	for _, word := range c.Args {
		switch {
		case word == "--end-undo":
			order.EndUndo = true
		case strings.HasPrefix(word, "--") || order.Address != "":
			return order, &UsageError{c.Command, fmt.Sprintf("forget does not take %.60q", word)}
		default:
			order.Address = strings.Trim(word, "<>")
		}
	}
	at := strings.LastIndexByte(order.Address, '@')
	if at <= 0 || at == len(order.Address)-1 || len(order.Address) > 320 {
		return order, &UsageError{c.Command, fmt.Sprintf("%.60q is no address: it looks like jane@example.com", order.Address)}
	}
	return order, nil
}

// foundText says what there is of a person.
func foundText(f Forgotten) string {
	var b strings.Builder
	fmt.Fprintf(&b, "What the history says of %s:\n", Printable(f.Address))
	rows := [...]struct {
		what string
		n    uint64
	}{{"messages sent", uint64(f.Sent)}, {"messages received", uint64(f.Received)}, {"transactions that were refused", f.Refused},
		{"other facts that quote it", f.Texts}, {"facts to be changed, in all", f.Facts}}
	for _, r := range rows {
		fmt.Fprintf(&b, "  %-32s%12s\n", r.what, Thousands(r.n))
	}
	return b.String() + notReached(f)
}

// doneText says what was done.
func doneText(f Forgotten) string {
	return fmt.Sprintf("%s is forgotten: %s, %s in %s of the mail log, %s, the index.\n", Printable(f.Address), plural(int(f.Facts), "fact"),
		plural(f.LogLines, "line"), count(f.LogFiles, "file"), count(f.Keyframes, "keyframe")) + notReached(f)
}

// notReached says what stays.
func notReached(f Forgotten) string {
	var b strings.Builder
	for _, path := range f.Archives {
		fmt.Fprintf(&b, "Not touched: the archived message %s\n", Printable(path))
	}
	if f.Configurations > 0 {
		fmt.Fprintf(&b, "Not touched: %s of the configuration that %s it\n", count(f.Configurations, "version"), either(f.Configurations, "names", "name"))
	}
	if len(f.Quoted) > 0 {
		fmt.Fprintf(&b, "Not touched: texts of operators, alerts and destinations that are down, in record %s (\"postern journal dump\")\n", numberList(f.Quoted, 0))
	}
	for _, where := range f.Elsewhere {
		fmt.Fprintf(&b, "Not reached: %s\n", Printable(where))
	}
	return b.String()
}
