package shell

import (
	"context"
	"fmt"
	"strings"
	"time"

	"postern/projections"
)

var _ = register(&Command{Name: "verify", Summary: "prove that no message was lost and that the books balance", Offline: true, OwnFlags: true,
	Synopsis: "[--day DAY] [--skip-damaged]",
	Params:   []Param{{Name: "OPTION", Optional: true, Rest: true}},
	Help: `Proved from the journal, up to its end: that its records are those that were written, that every recipient that came has left
or is here, in all, each day and for each destination, that the queue as it is kept for a quick start and the keyframes of the
figures are what a replay gives, and that the content of every queued message is there. A recipient that an
undo brought back, or that moved to a message of its own, counts as one that came in again; in the books of a day one that was
redirected left one destination and came in at another. What is wrong is named, and the exit status is 1. It reads the whole
history; mail goes on meanwhile.
  --day DAY       the books of a day (2026-11-23, today, yesterday), for each destination that had mail
  --skip-damaged  look beyond damage; without it nothing is proved behind the first damaged block`,
	Run: runVerify})

func runVerify(ctx context.Context, c *Call) error {
	w, err := c.wanted()
	if err != nil {
		return &UsageError{c.Command, err.Error()}
	}
	wrong := 0
	var flows []projections.DayFlow
	err = c.Gateway.Verify(ctx, w, func(p projections.Proof) error {
		wrong += len(p.Wrong) + p.More
		switch {
		case c.JSON:
			return encoder(c.Out).Encode(p)
		case p.What == projections.ProofDestination:
			flows = append(flows, *p.Books)
			return nil
		case p.What == projections.ProofDay && len(flows) > 0:
			if err := c.Say(dayTable(p.Books, flows)); err != nil {
				return err
			}
		}
		return c.Say(proofText(p))
	})
	if err == nil && wrong > 0 {
		return fmt.Errorf("the journal does not prove true: %d findings", wrong)
	}
	return err
}

// proofText is a proof in a line, or what is wrong with it.
func proofText(p projections.Proof) string {
	n := len(p.Wrong) + p.More
	if n == 0 {
		return fmt.Sprintf("%-6s true   %s", p.What, Printable(p.Proved))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-6s FALSE  %d wrong:", p.What, n)
	if p.What == projections.ProofDay {
		fmt.Fprintf(&b, " %s", Printable(p.Books.Day))
	}
	for _, w := range p.Wrong {
		b.WriteString("\n  " + Printable(w))
	}
	if p.More > 0 {
		fmt.Fprintf(&b, "\n  and %d more", p.More)
	}
	return b.String()
}

// wanted reads the words of the command line.
func (c *Call) wanted() (w Wanted, err error) {
	for words := c.Args; len(words) > 0; {
		name, value, given := strings.Cut(words[0], "=")
		words = words[1:]
		switch {
		case name == "--skip-damaged" && !given:
			w.SkipDamaged = true
			continue
		case name != "--day":
			return w, fmt.Errorf("verify does not take %.60q", name)
		case !given && len(words) == 0:
			return w, fmt.Errorf("--day wants a day: 2026-11-23, today, yesterday")
		case !given:
			value, words = words[0], words[1:]
		}
		if w.Begin, err = c.day(value); err != nil {
			return w, fmt.Errorf("--day: %w, today or yesterday", err)
		}
		w.End = w.Begin.AddDate(0, 0, 1)
	}
	return w, nil
}

// day reads a day, and gives the midnight that it begins with.
func (c *Call) day(word string) (time.Time, error) {
	if day, ok := namedDay(word, c.time(), c.zone()); ok {
		return day, nil
	}
	return parseDay(word, c.zone())
}

// namedDay gives the midnight that today or yesterday begins with.
func namedDay(word string, now time.Time, zone *time.Location) (day time.Time, ok bool) {
	back := map[string]int{"today": 0, "yesterday": 1}
	n, ok := back[strings.ToLower(word)]
	now = now.In(zone)
	return time.Date(now.Year(), now.Month(), now.Day()-n, 0, 0, 0, 0, zone), ok
}

// dayTable shows the books of a day: those of each destination, and in all.
func dayTable(all *projections.DayFlow, flows []projections.DayFlow) string {
	rows := [][]string{{"Destination", "At Begin", "Received", "Generated", "Other In", "Delivered", "Bounced", "Deleted", "Other Out", "At End"}}
	for _, f := range append(flows, *all) {
		name := f.Where
		if name == "" {
			name = "(no domain)"
		}
		rows = append(rows, []string{name, Thousands(f.Begin), Thousands(f.Received), Thousands(f.Generated), Thousands(f.Expanded + f.Reinstated + f.MovedIn),
			Thousands(f.Delivered), Thousands(f.Bounced), Thousands(f.Deleted), Thousands(f.Dropped + f.MovedOut), Thousands(f.End)})
	}
	rows[len(rows)-1][0] = "In all"
	return strings.TrimSuffix(numbered(rows), "\n")
}

// numbered writes rows in columns, the first one from the left and the others, which are numbers, to the right.
func numbered(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, word := range row[1:] {
			widths[i+1] = max(widths[i+1], len(word))
		}
	}
	for _, row := range rows {
		for i, word := range row[1:] {
			row[i+1] = fmt.Sprintf("%*s", widths[i+1], word)
		}
	}
	return aligned(rows...)
}
